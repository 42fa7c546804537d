/** One customer is erased: everything that says something of them is gone, nothing of anybody else is touched. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { customerPk } from '../lambdas/core/customer-index.ts'
import { startJob } from '../lambdas/core/jobs/start-job.ts'
import { ticketKey, ticketPk } from '../lambdas/core/ticket-key.ts'
import type { Script } from '../local/claude.ts'
import { demoAgentSettings } from '../local/demo-data.ts'
import { demoPeople } from '../local/people.ts'
import { demoCustomers } from '../local/zendesk/demo.ts'
import { bytesOf, type Jobs, nameOf, type StoredRow, startJobs } from './jobs-world.ts'
import { startWorld, type World } from './world.ts'

const minute = 60_000
const day = 24 * 60 * minute
const by = 'admin-7'
const why = 'request 311'

/** Refunds once it is asked to, and quotes what it was asked. */
const refunds: Script = (request) => {
  const last = JSON.stringify(request.messages.at(-1)?.content)
  if (last.includes('tool_result'))
    return { content: [{ type: 'text', text: `canary-answer ${marksIn(last)}` }] }
  const input = { order_id: '1042', amount: 20 }
  return last.includes('refund')
    ? { content: [{ type: 'tool_use', name: 'refund_order', input }] }
    : { content: [{ type: 'text', text: `canary-answer ${marksIn(last)}` }] }
}
const marksIn = (text: string): string => [...new Set(text.match(/canary-\w+/g) ?? [])].join(' ')

let world: World
/** The same tenant's other helpdesk, and another tenant. */
let other: World
let stranger: World
let jobs: Jobs
let strangers: Jobs

beforeAll(async () => {
  world = await startWorld({ script: refunds })
  const { deployment } = world
  other = await startWorld({ script: refunds, helpdesk: 'gorgias', beside: { deployment, sameTenant: true } })
  stranger = await startWorld({ script: refunds, beside: { deployment } })
  const settings = { ...demoAgentSettings, traceContent: true }
  for (const each of [world, other, stranger])
    await each.publish([{ kind: 'agent-settings', id: 'default', definition: settings }])
  jobs = await startJobs(world)
  strangers = await startJobs(stranger)
})
afterAll(async () => {
  jobs.close()
  strangers.close()
  await stranger.close()
  await other.close()
  await world.close()
})
beforeEach(() => {
  world.clock.time += 2 * day
  for (const { shop } of [world, other]) shop.refunds.length = 0
})

/** Zoë writes on the other helpdesk, and everything that follows has happened. */
async function askOther(text: string): Promise<string> {
  const ticketId = other.standIn.opens({ from: demoPeople.zoe, text })
  await other.deliver(ticketId)
  await other.untilQuiet(ticketId)
  return ticketId
}

const erase = (email: string = demoPeople.zoe.address): Promise<string> =>
  jobs.start({ kind: 'erase-customer', email, by, why })

const saying = (text: string): Promise<string[]> => jobs.saying(text)

/** Rows of the two tickets, of the index, and of jobs: what an erase of Zoë may change. */
const isHers = ({ row }: StoredRow, tickets: string[], tag: string): boolean =>
  tickets.includes(row.pk) ||
  row.pk === customerPk(world.tenant, tag) ||
  row.pk.startsWith(`T#${world.tenant}#job`)

const refundsMade = (): number => world.shop.refunds.length + other.shop.refunds.length

describe('a customer with tickets on two helpdesks', () => {
  test('leaves no word behind, and nobody else loses a byte', async () => {
    const ticketId = await world.ask('Please refund 20 EUR of order 1042. canary-zendesk')
    const second = await askOther('Where is order 1042? canary-gorgias')
    const bens = await world.ask('Where is my order? canary-ben', { author: demoCustomers.ben })
    await stranger.ask('Where is order 1042? canary-stranger')
    const tickets = [ticketPk(world.connectionId, ticketId), ticketPk(other.connectionId, second)]
    const tag = await jobs.tagOf(demoPeople.zoe.address)
    for (const word of ['canary-zendesk', 'canary-gorgias']) {
      const rows = (await saying(word)).join()
      expect(rows).toContain('turn#')
      expect(rows).toContain('trace#')
    }
    const before = await jobs.stored()

    const id = await erase()
    expect(JSON.stringify(await jobs.row(id))).not.toContain(demoPeople.zoe.address)
    const job = await jobs.untilEnded(id)
    expect(job).toMatchObject({ state: 'done', by, why, customer: tag, error: undefined })

    for (const word of ['canary-zendesk', 'canary-gorgias', demoPeople.zoe.address, 'Zoë'])
      expect(await saying(word)).toEqual([])
    const after = await jobs.stored()
    const theirs = (rows: StoredRow[]) => rows.filter((row) => !isHers(row, tickets, tag)).map(bytesOf)
    expect(theirs(after)).toEqual(theirs(before))
    expect(theirs(after).length).toBeGreaterThan(30)
    expect((await saying('canary-ben')).length).toBeGreaterThan(0)
    expect(bens).not.toBe(ticketId)
    const tagged = after.filter(({ row }) => bytesOf(row).includes(tag)).map(nameOf)
    expect(tagged).toEqual([`conversations ${`T#${world.tenant}#job`} ${id}`])
  })

  test('is proven erased by what was counted before and after', async () => {
    await jobs.untilEnded(await erase())
    await world.ask('Please refund 20 EUR of order 1042.')
    await askOther('Where is order 1042?')
    const { before, after, done, waiting } = await jobs.untilEnded(await erase())
    expect(before).toMatchObject({
      ticket: 2,
      customer: 2,
      effect: 3,
      turn: 3,
      trace: 2,
      sealed: expect.any(Number),
    })
    expect(before?.sealed).toBeGreaterThanOrEqual(6)
    // The counter of the day's refunds stands: a limit that could be erased would be none.
    const counters = before?.counter === undefined ? {} : { counter: before.counter }
    expect(after).toEqual({ ticket: 2, effect: 3, ...counters })
    expect({ done, waiting }).toEqual({ done: 0, waiting: 0 })
  })

  test('gets nothing twice afterwards, whatever is delivered once more or asked again', async () => {
    const ticketId = await world.ask('Please refund 20 EUR of order 1042.')
    const second = await askOther('Please refund 20 EUR of order 1042.')
    expect(refundsMade()).toBe(2)
    await jobs.untilEnded(await erase())
    const said = () => [world.said(ticketId).length, other.said(second).length]
    const saidBefore = said()

    await world.deliver(ticketId)
    await other.deliver(second)
    const first = String(world.comments(ticketId)[0]?.id)
    await world.deliver(ticketId, { ...world.event(ticketId, first), id: 'zen:event:another-delivery' })
    await world.untilQuiet(ticketId)
    await other.untilQuiet(second)
    expect(said()).toEqual(saidBefore)
    expect(refundsMade()).toBe(2)

    await world.askAgain(ticketId, 'Please refund the 20 EUR of order 1042.')
    expect(refundsMade()).toBe(2)
    // The thread holds a personal reply, and nobody knows any more for whom: a human answers.
    expect(world.tags(ticketId)).toContain('ai-handed-over')
  })

  test('is not erased in another tenant that knows the same address', async () => {
    await jobs.untilEnded(await erase())
    await stranger.ask('Where is order 1042? canary-elsewhere')
    const { before } = await jobs.untilEnded(await erase())
    expect(before?.ticket).toBeUndefined()
    expect((await strangers.saying('canary-elsewhere')).length).toBeGreaterThan(1)
  })
})

describe('a write that was erased', () => {
  test('is already done for a model that asks for it again on the same ticket', async () => {
    const ticketId = await world.ask('Please refund 20 EUR of order 1042.')
    await jobs.untilEnded(await erase())
    // As on a ticket whose thread holds nothing personal: there the agent goes on.
    const key = ticketKey(world.connectionId, ticketId)
    await jobs.conversations.update('look', key, { update: 'REMOVE personal' })
    await world.askAgain(ticketId, 'Please refund the 20 EUR of order 1042.')
    expect(world.replies(ticketId)).toHaveLength(2)
    expect(JSON.stringify(world.claude.requests.at(-1))).toContain('already_done')
    expect(refundsMade()).toBe(1)
  })

  test('keeps when, what kind and how it ended, and no content', async () => {
    const ticketId = await world.ask('Please refund 20 EUR of order 1042.')
    await jobs.untilEnded(await erase())
    const effects = (await world.rows(ticketId)).filter(({ sk }) => sk.startsWith('effect#'))
    expect(effects.map(({ kind, state }) => [kind, state]).sort()).toEqual([
      ['reply', 'done'],
      ['tool', 'done'],
    ])
    for (const { pk: _, sk: __, kind, ...rest } of effects) {
      const of = kind === 'tool' ? 'tool' : 'posted'
      expect(new Set(Object.keys(rest))).toEqual(new Set(['at', 'expiresAt', 'messageId', of, 'state']))
    }
  })
})

describe('a ticket under way', () => {
  test('is waited for, and erased once it is settled', async () => {
    const ticketId = world.openTicket('Where is order 1042? canary-late')
    await world.deliver(ticketId)
    await world.untilQuiet(ticketId)
    world.write(ticketId, 'Hello? canary-later')
    await world.deliver(ticketId)
    await world.run(ticketId, world.process({ n: 1, port: 'conversations.step', when: 'after' }))
    // The dead worker's lease is over, and the last settled look long ago: that the ticket is due is all that counts.
    world.clock.time += 4 * minute
    const id = await erase()
    await jobs.run(id)
    expect(await jobs.read(id)).toMatchObject({ state: 'running', waiting: 1 })
    expect((await saying('canary-late')).length).toBeGreaterThan(0)
    await world.untilQuiet(ticketId)
    expect(world.replies(ticketId)).toHaveLength(2)
    expect(await jobs.untilEnded(id)).toMatchObject({ state: 'done', before: { ticket: 1 } })
    expect(await saying('canary-late')).toEqual([])
  })

  test('is left alone while its last run may still write its trace', async () => {
    const ticketId = await world.ask('Where is order 1042? canary-trace')
    const id = await erase()
    await jobs.run(id)
    expect(await jobs.read(id)).toMatchObject({ state: 'running', waiting: 1 })
    world.clock.time += 4 * minute
    await jobs.run(id)
    expect(await jobs.read(id)).toMatchObject({ state: 'done' })
    expect((await world.rows(ticketId)).filter(({ sk }) => sk.startsWith('trace#'))).toEqual([])
  })

  test('nobody begins to answer while it is erased, and a message that comes then is answered after it', async () => {
    const ticketId = await world.ask('Hello. canary-before', undefined, {})
    world.clock.time += 4 * minute
    const id = await erase()
    const act = async () => {
      world.write(ticketId, 'One more thing. canary-meanwhile')
      await world.deliver(ticketId)
      await world.process().answer(world.wakeUp(ticketId))
      expect(world.said(ticketId)).toHaveLength(1)
    }
    await jobs.run(id, { n: 1, port: 'conversations.ticket_rows', when: 'after', act, dies: false })
    expect(await jobs.read(id)).toMatchObject({ state: 'done' })
    expect(await world.row(ticketId)).not.toHaveProperty('expiresAt')
    await world.untilQuiet(ticketId)
    expect(world.tags(ticketId)).toContain('ai-handed-over')
  })
})

describe('a ticket that is worked on again before the job has ended', () => {
  test('stays findable: the next erase comes to it', async () => {
    await jobs.untilEnded(await erase())
    const ticketId = await world.ask('Hello.')
    world.clock.time += 4 * minute
    const id = await erase()
    const act = async () => {
      world.clock.time += 1000
      await world.askAgain(ticketId, 'One more thing. canary-again')
    }
    await jobs.run(id, { n: 1, port: 'conversations.erase_index', when: 'before', act, dies: false })
    expect(await jobs.read(id)).toMatchObject({
      state: 'done',
      before: { ticket: 1 },
      after: { customer: 1 },
    })
    expect(await jobs.untilEnded(await erase())).toMatchObject({ state: 'done', before: { ticket: 1 } })
    expect(await saying('canary-again')).toEqual([])
  })
})

describe('a job', () => {
  test.each([
    ['no address', { email: undefined }, /^email: give one plain address/],
    ['two addresses', { email: 'a@example.com, b@example.com' }, /^email: give one plain address/],
    ['no reason', { why: ' ' }, /^why: give a reason/],
    ['the address in the reason', { why: 'Zoe@Example.com asked' }, /^why: leave the address out/],
    ['nobody who asks', { by: '' }, /^by: /],
    [
      'an address for a whole tenant',
      { kind: 'export-tenant' as const, email: 'a@example.com' },
      /^email: leave it out/,
    ],
  ])('is refused with %s', async (_, change, message) => {
    const about = { kind: 'erase-customer' as const, email: demoPeople.zoe.address, by, why, ...change }
    await expect(jobs.start(about as never)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringMatching(message),
    })
  })

  test('whose wake-up is lost is found by the sweeper', async () => {
    const down = { ...(await jobs.context()), queue: { send: () => Promise.reject(new Error('down')) } }
    const { id } = await startJob(down, { kind: 'erase-customer', email: demoPeople.kim.address, by, why })
    expect(JSON.stringify(world.aws.messages('jobs'))).not.toContain(id)
    expect(await jobs.untilEnded(id)).toMatchObject({ state: 'done' })
  })

  test('has one worker at a time', async () => {
    const id = await erase(demoPeople.kim.address)
    const second = async () => {
      const { ports } = await jobs.run(id)
      expect(ports).toEqual(['conversations.claim_job', 'sts.assume_role'])
    }
    await jobs.run(id, { n: 1, port: 'conversations.index', when: 'before', act: second, dies: false })
    expect(await jobs.read(id)).toMatchObject({ state: 'done' })
  })

  test('that fails says why, and goes on when it is told to', async () => {
    const id = await erase(demoPeople.kim.address)
    const fails = (port: string) => port === 'conversations.index'
    for (let i = 0; i < 60 && (await jobs.read(id)).state !== 'failed'; i++) {
      await jobs.run(id, undefined, { fails })
      world.clock.time += 20 * minute
    }
    expect(await jobs.read(id)).toMatchObject({ state: 'failed', error: { code: 'unavailable' } })
    expect(await jobs.restart(id)).toBe(true)
    expect(await jobs.untilEnded(id)).toMatchObject({ state: 'done', error: undefined })
    expect(await jobs.restart(id)).toBe(false)
  })

  test('is listed newest first, with who, when and why, and outlives what it erased', async () => {
    const first = await erase(demoPeople.kim.address)
    world.clock.time += minute
    const second = await erase(demoPeople.ben.address)
    const list = await jobs.list()
    expect(list.slice(0, 2).map(({ id }) => id)).toEqual([second, first])
    expect(list[0]).toMatchObject({ kind: 'erase-customer', state: 'queued', by, why, at: world.clock.now() })
    for (const id of [first, second]) await jobs.untilEnded(id)
    const row = await jobs.row(second)
    expect([row?.address, row?.due]).toEqual([undefined, undefined])
    expect(Number(row?.expiresAt) * 1000).toBeGreaterThan(world.clock.now() + 3 * 365 * day)
  })
})
