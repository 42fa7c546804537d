/** Posting: found again after a lost answer, looked at again after a change, and the ways a reply is not sent. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { demoShopToken } from '../local/demo-data.ts'
import type { Answered, Asked } from '../local/serve.ts'
import { calls, callsThenSays, echoes, says } from './claude-scripts.ts'
import { startWorld, type World } from './world.ts'

const hour = 60 * 60_000

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
const notes = (ticketId: string): string[] => world.notes(ticketId).map((note) => note.plain_body)
const isPost = ({ method, url }: Asked): boolean => method === 'PUT' && !url.pathname.endsWith('/tags.json')
const isTag = ({ method, url }: Asked): boolean => method === 'PUT' && url.pathname.endsWith('/tags.json')
const alarms = (ticketId: string): unknown[] =>
  world.lines.filter((line) => line.alarm === true && line.ticketId === ticketId).map((line) => line.event)
const handsOver = () => calls(['hand_over', { reason: 'r', summary: 's' }])

test('a reply that holds a credential of the tenant is not sent, however it is marked up', async () => {
  for (const secret of [
    demoShopToken,
    demoShopToken.split('').join('*'),
    demoShopToken.replace('-', ' - '),
  ]) {
    // The turn has used the credential, so the process knows it.
    world.script = callsThenSays([['list_orders', {}]], `Use ${secret} yourself.`)
    const ticketId = await world.ask('Hello')
    expect(texts(ticketId)).toEqual([])
    expect(notes(ticketId).join()).not.toContain(demoShopToken)
    expect(world.tags(ticketId)).toEqual(['ai-handed-over'])
  }
})

describe('a reply', () => {
  test.each<[string, Answered, 'before' | 'after']>([
    ['a reset after it was posted', 'reset', 'after'],
    ['500 after it was posted', { status: 500 }, 'after'],
    ['a page after it was posted', { status: 200, html: 'ok' }, 'after'],
    ['a reset before it was posted', 'reset', 'before'],
    ['500 before it was posted', { status: 500 }, 'before'],
    ['429', { status: 429, headers: { 'retry-after': '20' } }, 'before'],
    ['409', { status: 409 }, 'before'],
  ])('that got %s stands in the ticket once, and the model is asked once', async (_, answer, when) => {
    world.zendesk.failNext({ when, answer }, { only: isPost })
    const before = world.claude.requests.length
    const ticketId = await world.ask('Hello')
    expect(texts(ticketId)).toEqual(['You wrote: Hello'])
    expect(world.claude.requests.length).toBe(before + 1)
    expect(await world.row(ticketId)).toMatchObject({ attempts: 0, open: {} })
  })

  test('that the helpdesk refuses is a human’s', async () => {
    world.zendesk.failNext({ when: 'before', answer: { status: 422, json: {} } }, { only: isPost })
    const ticketId = await world.ask('Hello')
    expect(texts(ticketId)).toEqual([])
    expect(notes(ticketId)).toEqual([expect.stringContaining('was not sent')])
    expect(world.tags(ticketId)).toEqual(['ai-handed-over'])
    expect(alarms(ticketId)).toEqual(['post_refused'])
  })

  test('to a ticket that was closed right before ends quietly', async () => {
    const ticketId = world.openTicket('Hello')
    await world.deliver(ticketId)
    const act = async () => world.zendesk.change(Number(ticketId), { status: 'closed' })
    await world.untilQuiet(
      ticketId,
      world.process({ n: 1, port: 'conversations.intent', when: 'after', act }),
    )
    expect(world.comments(ticketId)).toHaveLength(1)
    expect(alarms(ticketId)).toEqual([])
    expect(await world.row(ticketId)).toMatchObject({ open: {}, attempts: 0 })
  })

  test('that the helpdesk never lets through because the ticket always changes is put off, longer each time', async () => {
    let restless = true
    const only = (asked: Asked): boolean => restless && isPost(asked)
    world.zendesk.failNext(
      { when: 'before', answer: { status: 409 } },
      { times: Number.MAX_SAFE_INTEGER, only },
    )
    const ticketId = world.openTicket('Hello')
    await world.deliver(ticketId)
    const posts = () => world.zendesk.requests.filter(({ status }) => status === 409).length
    const before = posts()
    for (let runs = 0; runs < 3; runs++) await world.run(ticketId)
    expect(posts() - before).toBe(3 * 8)
    const waits = world.lines.filter((line) => line.event === 'postponed' && line.ticketId === ticketId)
    expect(waits.map((line) => line.ms)).toEqual([30_000, 60_000, 120_000])
    restless = false
    await world.untilQuiet(ticketId)
    expect(texts(ticketId)).toEqual(['You wrote: Hello'])
  })

  test.each<[string, string]>([
    ['nothing', ' '],
    ['5,001 characters', 'x'.repeat(5001)],
  ])('of %s is not sent', async (_, text) => {
    world.script = () => says(text)
    const ticketId = await world.ask('Hello')
    expect(texts(ticketId)).toEqual([])
    expect(notes(ticketId)).toEqual([expect.stringContaining('broke a rule for replies')])
  })

  test('comes without foreign links, images, HTML and templates', async () => {
    world.script = () =>
      says(
        'See https://evil.example/x and ![i](https://evil.example/p.png) <script>1</script> {{ticket.requester.email}}',
      )
    const ticketId = await world.ask('Hello')
    const html = world.replies(ticketId)[0]?.html_body ?? ''
    expect(html).not.toMatch(/evil\.example|<img|<script|zoe@example\.com/)
    expect(html).toContain('link removed')
  })
})

describe('a hand-over', () => {
  test.each<[string, (asked: Asked) => boolean, Answered, 'before' | 'after']>([
    ['its note was posted and the answer lost', isPost, 'reset', 'after'],
    ['its tag could not be put on', isTag, { status: 500 }, 'before'],
    ['its tag was put on and the answer lost', isTag, 'reset', 'after'],
    ['its ticket changed', isPost, { status: 409 }, 'before'],
  ])('is one note and the tag though %s', async (_, only, answer, when) => {
    world.script = handsOver
    world.zendesk.failNext({ when, answer }, { only })
    const ticketId = await world.ask('Hello')
    expect(notes(ticketId)).toHaveLength(1)
    expect(world.tags(ticketId)).toEqual(['ai-handed-over'])
    expect(await world.row(ticketId)).toMatchObject({ handedOver: true, open: {} })
  })

  test('that the helpdesk refuses is an alarm and stays due until it is mended', async () => {
    world.script = handsOver
    let broken = true
    world.zendesk.failNext(
      { when: 'before', answer: { status: 422, json: {} } },
      { times: Number.MAX_SAFE_INTEGER, only: (asked) => broken && isPost(asked) },
    )
    const ticketId = world.openTicket('Hello')
    await world.deliver(ticketId)
    for (let runs = 0; runs < 3; runs++) await world.run(ticketId)
    expect(alarms(ticketId)).toContain('connection_broken')
    broken = false
    await world.untilQuiet(ticketId)
    expect(notes(ticketId)).toHaveLength(1)
  })
})

describe('note mode', () => {
  const inNoteMode = async (on: boolean): Promise<void> =>
    await world.publish([
      {
        kind: 'connection',
        id: world.connectionId,
        definition: world.connection({ mode: on ? 'note' : 'reply' }),
      },
    ])
  beforeAll(() => inNoteMode(true))
  afterAll(() => inNoteMode(false))

  test('answers with an internal note that names the write; reads run, nothing else happens', async () => {
    world.shop.requests.length = 0
    world.script = callsThenSays(
      [
        ['get_order', { order_id: '1042' }],
        ['refund_order', { order_id: '1042', amount: 20 }],
      ],
      'I have refunded 20 EUR.',
    )
    const ticketId = await world.ask('Please refund 20 EUR of order 1042.')
    expect(texts(ticketId)).toEqual([])
    expect(notes(ticketId)).toHaveLength(1)
    expect(notes(ticketId)[0]).toMatch(
      /Suggested answer[\s\S]*I have refunded 20 EUR\.[\s\S]*would have called refund_order/,
    )
    expect(notes(ticketId)[0]).toMatch(/"amount":20/)
    expect(world.shop.requests.map(({ method, path }) => `${method} ${path.split('?')[0]}`)).toEqual([
      'POST /user-data',
      'GET /orders/1042',
    ])
    const { ticket } = world.zendesk.account.conversations.get(Number(ticketId)) ?? {}
    expect(ticket).toMatchObject({ status: 'new', tags: [], group_id: null })
  })

  test('hands over with a note alone, and goes on with the next message', async () => {
    world.script = handsOver
    const ticketId = await world.ask('Hello')
    expect(notes(ticketId)).toHaveLength(1)
    expect(world.tags(ticketId)).toEqual([])
    world.script = echoes
    await world.askAgain(ticketId, 'Hello again')
    expect(notes(ticketId)).toEqual([
      expect.stringContaining('Handed over'),
      expect.stringContaining('You wrote: Hello again'),
    ])
    expect(texts(ticketId)).toEqual([])
  })

  test('answers a message that comes while the note of a hand-over is stored', async () => {
    world.script = handsOver
    const ticketId = world.openTicket('Hello')
    await world.deliver(ticketId)
    const act = async () => {
      world.script = echoes
      world.write(ticketId, 'Hello again')
      await world.deliver(ticketId)
    }
    await world.untilQuiet(
      ticketId,
      world.process({ n: 1, port: 'conversations.close', when: 'before', act }),
    )
    expect(notes(ticketId).at(-1)).toContain('You wrote: Hello again')
  })
})
