/**
 * Kills the run before and after every I/O of the turn that proposes a write and of the one that confirms it, and goes
 * on until quiet: the write is done at most once, never without the token, and nobody is left without an answer.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { eager, publishRefund, tokenIn } from './consent-world.ts'
import type { Sample } from './crash.ts'
import { type Plan, startWorld, type World } from './world.ts'

const asks = 'Please refund 20 EUR of my order 1042.'

/** Every point is two whole turns. */
const allPointsMs = 20 * 60_000

let world: World

/** The crash points of the two turns. */
export function consentSuite(sample: Sample): void {
  beforeAll(async () => {
    world = await startWorld({ script: eager, idempotency: 'none' })
    await publishRefund(world, { idempotency: 'none' })
  })
  afterAll(() => world.close())
  test(
    'killed anywhere while it proposes, nothing runs, and the token that is shown in the end works',
    async () => {
      await propose()
      const { ports } = await propose()
      const failed: string[] = []
      for (const { name, ...plan } of pointsOf(ports, sample)) {
        const { ticketId, refunds, replies } = await propose(plan)
        if (refunds !== 0) failed.push(`${name}: ran without consent`)
        if (replies !== 1) failed.push(`${name}: ${replies} replies`)
        if (!world.replies(ticketId).at(-1)?.plain_body.includes('Please confirm:'))
          failed.push(`${name}: not asked`)
      }
      expect(failed).toEqual([])
      expect(ports).toContain('conversations.propose')
    },
    allPointsMs,
  )

  test(
    'killed anywhere while it is confirmed, it runs once at most, and is forgotten nowhere',
    async () => {
      const { ports, refunds } = await confirm()
      expect(refunds).toBe(1)
      const failed: string[] = []
      const unknowns: string[] = []
      for (const { name, ...plan } of pointsOf(ports, sample)) {
        const seen = await confirm(plan)
        if (seen.refunds > 1) failed.push(`${name}: ${seen.refunds} refunds`)
        if (seen.replies > 2) failed.push(`${name}: ${seen.replies} replies`)
        if (seen.unknown !== seen.handedOver)
          failed.push(`${name}: unknown ${seen.unknown}, a human ${seen.handedOver}`)
        if (!seen.unknown && (seen.refunds !== 1 || seen.replies !== 2)) failed.push(`${name}: forgotten`)
        if (seen.unknown) unknowns.push(name.replace(/^\d+ /, ''))
      }
      expect(failed).toEqual([])
      expect(unknowns).toEqual(between)
    },
    allPointsMs,
  )
}

interface Seen {
  ticketId: string
  refunds: number
  replies: number
  handedOver: boolean
  unknown: boolean
  ports: string[]
}

async function see(ticketId: string, ports: string[]): Promise<Seen> {
  return {
    ticketId,
    ports,
    refunds: world.shop.refunds.length,
    replies: world.replies(ticketId).length,
    handedOver: world.tags(ticketId).includes('ai-handed-over'),
    unknown: (await world.rows(ticketId)).some((row) => row.state === 'unknown'),
  }
}

/** The turn that proposes, killed at `plan`. */
async function propose(plan?: Plan): Promise<Seen> {
  world.clock.time += 20 * 60_000
  world.shop.refunds.length = 0
  const ticketId = world.openTicket(asks)
  await world.deliver(ticketId)
  const ran = await world.untilQuiet(ticketId, world.process(plan))
  return await see(ticketId, ran[0] ?? [])
}

/** The turn that confirms, killed at `plan`. */
async function confirm(plan?: Plan): Promise<Seen> {
  const { ticketId } = await propose()
  world.write(ticketId, `Yes ${tokenIn(world, ticketId)}`)
  await world.deliver(ticketId)
  const ran = await world.untilQuiet(ticketId, world.process(plan))
  return await see(ticketId, ran[0] ?? [])
}

/** Between INTENT and outcome nobody can know without a key. */
const between = [
  'after conversations.intent',
  'before http.tool',
  'after http.tool',
  'before conversations.outcome',
]

/** What is around the write is always among them. */
const pointsOf = (ports: string[], { oneOf, seed }: Sample): (Plan & { name: string })[] =>
  ports
    .flatMap((port, i) =>
      (['before', 'after'] as const).map((when) => ({ n: i + 1, when, name: `${i + 1} ${when} ${port}` })),
    )
    .filter(({ name }, i) => (i + seed) % oneOf === 0 || between.includes(name.replace(/^\d+ /, '')))
