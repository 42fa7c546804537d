/** A write whose outcome is not known is looked up: not too early, and sent again only where it was surely not done. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { demoAgentSettings, findRefundTool, refundTool } from '../local/demo-data.ts'
import { callsThenSays, newest, results, says } from './claude-scripts.ts'
import { startWorld, type World } from './world.ts'

const minute = 60_000
const hour = 60 * minute
const refunds = callsThenSays([['refund_order', { order_id: '1042', amount: 20 }]], 'On its way.')
const isRefund = { only: ({ url }: { url: URL }) => url.pathname.endsWith('/orders/1042/refunds') }
const isLookup = { only: ({ url }: { url: URL }) => url.pathname === '/refunds' }

let world: World
beforeAll(async () => {
  world = await startWorld({ script: refunds, idempotency: 'lookup' })
})
afterAll(() => world.close())
beforeEach(async () => {
  await world.publish()
  world.script = refunds
  world.clock.time += 24 * hour
  world.shop.refunds.length = 0
  world.shop.requests.length = 0
})

const texts = (ticketId: string): string[] => world.replies(ticketId).map((reply) => reply.plain_body)
const sent = (): number => world.shop.requests.filter(({ path }) => path.endsWith('/1042/refunds')).length
const lookups = (): number => world.shop.requests.filter(({ path }) => path.startsWith('/refunds?')).length
const isHandedOver = (ticketId: string): boolean => world.tags(ticketId).includes('ai-handed-over')

/** The process died at the call of the refund. */
async function cutOff(when: 'before' | 'after'): Promise<string> {
  const ticketId = world.openTicket('Please refund 20 EUR of my order 1042.')
  await world.deliver(ticketId)
  await world.run(ticketId, world.process({ n: 1, port: 'http.tool', when }))
  return ticketId
}

test.each(['after', 'before'] as const)(
  'a lost answer, where the connection broke %s it was done, ends in one refund and its reply',
  async (when) => {
    world.shop.failNext({ when, answer: 'reset' }, isRefund)
    const ticketId = await world.ask('Please refund 20 EUR of my order 1042.')
    expect(world.shop.refunds).toHaveLength(1)
    expect(texts(ticketId)).toEqual(['On its way.'])
    expect(sent()).toBe(when === 'after' ? 1 : 2)
    expect(isHandedOver(ticketId)).toBe(false)
  },
)

test('it is not asked while the first call may still be under way', async () => {
  const ticketId = await cutOff('after')
  world.clock.time = Number((await world.row(ticketId))?.leaseUntil)
  await world.process().answer(world.wakeUp(ticketId))
  expect(lookups()).toBe(0)
  const row = await world.row(ticketId)
  const [effect] = Object.values(row?.open as Record<string, { at: number }>)
  expect(row?.leaseUntil).toBeGreaterThanOrEqual((effect?.at ?? Number.NaN) + 230_000)
  await world.untilQuiet(ticketId)
  expect([lookups(), sent(), texts(ticketId)]).toEqual([1, 1, ['On its way.']])
})

test('found, its outcome is what the look-up tool says, and the model reads it', async () => {
  const ticketId = await cutOff('after')
  world.script = (request) => says(results(request).join())
  await world.untilQuiet(ticketId)
  expect(texts(ticketId)).toEqual([expect.stringMatching(/^already_done: .*rf_1/)])
})

test('not found, and the customer has said stop: it is not sent, and nothing is unknown', async () => {
  const ticketId = await cutOff('before')
  world.script = (request) => says(`You wrote: ${newest(request)}`)
  world.write(ticketId, 'STOP! Do not refund.')
  await world.deliver(ticketId)
  await world.untilQuiet(ticketId)
  expect(sent()).toBe(0)
  expect(texts(ticketId)).toEqual(['You wrote: STOP! Do not refund.'])
})

test('not found, and the company has stopped all changes: it is not sent', async () => {
  const ticketId = await cutOff('before')
  const definition = { ...demoAgentSettings, writesEnabled: false }
  await world.publish([{ kind: 'agent-settings', id: 'default', definition }])
  await world.untilQuiet(ticketId)
  expect(sent()).toBe(0)
})

test('a look-up that is down for a while is waited for', async () => {
  const ticketId = await cutOff('after')
  world.shop.failNext({ when: 'before', answer: { status: 503 } }, { ...isLookup, times: 3 })
  await world.untilQuiet(ticketId)
  expect([lookups(), sent(), texts(ticketId)]).toEqual([4, 1, ['On its way.']])
})

test.each<[string, () => unknown]>([
  [
    'stays down for an hour',
    () => world.shop.failNext({ when: 'before', answer: { status: 503 } }, { ...isLookup, times: 1000 }),
  ],
  [
    'answers what cannot be searched',
    () =>
      world.shop.failNext(
        { when: 'before', answer: { status: 200, html: '[' } },
        { ...isLookup, times: 1000 },
      ),
  ],
  [
    'is switched off',
    () => world.publish([{ kind: 'tool', id: 'find_refund', definition: lookup({ enabled: false }) }]),
  ],
  [
    'could mean "not theirs"',
    () =>
      world.publish([
        { kind: 'tool', id: 'find_refund', definition: lookup({ response: { owner: 'refunds[0].email' } }) },
      ]),
  ],
])('a look-up that %s leaves it to a human, and nothing is sent again', async (_, happens) => {
  const ticketId = await cutOff('before')
  await happens()
  await world.untilQuiet(ticketId)
  expect(sent()).toBe(0)
  expect(isHandedOver(ticketId)).toBe(true)
  expect(world.notes(ticketId)[0]?.plain_body).toContain('outcome unknown')
  // What is planned for this test only.
  for (let n = 0; n < 2; n++) await world.publish()
})

test('a write whose look-up tool is missing is not made at all', async () => {
  const definition = {
    ...refundTool(world.shop.url, 'lookup'),
    identity: 'mailbox',
    lookup: { tool: 'gone', found: 'x' },
  }
  await world.publish([{ kind: 'tool', id: 'refund_order', definition }])
  world.script = (request) =>
    results(request).length === 0 ? refunds(request, 0) : says(results(request).join())
  const ticketId = await world.ask('Please refund 20 EUR of my order 1042.')
  expect(texts(ticketId)).toEqual([expect.stringMatching(/^refused: unavailable: this tool is not set up/)])
  expect(sent()).toBe(0)
})

const lookup = (change: object) => ({ ...findRefundTool(world.shop.url), ...change })
