/**
 * The answering half, in the order things happen: claim the ticket, read it, settle what an earlier worker left
 * open, decide whether there is something to answer, answer it, release. The row is the truth: a wake-up only says
 * "look".
 */
import middy from '@middy/core'
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import type { Release } from '../../schemas/configuration.ts'
import type { ConnectionBase } from '../../schemas/connection.ts'
import { type Queued, queued } from '../../schemas/doorbell.ts'
import { tenantOf } from '../../schemas/names.ts'
import type { TicketRow } from '../../schemas/ticket-row.ts'
import { answerMessage, type Ending, endHandedOver } from './answer-message.ts'
import { createBoundedCache } from './bounded-cache.ts'
import { type Configuration, createConfiguration } from './configuration.ts'
import { closeExpired } from './consent/close-expired.ts'
import { heedApprovers } from './consent/heed-approvers.ts'
import { awaitsUs } from './consent/proposals.ts'
import { seeThrough } from './consent/see-through.ts'
import { countRun } from './count-run.ts'
import { indexCustomers } from './customer-index.ts'
import { DeskhandError } from './errors.ts'
import type { Helpdesk, HelpdeskApi, Ticket, TokenCache } from './helpdesk.ts'
import { claim, giveBack, release } from './lease.ts'
import { loadEffects } from './ledger.ts'
import { verdictOn } from './look-again.ts'
import { isNoteMode } from './note.ts'
import { parseJson } from './parse-json.ts'
import { createPauses, type Pauses } from './pause.ts'
import type { AnswerRuntime, TenantRuntime } from './ports.ts'
import { endFailed, giveUp, isHopeless, type Later, outageDelay, wakeLater, workLater } from './postpone.ts'
import { reconcile } from './reconcile.ts'
import { settlePosts, settleTools } from './settle.ts'
import { isGivenBack, notShown, type Verdict } from './should-answer.ts'
import { type AgentLoader, createAgentLoader } from './tenant-configuration.ts'
import { ticketKey } from './ticket-key.ts'
import { createTrace, writeTrace } from './trace.ts'
import { traceIdOf } from './trace-header.ts'
import type { Run, Work } from './turn.ts'

const second = 1000
/** A published change is live within this time. */
const configurationAgeMs = 10 * second
/** Kept of the function's time, to write down what is known when it runs out. */
const reserveMs = 5 * second
/** Another look is taken only with time for a whole turn. */
const wholeTurnMs = 60 * second
const maxLooks = 8
/** Tenants whose configuration one process keeps in memory. */
const tenantsKept = 100
const maxAttempts = 5
/** How long to wait for a message that a doorbell named and the helpdesk does not show yet. */
const waitsMs = [5 * second, 30 * second, 120 * second] as const

/** Makes the Lambda handler of one helpdesk's `answer`. What cannot be parsed or claimed goes back to the queue. */
export function createAnswer(helpdesk: Helpdesk, runtime: AnswerRuntime) {
  const caches = createBoundedCache<Caches>(tenantsKept)
  const cachesOf = ({ tenant, configuration: table, conversations }: TenantRuntime): Caches => {
    const known =
      caches.get(tenant) ?? newCaches(createConfiguration(table, tenant), createPauses(conversations, tenant))
    caches.set(tenant, known)
    return known
  }
  // A run ends itself at its own deadline, which leaves time to write down what is known.
  return middy<SQSEvent, SQSBatchResponse>({ timeoutEarlyInMillis: 0 }).handler(
    async (event, context: Context) => {
      const batchItemFailures: { itemIdentifier: string }[] = []
      for (const record of event.Records) {
        const log = runtime.log.with({ helpdesk: helpdesk.name, ...wokenBy(record) })
        const wake = readWakeUp(record.body)
        if (wake === undefined) {
          log.alarm('wake_up_unreadable', { requestId: record.messageId })
          batchItemFailures.push({ itemIdentifier: record.messageId })
          continue
        }
        const tenant = await runtime.forTenant(tenantOf(wake.connectionId))
        const deadline = runtime.clock.now() + context.getRemainingTimeInMillis() - reserveMs
        const { pauses, ...known } = cachesOf(tenant)
        if (await pauses.isPaused(wake.connectionId, runtime.clock.now())) {
          log.info('wake_up_dropped', {
            code: 'paused',
            tenant: tenant.tenant,
            connectionId: wake.connectionId,
          })
          continue
        }
        const run = { ...runtime, ...known, log, helpdesk, tenant, deadline }
        if ('reconcile' in wake) await reconcileConnection(run, wake.connectionId)
        else await answerTicket({ ...run, wake })
      }
      return { batchItemFailures }
    },
  )
}

/** What one process keeps of a tenant. */
interface Caches {
  pauses: Pauses
  configuration: Configuration
  loadAgent: AgentLoader
  tokens: TokenCache
}
const newCaches = (configuration: Configuration, pauses: Pauses): Caches => ({
  pauses,
  configuration,
  loadAgent: createAgentLoader(configuration),
  tokens: new Map(),
})

/** Works on one ticket until it is settled, postponed or somebody else's. Throws only when it cannot be claimed. */
export async function answerTicket(unclaimed: Omit<Run, 'lease' | 'signal' | 'trace'>): Promise<void> {
  const { clock, tenant, wake, deadline } = unclaimed
  const log = unclaimed.log.with({ tenant: tenant.tenant, ...wake })
  const started = clock.now()
  const lease = await claim(tenant.conversations, ticketKey(wake.connectionId, wake.ticketId), started)
  if (lease === 'busy' || lease === 'settled') {
    log.info('wake_up_dropped', { code: lease })
    return
  }
  log.info('ticket_claimed', { fence: lease.fence, attempt: lease.row.attempts, ms: clock.now() - started })

  const outOfTime = new AbortController()
  const timer = setTimeout(() => outOfTime.abort(), Math.max(0, deadline - clock.now())).unref()
  const trace = createTrace(clock)
  const run: Run = { ...unclaimed, log, lease, trace, signal: outOfTime.signal }
  let code = 'failed'
  try {
    code = await lookUntilSettled(run)
    log.info('turn_ended', { code, ms: clock.now() - started })
  } catch (error) {
    await endFailed(run, error)
    trace.add({ kind: 'postponed', code: error instanceof DeskhandError ? error.code : 'unexpected' })
  } finally {
    clearTimeout(timer)
  }
  const about = { at: started, fence: lease.fence, ms: clock.now() - started, code }
  await Promise.all([
    writeTrace({ ...tenant, log }, lease.key.pk, about, trace.entries),
    countRun({ ...tenant, log }, { ...wake, tenant: tenant.tenant, at: started }, trace.entries),
  ])
}

/** Asks the helpdesk of one connection what moved. */
async function reconcileConnection(
  run: Omit<Run, 'lease' | 'signal' | 'trace' | 'wake'>,
  connectionId: string,
): Promise<void> {
  const { tenant, helpdesk, configuration, clock, deadline } = run
  const log = run.log.with({ tenant: tenant.tenant, connectionId })
  const signal = AbortSignal.timeout(Math.max(0, deadline - clock.now()))
  await reconcile({
    ...run,
    log,
    conversations: tenant.conversations,
    connectionId,
    load: async () => {
      const live = await configuration.live(configurationAgeMs, clock.now())
      if (live === undefined) return undefined
      const connection = await configuration.definition(live, 'connection', connectionId, helpdesk.connection)
      return connection && apiOf({ ...run, log, signal }, connection)
    },
  })
}

/** Looks again while doorbells ring, as long as there is time for a whole turn. Answers how it ended. */
async function lookUntilSettled(run: Run): Promise<string> {
  for (let looks = 1; ; looks++) {
    const ending = await look(run)
    if ('settled' in ending) {
      const now = run.clock.now()
      if ((await release(run.tenant.conversations, run.lease, { ...ending, now })) === 'settled') {
        const { due, dueAt } = run.lease.row
        if (due !== undefined && dueAt !== undefined) await wakeLater(run, Math.max(0, dueAt - now))
        return ending.settled
      }
    } else if ('later' in ending) {
      await workLater(run, ending)
      return ending.cause
    }
    run.log.info('looking_again', { count: looks })
    if (looks >= maxLooks || run.clock.now() + wholeTurnMs > run.deadline) {
      // Doorbells are a reason to hurry; a ticket that changes whenever we post is not.
      const restless = 'again' in ending
      if (restless && isHopeless(run)) {
        await giveUp(run, { code: 'ticket_changed' })
        return 'given_up'
      }
      const { outages } = run.lease.row
      await workLater(run, {
        later: restless ? outageDelay(outages) : 0,
        cause: 'looked_too_often',
        ownFault: restless,
        outages: restless ? outages + 1 : outages,
      })
      return 'looked_too_often'
    }
  }
}

/** One look at the ticket: from what is still open to the reply. */
async function look(run: Run): Promise<Ending | Later> {
  const { clock, log, lease, tenant } = run
  const { row } = lease
  lease.looked = row.rung
  lease.lookedAt = clock.now()
  const owes = (): boolean => Object.keys(lease.row.open).length > 0 || lease.row.mustHandOver !== undefined
  const isQuiet = !row.customer && row.checkAt === undefined && !owes()
  if (isQuiet && !awaitsUs(row.proposals)) return { settled: 'team_only' }
  const work = await prepare(run)
  const disabled = { settled: 'connection_disabled' }
  if (!work.connection.enabled && !owes()) return disabled
  const started = clock.now()
  const read = await run.helpdesk.read(run.wake.ticketId, work.api)
  log.info('ticket_read', { count: read.messages.length, ms: clock.now() - started })
  const hidden = notShown(read, lease.row)
  if (hidden !== undefined) {
    const wait = laterFor(lease.row)
    if (wait !== undefined) return wait
    log.alarm('message_never_shown', { messageId: hidden })
  }
  await settleTools(work, read)
  const ticket = await settlePosts(work, read)
  if (lease.row.customers !== undefined) await indexCustomers(work, ticket)
  if (isGivenBack(ticket, lease.row)) await giveBack(tenant.conversations, lease, clock.now())

  const maySpeak = work.connection.enabled && !isNoteMode(work.connection) && ticket.inScope
  await closeExpired(work, maySpeak)

  const newest = ticket.messages.findLast((m) => m.author.role === 'customer') ?? ticket.messages.at(-1)
  if (lease.row.mustHandOver !== undefined) {
    if (newest === undefined)
      throw new DeskhandError('bad_answer', 'the helpdesk shows a ticket without any message')
    return await endHandedOver(work, ticket, newest, lease.row.mustHandOver)
  }
  if (!work.connection.enabled) return disabled
  if (maySpeak) {
    await heedApprovers(work, ticket)
    if ((await seeThrough(work, ticket)) === 'changed') return { again: true }
  }
  const verdict = verdictOn(work, ticket)
  const wait = isBehindUnnamed(run, ticket, verdict) ? laterFor(lease.row) : undefined
  if (wait !== undefined) return wait
  if (verdict.do === 'nothing') {
    // Nothing new is what every ticket comes to in the end.
    if (verdict.cause !== 'nothing_new') run.trace.add({ kind: 'silent', cause: verdict.cause })
    return { settled: verdict.cause }
  }
  if (verdict.do === 'hand_over') return await endHandedOver(work, ticket, verdict.message, verdict.cause)
  if (lease.row.attempts > maxAttempts) {
    log.alarm('too_many_attempts', { attempt: lease.row.attempts })
    return await endHandedOver(work, ticket, verdict.message, 'too_many_attempts')
  }
  return await answerMessage(work, ticket, verdict.message)
}

/** How long to wait for a message that is not shown yet; `undefined` when that is over. */
function laterFor({ waits }: TicketRow): Later | undefined {
  const wait = waitsMs[waits]
  return wait === undefined
    ? undefined
    : { later: wait, cause: 'message_not_shown', ownFault: false, waits: waits + 1 }
}

/** A customer's doorbell that names no message rang, and there is nothing new: perhaps it is not shown yet. Asked once. */
function isBehindUnnamed({ lease: { row }, clock }: Run, ticket: Ticket, verdict: Verdict): boolean {
  const nothingNew = verdict.do === 'nothing' && verdict.cause === 'nothing_new'
  const unnamed = row.wanted === undefined && row.customer && row.waits === 0
  return nothingNew && unnamed && !answeredJustNow(ticket, clock.now())
}

const answeredJustNow = (ticket: Ticket, now: number): boolean =>
  ticket.messages.some((m) => m.ours && m.visibility === 'public' && now - m.at < 60 * second)

/** The tenant's live configuration, this connection, and what was done on the ticket before. */
async function prepare(run: Run): Promise<Work> {
  const { tenant, configuration, clock } = run
  const live = await configuration.live(configurationAgeMs, clock.now())
  if (live === undefined) throw new DeskhandError('bad_configuration', 'the tenant has published nothing yet')
  const [agent, connection, effects] = await Promise.all([
    run.loadAgent(live),
    loadConnection(run, live),
    loadEffects(tenant.conversations, run.lease.key.pk),
  ])
  return { ...run, agent, connection, effects, api: apiOf(run, connection) }
}

/** The way to one account of a helpdesk. */
function apiOf(
  { tenant, tokens, clock, log, signal }: Pick<Run, 'tenant' | 'tokens' | 'clock' | 'log' | 'signal'>,
  connection: ConnectionBase,
): HelpdeskApi<ConnectionBase> {
  return {
    connection,
    http: tenant.http,
    ...(tenant.allowance === undefined ? {} : { allowance: tenant.allowance }),
    secrets: tenant.secrets,
    tokens,
    now: clock.now,
    log,
    signal,
  }
}

async function loadConnection(run: Run, live: Release): Promise<ConnectionBase> {
  const { configuration, helpdesk, wake } = run
  const connection = await configuration.definition(
    live,
    'connection',
    wake.connectionId,
    helpdesk.connection,
  )
  if (connection?.id === wake.connectionId) return connection
  throw new DeskhandError('bad_configuration', 'the connection is not in the live release: publish it again')
}

/** Which invocation asked for this one: the webhook's, the sweeper's, or an earlier run's. */
function wokenBy({ attributes }: Partial<SQSRecord>): { wokenBy?: string } {
  const traceId = traceIdOf(attributes?.AWSTraceHeader)
  return traceId === undefined ? {} : { wokenBy: traceId }
}

function readWakeUp(body: string): Queued | undefined {
  const json = parseJson(Buffer.from(body))
  const parsed = queued.safeParse(json.ok ? json.value : undefined)
  return parsed.success ? parsed.data : undefined
}
