/** One write: everything that keeps it from being done twice, for the wrong customer, or at a bad moment. */
import type { Decider } from '../../schemas/consent.ts'
import type { EffectRow } from '../../schemas/ticket-row.ts'
import type { BoundCall } from './bind-call.ts'
import { deciderOf, proposeWrite } from './consent/propose.ts'
import { DeskhandError } from './errors.ts'
import type { Message, Ticket } from './helpdesk.ts'
import { close, intend } from './lease.ts'
import { contentOf, effectKey, storeOutcome } from './ledger.ts'
import { stoppedWrite } from './live-agent.ts'
import { lookAgain, othersWrite } from './look-again.ts'
import { notLookedUpYet, prepareLookup, type StoredLookup } from './look-up.ts'
import { isNoteMode } from './note.ts'
import { checkOwner, misconfigured, undeclared, unseen } from './ownership.ts'
import { failure, fromResult, type Performed, refusal } from './performed.ts'
import { timeFor } from './post.ts'
import { sendTool } from './send-tool.ts'
import type { AgentConfiguration } from './tenant-configuration.ts'
import type { PreparedRequest } from './tools/call-tool.ts'
import { isAboutCustomer, type Tool } from './tools/check-tool.ts'
import type { ToolFailure, ToolResult } from './tools/tool-answer.ts'
import type { Turn } from './turn.ts'
import { type Counted, giveBackLimits, guessEnded, overAmount, takeLimits } from './write-limits.ts'

/** Somebody consented to exactly this write. */
export interface Consent {
  by: Decider
}

/**
 * Does a write if every rule allows it, at most once on this ticket. Without `consent` one that needs it is proposed
 * instead.
 */
export async function writeOnce(
  turn: Turn,
  tool: Tool,
  call: BoundCall,
  request: PreparedRequest,
  consent?: Consent,
): Promise<Performed> {
  if (isNoteMode(turn.connection)) {
    return failure(
      'not_allowed',
      'the agent is in note mode: the call was not made, a human sees what it would have been',
    )
  }
  const barred =
    barredWrite(tool, turn.ticket, turn.message, turn.agent) ??
    (await unseen(turn, tool, call.values)) ??
    overAmount(tool, call.values)
  if (barred !== undefined) return refusal(...barred)
  const before = await doneBefore(turn, tool, call.id)
  if (before !== undefined) return before
  const lookup = prepareLookup(turn, tool, call.values, call.facts)
  if (tool.idempotency === 'lookup' && lookup === undefined) return refusal(...misconfigured(turn, tool))
  const strange = await checkOwner(turn, tool, call.values, call.facts)
  if (strange !== undefined) return refusal(...strange)

  const by = consent === undefined ? deciderOf(turn, tool) : undefined
  if (by !== undefined) {
    // What may not be done is not asked about either.
    const stopped = await stoppedWrite(turn, tool)
    return stopped === undefined ? await proposeWrite(turn, tool, call, request, by) : refusal(...stopped)
  }

  // The level is computed anew, and nothing is done for a message whose ground is gone.
  const ground = consent?.by === 'agent' ? 'approved' : 'newest'
  if ((await lookAgain(turn, ground)) === undefined) return { text: '', end: { end: 'again' } }

  if (!timeFor(turn, tool.timeoutMs))
    throw new DeskhandError('unavailable', 'no time left in this run for a write')

  const stopped = await stoppedWrite(turn, tool)
  if (stopped !== undefined) return refusal(...stopped)
  const limits = await takeLimits(turn, tool, call.id, call.values)
  if ('stopped' in limits) return refusal(...limits.stopped)
  const stored: StoredCall = { arguments: call.args, request, ...(lookup === undefined ? {} : { lookup }) }
  return await send(turn, tool, call.id, stored, limits.counted, consent)
}

/** What an earlier write on this ticket means for this one: done before, too often, or nobody knows. */
async function doneBefore(turn: Turn, tool: Tool, id: string): Promise<Performed | undefined> {
  const before = turn.effects.get(id)
  if (before?.state === 'done') {
    return failure(
      'already_done',
      `done at ${new Date(before.at).toISOString()}, not done again${await toldBefore(turn, before)}`,
    )
  }
  const others = [...turn.effects].filter(
    ([key, e]) => key !== id && e.tool === tool.name && e.state !== 'failed',
  )
  if (others.length >= tool.limits.perTicket) {
    return refusal(
      'not_allowed',
      `this may be done ${tool.limits.perTicket} time(s) per ticket; a human decides about more`,
    )
  }
  return before?.state === 'unknown'
    ? { text: '', end: { end: 'hand_over', cause: 'unknown_outcome' } }
    : undefined
}

/** INTENT, call, outcome. */
async function send(
  turn: Turn,
  tool: Tool,
  id: string,
  call: StoredCall,
  counted: Counted[],
  consent: Consent | undefined,
): Promise<Performed> {
  const { tenant, lease, clock } = turn
  const content = await tenant.vault.seal(
    { ...effectKey(lease.key.pk, id), field: 'request' },
    JSON.stringify(call),
  )
  const at = clock.now()
  await intend(tenant.conversations, lease, id, {
    kind: 'tool',
    at,
    messageId: turn.message.id,
    tool: tool.name,
    keyed: tool.idempotency === 'key',
    ...(tool.authorization === undefined ? {} : { authorization: tool.authorization }),
    ...(counted.length === 0 ? {} : { counted }),
    request: content,
    about: turn.about,
    ...(consent === undefined ? {} : { consent: consent.by }),
  })
  const result = timeFor(turn, tool.timeoutMs)
    ? await sendTool(turn, tool, call.request, {
        id,
        idempotencyKey: id,
        identity: turn.identity,
        arguments: call.arguments,
      })
    : noTime
  if (call.lookup !== undefined && !result.ok && result.failure === 'unknown_outcome') {
    turn.log.warn('write_is_looked_up', { tool: tool.name, effectId: id })
    throw notLookedUpYet({ at }, clock.now())
  }
  const effect = await storeToolOutcome(
    turn,
    id,
    { tool: tool.name, messageId: turn.message.id, about: turn.about },
    call,
    result,
  )
  turn.log.info('write_ended', {
    tool: tool.name,
    effectId: id,
    code: effect.state,
    ms: clock.now() - at,
  })
  await settleCounts(turn, id, counted, effect.state, result)
  if (tool.identity !== 'none' || isAboutCustomer(tool)) turn.personal = true
  await close(
    tenant.conversations,
    lease,
    id,
    effect.state === 'unknown' ? { mustHandOver: 'unknown_outcome' } : undefined,
  )
  if (effect.state === 'unknown') return { text: '', end: { end: 'hand_over', cause: 'unknown_outcome' } }
  return fromResult(result)
}

/** What a write surely not done has not used up, and a guess that was none. An unknown outcome keeps both. */
export async function settleCounts(
  work: Pick<Turn, 'tenant'>,
  id: string,
  counted: readonly Counted[],
  state: EffectRow['state'],
  result?: ToolResult,
): Promise<void> {
  if (state === 'failed') await giveBackLimits(work, id, counted, 'failed')
  const right = state === 'done' || (result !== undefined && guessEnded(result) === 'done')
  if (right) await giveBackLimits(work, id, counted, 'done')
}

/**
 * Why this write may not run at all. What an admin has not said is not allowed, however the definition came into the
 * table.
 */
export function barredWrite(
  tool: Tool,
  ticket: Ticket,
  message: Message,
  agent: AgentConfiguration,
): [ToolFailure, string] | undefined {
  const silent = undeclared(tool, agent)
  if (silent !== undefined) return silent
  return othersWrite(ticket, message)
    ? ['not_allowed', 'several people write in this ticket; a human decides']
    : undefined
}

/** What is sealed with an open effect: enough to send the same bytes again, or to show a human. */
export interface StoredCall {
  arguments: Record<string, unknown>
  request: PreparedRequest
  /** What tells later whether it was done. */
  lookup?: StoredLookup
}

/** Stores how a write ended; its arguments, request and result are sealed beside it. */
export async function storeToolOutcome(
  work: Pick<Turn, 'tenant' | 'lease' | 'clock' | 'effects'>,
  id: string,
  of: Pick<EffectRow, 'messageId'> & { tool: string; about?: string | undefined },
  call: StoredCall,
  result: ToolResult,
): Promise<EffectRow> {
  const pk = work.lease.key.pk
  const state = result.ok ? 'done' : result.failure === 'unknown_outcome' ? 'unknown' : 'failed'
  const { method, url } = call.request
  const told = {
    arguments: call.arguments,
    request: { method, url },
    result: result.ok ? result.text : result.failure,
  }
  const effect = await storeOutcome(work.tenant.conversations, pk, id, {
    kind: 'tool',
    state,
    at: work.clock.now(),
    messageId: of.messageId,
    tool: of.tool,
    ...(of.about === undefined ? {} : { about: of.about }),
    content: await work.tenant.vault.seal({ ...effectKey(pk, id), field: 'content' }, JSON.stringify(told)),
  })
  work.effects.set(id, effect)
  return effect
}

/** The earlier result, where it was for the same customer at the same level. */
async function toldBefore(turn: Turn, effect: EffectRow): Promise<string> {
  const told = effect.about === turn.about ? await contentOf(turn.tenant.vault, effect) : undefined
  return told === undefined ? '' : `: ${told}`
}

const noTime: ToolResult = { ok: false, failure: 'unavailable', message: 'not sent: no time left' }
