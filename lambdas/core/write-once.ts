/** One write: everything that keeps it from being done twice, for the wrong customer, or at a bad moment. */
import { isDeepStrictEqual } from 'node:util'
import type { Decider } from '../../schemas/consent.ts'
import type { EffectRow } from '../../schemas/ticket-row.ts'
import { deciderOf, proposeWrite } from './consent/propose.ts'
import { DeskhandError } from './errors.ts'
import type { Message, Ticket } from './helpdesk.ts'
import { close, intend } from './lease.ts'
import { contentOf, effectId, effectKey, storeOutcome } from './ledger.ts'
import { lookAgain } from './look-again.ts'
import { isNoteMode } from './note.ts'
import { failure, fromResult, type Performed, refusal } from './performed.ts'
import { timeFor } from './post.ts'
import { sendTool } from './send-tool.ts'
import type { PreparedRequest } from './tools/call-tool.ts'
import { isAboutCustomer, type Tool } from './tools/check-tool.ts'
import type { ToolFailure, ToolResult } from './tools/tool-answer.ts'
import type { Turn } from './turn.ts'
import { valuesAt } from './user-data.ts'

/** Somebody consented to exactly this write, as a proposal. */
export interface Consent {
  /** Of the proposal, and so of the effect. */
  id: string
  by: Decider
  /** The last look right before it, where it is not a turn's own. */
  look?: (turn: Turn) => Promise<boolean>
}

/**
 * Does a write if every rule allows it, at most once on this ticket. Without `consent` one that needs it is proposed
 * instead.
 */
export async function writeOnce(
  turn: Turn,
  tool: Tool,
  args: Record<string, unknown>,
  request: PreparedRequest,
  consent?: Consent,
): Promise<Performed> {
  if (isNoteMode(turn.connection)) {
    return failure(
      'not_allowed',
      'the agent is in note mode: the call was not made, a human sees what it would have been',
    )
  }
  if (!isDeepStrictEqual(turn.live.tools.get(tool.name), tool)) {
    return refusal('not_allowed', 'this tool was changed or switched off meanwhile; hand over')
  }
  const barred = barredWrite(tool, turn.ticket, turn.message)
  if (barred !== undefined) return refusal(...barred)
  const strange = unseen(turn, tool, args)
  if (strange !== undefined) {
    return refusal(
      'not_allowed',
      `${strange} is not among this customer's own records; look it up in the customer data`,
    )
  }
  const { tenant, lease } = turn
  const pk = lease.key.pk
  const id = consent?.id ?? (await effectId(tenant.vault, pk, 'tool', tool.name, args))
  const before = turn.effects.get(id) ?? (await doneBefore(turn, tool, args))
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
  if (before?.state === 'unknown') return { text: '', end: { end: 'hand_over', cause: 'unknown_outcome' } }

  const by = consent === undefined ? deciderOf(turn, tool) : undefined
  if (by !== undefined) return await proposeWrite(turn, tool, args, request, by)

  // The level is computed anew, and nothing is done for a message that is not the newest any more.
  const look = consent?.look ?? (async () => (await lookAgain(turn)) !== undefined)
  if (!(await look(turn))) return { text: '', end: { end: 'again' } }

  if (!timeFor(turn, tool.timeoutMs))
    throw new DeskhandError('unavailable', 'no time left in this run for a write')

  const content = await tenant.vault.seal(
    { ...effectKey(pk, id), field: 'request' },
    JSON.stringify({ arguments: args, request } satisfies StoredCall),
  )
  await intend(tenant.conversations, lease, id, {
    kind: 'tool',
    at: turn.clock.now(),
    messageId: turn.message.id,
    tool: tool.name,
    keyed: tool.idempotency === 'key',
    ...(tool.authorization === undefined ? {} : { authorization: tool.authorization }),
    request: content,
    about: turn.about,
    ...(consent === undefined ? {} : { consent: consent.by }),
  })
  const result = timeFor(turn, tool.timeoutMs) ? await sendTool(turn, tool, request, id) : noTime
  const effect = await storeToolOutcome(
    turn,
    id,
    { tool: tool.name, messageId: turn.message.id, about: turn.about },
    { arguments: args, request },
    result,
  )
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

/**
 * Why this write may not run at all. What an admin has not said is not allowed, however the definition came into the
 * table, and words of a third person in the ticket may be what the model obeys.
 */
export function barredWrite(
  tool: Tool,
  ticket: Ticket,
  { author }: Message,
): [ToolFailure, string] | undefined {
  const fromModel = Object.values(tool.parameters.properties).some(({ source }) => source === 'model')
  if (fromModel && tool.ownership === undefined) {
    return ['not_allowed', 'this tool does not say whose record it changes; a human has to look at it']
  }
  const others = ticket.messages.some(
    (m) => m.visibility === 'public' && m.author.role === 'customer' && m.author.id !== author.id,
  )
  return others ? ['not_allowed', 'several people write in this ticket; a human decides'] : undefined
}

/** What is sealed with an open effect: enough to send the same bytes again, or to show a human. */
export interface StoredCall {
  arguments: Record<string, unknown>
  request: PreparedRequest
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

/** The very same write, done as a proposal. */
async function doneBefore(
  turn: Turn,
  tool: Tool,
  args: Record<string, unknown>,
): Promise<EffectRow | undefined> {
  for (const effect of turn.effects.values()) {
    if (effect.tool !== tool.name || effect.state !== 'done') continue
    const told = JSON.parse((await contentOf(turn.tenant.vault, effect)) ?? '{}') as { arguments?: unknown }
    if (isDeepStrictEqual(told.arguments, args)) return effect
  }
  return undefined
}

/** The first parameter under `ownership` whose value is not where this customer's own data holds such ids. */
function unseen(turn: Turn, tool: Tool, args: Record<string, unknown>): string | undefined {
  return Object.entries(tool.ownership?.match ?? {}).find(
    ([name, path]) => !valuesAt(turn.userDataText, path).has(String(args[name])),
  )?.[0]
}

/** The earlier result, where it was for the same customer at the same level. */
async function toldBefore(turn: Turn, effect: EffectRow): Promise<string> {
  const told = effect.about === turn.about ? await contentOf(turn.tenant.vault, effect) : undefined
  return told === undefined ? '' : `: ${told}`
}

const noTime: ToolResult = { ok: false, failure: 'unavailable', message: 'not sent: no time left' }
