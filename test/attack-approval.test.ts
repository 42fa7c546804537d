/** An approver's note as an adapter would report it that is wrong in one point: core believes no other point instead. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { Context, SQSRecord } from 'aws-lambda'
import { createAnswer } from '../lambdas/core/answer.ts'
import type { Message, Ticket } from '../lambdas/core/helpdesk.ts'
import { zendesk } from '../lambdas/zendesk/helpdesk.ts'
import { demoCustomers, demoZendesk } from '../local/zendesk/demo.ts'
import { eager, publishRefund } from './consent-world.ts'
import { startWorld, type World } from './world.ts'

const hour = 60 * 60_000
const approver = String(demoZendesk.agentUserId)
const zoe = String(demoCustomers.zoe)
const isNote = ({ text }: Message): boolean => /^approve/.test(text)
type Report = (ticket: Ticket) => Ticket
const asTheyAre: Report = (ticket) => ticket
/** The ticket with some of its messages reported otherwise. */
const reporting =
  (which: (message: Message) => boolean, change: (message: Message) => Partial<Message>): Report =>
  (ticket) => ({
    ...ticket,
    messages: ticket.messages.map((each) => (which(each) ? { ...each, ...change(each) } : each)),
  })
/** Whatever Zoe wrote is reported as by the approver. */
const asApprover = reporting(
  ({ author }) => author.id === zoe,
  ({ author }) => ({ author: { ...author, id: approver } }),
)
const askedBy =
  (id: string): Report =>
  (ticket) => ({ ...ticket, requester: { ...ticket.requester, id } })

let world: World
beforeAll(async () => {
  world = await startWorld({ script: eager })
})
afterAll(() => world.close())
beforeEach(async () => {
  world.clock.time += 25 * hour
  await publishRefund(world, { confirm: 'agent' }, { approvers: [approver] })
})

async function look(ticketId: string, report: Report): Promise<void> {
  await world.deliver(ticketId)
  await world.loseWakeUps()
  const read: typeof zendesk.read = async (id, api) => report(await zendesk.read(id, api))
  const handler = createAnswer({ ...zendesk, read }, world.answering())
  const context = { getRemainingTimeInMillis: () => 180_000 } as Context
  await handler({ Records: [{ messageId: 'm', body: world.wakeUp(ticketId) } as SQSRecord] }, context)
}

/** What became of a refund that Zoe asked for and an approver's note approves, as `report` tells it. */
async function decisionOn(report: Report, first = asTheyAre): Promise<unknown> {
  const ticketId = world.openTicket('Please refund 20 EUR of my order 1042.')
  await look(ticketId, first)
  const code = /approve (\S+)/.exec(world.notes(ticketId).at(-1)?.plain_body ?? '')?.[1]
  world.write(ticketId, `approve ${code}`, { author: demoZendesk.agentUserId, public: false })
  await look(ticketId, report)
  return (await world.row(ticketId))?.proposals
}

test('as it is, it approves', async () => {
  expect(await decisionOn(asTheyAre)).toMatchObject({ refund_order: { state: 'approved' } })
})

test.each<[string, Report, Report?]>([
  ['public', reporting(isNote, () => ({ visibility: 'public' }))],
  ['ours', reporting(isNote, () => ({ ours: true }))],
  ['a robot’s', reporting(isNote, () => ({ automatic: true }))],
  ['a customer’s', reporting(isNote, ({ author }) => ({ author: { ...author, role: 'customer' } }))],
  ['perhaps not typed by hand', reporting(isNote, () => ({ evidence: { channel: 'portal' } }))],
  ['the requester’s', askedBy(approver)],
  [
    'of whoever asked for it, and is not the requester any more',
    (ticket) => askedBy('7')(asApprover(ticket)),
    (ticket) => askedBy(approver)(asApprover(ticket)),
  ],
])('nothing is approved by a note that is %s', async (_, report, first = asTheyAre) => {
  expect(await decisionOn(report, first)).toMatchObject({ refund_order: { state: 'proposed' } })
})
