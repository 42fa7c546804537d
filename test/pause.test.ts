/** What an operator pauses waits: webhooks are taken, nothing is answered, nothing is lost. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { createTable } from '../lambdas/core/aws/table.ts'
import { replay } from '../lambdas/core/operate/replay.ts'
import { type Pausable, pausesOf, setPause } from '../lambdas/core/pause.ts'
import type { Row, Table } from '../lambdas/core/ports.ts'
import { demoTenant } from '../local/demo-data.ts'
import { tableNames } from '../local/tables.ts'
import { echoes } from './claude-scripts.ts'
import { startWorld, type World } from './world.ts'

const minute = 60_000
let world: World
let beside: World
let conversations: Table
let configuration: Table
beforeAll(async () => {
  world = await startWorld({ script: echoes })
  beside = await startWorld({ script: echoes, beside: world })
  const client = new DynamoDBClient({
    endpoint: world.tables.url,
    region: 'local',
    credentials: world.aws.credentials,
  })
  conversations = createTable(client, tableNames.conversations, 'operator', (_port, call) => call())
  configuration = createTable(client, tableNames.configuration, 'operator', (_port, call) => call())
})
afterAll(async () => {
  await beside.close()
  await world.close()
})

const set = (what: Pausable, paused: boolean): Promise<void> =>
  setPause(conversations, what, { paused, by: 'op', why: 'test', at: world.clock.now() })
const mine = (): Pausable => ({ connectionId: world.connectionId })
const all: Pausable = { tenant: demoTenant }
const texts = (of: World, ticketId: string): string[] => of.replies(ticketId).map((reply) => reply.plain_body)

beforeEach(() => {
  world.clock.time += 60 * minute
})
afterEach(async () => {
  await set(mine(), false)
  await set(all, false)
})

test.each<[string, () => Pausable]>([
  ['a tenant', () => all],
  ['one connection', mine],
])('%s: webhooks are taken, wake-ups dropped, and everything is answered afterwards', async (_, what) => {
  await set(what(), true)
  const ticketId = world.openTicket('Hello')
  await world.deliver(ticketId)
  const before = { claude: world.claude.requests.length, helpdesk: world.zendesk.requests.length }
  for (let rounds = 0; rounds < 3; rounds++) {
    const process = world.process()
    await world.run(ticketId, process)
    // Not claimed, not read, not asked: the ticket is as it was.
    expect(process.ports.filter((port) => !/^(sts|conversations\.pauses|kms)/.test(port))).toEqual([])
  }
  expect(world.claude.requests.length).toBe(before.claude)
  expect(world.zendesk.requests.length).toBe(before.helpdesk)
  const row = await world.row(ticketId)
  expect(row).toMatchObject({ due: expect.any(String), customer: true })
  expect(row?.attempts ?? 0).toBe(0)
  expect(world.lines.at(-1)).toMatchObject({ event: 'wake_up_dropped', code: 'paused', tenant: demoTenant })

  await set(what(), false)
  await world.untilQuiet(ticketId)
  expect(texts(world, ticketId)).toEqual(['You wrote: Hello'])
  expect(world.notes(ticketId)).toEqual([])
})

test("stops no other tenant's tickets, and no other connection's", async () => {
  await set(all, true)
  await set({ connectionId: `${demoTenant}.${'z'.repeat(22)}` }, true)
  const theirs = await beside.ask('Hello from beside')
  expect(texts(beside, theirs)).toEqual(['You wrote: Hello from beside'])
  await set(all, false)
  const ours = await world.ask('Hello')
  expect(texts(world, ours)).toEqual(['You wrote: Hello'])
  await set({ connectionId: `${demoTenant}.${'z'.repeat(22)}` }, false)
})

test('whether it is paused cannot be read: nothing is answered, and the wake-up goes back to the queue', async () => {
  const ticketId = world.openTicket('Hello')
  await world.deliver(ticketId)
  const blind = world.process(undefined, undefined, { fails: (port) => port === 'conversations.pauses' })
  expect(await blind.answer(world.wakeUp(ticketId))).toBe('failed')
  expect(texts(world, ticketId)).toEqual([])
  await world.untilQuiet(ticketId)
  expect(texts(world, ticketId)).toEqual(['You wrote: Hello'])
})

test('a mark that does not say whether it holds, holds', async () => {
  const row: Row = { pk: `T#${demoTenant}#pause`, sk: 'tenant' }
  await conversations.put('odd', row)
  expect(await pausesOf(conversations, demoTenant)).toEqual([
    { sk: 'tenant', by: 'nobody known', why: expect.stringContaining('resume'), at: 0 },
  ])
  const ticketId = world.openTicket('Hello')
  await world.deliver(ticketId)
  await world.run(ticketId)
  expect(texts(world, ticketId)).toEqual([])
  await set(all, false)
  await world.untilQuiet(ticketId)
  expect(texts(world, ticketId)).toEqual(['You wrote: Hello'])
})

test('the helpdesk is not asked what moved while its connection is paused', async () => {
  await world.schedule()
  await set(mine(), true)
  const before = world.zendesk.requests.length
  await world.reconcile()
  expect(world.zendesk.requests.length).toBe(before)
  await set(mine(), false)
  await world.reconcile()
  expect(world.zendesk.requests.length).toBeGreaterThan(before)
})

test('who waited for over 24 hours is answered by a human', async () => {
  const ticketId = world.openTicket('Hello')
  await world.deliver(ticketId)
  await set(all, true)
  await world.loseWakeUps()
  world.clock.time += 25 * 60 * minute
  await set(all, false)
  await world.untilQuiet(ticketId)
  expect(texts(world, ticketId)).toEqual([])
  expect(world.tags(ticketId)).toContain('ai-handed-over')
})

const replayed = (ticketId: string, connectionId = world.connectionId) =>
  replay(
    { conversations, configuration },
    () => world.answering().queue,
    { connectionId, ticketId },
    world.clock.now(),
  )

test('replay answers a ticket whose webhook never came', async () => {
  const ticketId = world.openTicket('Anybody there?')
  expect(await replayed(ticketId)).toEqual({ helpdesk: 'zendesk' })
  expect(world.queued()).toBeGreaterThan(0)
  await world.untilQuiet(ticketId)
  expect(texts(world, ticketId)).toEqual(['You wrote: Anybody there?'])
})

test('replay of a finished ticket says nothing again', async () => {
  const ticketId = await world.ask('Hello')
  const comments = world.comments(ticketId).length
  const asked = world.claude.requests.length
  await replayed(ticketId)
  expect((await world.row(ticketId))?.due).toBeDefined()
  await world.untilQuiet(ticketId)
  expect(world.comments(ticketId)).toHaveLength(comments)
  expect(world.claude.requests).toHaveLength(asked)
})

test('replay says until when a ticket is put off, and does not take it from whoever holds it', async () => {
  const ticketId = world.openTicket('Hello')
  await world.deliver(ticketId)
  world.zendesk.failNext({ when: 'before', answer: { status: 429, headers: { 'retry-after': '300' } } })
  await world.run(ticketId)
  const until = (await world.row(ticketId))?.leaseUntil
  expect(await replayed(ticketId)).toEqual({ helpdesk: 'zendesk', heldUntil: until })
  await world.process().answer(world.wakeUp(ticketId))
  expect(texts(world, ticketId)).toEqual([])
  await world.untilQuiet(ticketId)
  expect(texts(world, ticketId)).toEqual(['You wrote: Hello'])
})

test('replay refuses a connection that is not live, and leaves no row', async () => {
  const unknown = `${demoTenant}.${'q'.repeat(22)}`
  await expect(replayed('1', unknown)).rejects.toThrow(/no live connection nordlicht\.q+: look its id up/)
  expect(await conversations.query('look', { pk: `T#${demoTenant}#ticket#${unknown}#1` })).toEqual([])
})
