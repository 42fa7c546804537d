/** How long the rows of a ticket are kept, and that nothing expires while something rests on it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { customerPk } from '../lambdas/core/customer-index.ts'
import { ticketPk } from '../lambdas/core/ticket-key.ts'
import { demoPeople } from '../local/people.ts'
import { demoCustomers } from '../local/zendesk/demo.ts'
import { echoes } from './claude-scripts.ts'
import { type Jobs, startJobs } from './jobs-world.ts'
import { startWorld, type World } from './world.ts'

const day = 24 * 60 * 60 * 1000

let world: World
let jobs: Jobs
beforeAll(async () => {
  world = await startWorld({ script: echoes })
  jobs = await startJobs(world)
})
afterAll(async () => {
  jobs.close()
  await world.close()
})
beforeEach(() => {
  world.clock.time += 60 * 60_000
})

const daysLeft = (seconds: unknown): number => (Number(seconds) * 1000 - world.clock.now()) / day

describe('a ticket row', () => {
  test('expires 430 days after it was settled: later than every effect on it', async () => {
    const ticketId = await world.ask('Hello')
    const rows = await world.rows(ticketId)
    const ticket = rows.find(({ sk }) => sk === 'ticket')
    expect(daysLeft(ticket?.expiresAt)).toBeCloseTo(430, 1)
    const others = rows.filter(({ sk }) => sk !== 'ticket')
    expect(others.length).toBeGreaterThan(2)
    for (const { expiresAt } of others) expect(Number(expiresAt)).toBeLessThan(Number(ticket?.expiresAt))
  })

  test('does not expire while it is due, held or has an open effect', async () => {
    const ticketId = await world.ask('Hello')
    world.write(ticketId, 'Hello again')
    await world.deliver(ticketId)
    const due = await world.row(ticketId)
    expect(due).toMatchObject({ due: expect.any(String) })
    expect(due).not.toHaveProperty('expiresAt')
    const killed = world.process({ n: 1, port: 'conversations.intent', when: 'after' })
    await world.run(ticketId, killed)
    const open = await world.row(ticketId)
    expect(Object.keys(Object(open?.open))).toHaveLength(1)
    expect(open).not.toHaveProperty('expiresAt')
    await world.untilQuiet(ticketId)
    expect(daysLeft((await world.row(ticketId))?.expiresAt)).toBeCloseTo(430, 1)
  })

  test('is kept anew from every settled look on', async () => {
    const ticketId = await world.ask('Hello')
    world.clock.time += 100 * day
    await world.askAgain(ticketId, 'Hello again')
    expect(daysLeft((await world.row(ticketId))?.expiresAt)).toBeCloseTo(430, 1)
  })
})

describe('the index of a customer', () => {
  const indexOf = async (address: string) =>
    await jobs.conversations.query('look', { pk: customerPk(world.tenant, await jobs.tagOf(address)) })

  test('finds a ticket by its requester and by whoever else wrote, and holds no address', async () => {
    const ticketId = await world.ask('Hello')
    world.write(ticketId, 'And I am Ben', { author: demoCustomers.ben })
    await world.deliver(ticketId)
    await world.untilQuiet(ticketId)
    for (const { address } of [demoPeople.zoe, demoPeople.ben]) {
      const rows = await indexOf(address)
      expect(rows.map(({ sk }) => sk)).toContain(ticketPk(world.connectionId, ticketId))
      expect(JSON.stringify(rows)).not.toContain(address)
    }
    expect(await indexOf(demoPeople.kim.address)).toEqual([])
  })

  test('is written once: a later turn on the ticket makes no call for it', async () => {
    const ticketId = world.openTicket('Hello')
    await world.deliver(ticketId)
    const [first = []] = await world.untilQuiet(ticketId)
    expect(first.filter((port) => port === 'conversations.index_customer')).toHaveLength(1)
    world.write(ticketId, 'Hello again')
    await world.deliver(ticketId)
    const [second = []] = await world.untilQuiet(ticketId)
    expect(second).not.toContain('conversations.index_customer')
    expect(second).not.toContain('conversations.customers_indexed')
  })

  test('outlives the ticket, also one that lives on for years', async () => {
    const ticketId = await world.ask('Hello')
    for (let i = 0; i < 4; i++) {
      world.clock.time += 40 * day
      await world.askAgain(ticketId, `Hello ${'again '.repeat(i)}`)
    }
    const pk = ticketPk(world.connectionId, ticketId)
    const row = (await indexOf(demoPeople.zoe.address)).find(({ sk }) => sk === pk)
    expect(Number(row?.expiresAt)).toBeGreaterThan(Number((await world.row(ticketId))?.expiresAt))
  })

  test('is written before anything of the customer is', async () => {
    const ticketId = world.openTicket('Hello')
    await world.deliver(ticketId)
    const [ports = []] = await world.untilQuiet(ticketId)
    const stores = ['conversations.step', 'conversations.intent', 'conversations.outcome', 'http.user_data']
    expect(ports).toContain('conversations.step')
    for (const port of stores)
      expect(ports.indexOf('conversations.customers_indexed')).toBeLessThan(ports.indexOf(port))
  })
})
