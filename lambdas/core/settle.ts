/** Settling what an earlier worker left open: an INTENT without an outcome is never blindly repeated. */
import { atLeast } from '../../schemas/names.ts'
import type { OpenEffect } from '../../schemas/ticket-row.ts'
import { isChosen } from '../../schemas/tool-rules.ts'
import type { Ticket } from './helpdesk.ts'
import type { Identity } from './identify.ts'
import { close } from './lease.ts'
import { effectKey, readEffect } from './ledger.ts'
import { stoppedWrite } from './live-agent.ts'
import { aboutOf, identityOf, verdictOn } from './look-again.ts'
import { lookUp } from './look-up.ts'
import { isNoteMode } from './note.ts'
import { findPosted, record } from './post.ts'
import { sendTool } from './send-tool.ts'
import { notShown } from './should-answer.ts'
import { outsideTask } from './task-state.ts'
import type { Tool } from './tools/check-tool.ts'
import type { ToolResult } from './tools/tool-answer.ts'
import { validateArguments } from './tools/tool-arguments.ts'
import type { Work } from './turn.ts'
import { overAmount } from './write-limits.ts'
import { barredWrite, type StoredCall, settleCounts, storeToolOutcome } from './write-once.ts'

/** After this long a tenant's API may have forgotten the key. Stripe, for one, keeps keys for at least 24 hours. */
const keyKeptMs = 20 * 60 * 60 * 1000
/** Longest that a repeated write may take. */
const repeatTimeoutMs = 30_000

/**
 * Settles open tool calls. The first call cannot be alive any more: its lease has ended. With a key the same bytes
 * are sent again, if the call would still be made today; else the outcome stays unknown and a human gets the ticket.
 */
export async function settleTools(work: Work, ticket: Ticket): Promise<void> {
  for (const [id, effect] of Object.entries(work.lease.row.open)) {
    if (effect.kind !== 'tool') continue
    const known = await readEffect(work.tenant.conversations, work.lease.key.pk, id)
    const settled =
      known !== undefined && known.at >= effect.at ? known : await settleTool(work, ticket, id, effect)
    work.effects.set(id, settled)
    await settleCounts(work, id, effect.counted ?? [], settled.state)
    await close(
      work.tenant.conversations,
      work.lease,
      id,
      settled.state === 'unknown' ? { mustHandOver: 'unknown_outcome' } : undefined,
    )
    work.log.info('effect_settled', { effectId: id, tool: effect.tool ?? '', code: settled.state })
    work.trace.add({ kind: 'settled', effectId: id, tool: effect.tool, state: settled.state })
  }
}

async function settleTool(work: Work, ticket: Ticket, id: string, effect: OpenEffect) {
  const { tenant, lease } = work
  const stored: StoredCall =
    effect.request === undefined
      ? { arguments: {}, request: { method: 'POST', url: '', headers: {} } }
      : (JSON.parse(
          await tenant.vault.open({ ...effectKey(lease.key.pk, id), field: 'request' }, effect.request),
        ) as StoredCall)
  const unknown: ToolResult = { ok: false, failure: 'unknown_outcome', message: 'cut off while under way' }
  const result =
    stored.lookup === undefined
      ? ((await repeat(work, ticket, id, effect, stored)) ?? unknown)
      : await lookUp(work, effect, stored.lookup, {
          id,
          identity: await askedFor(work, ticket, effect),
        })
  return await storeToolOutcome(
    work,
    id,
    { tool: effect.tool ?? '', messageId: effect.messageId, about: effect.about },
    stored,
    result,
  )
}

/** For whom a write was asked, as the ticket shows it now; nobody, where its message is not shown. */
async function askedFor(work: Work, ticket: Ticket, { messageId }: OpenEffect): Promise<Identity> {
  const message = ticket.messages.find(({ id }) => id === messageId)
  return message === undefined
    ? { level: 'none', why: 'not_customer', suspicious: false }
    : await identityOf(work, ticket, message)
}

/** Sends a keyed write again where that is right, after a last look at what is live now. */
async function repeat(
  work: Work,
  ticket: Ticket,
  id: string,
  effect: OpenEffect,
  stored: StoredCall,
): Promise<ToolResult | undefined> {
  const again = await repeatable(work, ticket, effect, stored)
  if (again === undefined || (await stoppedWrite(work, again.live)) !== undefined) return undefined
  return await sendTool(work, again.tool, stored.request, {
    id,
    idempotencyKey: id,
    identity: again.identity,
    again: true,
  })
}

/**
 * Perhaps the first call never left, so a repeat may be the one that does it: it has to pass what a new call would.
 * The message is still the newest and by the same author at the same level, no doorbell named one that is not shown, no
 * human is in charge, and the tool is live and takes these arguments. Answers for whom, the tool to send it with,
 * credential and all as it was then, and the tool as it is live, else `undefined`.
 */
async function repeatable(
  work: Work,
  ticket: Ticket,
  effect: OpenEffect,
  stored: StoredCall,
): Promise<{ tool: Tool; live: Tool; identity: Identity } | undefined> {
  const { agent, connection, clock, lease } = work
  const tool = agent.tools.get(effect.tool ?? '')
  if (effect.keyed !== true || clock.now() - effect.at >= keyKeptMs) return undefined
  if (!connection.enabled || isNoteMode(connection)) return undefined
  if (tool?.effect !== 'write' || tool.idempotency !== 'key') return undefined
  if (effect.authorization !== undefined && !agent.authorizations.has(effect.authorization)) return undefined
  const byModel = Object.entries(stored.arguments).filter(([name]) => {
    const source = tool.parameters.properties[name]?.source ?? 'model'
    return source === 'model' || !isChosen(source)
  })
  if (!validateArguments(tool, Object.fromEntries(byModel)).ok) return undefined
  if (overAmount(tool, stored.arguments) !== undefined || notShown(ticket, lease.row) !== undefined)
    return undefined
  const verdict = verdictOn(work, ticket)
  if (verdict.do !== 'answer' || verdict.message.id !== effect.messageId) return undefined
  if (barredWrite(tool, ticket, verdict.message, agent) !== undefined) return undefined
  if (!isConsented(tool, effect)) return undefined
  const identity = await identityOf(work, ticket, verdict.message)
  if (!atLeast(identity.level, tool.identity) || (await aboutOf(work, identity)) !== effect.about)
    return undefined
  if (outsideTask({ ...work, live: agent, message: verdict.message, identity }, tool.name) !== undefined)
    return undefined
  const { authorization: _, ...rest } = tool
  const { authorization } = effect
  const timeoutMs = repeatTimeoutMs
  return {
    tool: { ...rest, timeoutMs, ...(authorization === undefined ? {} : { authorization }) },
    live: tool,
    identity,
  }
}

/** Nobody has to be asked for it, or whoever has to be did consent. A code consents in the customer's place. */
const isConsented = ({ confirm }: Tool, { consent }: OpenEffect): boolean =>
  consent === 'code' ? confirm !== 'agent' : (confirm ?? 'customer') === (consent ?? 'never')

/**
 * Settles open posts against the ticket as it is: found, it is done; not found, it never happened. Answers the ticket
 * as it is then: a hand-over that was finished here is on it.
 */
export async function settlePosts(work: Work, ticket: Ticket): Promise<Ticket> {
  let now = ticket
  for (const [id, effect] of Object.entries(work.lease.row.open)) {
    if (effect.kind === 'tool') continue
    const known = await readEffect(work.tenant.conversations, work.lease.key.pk, id)
    const posted = known?.posted ?? findPosted(ticket, id, effect)
    if (known?.state === 'done') work.effects.set(id, known)
    else if (posted !== undefined)
      await record(work, id, { kind: effect.kind, messageId: effect.messageId, posted })

    const handedOver = effect.kind === 'hand_over' && posted !== undefined && !isNoteMode(work.connection)
    if (handedOver) {
      await work.helpdesk.finish(ticket, work.api, effect.team)
      now = { ...now, handedOver: true }
    }
    const owed = posted !== undefined && effect.owes !== undefined ? { mustHandOver: effect.owes } : undefined
    await close(work.tenant.conversations, work.lease, id, handedOver ? { handedOver: true } : owed)
    const state = posted === undefined ? 'not_posted' : 'done'
    work.log.info('effect_settled', { effectId: id, code: state })
    work.trace.add({ kind: 'settled', effectId: id, state: `${effect.kind} ${state}` })
  }
  return now
}
