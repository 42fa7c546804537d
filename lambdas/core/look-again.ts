/** The last look: right before a write or a reply, is everything still as the turn believes? */

import type { Ticket } from './helpdesk.ts'
import { type Identity, identify } from './identify.ts'
import { shouldAnswer } from './should-answer.ts'
import type { Turn, Work } from './turn.ts'

/**
 * Reads the ticket anew. Answers it when the same message is still the newest unanswered one, by the same author at
 * the same level and address, and nobody took over; else undefined: the turn's ground is gone.
 */
export async function lookAgain(turn: Turn): Promise<Ticket | undefined> {
  const ticket = await turn.helpdesk.read(turn.ticket.id, turn.api)
  const verdict = shouldAnswer(ticket, turn.lease.row, answeredBy(turn.effects.values()), turn.clock.now())
  if (verdict.do !== 'answer' || verdict.message.id !== turn.message.id) return undefined
  const identity = identify(
    verdict.message,
    ticket,
    turn.helpdesk.sideDoorsClosed(turn.connection.attestations),
  )
  if (identity.level !== turn.identity.level || identity.address !== turn.identity.address) return undefined
  return ticket
}

/** HMAC of whom something is for: an address at a level. What was fetched for one enters no prompt for another. */
export const aboutOf = async (work: Work, identity: Identity): Promise<string> =>
  await work.tenant.vault.hmac(`about|${identity.address ?? ''}|${identity.level}`)

/** Ids of the messages that have an answer by the ledger. */
export const answeredBy = (
  effects: Iterable<{ kind: string; state: string; messageId: string }>,
): Set<string> =>
  new Set([...effects].filter((e) => e.kind !== 'tool' && e.state === 'done').map((e) => e.messageId))
