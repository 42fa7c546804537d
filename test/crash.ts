/**
 * Kills the run before and after every I/O of one whole turn (a refund and a reply), delivers again until quiet, and
 * looks at what the world got: never two refunds, never two replies, no event forgotten, no reply after a write whose
 * outcome is unknown.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { AnswerRuntime, Table } from '../lambdas/core/ports.ts'
import type { Script } from '../local/claude.ts'
import { type Plan, startWorld, type World } from './world.ts'

const asks = 'Please refund 20 EUR of my order 1042.'
const asksAgain = 'Hello? Please refund the 20 EUR of order 1042.'

/** Asks for the refund, then says what came of it. Asked again for the same step it would choose another amount. */
const fickle: Script = (request, n) => refundScript(request, 20 + (n % 50) / 100)
/** Asks for the very same refund whenever it is asked. */
const steady: Script = (request) => refundScript(request, 20)

function refundScript(request: Parameters<Script>[0], amount: number): ReturnType<Script> {
  const last = JSON.stringify(request.messages.at(-1)?.content)
  if (!last.includes('tool_result')) {
    return { content: [{ type: 'tool_use', name: 'refund_order', input: { order_id: '1042', amount } }] }
  }
  const done = last.includes('rf_') || last.includes('already_done')
  return { content: [{ type: 'text', text: done ? 'Your refund is on its way.' : 'I could not refund it.' }] }
}

interface Seen {
  refunds: number
  replies: number
  claims: number
  handedOver: boolean
  unknown: boolean
}

/** An I/O of one whole turn, and what happens there. */
interface Point {
  n: number
  when: 'before' | 'after'
  port: string
}
interface Happening {
  dies: boolean
  /** A second message of the customer arrives. */
  message: boolean
}

async function play(
  world: World,
  point?: Point,
  { dies, message }: Happening = { dies: true, message: false },
  wrap?: (runtime: AnswerRuntime) => AnswerRuntime,
): Promise<{ seen: Seen; ports: string[]; ticketId: string }> {
  world.clock.time += 20 * 60_000
  world.shop.refunds.length = 0
  const ticketId = world.openTicket(asks)
  await world.deliver(ticketId)
  const act = async () => (message ? await secondMessage(world, ticketId) : undefined)
  const plan: Plan | undefined = point && { n: point.n, when: point.when, act, dies }
  const first = world.process(plan, wrap)
  const wrapped = wrap === undefined ? undefined : { ...world, process: () => world.process(undefined, wrap) }
  const runs = await (wrapped ?? world).untilQuiet(ticketId, first)
  const rows = await world.rows(ticketId)
  const replies = world.replies(ticketId)
  return {
    ticketId,
    ports: runs[0] ?? [],
    seen: {
      refunds: world.shop.refunds.length,
      replies: replies.length,
      claims: replies.filter((reply) => reply.plain_body.includes('on its way')).length,
      handedOver: world.tags(ticketId).includes('ai-handed-over'),
      unknown: rows.some((row) => row.state === 'unknown'),
    },
  }
}

/** Plays every point; answers what went wrong, and where an outcome stayed unknown. */
async function playAll(world: World, points: Point[], happening: Happening) {
  const failed: string[] = []
  const unknowns: string[] = []
  for (const point of points) {
    const { seen, ticketId } = await play(world, point, happening)
    const problems = violations(seen, happening.message ? 2 : 1)
    if (happening.message && !seen.handedOver && !isSecondAnswered(world, ticketId)) {
      problems.push('the second message has no answer')
    }
    const name = `${point.when} ${point.port}`
    if (problems.length > 0) failed.push(`${point.n} ${name}: ${problems.join(', ')}`)
    if (seen.unknown) unknowns.push(name)
  }
  return { failed, unknowns }
}

function isSecondAnswered(world: World, ticketId: string): boolean {
  const comments = world.comments(ticketId)
  const last = comments.findLastIndex((c) => c.plain_body === asksAgain)
  return comments.slice(last + 1).some((c) => c.public && c.plain_body !== asksAgain)
}

async function secondMessage(world: World, ticketId: string): Promise<void> {
  world.write(ticketId, asksAgain)
  await world.deliver(ticketId)
}

/** What must hold after one message, wherever it crashed. */
function violations({ refunds, replies, claims, handedOver, unknown }: Seen, messages: 1 | 2): string[] {
  return [
    ...(refunds > 1 ? [`${refunds} refunds`] : []),
    ...(replies > messages ? [`${replies} replies`] : []),
    ...(replies === 0 && !handedOver ? ['neither a reply nor a human'] : []),
    ...(unknown && !handedOver ? ['an unknown outcome without a human'] : []),
    ...(unknown && replies > 0 ? ['a reply after an unknown outcome'] : []),
    ...(claims > 0 && refunds === 0 ? ['a claim without a refund'] : []),
    ...(refunds === 0 && !unknown ? ['the refund is forgotten'] : []),
  ]
}

/** All crash points of one turn, against a tenant API with idempotency keys, with a look-up, or with neither. */
export function crashSuite(idempotency: 'key' | 'lookup' | 'none'): void {
  describe(`a tenant API with idempotency ${idempotency}`, () => {
    let world: World
    let points: Point[]
    beforeAll(async () => {
      world = await startWorld({ script: fickle, idempotency })
      // The first turn of a tenant makes its keys; the points are those of an ordinary turn.
      await play(world, undefined)
      const { ports, seen } = await play(world, undefined)
      expect(seen).toEqual({ refunds: 1, replies: 1, claims: 1, handedOver: false, unknown: false })
      points = ports.flatMap((port, i) =>
        (['before', 'after'] as const).map((when) => ({ n: i + 1, when, port })),
      )
    })
    afterAll(() => world.close())

    test('one crash at every I/O: one refund at most, one reply at most, nothing forgotten', async () => {
      world.script = fickle
      const { failed, unknowns } = await playAll(world, points, { dies: true, message: false })
      expect(failed).toEqual([])
      expect(points.length).toBeGreaterThan(40)
      // Between INTENT and outcome nobody can know, unless the API honours a key or can be asked.
      expect(unknowns).toEqual(idempotency === 'none' ? between : [])
    })

    test('a second message at every I/O, and a model that asks for the same refund again', async () => {
      world.script = steady
      const { failed, unknowns } = await playAll(world, afterEachIo(points), { dies: false, message: true })
      expect(failed).toEqual([])
      expect(unknowns).toEqual([])
    })

    test('a second message and a crash at every I/O: a cut-off refund is looked up, or a human’s', async () => {
      world.script = steady
      const { failed, unknowns } = await playAll(world, afterEachIo(points), { dies: true, message: true })
      expect(failed).toEqual([])
      // The customer has written since, so not even a keyed refund is sent again.
      const cutOff = between.filter((name) => name.startsWith('after'))
      expect(unknowns).toEqual(idempotency === 'lookup' ? [] : cutOff)
    })

    test('with the ledger switched off the same crashes refund twice', async () => {
      world.script = fickle
      for (const point of points.filter(({ when, port }) => between.includes(`${when} ${port}`))) {
        const { seen } = await play(world, point, { dies: true, message: false }, withoutLedger)
        if (seen.refunds > 1) return
      }
      throw new Error('no crash refunded twice: this suite would not notice a broken ledger')
    })
  })
}

/** What happens after one I/O happens before the next. */
const afterEachIo = (points: Point[]): Point[] => points.filter(({ when }) => when === 'after')

/** Points between the INTENT of the refund and its outcome. */
const between = [
  'after conversations.intent',
  'before http.tool',
  'after http.tool',
  'before conversations.outcome',
]

/** The same code on a table that forgets: no stored answers, no effects, no INTENT. */
function withoutLedger(runtime: AnswerRuntime): AnswerRuntime {
  const forgets = (table: Table): Table => ({
    ...table,
    put: async () => {},
    query: async () => [],
    get: async (call, key) => (call === 'effect' ? undefined : await table.get(call, key)),
    update: async (call, key, expression) => {
      const row = await table.update(call, key, expression)
      return call === 'claim' ? { ...row, open: {}, mustHandOver: undefined } : row
    },
  })
  return {
    ...runtime,
    forTenant: async (tenant) => {
      const scope = await runtime.forTenant(tenant)
      return { ...scope, conversations: forgets(scope.conversations) }
    },
  }
}
