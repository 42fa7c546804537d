/** What the agent knows of a ticket, what it did there and why, and what waits for an approver. */
import * as z from 'zod'
import { why } from '../../../schemas/admin.ts'
import type { ConnectionBase } from '../../../schemas/connection.ts'
import { connectionId, tenantId, tenantOf, vendorId } from '../../../schemas/names.ts'
import { ticketRow } from '../../../schemas/ticket-row.ts'
import { traceRecord } from '../../../schemas/trace.ts'
import type { AdminTenant } from '../../core/aws/admin-runtime.ts'
import { createConfiguration } from '../../core/configuration.ts'
import { decideProposal, waitingProposals } from '../../core/consent/decide-proposal.ts'
import { waitingOf } from '../../core/consent/waiting.ts'
import { giveBackTicket } from '../../core/give-back.ts'
import { ticketKey } from '../../core/ticket-key.ts'
import { readTrace } from '../../core/trace.ts'
import { cursorTo, pageFrom, pageQuery, pageSchema } from '../page.ts'
import { Problem } from '../problem.ts'
import { type Call, type Route, route } from '../route.ts'

const tag = 'tickets'
const ticketParams = z.object({ tenant: tenantId, connection: connectionId, ticket: vendorId })
const base = '/admin/tenants/{tenant}/connections/{connection}/tickets/{ticket}'

/** No content: what was said is in the helpdesk. */
const state = z
  .object({
    due: z.boolean().meta({ description: 'Something moved: it is to be looked at.' }),
    due_at: z
      .number()
      .optional()
      .meta({ description: 'When it is looked at next, also for the end of a proposal.' }),
    working: z.boolean().meta({ description: 'Somebody holds its lease.' }),
    attempts: z.number().int().meta({ description: 'Looks since the last that settled it.' }),
    handed_over: z.boolean(),
    owes_hand_over: z.string().optional().meta({ description: 'Why a human will get it.' }),
    given_back_at: z.number().optional(),
    looked_at: z.number().optional(),
    task: z.object({ name: z.string(), state: z.string() }).optional(),
    open: z
      .array(z.object({ effect: z.string(), kind: z.string(), tool: z.string().optional(), at: z.number() }))
      .meta({ description: 'Begun, and with no outcome yet.' }),
    proposals: z.array(
      z.object({
        id: z.string(),
        tool: z.string(),
        decided_by_whom: z.enum(['customer', 'code', 'agent']),
        state: z.string(),
        at: z.number(),
        until: z.number(),
      }),
    ),
  })
  .meta({ id: 'TicketState' })

const waiting = z
  .object({
    id: z.string(),
    tool: z.string(),
    summary: z.string().meta({ description: 'As the customer was shown it.' }),
    arguments: z.record(z.string(), z.json()),
    at: z.number(),
    until: z.number(),
  })
  .meta({ id: 'Proposal' })

export const ticketRoutes: Route[] = [
  route(
    {
      id: 'listWaiting',
      method: 'GET',
      path: '/admin/tenants/{tenant}/proposals',
      tag,
      summary: 'Lists what waits for an approver, over all tickets: what ends soonest first',
      permission: 'approve',
      params: z.object({ tenant: tenantId }),
      query: pageQuery,
      answers: {
        status: 200,
        description: 'A page; it may hold fewer than there are, when some were decided meanwhile.',
        body: pageSchema(
          z.object({
            id: z.string(),
            tool: z.string(),
            connection: z.string(),
            ticket: z.string(),
            at: z.number(),
            until: z.number(),
          }),
        ),
      },
    },
    async ({ tenant, query, now }) => {
      const { items, next } = await waitingOf(tenant, { ...pageFrom(query), now })
      const shown = items.map(({ connectionId: connection, ticketId: ticket, ...rest }) => ({
        ...rest,
        connection,
        ticket,
      }))
      return { status: 200, body: { items: shown, ...cursorTo(next) } }
    },
  ),
  route(
    {
      id: 'getTicket',
      method: 'GET',
      path: base,
      tag,
      summary: 'Reads where a ticket stands with the agent',
      permission: 'read',
      params: ticketParams,
      answers: { status: 200, description: 'The state.', body: state },
    },
    async (call) => {
      const row = await rowOf(call)
      const { task } = row
      return {
        status: 200,
        body: {
          due: row.dueSince !== undefined,
          ...(row.dueAt === undefined ? {} : { due_at: row.dueAt }),
          working: row.leaseUntil !== undefined && row.leaseUntil > call.now,
          attempts: row.attempts,
          handed_over: row.handedOver,
          ...(row.mustHandOver === undefined ? {} : { owes_hand_over: row.mustHandOver }),
          ...(row.givenBackAt === undefined ? {} : { given_back_at: row.givenBackAt }),
          ...(row.lookedAt === undefined ? {} : { looked_at: row.lookedAt }),
          ...(task === undefined ? {} : { task: { name: task.name, state: task.state } }),
          open: Object.entries(row.open).map(([effect, { kind, tool, at }]) => ({
            effect,
            kind,
            at,
            ...(tool === undefined ? {} : { tool }),
          })),
          proposals: Object.entries(row.proposals).map(([tool, mark]) => ({
            id: mark.id,
            tool,
            decided_by_whom: mark.by,
            state: mark.state === 'proposed' && mark.until <= call.now ? 'expired' : mark.state,
            at: mark.at,
            until: mark.until,
          })),
        },
      }
    },
  ),
  route(
    {
      id: 'getTrace',
      method: 'GET',
      path: `${base}/trace`,
      tag,
      summary: 'Reads what the agent did on a ticket, in order, and why: oldest run first',
      permission: 'read',
      params: ticketParams,
      answers: {
        status: 200,
        description: 'The runs.',
        body: z.object({ runs: z.array(traceRecord) }),
      },
    },
    async ({ tenant, params }) => {
      mustBeOf(tenant, params.connection)
      const { pk } = ticketKey(params.connection, params.ticket)
      return { status: 200, body: { runs: await readTrace(tenant.conversations, tenant.vault, pk) } }
    },
  ),
  route(
    {
      id: 'listProposals',
      method: 'GET',
      path: `${base}/proposals`,
      tag,
      summary: 'Lists what waits for an approver on a ticket',
      permission: 'approve',
      params: ticketParams,
      answers: {
        status: 200,
        description: 'Those that are open.',
        body: z.object({ items: z.array(waiting) }),
      },
    },
    async ({ tenant, params, now }) => {
      mustBeOf(tenant, params.connection)
      const found = await waitingProposals(tenant.conversations, tenant.vault, {
        connectionId: params.connection,
        ticketId: params.ticket,
        now,
      })
      const items = found.map(({ tool, mark, proposal }) => ({
        id: mark.id,
        tool,
        summary: proposal.summary,
        arguments: proposal.call.values,
        at: mark.at,
        until: mark.until,
      }))
      return { status: 200, body: { items } }
    },
  ),
  route(
    {
      id: 'decideProposal',
      method: 'POST',
      path: `${base}/proposals/{proposal}`,
      tag,
      summary: 'Approves or declines what waits: the stored call runs as it stands, or never',
      permission: 'approve',
      params: ticketParams.extend({ proposal: z.string().min(1).max(100) }),
      body: z.strictObject({ decision: z.enum(['approve', 'decline']), why }),
      example: { decision: 'approve', why: 'The new address is in the same city' },
      answers: {
        status: 202,
        description: 'Decided; the ticket is being looked at.',
        body: z.object({ decision: z.string() }),
      },
    },
    async (call) => {
      const { tenant, params, body, now, who } = call
      const connection = await liveConnection(call)
      const row = await rowOf(call)
      const [tool] = Object.entries(row.proposals).find(([, { id }]) => id === params.proposal) ?? []
      const decided =
        tool === undefined
          ? 'not_open'
          : await decideProposal(tenant.conversations, connection, {
              ticketId: params.ticket,
              tool,
              proposalId: params.proposal,
              decision: body.decision,
              approver: who.id,
              now,
            })
      if (decided === 'not_open')
        throw new Problem(
          'conflict',
          'It waits for nobody: it was decided, replaced or over, or is the customer’s.',
        )
      await wake(call, connection)
      return {
        status: 202,
        body: { decision: body.decision },
        result: { tool: tool ?? '', decision: body.decision },
      }
    },
  ),
  route(
    {
      id: 'giveBack',
      method: 'POST',
      path: `${base}/give-back`,
      tag,
      summary: 'Gives a ticket that was handed over back to the agent',
      description:
        'What stands unanswered there is answered. Whoever is assigned in the helpdesk still has it: take them off there.',
      permission: 'approve',
      params: ticketParams,
      body: z.strictObject({ why }),
      example: { why: 'A plain question again' },
      answers: { status: 202, description: 'Given back; the ticket is being looked at.', body: z.object({}) },
    },
    async (call) => {
      const connection = await liveConnection(call)
      const { ticket: ticketId } = call.params
      if (
        (await giveBackTicket(call.tenant.conversations, connection, { ticketId, now: call.now })) ===
        'unknown'
      )
        throw new Problem('not_found', 'The agent was never rung for this ticket.')
      await wake(call, connection)
      return { status: 202, body: {} }
    },
  ),
]

type OfTicket = Pick<
  Call<z.output<typeof ticketParams>, undefined, undefined>,
  'tenant' | 'params' | 'now'
> & {
  runtime: Call<unknown, unknown, unknown>['runtime']
}

/** A connection of another tenant is no connection here. */
function mustBeOf({ tenant }: AdminTenant, connection: string): void {
  if (tenantOf(connection) !== tenant) throw new Problem('not_found', 'This tenant has no such connection.')
}

async function rowOf({ tenant, params }: Pick<OfTicket, 'tenant' | 'params'>) {
  mustBeOf(tenant, params.connection)
  const row = await tenant.conversations.get('ticket', ticketKey(params.connection, params.ticket))
  if (row === undefined) throw new Problem('not_found', 'The agent was never rung for this ticket.')
  return ticketRow.parse(row)
}

async function liveConnection({
  tenant,
  params,
  now,
}: OfTicket): Promise<Pick<ConnectionBase, 'id' | 'helpdesk'>> {
  mustBeOf(tenant, params.connection)
  const configuration = createConfiguration(tenant.configuration, tenant.tenant)
  const live = await configuration.live(0, now)
  const found = live && (await configuration.definition(live, 'connection', params.connection, anyConnection))
  if (found === undefined) throw new Problem('not_found', 'This tenant has no such connection live.')
  return found as Pick<ConnectionBase, 'id' | 'helpdesk'>
}

const anyConnection = z.looseObject({ id: connectionId, helpdesk: z.string() })

/** A wake-up that is lost is found by the sweeper. */
async function wake(
  { runtime, params }: OfTicket,
  { helpdesk }: Pick<ConnectionBase, 'helpdesk'>,
): Promise<void> {
  await runtime
    .queue(helpdesk)
    .send({ connectionId: params.connection, ticketId: params.ticket }, 0)
    .catch(() => undefined)
}
