/** A write that an approver decides: by a note typed in the helpdesk, or from outside; and whoever may not. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { decideProposal, waitingProposals } from '../lambdas/core/consent/decide-proposal.ts'
import { demoCustomers, demoZendesk } from '../local/zendesk/demo.ts'
import { shown } from './claude-scripts.ts'
import { eager, publishRefund, refundsSent, replies } from './consent-world.ts'
import { startWorld, type World } from './world.ts'

const hour = 60 * 60_000
const approver = demoZendesk.agentUserId
const approvers = { approvers: [String(approver)] }

let world: World
beforeAll(async () => {
  world = await startWorld({ script: eager })
})
afterAll(() => world.close())
beforeEach(async () => {
  world.clock.time += 25 * hour
  world.shop.refunds.length = 0
  world.shop.requests.length = 0
  await publishRefund(world, { confirm: 'agent' }, approvers)
})

const notes = (ticketId: string): string[] => world.notes(ticketId).map((note) => note.plain_body)
const code = /approve ([0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4})/

async function waiting(entry: object = {}): Promise<[ticketId: string, code: string]> {
  const ticketId = await world.ask('Please refund 20 EUR of my order 1042.', entry)
  expect(refundsSent(world)).toBe(0)
  return [ticketId, code.exec(notes(ticketId).join())?.[1] ?? '']
}

async function writes(ticketId: string, text: string, entry: object = {}): Promise<void> {
  await world.askAgain(ticketId, text, { author: approver, public: false, ...entry })
}

test('the note shows approvers what waits and a code, the reply shows the customer that a colleague decides', async () => {
  const [ticketId, approval] = await waiting()
  expect(approval).not.toBe('')
  expect(notes(ticketId).join()).toContain('The order number, digits only: 1042')
  expect(replies(world, ticketId).join()).toContain('A colleague decides about it')
  expect(replies(world, ticketId).join()).toContain('This waits for a colleague:')
  expect(replies(world, ticketId).join()).not.toContain('Please confirm')
  expect(replies(world, ticketId).join()).not.toContain(approval)
})

test('approved, it runs once as it stands, and the customer is told in a reply of ours', async () => {
  const [ticketId, approval] = await waiting()
  await writes(ticketId, `approve ${approval}`)
  expect(world.shop.refunds).toMatchObject([{ amount: 20 }])
  expect(replies(world, ticketId).at(-1)).toContain('This was approved and has been done:')
  await writes(ticketId, `approve ${approval}`)
  expect(refundsSent(world)).toBe(1)
  expect(replies(world, ticketId)).toHaveLength(2)
})

test('declined, nothing runs, the customer is told, and approving it later does nothing', async () => {
  const [ticketId, approval] = await waiting()
  await writes(ticketId, `decline ${approval}`)
  expect(replies(world, ticketId).at(-1)).toContain('This was not approved, and nothing has been done:')
  await writes(ticketId, `approve ${approval}`)
  expect(refundsSent(world)).toBe(0)
})

test('a customer who wrote meanwhile is told by the answer to that message', async () => {
  const [ticketId, approval] = await waiting()
  world.write(ticketId, 'Any news?')
  await world.deliver(ticketId)
  await writes(ticketId, `approve ${approval}`)
  expect(refundsSent(world)).toBe(1)
  expect(replies(world, ticketId).at(-1)).toMatch(/refund_order: done/)
})

test('where a human has the ticket, a note tells what was done, and the customer gets no reply of ours', async () => {
  const [ticketId, approval] = await waiting()
  world.zendesk.change(Number(ticketId), { assignee_id: approver })
  await writes(ticketId, `approve ${approval}`)
  expect(refundsSent(world)).toBe(1)
  expect(replies(world, ticketId)).toHaveLength(1)
  expect(notes(ticketId).at(-1)).toContain('was approved and done')
})

describe('nothing runs', () => {
  test.each<[string, object, (approval: string) => string]>([
    ['a public comment', { public: true }, (c) => `approve ${c}`],
    ['a note by mail, as a light agent writes', { channel: 'email' }, (c) => `approve ${c}`],
    ['a note by the API', { channel: 'api' }, (c) => `approve ${c}`],
    ['a note of a rule', { channel: 'rule' }, (c) => `approve ${c}`],
    ['a note that a merge brought', { rel: 'merge' }, (c) => `approve ${c}`],
    ['a note with an unknown way in', { rel: 'something' }, (c) => `approve ${c}`],
    ['the bot itself', { author: demoZendesk.botUserId }, (c) => `approve ${c}`],
    ['the customer', { author: demoCustomers.zoe, channel: 'web' }, (c) => `approve ${c}`],
    ['the customer in public', { author: demoCustomers.zoe, public: true }, (c) => `approve ${c}`],
    ['another customer', { author: demoCustomers.kim, channel: 'web' }, (c) => `approve ${c}`],
    ['another code', {}, () => 'approve 0000-0000-0000'],
    ['no code', {}, () => 'approve'],
    ['a note that says more', {}, (c) => `Should I approve ${c}?`],
    ['a note that goes on', {}, (c) => `approve ${c} once she has sent it back`],
    ['our own note, quoted', {}, (c) => `approve ${c}\ndecline ${c}`],
  ])('by %s', async (_, entry, words) => {
    const [ticketId, approval] = await waiting()
    await writes(ticketId, words(approval), entry)
    expect(refundsSent(world)).toBe(0)
  })

  test.each<[string, object, object]>([
    ['who is not an approver', {}, { approvers: ['1'] }],
    ['in note mode', {}, { ...approvers, mode: 'note' }],
    ['for a tool that was changed since', { timeoutMs: 9000 }, approvers],
    ['for a tool that was switched off', { enabled: false }, approvers],
    ['for a customer who is not identified surely enough any more', { identity: 'signed_in' }, approvers],
  ])('by a colleague %s', async (_, tool, connection) => {
    const [ticketId, approval] = await waiting()
    await publishRefund(world, { confirm: 'agent', ...tool }, connection)
    world.clock.time += 60_000
    await writes(ticketId, `approve ${approval}`)
    expect(refundsSent(world)).toBe(0)
  })

  test('after 24 hours', async () => {
    const [ticketId, approval] = await waiting()
    world.clock.time += 24 * hour
    await writes(ticketId, `approve ${approval}`)
    expect(refundsSent(world)).toBe(0)
  })

  test('in a ticket whose requester is somebody else by now', async () => {
    const [ticketId, approval] = await waiting()
    world.zendesk.change(Number(ticketId), { requester_id: demoCustomers.kim })
    await writes(ticketId, `approve ${approval}`)
    expect(refundsSent(world)).toBe(0)
  })

  test.each<[string, (ticketId: string) => void]>([
    [
      'somebody else writes in the ticket',
      (ticketId) => {
        world.write(ticketId, 'And do it twice, please.', { author: demoCustomers.kim })
      },
    ],
    [
      'the requester is made somebody else',
      (ticketId) => {
        world.zendesk.change(Number(ticketId), { requester_id: demoCustomers.kim })
      },
    ],
    [
      'the ticket is closed for good',
      (ticketId) => {
        world.zendesk.change(Number(ticketId), { status: 'closed' })
      },
    ],
  ])('when %s between the approval and the last look', async (_, happens) => {
    // Signed in, so that who reads along does not lower the level.
    const [ticketId, approval] = await waiting({ channel: 'web' })
    world.write(ticketId, `approve ${approval}`, { author: approver, public: false })
    await world.deliver(ticketId)
    const act = async () => happens(ticketId)
    const process = world.process({ n: 1, port: 'http.user_data', when: 'after', act })
    await world.untilQuiet(ticketId, process)
    expect(process.ports).toContain('http.user_data')
    expect(refundsSent(world)).toBe(0)
  })

  test('because an approver is the requester', async () => {
    await publishRefund(world, { confirm: 'agent' }, { approvers: [String(demoCustomers.zoe)] })
    const [ticketId, approval] = await waiting()
    await writes(ticketId, `approve ${approval}`, { author: demoCustomers.zoe, channel: 'web' })
    expect(refundsSent(world)).toBe(0)
  })
})

test('without approvers the note shows no code: only the admin API decides', async () => {
  await publishRefund(world, { confirm: 'agent' })
  const [ticketId, approval] = await waiting()
  expect(approval).toBe('')
  expect(notes(ticketId).join()).toContain('admin API')
})

test('the model never reads an approval code', async () => {
  const [ticketId, approval] = await waiting()
  await world.askAgain(ticketId, 'And?')
  expect(world.claude.requests.map(({ body }) => shown(body)).join()).not.toContain(approval)
})

test('a doorbell of the team on a ticket without an open proposal ends before any read', async () => {
  const ticketId = await world.ask('Hello')
  world.write(ticketId, 'note to self', { author: approver, public: false })
  await world.deliver(ticketId)
  const process = world.process()
  await world.run(ticketId, process)
  expect(process.ports).not.toContain('http.helpdesk')
})

describe('from outside the ticket', () => {
  const connection = () => ({ id: world.connectionId, helpdesk: 'zendesk' as const })
  const decide = async (ticketId: string, change: object = {}) => {
    const { conversations, vault } = await world.answering().forTenant('nordlicht')
    const now = world.clock.now()
    const [first] = await waitingProposals(conversations, vault, {
      connectionId: world.connectionId,
      ticketId,
      now,
    })
    return await decideProposal(conversations, connection(), {
      ticketId,
      tool: first?.tool ?? 'refund_order',
      proposalId: first?.mark.id ?? 'none',
      decision: 'approve',
      approver: 'admin-1',
      now,
      ...change,
    })
  }

  test('an approver sees what waits, approves it, and the ticket is rung without a wake-up', async () => {
    const [ticketId] = await waiting()
    const { conversations, vault } = await world.answering().forTenant('nordlicht')
    const about = { connectionId: world.connectionId, ticketId, now: world.clock.now() }
    expect(await waitingProposals(conversations, vault, about)).toMatchObject([
      { tool: 'refund_order', proposal: { call: { args: { order_id: '1042', amount: 20 } } } },
    ])
    expect(await decide(ticketId)).toBe('decided')
    await world.untilQuiet(ticketId)
    expect(refundsSent(world)).toBe(1)
    expect(replies(world, ticketId).at(-1)).toContain('This was approved and has been done:')
    expect(await decide(ticketId)).toBe('not_open')
  })

  test.each<[string, object]>([
    ['another proposal', { proposalId: 'other' }],
    ['another tool', { tool: 'get_order' }],
    ['another ticket', { ticketId: '999' }],
    ['a proposal that has expired', { now: Date.parse('2030-01-01') }],
  ])('nothing is decided for %s', async (_, change) => {
    const [ticketId] = await waiting()
    expect(await decide(ticketId, change)).toBe('not_open')
  })

  test('nothing is decided that is the customer’s to decide', async () => {
    await publishRefund(world, { confirm: 'customer' })
    const ticketId = await world.ask('Please refund 20 EUR of my order 1042.')
    const { proposals } = (await world.row(ticketId)) as { proposals?: Record<string, { id: string }> }
    const mark = proposals?.refund_order
    expect(mark).toBeDefined()
    expect(await decide(ticketId, { proposalId: mark?.id })).toBe('not_open')
  })
})
