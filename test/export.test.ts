/** Exports: everything of one customer and nothing of anybody else; a tenant's configuration and no secret. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { pagesPk } from '../lambdas/core/jobs/job-key.ts'
import type { Script } from '../local/claude.ts'
import { demoAgentSettings } from '../local/demo-data.ts'
import { demoPeople } from '../local/people.ts'
import { demoCustomers } from '../local/zendesk/demo.ts'
import { callsThenSays, newest, says } from './claude-scripts.ts'
import { type Jobs, startJobs } from './jobs-world.ts'
import { startWorld, type World } from './world.ts'

const minute = 60_000
const day = 24 * 60 * minute
const asked = { by: 'admin-7', why: 'request 311' }

const refund: [string, Record<string, unknown>] = ['refund_order', { order_id: '1042', amount: 20 }]
const script: Script = (request, n) =>
  newest(request).includes('refund')
    ? callsThenSays([refund], 'canary-refunded')(request, n)
    : says(`You wrote: ${newest(request)}`)

let world: World
let other: World
let stranger: World
let jobs: Jobs

beforeAll(async () => {
  world = await startWorld({ script })
  const { deployment } = world
  other = await startWorld({ script, helpdesk: 'gorgias', beside: { deployment, sameTenant: true } })
  stranger = await startWorld({ script, beside: { deployment } })
  const settings = { ...demoAgentSettings, traceContent: true }
  await other.publish([{ kind: 'agent-settings', id: 'default', definition: settings }])
  jobs = await startJobs(world)
})
afterAll(async () => {
  jobs.close()
  await stranger.close()
  await other.close()
  await world.close()
})
beforeEach(async () => {
  world.clock.time += 2 * day
  await jobs.untilEnded(await erase())
})

const erase = (): Promise<string> =>
  jobs.start({ kind: 'erase-customer', email: demoPeople.zoe.address, ...asked })
const exportOf = (email: string): Promise<string> => jobs.start({ kind: 'export-customer', email, ...asked })
async function exported(email: string): Promise<{ records: Record<string, unknown>[]; text: string }> {
  const id = await exportOf(email)
  expect(await jobs.untilEnded(id)).toMatchObject({ state: 'done' })
  const records = await jobs.records(id)
  return { records, text: JSON.stringify(records) }
}
const kindsIn = (records: Record<string, unknown>[]): Record<string, number> =>
  records.reduce<Record<string, number>>((counts, { record }) => {
    counts[String(record)] = (counts[String(record)] ?? 0) + 1
    return counts
  }, {})

describe('an export of a customer', () => {
  test('holds everything on every helpdesk, opened, and nothing of another customer or tenant', async () => {
    const ticketId = await world.ask('Please refund 20 EUR of order 1042. canary-one')
    const second = other.standIn.opens({ from: demoPeople.zoe, text: 'Hello canary-two' })
    await other.deliver(second)
    await other.untilQuiet(second)
    await world.ask('Hello canary-ben', { author: demoCustomers.ben })
    await stranger.ask('Hello canary-stranger')

    const { records, text } = await exported(demoPeople.zoe.address.toUpperCase())
    for (const word of ['canary-one', 'canary-two', 'canary-refunded', demoPeople.zoe.address])
      expect(text).toContain(word)
    for (const word of ['canary-ben', 'canary-stranger', demoPeople.ben.address])
      expect(text).not.toContain(word)
    expect(kindsIn(records)).toMatchObject({ customer: 1, ticket: 2, turn: 3, effect: 3, trace: 2 })
    expect(records.filter(({ record }) => record === 'ticket')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ connectionId: world.connectionId, ticketId, leftOut: 0 }),
        expect.objectContaining({ connectionId: other.connectionId, ticketId: second, leftOut: 0 }),
      ]),
    )
    expect(records).toContainEqual(
      expect.objectContaining({ record: 'effect', tool: 'refund_order', state: 'done', ticketId }),
    )
  })

  test('of somebody who never wrote holds the address that was asked for, and nothing else', async () => {
    const { records } = await exported('nobody@example.com')
    expect(records).toEqual([{ record: 'customer', address: 'nobody@example.com', at: expect.any(Number) }])
  })

  test('leaves out what another wrote in the same ticket, and says how much', async () => {
    const ticketId = await world.ask('Hello canary-zoes-own')
    world.write(ticketId, 'I am Ben canary-bens-secret', { author: demoCustomers.ben })
    await world.deliver(ticketId)
    await world.untilQuiet(ticketId)
    for (const address of [demoPeople.zoe.address, demoPeople.ben.address]) {
      const { records, text } = await exported(address)
      const ticket = records.find((each) => each.record === 'ticket' && each.ticketId === ticketId)
      expect(Number(ticket?.leftOut)).toBeGreaterThan(0)
      const isZoe = address === demoPeople.zoe.address
      expect(text.includes('canary-zoes-own')).toBe(isZoe)
      expect(text).not.toContain('canary-bens-secret')
    }
  })

  test('is sealed at rest, read page by page, and gone after seven days', async () => {
    await world.ask(`Hello canary-long ${'x '.repeat(3_000)}`)
    for (let i = 0; i < 30; i++) await world.ask(`Hello ${i} ${'y '.repeat(5_000)}`)
    const id = await exportOf(demoPeople.zoe.address)
    const { pages, pagesUntil } = await jobs.untilEnded(id)
    expect(pages).toBeGreaterThan(3)
    expect(Number(pagesUntil) - world.clock.now()).toBeGreaterThan(6 * day)
    const rows = await jobs.conversations.query('look', { pk: pagesPk(world.tenant, id) })
    expect(rows).toHaveLength(pages)
    for (const { expiresAt, ...row } of rows) {
      expect(Number(expiresAt) * 1000).toBeLessThanOrEqual(Number(pagesUntil))
      expect(
        Buffer.concat(Object.values(row).flatMap((v) => (v instanceof Uint8Array ? [v] : []))).toString(
          'latin1',
        ),
      ).not.toContain('canary')
    }
    expect((await jobs.records(id)).filter(({ record }) => record === 'ticket')).toHaveLength(31)
    expect(await jobs.page(id, 0)).toBeUndefined()
    expect(await jobs.page(id, pages + 1)).toBeUndefined()
    expect(await jobs.page('0000000000000-aaaaaaaaaaaaaaaaaaaaaa', 1)).toBeUndefined()
    world.clock.time += 7 * day + minute
    expect(await jobs.page(id, 1)).toBeUndefined()
  })

  test('goes when the customer is erased, also one that is under way', async () => {
    await world.ask('Hello canary-exported')
    const done = await exportOf(demoPeople.zoe.address)
    await jobs.untilEnded(done)
    const running = await exportOf(demoPeople.zoe.address)
    await jobs.run(running, { n: 1, port: 'conversations.page', when: 'after' })
    const queued = await exportOf(demoPeople.zoe.address)
    expect((await jobs.saying('canary-exported')).some((name) => name.includes('#export#'))).toBe(true)

    const { state, before, after } = await jobs.untilEnded(await erase())
    expect(state).toBe('done')
    expect(before?.export_page).toBeGreaterThan(0)
    expect(after).not.toHaveProperty('export_page')
    expect(await jobs.saying('canary-exported')).toEqual([])
    expect(await jobs.saying(demoPeople.zoe.address)).toEqual([])
    expect(await jobs.page(done, 1)).toBeUndefined()
    for (const id of [running, queued]) {
      const job = await jobs.read(id)
      // The queued one may have been done before the erase came to it.
      if (job.state === 'failed') expect(await jobs.restart(id)).toBe(false)
      expect(job.pages).toBe(0)
    }
  })
})

describe('an export of a tenant', () => {
  test('holds every release and version of its configuration, and no secret, ticket or other tenant', async () => {
    const id = await jobs.start({ kind: 'export-tenant', ...asked })
    await jobs.untilEnded(id)
    const records = await jobs.records(id)
    const text = JSON.stringify(records)
    expect(kindsIn(records)).toMatchObject({ release: 3, version: expect.any(Number) })
    const ids = records.filter(({ record }) => record === 'version').map(({ kind, id }) => `${kind} ${id}`)
    for (const name of [
      `connection ${world.connectionId}`,
      `connection ${other.connectionId}`,
      'tool refund_order',
    ])
      expect(ids).toContain(name)
    // Two worlds published the tool, and one of them twice.
    expect(ids.filter((name) => name === 'tool refund_order')).toHaveLength(3)
    for (const value of Object.values(world.aws.secrets()).map((one) => JSON.parse(one).value))
      if (typeof value === 'string') expect(text).not.toContain(value)
    expect(text).not.toContain(stranger.tenant)
    expect(text).not.toContain('canary')
    expect(text).not.toContain('T#')
  })
})
