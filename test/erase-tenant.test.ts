/** A tenant leaves: its rows and secrets are gone, its id is nobody's any more, and other tenants lose nothing. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { publish } from '../lambdas/core/configuration.ts'
import { demoPeople } from '../local/people.ts'
import { echoes } from './claude-scripts.ts'
import { bytesOf, type Jobs, type StoredRow, startJobs } from './jobs-world.ts'
import { startWorld, type World } from './world.ts'

const minute = 60_000
const by = 'owner-1'
const why = 'contract ended'

let world: World
let stranger: World
let jobs: Jobs

beforeAll(async () => {
  world = await startWorld({ script: echoes })
  stranger = await startWorld({ script: echoes, beside: { deployment: world.deployment } })
  jobs = await startJobs(world)
  await world.ask('Where is order 1042? canary-mine')
  await world.ask('Where is order 1043? canary-mine')
  await world.schedule()
  await stranger.ask('Where is order 1042? canary-theirs')
  await jobs.untilEnded(await jobs.start({ kind: 'export-customer', email: demoPeople.zoe.address, by, why }))
})
afterAll(async () => {
  jobs.close()
  await stranger.close()
  await world.close()
})

const isMine = ({ row }: StoredRow): boolean => row.pk.startsWith(`T#${world.tenant}#`)
const mineIn = (rows: StoredRow[]): string[] => rows.filter(isMine).map(({ row }) => `${row.pk} ${row.sk}`)
const theirsIn = (rows: StoredRow[]): string[] => rows.filter((row) => !isMine(row)).map(bytesOf)
const secretsOf = (tenant: string): string[] =>
  Object.keys(world.aws.secrets()).filter((name) => name.startsWith(`deskhand/${tenant}/`))
const switchOff = async (): Promise<void> => {
  await publish(jobs.configuration, world.tenant, [], 'test', 'off', world.clock.now(), { replace: true })
}
const erase = (): Promise<string> => jobs.start({ kind: 'erase-tenant', by, why })

let snapshot: Awaited<ReturnType<Jobs['snapshot']>>
beforeEach(async () => {
  world.clock.time += 60 * minute
  snapshot = await jobs.snapshot()
})
afterEach(async () => {
  await jobs.restore(snapshot)
})

describe('a tenant with a live connection', () => {
  test('is not erased: the job does not begin', async () => {
    await expect(erase()).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringMatching(/1 live connection\(s\): publish an empty release first/),
    })
  })

  test('published while it waits stays, and loses nothing', async () => {
    await switchOff()
    const before = mineIn(await jobs.stored())
    const id = await erase()
    await jobs.run(id)
    // Published by somebody who had looked before the job began.
    const blind = { ...jobs.configuration, query: async () => [] as never }
    await publish(
      {
        put: jobs.configuration.put,
        query: (call, query) => (call === 'erased' ? blind.query() : jobs.configuration.query(call, query)),
      },
      world.tenant,
      [{ kind: 'connection', id: world.connectionId, definition: world.connection() }],
      'test',
      'late',
      world.clock.now(),
    )
    expect(await jobs.untilEnded(id)).toMatchObject({ state: 'failed', error: { code: 'refused' } })
    const left = mineIn(await jobs.stored())
    for (const name of before) expect(left).toContain(name)
    expect(left.filter((name) => name.includes('#erased'))).toEqual([])
    await world.publish()
  })
})

describe('a tenant that is switched off', () => {
  test('leaves nothing but the proof, and nobody else loses a byte', async () => {
    await switchOff()
    const theirs = theirsIn(await jobs.stored())
    const secrets = { mine: secretsOf(world.tenant), theirs: secretsOf(stranger.tenant) }
    expect(secrets.mine.length).toBeGreaterThan(2)
    expect((await jobs.saying('canary-mine')).length).toBeGreaterThan(1)
    const id = await erase()
    const { before, after, state } = await jobs.untilEnded(id)
    expect(state).toBe('done')
    expect(before).toMatchObject({
      ticket: 2,
      customer: 2,
      schedule: 1,
      export_page: expect.any(Number),
      hmac_key: 1,
      release: 2,
      secret: secrets.mine.length,
    })
    expect(before).not.toHaveProperty('other')
    expect(after).toEqual({ job: 1, erased: 1 })

    const stored = await jobs.stored()
    expect(mineIn(stored)).toEqual([`T#${world.tenant}#erased tenant`, `T#${world.tenant}#job ${id}`])
    expect(theirsIn(stored)).toEqual(theirs)
    expect(secretsOf(world.tenant)).toEqual([])
    expect(secretsOf(stranger.tenant)).toEqual(secrets.theirs)
    expect(stored.find(({ row }) => row.pk.endsWith('#erased'))?.row).toMatchObject({ by, why, job: id })
  })

  test('is unknown from then on: webhooks get 401, and nothing brings a row of it back', async () => {
    const ticketId = world.openTicket('Hello')
    await switchOff()
    await jobs.untilEnded(await erase())
    const left = mineIn(await jobs.stored())
    expect(await world.process().deliver(ticketId)).toBe(401)
    expect(await world.process().deliver(ticketId, undefined, 'nobody.noConnection0000000AA')).toBe(401)
    expect(await world.process().answer(world.wakeUp(ticketId))).toBe('ended')
    expect(
      await world.process().answer(JSON.stringify({ connectionId: world.connectionId, reconcile: true })),
    ).toBe('ended')
    await expect(world.publish()).rejects.toMatchObject({ code: 'refused' })
    const customer = { kind: 'export-customer' as const, email: demoPeople.zoe.address, by, why }
    await expect(jobs.start(customer)).rejects.toMatchObject({ code: 'refused' })
    await expect(erase()).rejects.toMatchObject({ code: 'refused' })
    expect(mineIn(await jobs.stored())).toEqual(left)
  })

  test('is gone through again where a late worker has written something', async () => {
    await switchOff()
    const id = await erase()
    const late = { pk: `T#${world.tenant}#ticket#late`, sk: 'trace#late' }
    await jobs.untilStep(id, 'settle')
    await jobs.conversations.put('look', late)
    const { state, after } = await jobs.untilEnded(id)
    expect(state).toBe('done')
    expect(after).toEqual({ job: 1, erased: 1 })
    expect(mineIn(await jobs.stored()).join()).not.toContain('late')
  })

  test('waits until nothing that began before can be alive', async () => {
    await switchOff()
    const id = await erase()
    await jobs.run(id)
    world.clock.time += 5 * minute
    await jobs.run(id)
    expect(await jobs.read(id)).toMatchObject({ state: 'running', step: 'quiet' })
    expect(secretsOf(world.tenant).length).toBeGreaterThan(2)
    world.clock.time += 2 * minute
    await jobs.run(id)
    expect(await jobs.read(id)).toMatchObject({ state: 'running', step: 'settle' })
    await jobs.untilEnded(id)
  })

  test('goes on from page to page in runs that are short', async () => {
    await switchOff()
    // DynamoDB reads 1 MB for a page.
    for (let n = 0; n < 12; n++) {
      const text = 'x'.repeat(200_000)
      await jobs.conversations.put('look', { pk: `T#${world.tenant}#ticket#big`, sk: `turn#${n}`, text })
    }
    const scans: string[] = []
    const id = await erase()
    const job = await jobs.untilEnded(id, undefined, {
      lambdaMs: 40_000,
      fails: (port) => {
        if (port === 'conversations.keys') scans.push(port)
        return false
      },
    })
    expect(job).toMatchObject({ state: 'done', before: { turn: 14 }, after: { job: 1, erased: 1 } })
    expect(scans.length).toBeGreaterThanOrEqual(3 * 2)
  })
})

test('a table that is read for its keys shows keys of the prefix alone', async () => {
  const { keys } = await jobs.pageOfKeys(`T#${world.tenant}#`)
  expect(keys.length).toBeGreaterThan(5)
  for (const key of keys) {
    expect(new Set(Object.keys(key))).toEqual(new Set(['pk', 'sk']))
    expect(key.pk.startsWith(`T#${world.tenant}#`)).toBe(true)
  }
})
