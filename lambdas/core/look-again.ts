/** What a ticket as just read says of a message: and the last look, right before a write or a reply. */
import type { Assurance } from '../../schemas/names.ts'
import { confirmedAddress } from './consent/grant.ts'
import type { Message, Ticket } from './helpdesk.ts'
import { type Identity, identify } from './identify.ts'
import { type Journal, openJournal } from './ledger.ts'
import type { Vault } from './ports.ts'
import { shouldAnswer, type Verdict } from './should-answer.ts'
import { byTenantRules } from './tenant-rules.ts'
import { type Turn, turnIdOf, type Work } from './turn.ts'

/**
 * Reads the ticket anew. Answers it when the same message is still the newest unanswered one, by the same author at
 * the same level and address, and nobody took over; else undefined: the turn's ground is gone.
 */
export async function lookAgain(turn: Turn): Promise<Ticket | undefined> {
  const ticket = await turn.helpdesk.read(turn.ticket.id, turn.api)
  const verdict = verdictOn(turn, ticket)
  if (verdict.do !== 'answer' || verdict.message.id !== turn.message.id) return undefined
  const identity = await identityOf(turn, ticket, verdict.message)
  if (identity.level !== turn.identity.level || identity.address !== turn.identity.address) return undefined
  return ticket
}

/** HMAC of whom something is for: an address at a level. What was fetched for one enters no prompt for another. */
export const aboutOf = async (work: Work, identity: Identity): Promise<string> =>
  await aboutAddress(work.tenant.vault, identity.address ?? '', identity.level)

export const aboutAddress = async (
  vault: Pick<Vault, 'hmac'>,
  address: string,
  level: Assurance,
): Promise<string> => await vault.hmac(`about|${address}|${level}`)

/** Who wrote `message`, by what the connection attests and what a one-time code of ours proved. */
export async function identityOf(work: Work, ticket: Ticket, message: Message): Promise<Identity> {
  const sideDoorsClosed = work.helpdesk.sideDoorsClosed(work.connection.attestations)
  return identify(message, ticket, sideDoorsClosed, await confirmedAddress(work, ticket, message))
}

/** The model's answers of one turn: of a message, for whom it is answered. */
export const openTurnJournal = async (
  { tenant, lease, clock }: Work,
  message: Message,
  about: string,
): Promise<Journal> =>
  await openJournal(tenant.conversations, tenant.vault, lease.key.pk, turnIdOf(message.id, about), clock.now)

/** Is there something to answer on the ticket as it was read? What the ledger says is answered is answered. */
export function verdictOn({ lease, effects, clock, agent }: Work, ticket: Ticket): Verdict {
  const done = [...effects.values()].filter(({ kind, state }) => kind !== 'tool' && state === 'done')
  const answered = new Set(done.map(({ messageId }) => messageId))
  return byTenantRules(shouldAnswer(ticket, lease.row, answered, clock.now()), ticket, agent.settings)
}
