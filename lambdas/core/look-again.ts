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
 * What a turn stands on. `newest`: its message is the newest unanswered one, and nobody took over. `approved`: a colleague
 * approved what its message asked for; it was answered meanwhile, and whoever has the ticket, it is to be done.
 */
export type Ground = 'newest' | 'approved'

/**
 * Reads the ticket anew. Answers it when the turn's ground still holds, and the message is by the same author at the same
 * level and address; else undefined.
 */
export async function lookAgain(turn: Turn, ground: Ground = 'newest'): Promise<Ticket | undefined> {
  const ticket = await turn.helpdesk.read(turn.ticket.id, turn.api)
  const message = ground === 'newest' ? newestOf(turn, ticket) : approvedOf(turn, ticket)
  if (message?.author.id !== turn.message.author.id) return undefined
  const { level, address } = await identityOf(turn, ticket, message)
  return level === turn.identity.level && address === turn.identity.address ? ticket : undefined
}

function newestOf(turn: Turn, ticket: Ticket): Message | undefined {
  const verdict = verdictOn(turn, ticket)
  return verdict.do === 'answer' && verdict.message.id === turn.message.id ? verdict.message : undefined
}

function approvedOf(turn: Turn, ticket: Ticket): Message | undefined {
  if (!ticket.inScope || ticket.status === 'closed') return undefined
  const message = ticket.messages.find(({ id }) => id === turn.message.id)
  return message === undefined || othersWrite(ticket, message) ? undefined : message
}

/** Does another customer write in the ticket, too? Their words may be what the model obeyed. */
export const othersWrite = (ticket: Ticket, { author }: Message): boolean =>
  ticket.messages.some(
    (m) => m.visibility === 'public' && m.author.role === 'customer' && m.author.id !== author.id,
  )

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
