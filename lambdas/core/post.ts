/** Posting into the ticket, once: INTENT, the call, its outcome. And finding again what an earlier worker posted. */
import type { OpenEffect } from '../../schemas/ticket-row.ts'
import { DeskhandError, isCode } from './errors.ts'
import type { Outgoing, Ticket } from './helpdesk.ts'
import { close, intend } from './lease.ts'
import { storeOutcome } from './ledger.ts'
import type { Work } from './turn.ts'

/** Left between the end of a call and the end of the lease, to store the outcome. */
const sendMarginMs = 5_000
/** A post is at most this long under way. */
const postMs = 10_000

export interface Posting {
  id: string
  outgoing: Outgoing
  messageId: string
  /** HMAC of the address, when the text holds personal data. */
  personal?: string
  /** The hand-over that is owed once it was posted, whoever finds that it was; the caller closes with it. */
  owes?: string
}

/**
 * Posts on condition that the ticket has not changed since `ticket` was read. `posted`: the outcome is stored and the
 * effect still open, for the caller to close or release with. `changed`, `closed` and `refused`: nothing was posted.
 * Throws what may pass by itself; after `outcome_unknown` the effect stays open and the next claim looks for it.
 */
export async function post(
  work: Work,
  ticket: Ticket,
  posting: Posting,
): Promise<'posted' | 'changed' | 'closed' | 'refused'> {
  const { tenant, lease, clock } = work
  const effect = { kind: posting.outgoing.kind, messageId: posting.messageId }
  if (!timeFor(work, postMs)) throw noTime()
  const { id, owes, personal, outgoing } = posting
  const intent: OpenEffect = {
    ...effect,
    at: clock.now(),
    ...(owes === undefined ? {} : { owes }),
    ...(outgoing.kind === 'hand_over' && outgoing.team !== undefined ? { team: outgoing.team } : {}),
  }
  await intend(tenant.conversations, lease, id, intent, personal)
  try {
    if (!timeFor(work, postMs)) throw noTime()
    const posted = await work.helpdesk.post(ticket, posting.outgoing, work.api)
    await record(work, posting.id, { ...effect, posted })
    return 'posted'
  } catch (error) {
    if (
      !(error instanceof DeskhandError) ||
      isCode(error, 'outcome_unknown', 'lease_lost', 'condition_failed')
    )
      throw error
    await close(tenant.conversations, lease, posting.id)
    if (isCode(error, 'ticket_changed')) return 'changed'
    if (isCode(error, 'ticket_closed')) return 'closed'
    if (error.transient) throw error
    work.log.alarm('post_refused', { code: error.code, effectId: posting.id, errorMessage: error.message })
    return 'refused'
  }
}

/** Is the message of an open effect in the ticket? By its reference; a reply without any by being ours and later. */
export function findPosted(ticket: Ticket, id: string, effect: OpenEffect): string | undefined {
  const marked = ticket.messages.find((m) => m.ours && m.ref === refOf(id))
  if (marked !== undefined) return marked.id
  if (effect.kind === 'reply') {
    const at = ticket.messages.findIndex((m) => m.id === effect.messageId)
    return ticket.messages
      .slice(at + 1)
      .find((m) => m.ours && m.ref === undefined && m.visibility === 'public')?.id
  }
  return ticket.messages.find((m) => m.ours && m.visibility === 'internal' && m.text.includes(refOf(id)))?.id
}

/** What a message of ours carries so that it is found again. */
export const refOf = (id: string): string => `ref ${id.slice(0, 16)}`

/** Stores that an effect on the ticket is done. */
export async function record(
  work: Work,
  id: string,
  effect: { kind: OpenEffect['kind']; messageId: string; posted: string },
): Promise<void> {
  const outcome = { ...effect, state: 'done' as const, at: work.clock.now() }
  work.effects.set(id, await storeOutcome(work.tenant.conversations, work.lease.key.pk, id, outcome))
}

/** Can a call of at most `ms` still end well before the lease and the process do? A frozen process may wake late. */
export const timeFor = (work: Work, ms: number): boolean =>
  work.clock.now() + ms + sendMarginMs <= Math.min(work.lease.until, work.deadline)

const noTime = (): DeskhandError =>
  new DeskhandError('unavailable', 'no time left in this run to post safely')
