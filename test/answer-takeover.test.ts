/** Who has the ticket: when the agent is silent, when it speaks again, and when two robots are stopped. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { demoCustomers, demoZendesk } from '../local/zendesk/demo.ts'
import { calls, echoes, says } from './claude-scripts.ts'
import { startWorld, type World } from './world.ts'

const minute = 60_000
const hour = 60 * minute
const human = demoZendesk.agentUserId

let world: World
beforeAll(async () => {
  world = await startWorld({ script: echoes })
})
afterAll(() => world.close())
beforeEach(() => {
  world.script = echoes
  world.clock.time += hour
})

const texts = (ticketId: string): string[] => world.replies(ticketId).map((reply) => reply.plain_body)
const endings = (ticketId: string): unknown[] =>
  world.lines
    .filter((line) => line.event === 'turn_ended' && line.ticketId === ticketId)
    .map((line) => line.code)
const handsOver = () => calls(['hand_over', { reason: 'asked for a human', summary: 'Wants a call back' }])

describe('the agent is silent', () => {
  test('where a human replied, is assigned, or the ticket is closed', async () => {
    const ways: [string, (ticketId: number) => void][] = [
      ['human_replied', (id) => world.zendesk.addComment(id, { author: human, text: 'I take this one' })],
      ['human_assigned', (id) => world.zendesk.change(id, { assignee_id: human })],
      ['closed', (id) => world.zendesk.change(id, { status: 'closed' })],
      ['handed_over', (id) => world.zendesk.change(id, { tags: ['ai-handed-over'] })],
    ]
    for (const [cause, takesOver] of ways) {
      const ticketId = world.openTicket('Hello')
      world.write(ticketId, 'Anybody?')
      await world.deliver(ticketId)
      takesOver(Number(ticketId))
      const before = world.claude.requests.length
      await world.untilQuiet(ticketId)
      expect(endings(ticketId)).toEqual([cause])
      expect(world.replies(ticketId)).toEqual([])
      expect(world.claude.requests.length).toBe(before)
    }
  })

  test.each<[string, (ticketId: number) => void]>([
    ['human_replied', (id) => world.zendesk.addComment(id, { author: human, text: 'I take this one' })],
    ['human_assigned', (id) => world.zendesk.change(id, { assignee_id: human })],
    ['closed', (id) => world.zendesk.change(id, { status: 'closed' })],
  ])('where a human stepped in while Claude was writing: %s', async (cause, takesOver) => {
    const ticketId = world.openTicket('Hello')
    await world.deliver(ticketId)
    world.script = async (request, n) => {
      takesOver(Number(ticketId))
      return await echoes(request, n)
    }
    await world.untilQuiet(ticketId)
    expect(endings(ticketId)).toEqual([cause])
    expect(world.replies(ticketId)).toEqual([])
  })

  test('on a brand that the connection leaves out, also when the webhook names none', async () => {
    await world.publish([
      {
        kind: 'connection',
        id: world.connectionId,
        definition: world.connection({ brandIds: [String(demoZendesk.brandId)] }),
      },
    ])
    const ticketId = world.openTicket('Hello', {}, { brand: 4711 })
    // The brand that the webhook names rings nothing; where it names none, the ticket says.
    await world.deliver(ticketId)
    expect(await world.row(ticketId)).toBeUndefined()
    const event = world.event(ticketId, String(world.comments(ticketId).at(-1)?.id)) as { detail: object }
    await world.deliver(ticketId, { ...event, detail: { ...event.detail, brand_id: undefined } })
    await world.untilQuiet(ticketId)
    expect(endings(ticketId)).toEqual(['out_of_scope'])
    const own = await world.ask('Hello')
    expect(texts(own)).toEqual(['You wrote: Hello'])
    await world.publish()
  })

  test('to an auto-responder’s message, which the helpdesk flags', async () => {
    const ticketId = await world.ask('I am out of office', { flags: [4] })
    expect(endings(ticketId)).toEqual(['nothing_new'])
    expect(world.replies(ticketId)).toEqual([])
  })

  test('to its own reply coming back, to a rule and to a colleague’s note: nothing is rung or read', async () => {
    const ticketId = await world.ask('Hello')
    await world.deliver(ticketId)
    expect(world.queued()).toBe(0)
    expect((await world.row(ticketId))?.due).toBeUndefined()

    world.zendesk.addComment(Number(ticketId), { author: human, text: 'He called us too', public: false })
    await world.deliver(ticketId)
    const process = world.process()
    await world.untilQuiet(ticketId, process)
    expect(process.ports).toContain('conversations.claim')
    expect(process.ports.filter((port) => port.startsWith('http.') || port.startsWith('model.'))).toEqual([])
    expect(endings(ticketId)).toEqual(['replied', 'team_only'])
  })
})

describe('a ticket that was handed over', () => {
  test('has one note, the tag and the team, and the agent is silent until the tag is taken off', async () => {
    world.script = handsOver
    const ticketId = await world.ask('Please call me')
    const { ticket } = world.zendesk.account.conversations.get(Number(ticketId)) ?? {}
    expect(world.notes(ticketId).map((note) => note.plain_body)).toEqual([
      expect.stringMatching(/asked for a human[\s\S]*Wants a call back[\s\S]*remove the tag ai-handed-over/),
    ])
    expect(world.tags(ticketId)).toEqual(['ai-handed-over'])
    expect(ticket).toMatchObject({ status: 'open', assignee_id: null, group_id: demoZendesk.handOverGroupId })
    expect(world.replies(ticketId)).toEqual([])

    world.script = echoes
    await world.askAgain(ticketId, 'Hello?')
    expect(endings(ticketId)).toEqual(['handed_over', 'handed_over'])
    expect(world.replies(ticketId)).toEqual([])
    expect(world.notes(ticketId)).toHaveLength(1)

    world.zendesk.addComment(Number(ticketId), { author: human, text: 'I called you' })
    world.zendesk.change(Number(ticketId), { tags: [] })
    await world.askAgain(ticketId, 'Thanks. And my order?')
    expect(texts(ticketId)).toEqual(['You wrote: Thanks. And my order?'])

    // From then on a human's reply counts again.
    world.clock.time += minute
    world.zendesk.addComment(Number(ticketId), { author: human, text: 'Me again' })
    await world.askAgain(ticketId, 'Ok')
    expect(texts(ticketId)).toHaveLength(1)
  })

  test('answers again once it is assigned to the bot', async () => {
    world.script = handsOver
    const ticketId = await world.ask('Please call me')
    world.script = echoes
    world.zendesk.addComment(Number(ticketId), { author: human, text: 'I called you' })
    world.zendesk.change(Number(ticketId), { assignee_id: demoZendesk.botUserId })
    await world.askAgain(ticketId, 'And my order?')
    expect(texts(ticketId)).toEqual(['You wrote: And my order?'])
  })

  test('whose tag could not be put on: one note, finished later, and given back like any other', async () => {
    world.script = handsOver
    world.zendesk.failNext(
      { when: 'before', answer: { status: 500, json: {} } },
      { only: ({ url }) => url.pathname.endsWith('/tags.json') },
    )
    const ticketId = await world.ask('Please call me')
    expect(world.notes(ticketId)).toHaveLength(1)
    expect(world.tags(ticketId)).toEqual(['ai-handed-over'])
    expect(await world.row(ticketId)).toMatchObject({ handedOver: true, open: {} })

    world.script = echoes
    world.zendesk.addComment(Number(ticketId), { author: human, text: 'I called you' })
    world.zendesk.change(Number(ticketId), { tags: [] })
    await world.askAgain(ticketId, 'Thanks. And my order?')
    expect(texts(ticketId)).toEqual(['You wrote: Thanks. And my order?'])
  })
})

describe('two robots', () => {
  test('are stopped after at most 3 replies, and a human gets the ticket', async () => {
    let n = 0
    world.script = () => says(`Your parcel is on its way. This is answer number ${n++}, ask me anything.`)
    const ticketId = await world.ask('Where is my order?')
    for (let mails = 0; mails < 6; mails++) {
      world.clock.time += 2 * hour
      const quoted = world.comments(ticketId).findLast((comment) => comment.public)?.plain_body
      await world.askAgain(ticketId, `Automatic answer ${4711 + mails}. You wrote: ${quoted}`)
    }
    expect(world.replies(ticketId).length).toBeLessThanOrEqual(3)
    expect(world.tags(ticketId)).toEqual(['ai-handed-over'])
    expect(world.notes(ticketId).map((note) => note.plain_body)).toEqual([
      expect.stringContaining('Too many automatic replies'),
    ])
  })

  test('have 6 replies an hour at most, whatever they say', async () => {
    const fruits = ['apple', 'pear', 'plum', 'fig', 'lime', 'kiwi', 'date', 'melon']
    const ticketId = await world.ask('Hello')
    for (const fruit of fruits) await world.askAgain(ticketId, `And what about a ${fruit}`)
    expect(world.replies(ticketId)).toHaveLength(6)
    expect(world.notes(ticketId)).toHaveLength(1)
  })
})

describe('a message that the helpdesk does not show yet', () => {
  const waits = (ticketId: string): unknown[] =>
    world.lines
      .filter((line) => line.event === 'postponed' && line.ticketId === ticketId)
      .map((line) => [line.cause, line.ms])

  test('keeps the ticket due for 5 s, 30 s and 2 min, without using up attempts, and is answered', async () => {
    const ticketId = await world.ask('one')
    world.write(ticketId, 'two')
    await world.deliver(ticketId)
    world.zendesk.hideNewestComment(2)
    await world.step(ticketId)
    expect(await world.row(ticketId)).toMatchObject({ attempts: 0, waits: 1 })
    expect(world.replies(ticketId)).toHaveLength(1)
    await world.untilQuiet(ticketId)
    expect(waits(ticketId)).toEqual([
      ['message_not_shown', 5000],
      ['message_not_shown', 30_000],
    ])
    expect(texts(ticketId)).toEqual(['You wrote: one', 'You wrote: two'])
  })

  test('is given up after that, and what is shown counts', async () => {
    const ticketId = await world.ask('one')
    world.write(ticketId, 'two')
    await world.deliver(ticketId)
    world.zendesk.hideNewestComment(100)
    await world.untilQuiet(ticketId)
    world.zendesk.hideNewestComment(0)
    expect(waits(ticketId)).toEqual([5000, 30_000, 120_000].map((ms) => ['message_not_shown', ms]))
    expect(endings(ticketId).at(-1)).toBe('nothing_new')
    expect(texts(ticketId)).toHaveLength(1)
  })

  test('does not keep a burst’s other message from being answered once it shows', async () => {
    const ticketId = world.openTicket('one', { author: demoCustomers.ben })
    await world.deliver(ticketId)
    world.zendesk.hideNewestComment(1)
    await world.untilQuiet(ticketId)
    expect(texts(ticketId)).toEqual(['You wrote: one'])
  })
})
