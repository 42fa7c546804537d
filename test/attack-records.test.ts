/** Ways around the rule that a record is the customer's own: words that the customer chose, guesses that look different, a call that passes for another. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { demoCustomers } from '../local/zendesk/demo.ts'
import { calls, results, says } from './claude-scripts.ts'
import { anyOrder, anyRefund } from './tools-of-old-api.ts'
import { startWorld, type World } from './world.ts'

const day = 24 * 60 * 60_000

let world: World
beforeAll(async () => {
  world = await startWorld({ script: () => says('') })
})
afterAll(() => world.close())
beforeEach(() => {
  world.clock.time += day
  world.shop.refunds.length = 0
  world.shop.requests.length = 0
})

type ToolCall = [name: string, input: Record<string, unknown>]
type Definition = { name: string }
const publish = (...definitions: Definition[]): Promise<void> =>
  world.publish(definitions.map((definition) => ({ kind: 'tool', id: definition.name, definition })))
/** Calls these one step after the other, whatever comes of them, then says the last results. */
const plays = (...steps: ToolCall[][]) => {
  return (request: Parameters<typeof results>[0]) => {
    const step = request.messages.filter(({ role }) => role === 'assistant').length
    const next = steps[step]
    return next === undefined ? says(results(request).join(' | ')) : calls(...next)
  }
}
const said = (ticketId: string): string => world.replies(ticketId).at(-1)?.plain_body ?? ''
const asked = (part: string): string[] =>
  world.shop.requests.map(({ path }) => path).filter((path) => path.includes(part))

describe('a record that the customer names in the subject', () => {
  const email = { type: 'string' as const, source: 'customer.email' as const }
  const subject = { type: 'string' as const, source: 'ticket.subject' as const }

  test('is not refunded by a write that does not say whose it is', async () => {
    await publish(
      anyRefund(world.shop.url, {
        parameters: {
          type: 'object',
          required: ['order_id', 'amount'],
          properties: { order_id: subject, amount: { type: 'number', source: 'constant', value: 3 } },
        },
        ownership: undefined,
      }),
    )
    world.script = plays([['any_refund', {}]])
    const ticketId = await world.ask('Refund it', {}, { subject: '2077' })
    expect(said(ticketId)).toMatch(/^refused: not_allowed/)
    expect(world.shop.refunds).toEqual([])
  })

  test('is not the customer’s own for a write that takes an earlier result', async () => {
    await publish(
      anyOrder(world.shop.url, {
        parameters: {
          type: 'object',
          required: ['order_id', 'email'],
          properties: { order_id: subject, email },
        },
        response: { select: 'order' },
      }),
      anyRefund(world.shop.url, {
        parameters: {
          type: 'object',
          required: ['order_id'],
          properties: {
            order_id: { type: 'string', source: 'previous.any_order.id' },
            amount: { type: 'number', source: 'constant', value: 3 },
          },
        },
        ownership: { by: 'knowledge', facts: ['order_id'] },
      }),
    )
    world.script = plays([['any_order', {}]], [['any_refund', {}]])
    await world.ask('Refund it', {}, { subject: '2077' })
    expect(world.shop.refunds).toEqual([])
  })
})

test('what the customer worded is shown before it is consented to', async () => {
  const { parameters } = anyRefund(world.shop.url)
  const why = { type: 'string' as const, source: 'ticket.subject' as const, description: 'Why' }
  await publish(
    anyOrder(world.shop.url),
    anyRefund(world.shop.url, {
      confirm: 'customer',
      parameters: { ...parameters, properties: { ...parameters.properties, why } },
    }),
  )
  world.script = plays([['any_refund', { order_id: '1042', amount: 3 }]])
  expect(said(await world.ask('Refund 1042', {}, { subject: 'Torn at the seam' }))).toContain(
    'Why: Torn at the seam',
  )
})

describe('guesses of a stranger at one record', () => {
  const text = { type: 'string' as const }
  const guess = (postcode: string, more: Record<string, unknown>): ToolCall[] => [
    ['any_order', { order_id: '2077', postcode, ...more }],
  ]
  test.each<[string, (n: number) => Record<string, unknown>]>([
    ['another remark', (n) => ({ remark: `remark ${n}` })],
    ['another spelling of its number', (n) => ({ order_id: `2077${' '.repeat(n)}` })],
    ['another case', (n) => ({ order_id: n % 2 === 0 ? '2077' : '#2077' })],
  ])('are five a day, also with %s each time', async (_, more) => {
    await publish(
      anyOrder(world.shop.url, {
        request: { method: 'GET', url: `${world.shop.url}/any/orders/2077` },
        parameters: {
          type: 'object',
          required: ['order_id', 'postcode'],
          properties: { order_id: text, postcode: text, remark: text },
        },
        response: { select: 'order.state' },
        ownership: { by: 'knowledge', facts: ['postcode'] },
      }),
    )
    for (const ticket of [0, 1, 2]) {
      world.script = plays(...[0, 1, 2].map((n) => guess(`2000${3 * ticket + n}`, more(3 * ticket + n))))
      await world.ask('Where is 2077?', { channel: 'api', author: demoCustomers.kim })
    }
    expect(asked('/2077')).toHaveLength(5)
  })
})

test('two calls with one id: the answer of the one is not taken for the other’s', async () => {
  await publish(
    anyOrder(world.shop.url, { response: {}, identity: 'none' }),
    {
      name: 'list_orders',
      description: 'All orders of the customer.',
      effect: 'read',
      request: { method: 'GET', url: `${world.shop.url}/orders` },
      parameters: {
        type: 'object',
        required: ['email'],
        properties: { email: { type: 'string', source: 'customer.email' } },
      },
      authorization: 'shop',
    } as Definition,
    anyRefund(world.shop.url, {
      parameters: {
        type: 'object',
        required: ['order_id'],
        properties: {
          order_id: { type: 'string', source: 'previous.list_orders.order.id' },
          amount: { type: 'number', source: 'constant', value: 3 },
        },
      },
      ownership: { by: 'knowledge', facts: ['order_id'] },
    }),
  )
  world.script = (request) => {
    const step = request.messages.filter(({ role }) => role === 'assistant').length
    if (step === 0)
      return {
        content: [
          { type: 'tool_use', id: 'toolu_1', name: 'any_order', input: { order_id: '2077' } },
          { type: 'tool_use', id: 'toolu_1', name: 'list_orders', input: {} },
        ],
      }
    return step === 1 ? calls(['any_refund', {}]) : says(results(request).join())
  }
  // The stranger's order is answered last, after a repeat.
  world.shop.failNext(
    { when: 'before', answer: { status: 401 } },
    { only: ({ url }) => url.pathname === '/any/orders/2077' },
  )
  const ticketId = await world.ask('Refund my last order')
  expect(said(ticketId)).toBe('')
  expect(world.shop.refunds).toEqual([])
})
