/**
 * Kills a job before and after each of its I/Os and lets it go on: it comes to the same end, with the same counts, and
 * nobody else is touched.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { publish } from '../lambdas/core/configuration.ts'
import { ticketPk } from '../lambdas/core/ticket-key.ts'
import { demoPeople } from '../local/people.ts'
import { callsThenSays } from './claude-scripts.ts'
import type { Sample } from './crash.ts'
import { bytesOf, type Jobs, nameOf, type StoredRow, startJobs } from './jobs-world.ts'
import { type Plan, startWorld, type World } from './world.ts'

const minute = 60_000
const hour = 60 * minute
/** Every point is a whole job. */
const allPointsMs = 20 * minute
const asked = { by: 'admin-7', why: 'request 311' }

const pointsOf = (ports: string[], { oneOf, seed }: Sample): (Plan & { name: string })[] =>
  ports
    .flatMap((port, i) =>
      (['before', 'after'] as const).map((when) => ({ n: i + 1, when, name: `${i + 1} ${when} ${port}` })),
    )
    .filter((_, i) => (i + seed) % oneOf === 0)

let world: World
let jobs: Jobs

/** The crash points of erasing a customer, exporting one, and erasing a tenant. */
export function eraseSuite(sample: Sample): void {
  beforeAll(async () => {
    const refund: [string, Record<string, unknown>] = ['refund_order', { order_id: '1042', amount: 20 }]
    world = await startWorld({ script: callsThenSays([refund], 'canary-crash') })
    jobs = await startJobs(world)
  })
  afterAll(async () => {
    jobs.close()
    await world.close()
  })

  describe('killed anywhere', () => {
    test('erasing a customer ends the same', () => everyPoint(eraseCustomer, sample), allPointsMs)
    test('exporting a customer ends the same', () => everyPoint(exportCustomer, sample), allPointsMs)
    test('erasing a tenant ends the same', () => everyPoint(eraseTenant, sample), allPointsMs)
  })
}

/** What must be the same wherever a job was killed. */
type Play = (plan?: Plan) => Promise<{ ports: string[]; seen: unknown }>

async function everyPoint(play: Play, sample: Sample): Promise<void> {
  await play()
  const { ports, seen } = await play()
  const failed: string[] = []
  for (const { name, ...plan } of pointsOf(ports, sample)) {
    const { seen: then } = await play(plan)
    if (bytesOf(then) !== bytesOf(seen)) failed.push(`${name}: ${bytesOf(then)}`)
  }
  expect(failed).toEqual([])
  expect(ports.length).toBeGreaterThan(10)
}

/** A customer's refunded ticket that has come to rest. */
async function ticket(): Promise<string> {
  world.clock.time += 24 * hour
  world.shop.refunds.length = 0
  const ticketId = await world.ask('Please refund 20 EUR of order 1042. canary-crash')
  world.clock.time += 4 * minute
  return ticketId
}

async function eraseCustomer(plan?: Plan) {
  const ticketId = await ticket()
  const pk = ticketPk(world.connectionId, ticketId)
  const own = [pk, `T#${world.tenant}#job`, `T#${world.tenant}#customer`]
  const others = async () =>
    bytesOf((await jobs.stored()).filter(({ row }) => !own.some((each) => row.pk.startsWith(each))))
  const othersBefore = await others()
  const id = await jobs.start({ kind: 'erase-customer', email: demoPeople.zoe.address, ...asked })
  const { ports, state, before, after, pages } = await jobs.untilEnded(id, plan)
  const seen = {
    ended: { state, before, after, pages },
    left: await jobs.saying('canary-crash'),
    untouched: othersBefore === (await others()),
    held: (await world.row(ticketId))?.leaseUntil,
    refunds: world.shop.refunds.length,
  }
  return { ports, seen }
}

async function exportCustomer(plan?: Plan) {
  const ticketId = await ticket()
  const id = await jobs.start({ kind: 'export-customer', email: demoPeople.zoe.address, ...asked })
  const { ports, state } = await jobs.untilEnded(id, plan)
  const records = await jobs.records(id)
  const seen = {
    state,
    records: records.map(({ record }) => record).sort(),
    mentions: records.filter((each) => JSON.stringify(each).includes('canary-crash')).length,
    repeated: records.length - new Set(records.map((each) => JSON.stringify(each))).size,
  }
  const eraseId = await jobs.start({ kind: 'erase-customer', email: demoPeople.zoe.address, ...asked })
  await jobs.untilEnded(eraseId)
  expect(await jobs.saying('canary-crash')).toEqual([])
  expect(ticketId).not.toBe('')
  return { ports, seen }
}

async function eraseTenant(plan?: Plan) {
  await ticket()
  const kept = await jobs.snapshot()
  await publish(jobs.configuration, world.tenant, [], 'test', 'off', world.clock.now(), { replace: true })
  const id = await jobs.start({ kind: 'erase-tenant', ...asked })
  const { ports, state, before, after } = await jobs.untilEnded(id, plan)
  const isMine = ({ row }: StoredRow) => row.pk.startsWith(`T#${world.tenant}#`)
  const left = (await jobs.stored()).filter(isMine).map(nameOf)
  const seen = {
    state,
    after,
    // Tickets of earlier plays are among them.
    kinds: Object.keys(before ?? {}).sort((a, b) => a.localeCompare(b)),
    left: left.map((name) => name.replace(id, 'id')),
    secrets: Object.keys(world.aws.secrets()).filter((name) => name.includes(world.tenant)),
  }
  await jobs.restore(kept)
  await jobs.untilEnded(await jobs.start({ kind: 'erase-customer', email: demoPeople.zoe.address, ...asked }))
  return { ports, seen }
}
