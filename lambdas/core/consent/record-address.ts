/** Where a one-time code may go: the helpdesk's own address of the ticket's requester, and never one of the company's. */
import type { ConnectionBase } from '../../../schemas/connection.ts'
import type { Message, Ticket } from '../helpdesk.ts'
import { emailAddress } from '../identify.ts'

/** Where a code is typed: in a mail, or on a channel where the helpdesk shows messages itself. */
export type Place = 'email' | 'chat'

/** `undefined` on channels without an address. */
export function placeOf({ evidence }: Message): Place | undefined {
  if (evidence.channel === 'email') return 'email'
  return evidence.channel === 'portal' || evidence.channel === 'messenger' ? 'chat' : undefined
}

/**
 * The address on record of who wrote `message`: the helpdesk's, of the ticket's requester alone. `undefined` for any
 * other author, and where two of the helpdesk's own statements differ.
 */
export function addressOnRecord(ticket: Ticket, { author, evidence }: Message): string | undefined {
  if (author.role !== 'customer' || author.id !== ticket.requester.id) return undefined
  if (evidence.authorIsRequester !== true) return undefined
  const address = emailAddress(evidence.address)
  const requester = ticket.requester.address
  return requester === undefined || emailAddress(requester) === address ? address : undefined
}

/** Is it an address of an agent, or of the company's own? Whoever reads that mailbox is not the customer. */
export function isCompanyAddress(
  address: string,
  ticket: Ticket,
  { supportAddresses }: Pick<ConnectionBase, 'supportAddresses'>,
  sender: string,
): boolean {
  const team = ticket.messages
    .filter(({ author, ours }) => ours || author.role === 'team')
    .flatMap(({ evidence }) => evidence.address ?? [])
  return [...team, ...(ticket.companyAddresses ?? []), ...supportAddresses, sender]
    .map(mailboxOf)
    .includes(mailboxOf(address))
}

/** `support+id77@acme.com` is read where `support@acme.com` is, and many a helpdesk puts such mail into a ticket. */
const mailboxOf = (address: string): string | undefined =>
  emailAddress(address)?.replace(/^([^@+]+)\+[^@]*/, '$1')
