/**
 * The answering half, in the order things happen: claim the ticket, settle what an earlier worker left open, read
 * it, decide whether there is something to answer, find out who wrote, fetch their data, let Claude work, take a last
 * look, reply, release. The row is the truth: a wake-up only says "look".
 */
import middy from '@middy/core'
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda'
import type { Release } from '../../schemas/configuration.ts'
import type { ConnectionBase } from '../../schemas/connection.ts'
import { type WakeUp, wakeUp } from '../../schemas/doorbell.ts'
import { atLeast, tenantOf } from '../../schemas/names.ts'
import { type AgentEnd, runAgent } from './agent.ts'
import { checkReply } from './check-reply.ts'
import { type Configuration, createConfiguration } from './configuration.ts'
import { DeskhandError, isCode } from './errors.ts'
import { code, handOver, isShadow, safeNote } from './hand-over.ts'
import type { Helpdesk, HelpdeskApi, Message, Ticket, TokenCache } from './helpdesk.ts'
import { audienceIsOnly, type Identity, identify } from './identify.ts'
import { claim, giveBack, type Lease, postpone, release } from './lease.ts'
import { effectId, type Journal, loadEffects, openJournal } from './ledger.ts'
import { answeredBy, lookAgain, reachesOnlyCustomer } from './look-again.ts'
import { performTools } from './perform-tools.ts'
import type { AnswerRuntime, TenantRuntime } from './ports.ts'
import { post, refOf } from './post.ts'
import { type EarlierEffect, opening } from './prompt.ts'
import { settlePosts, settleTools } from './settle.ts'
import { isGivenBack, shouldAnswer } from './should-answer.ts'
import { type AgentConfiguration, loadAgent, readRelease } from './tenant-configuration.ts'
import { ticketKey } from './ticket-key.ts'
import type { Turn, Work } from './turn.ts'
import { fetchUserData, type UserData } from './user-data.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
/** A published change is live within this time. */
const configurationAgeMs = 10 * second
/** Kept of the function's time, to store what is known when it runs out. */
const reserveMs = 5 * second
/** Another look is taken only with time for a whole turn. */
const wholeTurnMs = 60 * second
const maxLooks = 8
const maxAttempts = 5
const giveUpAfterMs = 7 * 24 * hour
/** How long to wait for a message that a doorbell named and the helpdesk does not show yet. */
const waitsMs = [5 * second, 30 * second, 2 * minute]
const outageMs = [30 * second, minute, 2 * minute, 5 * minute, 15 * minute]
const brokenConnectionMs = 10 * minute
const maxSqsDelayMs = 15 * minute

/** How a look at the ticket ended. */
type Ending =
  | { settled: string; closing?: string }
  | { again: true }
  | { later: number; cause: string; ownFault: boolean; waits?: number }

/** Makes the Lambda handler of one helpdesk's `answer`: one SQS record at a time. */
export function createAnswer(helpdesk: Helpdesk, runtime: AnswerRuntime) {
  const configurations = new Map<string, Configuration>()
  const tokens: TokenCache = new Map() as unknown as TokenCache
  return middy<SQSEvent, SQSBatchResponse>().handler(async (event, context: Context) => {
    const failed: { itemIdentifier: string }[] = []
    for (const record of event.Records) {
      const parsed = wakeUp.safeParse(parseJson(record.body))
      if (!parsed.success) {
        runtime.log.alarm('wake_up_unreadable', { helpdesk: helpdesk.name, requestId: record.messageId })
        failed.push({ itemIdentifier: record.messageId })
        continue
      }
      const deadline = runtime.clock.now() + context.getRemainingTimeInMillis() - reserveMs
      await answerTicket(helpdesk, runtime, { configurations, tokens }, parsed.data, deadline)
    }
    return { batchItemFailures: failed }
  })
}

interface Caches {
  configurations: Map<string, Configuration>
  tokens: TokenCache
}

/** Works on one ticket until it is settled, postponed or somebody else's. Throws only when it cannot be claimed. */
async function answerTicket(
  helpdesk: Helpdesk,
  runtime: AnswerRuntime,
  caches: Caches,
  wake: WakeUp,
  deadline: number,
): Promise<void> {
  const { clock } = runtime
  const name = { tenant: tenantOf(wake.connectionId), ...wake, helpdesk: helpdesk.name }
  const log = runtime.log.with(name)
  const started = clock.now()
  const tenant = await runtime.forTenant(name.tenant)
  const lease = await claim(tenant.conversations, ticketKey(wake.connectionId, wake.ticketId), started)
  if (lease === 'busy' || lease === 'settled') {
    log.info('wake_up_dropped', { code: lease })
    return
  }
  log.info('ticket_claimed', { fence: lease.fence, attempt: lease.row.attempts, ms: clock.now() - started })

  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), Math.max(0, deadline - clock.now()))
  try {
    const ended = await lookUntilSettled(
      helpdesk,
      { ...runtime, log },
      caches,
      tenant,
      wake,
      lease,
      deadline,
      abort.signal,
    )
    log.info('turn_ended', { code: ended, ms: clock.now() - started })
  } catch (error) {
    await failed(error, lease, tenant, { ...runtime, log }, wake, deadline)
  } finally {
    clearTimeout(timer)
  }
}

async function lookUntilSettled(
  helpdesk: Helpdesk,
  runtime: AnswerRuntime,
  caches: Caches,
  tenant: TenantRuntime,
  wake: WakeUp,
  lease: Lease,
  deadline: number,
  signal: AbortSignal,
): Promise<string> {
  const { clock, log } = runtime
  const configuration = cached(caches.configurations, tenant.tenant, () =>
    createConfiguration(tenant.configuration, tenant.tenant),
  )
  for (let looks = 1; ; looks++) {
    const ending = await look(helpdesk, runtime, caches, configuration, tenant, wake, lease, deadline, signal)
    if ('settled' in ending) {
      if ((await release(tenant.conversations, lease, ending.closing)) === 'settled') return ending.settled
      log.info('rung_again', { code: ending.settled })
    } else if ('later' in ending) {
      await later(runtime, tenant, wake, lease, ending)
      return ending.cause
    }
    if (looks >= maxLooks || clock.now() + wholeTurnMs > deadline) {
      await later(runtime, tenant, wake, lease, {
        later: 0,
        cause: 'rung_again',
        ownFault: 'again' in ending,
      })
      return 'rung_again'
    }
  }
}

/** One look at the ticket: everything from open effects to the reply. */
async function look(
  helpdesk: Helpdesk,
  runtime: AnswerRuntime,
  caches: Caches,
  configuration: Configuration,
  tenant: TenantRuntime,
  wake: WakeUp,
  lease: Lease,
  deadline: number,
  signal: AbortSignal,
): Promise<Ending> {
  const { clock, log } = runtime
  const { row } = lease
  const hasOpen = Object.keys(row.open).length > 0
  if (!row.customer && !hasOpen && row.mustHandOver === undefined) return { settled: 'team_only' }

  const live = await configuration.live(configurationAgeMs, clock.now())
  if (live === undefined) throw new DeskhandError('bad_configuration', 'the tenant has published nothing yet')
  const [agent, connection, effects] = await Promise.all([
    loadAgent(configuration, live),
    loadConnection(configuration, live, helpdesk, wake.connectionId),
    loadEffects(tenant.conversations, lease.key.pk),
  ])
  const api: HelpdeskApi<ConnectionBase> = {
    connection,
    http: tenant.http,
    ...(tenant.allowance === undefined ? {} : { allowance: tenant.allowance }),
    secrets: tenant.secrets,
    tokens: caches.tokens,
    now: clock.now,
    log,
    signal,
  }
  const linkHosts = {
    reply: agent.settings.linkHosts,
    note: [...agent.settings.linkHosts, ...[...agent.tools.values()].map((tool) => hostOf(tool.request.url))],
  }
  const work: Work = {
    clock,
    log,
    tenant,
    helpdesk,
    api,
    connection,
    lease,
    effects,
    deadline,
    signal,
    linkHosts,
  }

  await settleTools(work, agent)
  const readStarted = clock.now()
  const ticket = await helpdesk.read(wake.ticketId, api)
  log.info('ticket_read', { count: ticket.messages.length, ms: clock.now() - readStarted })
  await settlePosts(work, ticket)

  const missing = [...(row.wanted ?? [])].some((id) => !ticket.messages.some((m) => m.id === id))
  const wait = waitsMs[row.waits]
  if (missing && ticket.complete && wait !== undefined) {
    return { later: wait, cause: 'message_not_shown', ownFault: false, waits: row.waits + 1 }
  }

  const answered = answeredBy(effects.values())
  if (isGivenBack(ticket, lease.row)) await giveBack(tenant.conversations, lease, clock.now())
  const verdict = shouldAnswer(ticket, lease.row, answered, clock.now())
  const forced = lease.row.mustHandOver
  const newest = ticket.messages.findLast((m) => m.author.role === 'customer')
  if (forced !== undefined && newest !== undefined) return await endHandedOver(work, ticket, newest, forced)
  if (verdict.do === 'nothing') return { settled: verdict.cause }
  if (verdict.do === 'hand_over') return await endHandedOver(work, ticket, verdict.message, verdict.cause)
  if (lease.row.attempts > maxAttempts) {
    log.alarm('too_many_attempts', { attempt: lease.row.attempts })
    return await endHandedOver(work, ticket, verdict.message, 'too_many_attempts')
  }
  return await answerMessage(work, runtime, configuration, agent, ticket, verdict.message)
}

/** Answers one message: who wrote it, what is known of them, what Claude says, and the reply. */
async function answerMessage(
  work: Work,
  runtime: AnswerRuntime,
  configuration: Configuration,
  live: AgentConfiguration,
  ticket: Ticket,
  message: Message,
): Promise<Ending> {
  const { clock, log, tenant, lease } = work
  const identity = identify(message, ticket, work.helpdesk.sideDoorsClosed(work.connection.attestations))
  log.info('customer_identified', { level: identity.level, cause: identity.why, messageId: message.id })
  const barred = await barredBy(work, ticket, identity)
  if (barred !== undefined) return await endHandedOver(work, ticket, message, barred)

  const about = await tenant.vault.hmac(`about|${identity.address ?? ''}|${identity.level}`)
  const journal = await openJournal(
    tenant.conversations,
    tenant.vault,
    lease.key.pk,
    `${message.id}~${about.slice(0, 12)}`,
    clock.now,
  )
  // A turn keeps the configuration it began with.
  const agent =
    journal.release === undefined || journal.release === live.release
      ? live
      : await loadAgent(
          configuration,
          await readRelease(tenant.configuration, tenant.tenant, journal.release),
        )

  const userData =
    journal.steps[0] === undefined ? await askUserData(work, agent, identity) : journal.steps[0].userData
  const turn: Turn = {
    ...work,
    ticket,
    message,
    identity,
    about,
    configuration: agent,
    tools: agent.tools,
    userDataText: userData?.kind === 'data' ? userData.text : undefined,
    // A turn that goes on after a crash may hold anything its level admits.
    personal: userData?.kind === 'data' || (journal.steps.length > 0 && atLeast(identity.level, 'mailbox')),
  }
  const end = await runAgent({
    settings: agent.settings,
    tools: agent.modelTools,
    opening: opening({
      ticket,
      message,
      identity,
      userData,
      effects: await earlierEffects(turn),
      settings: agent.settings,
      now: clock.now(),
    }),
    userData,
    journal,
    release: agent.release,
    model: runtime.model,
    perform: (calls) => performTools(turn, calls),
    signal: work.signal,
    timeLeft: () => work.deadline - clock.now(),
    now: clock.now,
    log,
  }).catch((error: unknown): AgentEnd => {
    if (isCode(error, 'refused')) return { end: 'hand_over', cause: 'model_refused_request' }
    throw error
  })
  switch (end.end) {
    case 'again':
      return { again: true }
    case 'hand_over':
      return await endHandedOver(work, ticket, message, end.cause, end.summary)
    case 'answer':
      return await reply(turn, journal, end.text)
  }
}

/** The last look, then the reply: or a note in note mode. */
async function reply(turn: Turn, journal: Journal, text: string): Promise<Ending> {
  const { tenant, lease, message, log } = turn
  const checked = checkReply(text, { linkHosts: turn.linkHosts.reply })
  if (!checked.ok) {
    log.warn('reply_refused', { cause: checked.cause })
    return await endHandedOver(turn, turn.ticket, message, 'reply_refused')
  }
  const ticket = await lookAgain(turn)
  if (ticket === undefined) return { again: true }
  const shadow = isShadow(turn.connection)
  if (turn.personal && !shadow && !reachesOnlyCustomer(turn, ticket)) {
    return await endHandedOver(turn, ticket, message, 'not_alone')
  }
  const started = turn.clock.now()
  const id = await effectId(tenant.vault, lease.key.pk, 'reply', message.id)
  const result = await post(turn, ticket, {
    id,
    messageId: message.id,
    outgoing: shadow
      ? { kind: 'note', text: shadowNote(turn, journal, checked.text), ref: refOf(id) }
      : { kind: 'reply', text: checked.text },
    ...(turn.personal && !shadow ? { personal: await addressTag(turn, turn.identity.address) } : {}),
  })
  if (result === 'changed') return { again: true }
  if (result === 'refused') return await endHandedOver(turn, ticket, message, 'reply_refused')
  log.info('reply_posted', {
    code: shadow ? 'note' : 'reply',
    effectId: id,
    messageId: message.id,
    ms: turn.clock.now() - started,
  })
  return { settled: shadow ? 'noted' : 'replied', closing: id }
}

/** Note mode: the answer, and the calls that would have been made. */
function shadowNote(turn: Turn, journal: Journal, text: string): string {
  const calls = journal.steps.flatMap((step) =>
    step.answer.content.filter(
      (block) => block.type === 'tool_use' && turn.tools.get(block.name)?.effect === 'write',
    ),
  )
  const lines = calls.map((call) =>
    call.type === 'tool_use' ? `- would have called ${call.name} ${code(JSON.stringify(call.input))}` : '',
  )
  return safeNote(['**Suggested answer** (note mode, nothing was sent)', text, ...lines], turn.linkHosts.note)
}

/** Reasons not to let the agent speak at all. */
async function barredBy(work: Work, ticket: Ticket, identity: Identity): Promise<string | undefined> {
  if (identity.suspicious) return 'suspicious_sender'
  const told = work.lease.row.personal
  if (told === undefined) return undefined
  if (identity.address === undefined) return 'identity_dropped'
  if (told !== (await addressTag(work, identity.address)) || !audienceIsOnly(ticket, identity.address)) {
    return 'audience_changed'
  }
  return undefined
}

const addressTag = async (work: Work, address: string | undefined): Promise<string> =>
  await work.tenant.vault.hmac(`address|${address ?? ''}`)

/** Once per turn, for a verified address only. */
async function askUserData(
  work: Work,
  agent: AgentConfiguration,
  identity: Identity,
): Promise<UserData | undefined> {
  const api = agent.userDataApi
  if (api === undefined || identity.address === undefined || !atLeast(identity.level, api.identity))
    return undefined
  const started = work.clock.now()
  const userData = await fetchUserData({
    api,
    authorizations: agent.authorizations,
    email: identity.address,
    http: work.tenant.http,
    secrets: work.tenant.secrets,
    signal: work.signal,
    now: work.clock.now,
  })
  const fields = {
    code: userData.kind,
    ms: work.clock.now() - started,
    ...(userData.kind === 'data' ? { bytes: userData.bytes } : {}),
  }
  if (userData.kind === 'mismatch') work.log.alarm('user_data_mismatch', fields)
  else if (userData.kind === 'unavailable') work.log.warn('user_data', { ...fields, cause: userData.cause })
  else work.log.info('user_data', fields)
  return userData
}

/** What was done on this ticket before; content only where it was for the very same customer and level. */
async function earlierEffects(turn: Turn): Promise<EarlierEffect[]> {
  const tools = [...turn.effects.values()].filter((effect) => effect.kind === 'tool')
  return await Promise.all(
    tools.map(async (effect) => ({
      tool: effect.tool ?? '',
      state: effect.state,
      at: effect.at,
      ...(effect.content !== undefined && effect.about === turn.about
        ? {
            content: await turn.tenant.vault.open(
              { pk: effect.pk, sk: effect.sk, field: 'content' },
              effect.content,
            ),
          }
        : {}),
    })),
  )
}

async function endHandedOver(
  work: Work,
  ticket: Ticket,
  message: Message,
  cause: string,
  summary?: string,
): Promise<Ending> {
  const done = await handOver(work, ticket, message, cause, summary)
  return done === 'changed' ? { again: true } : { settled: `handed_over` }
}

/** Leaves the ticket due, and sends a wake-up for the time it is due; should that be lost, the sweeper rings. */
async function later(
  runtime: AnswerRuntime,
  tenant: TenantRuntime,
  wake: WakeUp,
  lease: Lease,
  ending: { later: number; cause: string; ownFault: boolean; waits?: number; outages?: number },
): Promise<void> {
  const { clock, log, queue } = runtime
  await postpone(tenant.conversations, lease, clock.now() + ending.later, ending)
  log.info('postponed', { cause: ending.cause, ms: ending.later })
  if (ending.later > maxSqsDelayMs) return
  await queue.send(wake, Math.ceil(ending.later / second)).catch((error: unknown) => {
    log.warn('wake_up_failed', { errorName: error instanceof Error ? error.name : 'unknown' })
  })
}

/** What did not go well: postpone what may pass, count what is our own fault, stop when the lease is gone. */
async function failed(
  error: unknown,
  lease: Lease,
  tenant: TenantRuntime,
  runtime: AnswerRuntime,
  wake: WakeUp,
  deadline: number,
): Promise<void> {
  const { clock, log } = runtime
  const known = error instanceof DeskhandError ? error : undefined
  const fields = {
    code: known?.code ?? 'unexpected',
    errorName: error instanceof Error ? error.name : 'unknown',
    ...(known === undefined ? {} : { errorMessage: known.message }),
  }
  if (known?.code === 'lease_lost') {
    log.warn('lease_lost', fields)
    return
  }
  if (known?.code === 'ticket_gone') {
    log.warn('ticket_gone', fields)
    await release(tenant.conversations, lease).catch(() => undefined)
    return
  }
  if (known?.code === 'connection_broken') log.alarm('connection_broken', fields)
  else if (known === undefined || known.code === 'bad_configuration') log.alarm('turn_failed', fields)
  else log.warn('turn_failed', fields)

  const { row } = lease
  if (row.dueSince !== undefined && clock.now() - row.dueSince > giveUpAfterMs) {
    log.alarm('event_given_up', fields)
    await release(tenant.conversations, lease).catch(() => undefined)
    return
  }
  const outOfTime = clock.now() >= deadline
  const delay =
    known?.code === 'connection_broken' || known?.code === 'bad_configuration'
      ? brokenConnectionMs
      : (known?.retryAfterMs ?? outageMs[Math.min(row.outages, outageMs.length - 1)] ?? minute)
  const ownFault =
    known === undefined || !(known.transient || known.code === 'bad_configuration') || outOfTime
  await later(runtime, tenant, wake, lease, {
    later: outOfTime ? second : Math.min(delay, hour),
    cause: fields.code,
    ownFault,
    outages: row.outages + 1,
  }).catch((problem: unknown) => {
    // The lease ends by itself and the sweeper rings the ticket.
    log.warn('not_postponed', { errorName: problem instanceof Error ? problem.name : 'unknown' })
  })
}

async function loadConnection(
  configuration: Configuration,
  live: Release,
  helpdesk: Helpdesk,
  id: string,
): Promise<ConnectionBase> {
  const connection = await configuration.definition(live, 'connection', id, helpdesk.connection)
  if (connection !== undefined) return connection
  throw new DeskhandError('bad_configuration', 'the connection is not in the live release: publish it again')
}

function cached<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key) ?? make()
  map.set(key, found)
  return found
}

const hostOf = (url: string): string => URL.parse(url.replaceAll(/[{}]/g, ''))?.hostname ?? ''

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
