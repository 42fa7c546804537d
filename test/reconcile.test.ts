/** Tickets whose webhook never came are found by asking the helpdesk; nobody is asked more than agreed. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { demoPeople } from '../local/people.ts'
import { echoes } from './claude-scripts.ts'
import { startWorld, type World } from './world.ts'

const minute = 60_000
let world: World
beforeAll(async () => {
  world = await startWorld({ script: echoes })
})
afterAll(() => world.close())
beforeEach(async () => {
  world.clock.time += 25 * 60 * minute
  world.standIn.requests.length = 0
  await world.publish()
  await world.schedule()
})

const asked = () => world.standIn.requests.filter(({ path }) => path.includes('/incremental/')).length
/** So much later that the schedule is due. */
const later = (minutes = 20) => {
  world.clock.time += minutes * minute
}

test('a ticket whose webhook never came is answered, once', async () => {
  const ticketId = world.openTicket('Where is order 1042?')
  later()
  await world.reconcile()
  expect(asked()).toBe(1)
  await world.untilQuiet(ticketId)
  expect(world.replies(ticketId)).toHaveLength(1)
  // Our own reply moved the ticket: the next run may look once, and nothing is said twice.
  later()
  await world.reconcile()
  await world.untilQuiet(ticketId)
  later()
  await world.reconcile()
  expect((await world.row(ticketId))?.due).toBeUndefined()
  expect(world.replies(ticketId)).toHaveLength(1)
})

test('of many tickets none is forgotten, though half of the webhooks and every wake-up were lost', async () => {
  const tickets = Array.from({ length: 12 }, (_, i) => world.openTicket(`Question ${i}`))
  for (const [i, ticketId] of tickets.entries()) if (i % 2 === 0) await world.deliver(ticketId)
  await world.loseWakeUps()
  later()
  await world.reconcile()
  for (const ticketId of tickets) await world.untilQuiet(ticketId)
  expect(tickets.map((ticketId) => world.replies(ticketId).length)).toEqual(tickets.map(() => 1))
})

test('a ticket that was looked at since it moved is not rung', async () => {
  const ticketId = await world.ask('Hello')
  later(5)
  world.write(ticketId, 'And?')
  await world.deliver(ticketId)
  await world.untilQuiet(ticketId)
  later(5)
  await world.reconcile()
  await world.untilQuiet(ticketId)
  const reads = () =>
    world.standIn.requests.filter(({ path }) => path.includes(`/tickets/${ticketId}`)).length
  const before = reads()
  expect(before).toBeGreaterThan(0)
  later()
  await world.reconcile()
  later()
  await world.reconcile()
  expect((await world.row(ticketId))?.due).toBeUndefined()
  expect(reads()).toBe(before)
})

test('a closed ticket and one that is older than a day start nothing', async () => {
  const old = world.openTicket('old')
  world.clock.time += 26 * 60 * minute
  const closed = world.openTicket('closed')
  world.standIn.closeTicket(closed)
  await world.reconcile()
  expect([await world.row(old), await world.row(closed)]).toEqual([undefined, undefined])
})

describe('the schedule', () => {
  test('is kept to: asked before its time, the helpdesk is left alone', async () => {
    later()
    await world.reconcile()
    await world.reconcile()
    later(10)
    await world.reconcile()
    expect(asked()).toBe(1)
    expect(await world.scheduled()).toMatchObject({ due: expect.any(String) })
  })

  test('ends for a connection that is off, and begins again when it is published on', async () => {
    await world.publish([
      {
        kind: 'connection',
        id: world.connectionId,
        definition: world.connection({ reconcile: { enabled: false } }),
      },
    ])
    later()
    await world.reconcile()
    expect(asked()).toBe(0)
    expect((await world.scheduled())?.due).toBeUndefined()
    await world.publish()
    await world.schedule()
    await world.reconcile()
    expect(asked()).toBe(1)
  })

  test('is not made for a connection that is off', async () => {
    const before = await world.scheduled()
    await world.schedule({ enabled: false })
    expect(await world.scheduled()).toEqual(before)
  })

  test('is held by one worker at a time', async () => {
    later()
    await Promise.all([world.reconcile(), world.reconcile(), world.reconcile()])
    expect(asked()).toBe(1)
    const ticketId = world.openTicket('x')
    later()
    const plan = { n: 1, port: 'http.helpdesk', when: 'after' as const }
    await world.reconcile(world.process(plan))
    // The dead worker's lease ends, and the sweeper starts another.
    later(5)
    await world.reconcile()
    await world.untilQuiet(ticketId)
    expect(world.replies(ticketId)).toHaveLength(1)
  })
})

describe('a helpdesk that answers badly', () => {
  test.each([
    [{ status: 403, json: {} }, 60],
    [{ status: 500, json: {} }, 5],
    [{ status: 429, headers: { 'retry-after': '480' }, json: {} }, 8],
    [{ status: 200, json: { unexpected: true } }, 5],
  ])('%j: is asked again after %i minutes, and nothing is lost', async (answer, minutes) => {
    const ticketId = world.openTicket('x')
    later()
    world.standIn.failNext(
      { when: 'before', answer },
      { only: ({ url }) => url.pathname.includes('incremental') },
    )
    await world.reconcile()
    const row = await world.scheduled()
    expect(Math.round((Number(row?.dueAt) - world.clock.time) / minute)).toBe(minutes)
    world.clock.time = Number(row?.dueAt) + 1
    await world.reconcile()
    await world.untilQuiet(ticketId)
    expect(world.replies(ticketId)).toHaveLength(1)
  })

  test('and lists without end takes no more than the calls of one run, and the next goes on', async () => {
    later()
    await world.reconcile()
    world.standIn.requests.length = 0
    later()
    const since = Number((await world.scheduled())?.since)
    const page = (at: number) => ({
      status: 200,
      json: {
        tickets: [{ id: 99_000 + asked(), status: 'open', updated_at: new Date(at).toISOString() }],
        after_cursor: 'x',
        end_of_stream: false,
      },
    })
    world.standIn.failNext(
      { when: 'before', answer: page(since + minute) },
      { times: 1000, only: ({ url }) => url.pathname.includes('incremental') },
    )
    await world.reconcile()
    expect(asked()).toBeLessThanOrEqual(30)
    expect(await world.scheduled()).toMatchObject({ since: since + minute - 1, due: expect.any(String) })
  })
})

test('one tenant’s schedule asks with no other tenant’s connection', async () => {
  const other = await startWorld({ script: echoes, beside: { deployment: world.deployment } })
  await other.schedule()
  later()
  world.standIn.opens({ from: demoPeople.kim, text: 'mine' })
  await other.reconcile()
  expect(asked()).toBe(0)
  expect(other.standIn.requests.filter(({ path }) => path.includes('/incremental/'))).toHaveLength(1)
  await other.close()
})
