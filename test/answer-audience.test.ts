/** Who receives the answer or can read it decides what may stand in it, up to the moment it is posted. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Script } from '../local/claude.ts'
import { demoUserDataApi } from '../local/demo-data.ts'
import { demoCustomers } from '../local/zendesk/demo.ts'
import { calls, results, says, shown } from './claude-scripts.ts'
import { startWorld, type World } from './world.ts'

const day = 24 * 60 * 60_000
const { zoe, ben } = demoCustomers
/** Says whatever personal it can find. */
const blabs: Script = (request) =>
  says(shown(request).includes('Lindenweg 4') ? 'You live at Lindenweg 4' : 'I know nothing about you')

let world: World
beforeAll(async () => {
  world = await startWorld({ script: blabs })
})
afterAll(() => world.close())
beforeEach(() => {
  world.script = blabs
  world.clock.time += day
})

const texts = (ticketId: string): string[] => world.replies(ticketId).map((reply) => reply.plain_body)
const notes = (ticketId: string): string[] => world.notes(ticketId).map((note) => note.plain_body)
const isHandedOver = (ticketId: string): boolean => world.tags(ticketId).includes('ai-handed-over')
const ways: [string, (ticketId: string) => void][] = [
  ['a CC', (id) => world.zendesk.addCc(Number(id), ben)],
  ['a follower who is not staff', (id) => world.zendesk.change(Number(id), { follower_ids: [ben] })],
]

test('to the verified customer alone the answer is personal', async () => {
  expect(texts(await world.ask('Where do I live?'))).toEqual(['You live at Lindenweg 4'])
})

describe.each(ways)('%s', (_, joins) => {
  test('that is there from the start: no user data is asked for and nothing personal said', async () => {
    const ticketId = world.openTicket('Where do I live?')
    joins(ticketId)
    await world.deliver(ticketId)
    world.shop.requests.length = 0
    await world.untilQuiet(ticketId)
    expect(texts(ticketId)).toEqual(['I know nothing about you'])
    expect(world.shop.requests).toEqual([])
  })

  test('that joins while Claude writes: nothing personal is posted', async () => {
    const ticketId = world.openTicket('Where do I live?')
    await world.deliver(ticketId)
    let joined = false
    world.script = async (request, n) => {
      if (!joined) joins(ticketId)
      joined = true
      return await blabs(request, n)
    }
    await world.untilQuiet(ticketId)
    expect(texts(ticketId)).toEqual(['I know nothing about you'])
  })

  test('that joins between the last look and the post: nothing personal is posted', async () => {
    const ticketId = world.openTicket('Where do I live?')
    await world.deliver(ticketId)
    const act = async () => joins(ticketId)
    await world.untilQuiet(
      ticketId,
      world.process({ n: 1, port: 'conversations.intent', when: 'after', act }),
    )
    expect(texts(ticketId).filter((text) => text.includes('Lindenweg'))).toEqual([])
    expect(texts(ticketId).length > 0 || isHandedOver(ticketId)).toBe(true)
  })

  test('that joins after a personal reply freezes the ticket: a note, a human, no reply', async () => {
    const ticketId = await world.ask('Where do I live?')
    joins(ticketId)
    await world.askAgain(ticketId, 'And what is my name?')
    expect(texts(ticketId)).toEqual(['You live at Lindenweg 4'])
    expect(isHandedOver(ticketId)).toBe(true)
    expect(notes(ticketId)).toEqual([expect.stringMatching(/Somebody else can read|less surely/)])
  })
})

describe('a customer who is signed in', () => {
  const signedIn = { channel: 'web' }

  test('gets a personal answer', async () => {
    expect(texts(await world.ask('Where do I live?', signedIn))).toEqual(['You live at Lindenweg 4'])
  })

  test('and somebody who joins while Claude writes: nothing is posted, a human gets it', async () => {
    const ticketId = world.openTicket('Where do I live?', signedIn)
    await world.deliver(ticketId)
    world.script = async (request, n) => {
      world.zendesk.addCc(Number(ticketId), ben)
      return await blabs(request, n)
    }
    await world.untilQuiet(ticketId)
    expect(texts(ticketId)).toEqual([])
    expect(isHandedOver(ticketId)).toBe(true)
    expect(notes(ticketId)).toEqual([expect.stringContaining('would not reach the verified customer alone')])
  })

  test('with a CC from the start, who asks nothing personal of a tool: data was shown, so a human gets it', async () => {
    const ticketId = await world.ask('Where do I live?', signedIn, { cc: [ben] })
    expect(texts(ticketId).filter((text) => text.includes('Lindenweg'))).toEqual([])
    expect(isHandedOver(ticketId)).toBe(true)
  })
})

describe('after a personal reply', () => {
  test('another requester gets no reply, and nothing of the first one’s data', async () => {
    const ticketId = await world.ask('Where do I live?')
    world.zendesk.change(Number(ticketId), { requester_id: ben })
    const before = world.claude.requests.length
    await world.askAgain(ticketId, 'Where do I live?', { author: ben })
    expect(texts(ticketId)).toHaveLength(1)
    expect(isHandedOver(ticketId)).toBe(true)
    expect(world.claude.requests.length).toBe(before)
  })

  test.each<[string, object]>([
    ['is flagged', { flags: [2] }],
    ['comes from another address', { sender: 'zoe@elsewhere.example' }],
    ['comes over the API', { channel: 'api' }],
  ])('a message that %s is not enough: a human gets it', async (_, entry) => {
    const ticketId = await world.ask('Where do I live?')
    await world.askAgain(ticketId, 'And my orders?', entry)
    expect(texts(ticketId)).toHaveLength(1)
    expect(notes(ticketId)).toEqual([expect.stringContaining('less surely from the customer')])
  })

  test('the same customer is answered again', async () => {
    const ticketId = await world.ask('Where do I live?')
    await world.askAgain(ticketId, 'Once more, where is my home?')
    expect(texts(ticketId)).toHaveLength(2)
  })
})

test('user data that the tenant wants a login for is not asked for by mail', async () => {
  const definition = { ...demoUserDataApi(world.shop.url), identity: 'signed_in' }
  await world.publish([{ kind: 'user-data-api', id: 'default', definition }])
  world.shop.requests.length = 0
  expect(texts(await world.ask('Where do I live?'))).toEqual(['I know nothing about you'])
  expect(world.shop.requests).toEqual([])
  expect(texts(await world.ask('Where do I live?', { channel: 'web' }))).toEqual(['You live at Lindenweg 4'])
  await world.publish()
})

test('a message that may be somebody else’s in the customer’s name gets a human and never the model', async () => {
  const before = world.claude.requests.length
  for (const flags of [[14], [20], [21]]) {
    const ticketId = await world.ask('Where do I live?', { flags })
    expect(texts(ticketId).join()).not.toContain('Lindenweg')
    expect(isHandedOver(ticketId)).toBe(true)
  }
  expect(world.claude.requests.length).toBe(before)
})

test('an unproven address gets two replies a day over all tickets', async () => {
  const asks = async () => texts(await world.ask('Hello', { author: zoe, channel: 'api' })).length
  expect([await asks(), await asks(), await asks()]).toEqual([1, 1, 0])
  world.clock.time += day
  expect(await asks()).toBe(1)
})

test('a tool result fetched for the customer makes the answer personal, without any user data', async () => {
  world.script = (request) => {
    const [result] = results(request)
    return result === undefined ? calls(['get_order', { order_id: '1042' }]) : says(`Order: ${result}`)
  }
  const only = ({ url }: { url: URL }) => url.pathname === '/user-data'
  world.shop.failNext({ when: 'before', answer: { status: 404 } }, { only })
  const ticketId = await world.ask('Where is my order 1042?')
  expect(await world.row(ticketId)).toHaveProperty('personal')
  world.zendesk.addCc(Number(ticketId), ben)
  await world.askAgain(ticketId, 'And now?')
  expect(texts(ticketId)).toHaveLength(1)
})
