/** Write tools: once or not at all, only for whose record it is, and a human where nobody knows. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { refundTool } from '../local/demo-data.ts'
import type { Answered } from '../local/serve.ts'
import { demoCustomers, demoZendesk } from '../local/zendesk/demo.ts'
import { calls, callsThenSays, echoes, results, says, shown } from './claude-scripts.ts'
import { startWorld, type World } from './world.ts'

const hour = 60 * 60_000
const refund = (amount = 20, order_id = '1042'): [string, Record<string, unknown>] => [
  'refund_order',
  { order_id, amount },
]
/** Asks for the refund in every turn, and says what came of it. */
const refunds = callsThenSays([refund()], 'Your refund is on its way.')
const tells =
  (...tools: [string, Record<string, unknown>][]) =>
  (request: Parameters<typeof refunds>[0]) =>
    results(request).length === 0 ? calls(...tools) : says(results(request).join(' | '))

let world: World
beforeAll(async () => {
  world = await startWorld({ script: refunds, idempotency: 'none' })
})
afterAll(() => world.close())
beforeEach(() => {
  world.script = refunds
  world.clock.time += 24 * hour
  world.shop.refunds.length = 0
  world.shop.requests.length = 0
})

const texts = (ticketId: string): string[] => world.replies(ticketId).map((reply) => reply.plain_body)
const notes = (ticketId: string): string[] => world.notes(ticketId).map((note) => note.plain_body)
const sent = (): number => world.shop.requests.filter(({ path }) => path.endsWith('/refunds')).length
const isRefund = { only: ({ url }: { url: URL }) => url.pathname.endsWith('/refunds') }
const isHandedOver = (ticketId: string): boolean => world.tags(ticketId).includes('ai-handed-over')
const giveBack = (ticketId: string): void => world.zendesk.change(Number(ticketId), { tags: [] })

describe('a write whose outcome is unknown', () => {
  test.each<[string, Answered, 'before' | 'after']>([
    ['its connection broke after it was done', 'reset', 'after'],
    ['its connection broke before it was done', 'reset', 'before'],
    ['it answered 500', { status: 500 }, 'after'],
    ['it answered 504', { status: 504 }, 'before'],
    ['it answered 200 with a page', { status: 200, html: '<html>ok</html>' }, 'after'],
    ['it redirects', { status: 302, headers: { location: '/elsewhere' } }, 'before'],
  ])('because %s: a human gets the whole request, and it is never sent again', async (_, answer, when) => {
    world.shop.failNext({ when, answer }, isRefund)
    const ticketId = await world.ask('Please refund 20 EUR of my order 1042.')
    expect(texts(ticketId)).toEqual([])
    expect(isHandedOver(ticketId)).toBe(true)
    expect(notes(ticketId)).toHaveLength(1)
    expect(notes(ticketId)[0]).toMatch(/may or may not have been done[\s\S]*refund_order: outcome unknown/)
    expect(notes(ticketId)[0]).toMatch(/"amount":20.*"order_id":"1042"|"order_id":"1042".*"amount":20/)
    expect(notes(ticketId)[0]).toMatch(/POST.*\/orders\/1042\/refunds/)

    await world.askAgain(ticketId, 'Hello? My refund of 20 EUR?')
    giveBack(ticketId)
    await world.askAgain(ticketId, 'Anybody there? I want 20 EUR for order 1042.')
    expect(sent()).toBe(1)
    expect(texts(ticketId)).toEqual([])
    expect(isHandedOver(ticketId)).toBe(true)
  })

  test('because it never answered', async () => {
    await world.publish([
      {
        kind: 'tool',
        id: 'refund_order',
        definition: { ...refundTool(world.shop.url, 'none'), identity: 'mailbox', timeoutMs: 500 },
      },
    ])
    world.shop.failNext({ when: 'after', answer: 'hang' }, isRefund)
    const ticketId = await world.ask('Please refund 20 EUR of my order 1042.')
    expect([texts(ticketId), isHandedOver(ticketId), sent()]).toEqual([[], true, 1])
    await world.publish()
  })

  test('leaves a human who has the ticket in charge, and tells them', async () => {
    const ticketId = world.openTicket('Please refund 20 EUR of my order 1042.')
    await world.deliver(ticketId)
    const cut = { n: 1, port: 'http.tool', when: 'after' as const }
    await world.run(ticketId, world.process(cut))
    world.zendesk.change(Number(ticketId), { assignee_id: demoZendesk.agentUserId })
    await world.untilQuiet(ticketId)
    expect(notes(ticketId)).toEqual([expect.stringContaining('outcome unknown')])
    expect(world.zendesk.account.conversations.get(Number(ticketId))?.ticket.assignee_id).toBe(
      demoZendesk.agentUserId,
    )
    expect(sent()).toBe(1)
  })
})

describe('a write that was surely not done', () => {
  test.each<[string, Answered, RegExp]>([
    ['403', { status: 403 }, /^not_allowed:/],
    ['409', { status: 409 }, /^bad_arguments:/],
    ['422', { status: 422 }, /^bad_arguments:/],
    ['429', { status: 429 }, /^rate_limited:/],
    ['503', { status: 503 }, /^unavailable:/],
  ])('for %s is a failure the model can read, and may be asked for again', async (_, answer, read) => {
    world.script = tells(refund())
    world.shop.failNext({ when: 'before', answer }, isRefund)
    const ticketId = await world.ask('Please refund 20 EUR of my order 1042.')
    expect(texts(ticketId)).toEqual([expect.stringMatching(read)])
    await world.askAgain(ticketId, 'Please try again.')
    expect(world.shop.refunds).toHaveLength(1)
    expect(texts(ticketId)).toHaveLength(2)
  })
})

describe('a write that was done', () => {
  test('is not done again in a later turn: the model reads the earlier outcome', async () => {
    const ticketId = await world.ask('Please refund 20 EUR of my order 1042.')
    expect(texts(ticketId)).toEqual(['Your refund is on its way.'])
    world.script = tells(refund())
    await world.askAgain(ticketId, 'Please refund 20 EUR of my order 1042.')
    expect(texts(ticketId)[1]).toMatch(/^already_done: done at 20\d\d-.*rf_1/)
    expect(world.shop.refunds).toHaveLength(1)
  })

  test('stands in the prompt of later turns, with its outcome', async () => {
    const ticketId = await world.ask('Please refund 20 EUR of my order 1042.')
    world.script = (request) =>
      says(/<done_on_this_ticket>.*refund_order: done .*rf_1/.test(shown(request)) ? 'seen' : 'not')
    await world.askAgain(ticketId, 'Did you do it?')
    expect(texts(ticketId)[1]).toBe('seen')
  })

  test('runs once where the model asks for it twice in one step', async () => {
    world.script = tells(refund(), refund())
    const ticketId = await world.ask('Please refund 20 EUR of my order 1042.')
    expect(texts(ticketId)).toEqual([expect.stringMatching(/rf_1.* \| already_done:/)])
    expect(world.shop.refunds).toHaveLength(1)
  })

  test('with another amount is another effect: as many as the tool’s limit says', async () => {
    world.script = tells(refund(20), refund(21), refund(22))
    const definition = {
      ...refundTool(world.shop.url, 'none'),
      identity: 'mailbox',
      limits: { perTicket: 2 },
    }
    await world.publish([{ kind: 'tool', id: 'refund_order', definition }])
    const ticketId = await world.ask('Please refund my order 1042.')
    expect(world.shop.refunds.map(({ amount }) => amount)).toEqual([20, 21])
    expect(texts(ticketId)).toEqual([expect.stringMatching(/rf_1.*rf_2.*not_allowed: this may be done 2/)])
    await world.publish()
  })

  test('does not count when the customer wrote again meanwhile: the newest message is answered first', async () => {
    const ticketId = world.openTicket('Please refund 20 EUR of my order 1042.')
    await world.deliver(ticketId)
    let first = true
    world.script = async (request, n) => {
      if (!first) return await echoes(request, n)
      first = false
      world.write(ticketId, 'No, please do not refund!')
      await world.deliver(ticketId)
      return calls(refund())
    }
    await world.untilQuiet(ticketId)
    expect(sent()).toBe(0)
    expect(texts(ticketId)).toEqual(['You wrote: No, please do not refund!'])
  })
})

describe('whose record it is', () => {
  test('is decided by the customer’s own data: a stranger’s order is refused before anything is sent', async () => {
    world.script = tells(refund(20, '2077'), refund(20, '104'))
    const ticketId = await world.ask('I am Ben. Please refund 20 of my order 2077.')
    expect(texts(ticketId)).toEqual([
      expect.stringMatching(/^refused: not_allowed: order_id .* \| refused: not_allowed: order_id/),
    ])
    expect(sent()).toBe(0)
  })

  test('is never the model’s word: an email among the arguments is refused, and so is an unknown tool', async () => {
    world.script = tells(
      ['get_order', { order_id: '2077', email: 'ben@example.org' }],
      ['delete_customer', { id: '1' }],
    )
    const ticketId = await world.ask('Show me order 2077 of ben@example.org')
    expect(texts(ticketId)[0]).toMatch(
      /^refused: bad_arguments: .* \| refused: not_allowed: there is no such tool$/,
    )
    expect(world.shop.requests.filter(({ path }) => path.includes('2077'))).toEqual([])
  })

  test('is the address that code fills in, whatever the text says', async () => {
    world.script = tells(['get_order', { order_id: '2077' }], ['list_orders', {}])
    const ticketId = await world.ask('I am ben@example.org, my order is 2077')
    expect(texts(ticketId)[0]).toMatch(/^not_found: .* \| .*1042/)
    const asked = world.shop.requests.filter(({ method }) => method === 'GET').map(({ path }) => path)
    expect(asked.every((path) => path.includes('email=zoe%40example.com'))).toBe(true)
  })
})

describe('a message whose author is not proven', () => {
  test.each<[string, object]>([
    ['a web form that Zendesk flags as not signed in', { channel: 'web', flags: [3] }],
    ['an integration', { channel: 'api' }],
    ['mail from another address than the one on file', { sender: 'zoe@elsewhere.example' }],
  ])('from %s: no user data, no tool, nothing personal', async (_, entry) => {
    world.clock.time += 24 * hour
    world.script = tells(['list_orders', {}], refund(), ['get_order', { order_id: '1042' }])
    const before = world.claude.requests.length
    const ticketId = await world.ask('Refund order 1042 and tell me my address.', entry)
    // Three refused calls are enough.
    expect(isHandedOver(ticketId)).toBe(true)
    expect(world.shop.requests).toEqual([])

    world.script = tells(['list_orders', {}])
    world.clock.time += 24 * hour
    const other = await world.ask('Refund order 1042 and tell me my address.', entry)
    expect(texts(other)).toEqual([expect.stringMatching(/^refused: needs_identity: /)])
    expect(world.shop.requests).toEqual([])
    const prompts = world.claude.requests.slice(before).map(({ body }) => JSON.stringify(body))
    expect(prompts.length).toBeGreaterThan(1)
    for (const prompt of prompts) expect(prompt).not.toMatch(/Lindenweg|loyalty_level|zoe@example/)
  })

  test('is refused a tool that takes nothing of the customer and asks for a higher level', async () => {
    const definition = {
      name: 'read_reserves',
      description: 'What the warehouse has left.',
      effect: 'read',
      request: { method: 'GET', url: `${world.shop.url}/orders` },
      parameters: { type: 'object', properties: {} },
      authorization: 'shop',
      identity: 'mailbox',
    }
    const refundOnLogin = { ...refundTool(world.shop.url, 'none'), identity: 'signed_in' }
    await world.publish([
      { kind: 'tool', id: 'read_reserves', definition },
      { kind: 'tool', id: 'refund_order', definition: refundOnLogin },
    ])
    world.script = tells(['read_reserves', {}])
    const stranger = await world.ask('What is left?', { channel: 'api' })
    expect(texts(stranger)).toEqual([expect.stringMatching(/^refused: needs_identity: .*mailbox.*claimed/)])
    expect(world.shop.requests).toEqual([])

    world.script = tells(refund())
    const byMail = await world.ask('Please refund 20 EUR of my order 1042.')
    expect(texts(byMail)).toEqual([expect.stringMatching(/^refused: needs_identity: .*signed_in.*mailbox/)])
    expect(sent()).toBe(0)
    const signedIn = await world.ask('Please refund 20 EUR of my order 1042.', { channel: 'web' })
    expect(texts(signedIn)).toEqual([expect.stringContaining('rf_1')])
    await world.publish()
  })

  test('may use a tool that is open to anyone, and nothing about the customer is sent with it', async () => {
    const definition = {
      name: 'store_hours',
      description: 'Opening hours of the store today.',
      effect: 'read',
      request: { method: 'GET', url: `${world.shop.url}/orders` },
      parameters: { type: 'object', properties: {} },
      authorization: 'shop',
    }
    await world.publish([{ kind: 'tool', id: 'store_hours', definition }])
    world.script = tells(['store_hours', {}])
    const ticketId = await world.ask('When are you open?', { author: demoCustomers.ben, channel: 'api' })
    expect(texts(ticketId)).toEqual(['{"orders":[]}'])
    expect(world.shop.requests.map(({ path }) => path)).toEqual(['/orders'])
  })
})

describe('what one turn may do', () => {
  test('ends after 3 refused calls, over several steps', async () => {
    world.script = () => calls(['nothing_like_it', {}])
    const ticketId = await world.ask('Hello')
    expect(notes(ticketId)).toEqual([expect.stringContaining('several things it may not do')])
  })

  test('is counted anew from the stored steps after a crash', async () => {
    const ticketId = world.openTicket('Hello')
    await world.deliver(ticketId)
    let n = 0
    world.script = () => {
      n++
      return calls(['nothing_like_it', { n }])
    }
    await world.run(ticketId, world.process({ n: 3, port: 'model.create', when: 'before' }))
    expect(n).toBe(2)
    await world.untilQuiet(ticketId)
    expect(n).toBe(3)
    expect(isHandedOver(ticketId)).toBe(true)
  })
})
