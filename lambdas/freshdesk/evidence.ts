/** What Freshdesk tells about who wrote a message. Reported as found; `identify` in core decides. */
import type { FreshdeskContact, FreshdeskConversation, FreshdeskTicket } from '../../schemas/freshdesk-api.ts'
import type { Channel, Evidence } from '../core/helpdesk.ts'
import { bareAddress } from './addresses.ts'

/** https://developers.freshdesk.com/api/#tickets: where a ticket came from. */
const ticketChannels: Readonly<Record<number, Channel>> = {
  1: 'email',
  2: 'portal',
  3: 'phone',
  5: 'social',
  6: 'social',
  7: 'messenger',
  9: 'messenger',
  10: 'email',
}
export const chat = 7
export const outbound = 10

export const channelOf = ({ source }: FreshdeskTicket): Channel => ticketChannels[source ?? -1] ?? 'unknown'

/** Tickets whose answers go out by mail, and which customers answer by mail. */
const byMail = [1, 2, 3, 9, 10]

/** https://developers.freshdesk.com/api/#conversations: 8, a forwarded mail, is on no channel of its author's. */
const conversationChannels: Readonly<Record<number, Channel>> = {
  2: 'portal',
  5: 'social',
  7: 'social',
  9: 'phone',
  11: 'api',
}

/**
 * Only a mail becomes an incoming reply (0) with a From. A note (2) may be the portal's, or an integration's that calls
 * it incoming: nothing proves a login.
 */
export function conversationChannelOf(conversation: FreshdeskConversation, ticket: FreshdeskTicket): Channel {
  const { source, incoming, from_email } = conversation
  if (source === undefined || incoming !== true) return 'unknown'
  if (source !== 0) return conversationChannels[source] ?? 'unknown'
  if (ticket.source === chat) return 'messenger'
  return from_email !== undefined && byMail.includes(ticket.source ?? -1) ? 'email' : 'unknown'
}

/**
 * The ticket's first message. Freshdesk does not say which address it came from, only whose contact was found by it: so
 * it is the address on file where the contact has no other.
 */
export function openingEvidence(ticket: FreshdeskTicket, contact: FreshdeskContact | undefined): Evidence {
  const address = ticket.requester?.email
  const channel = channelOf(ticket)
  const isOnlyAddress =
    contact !== undefined &&
    contact.id === ticket.requester_id &&
    contact.other_emails?.length === 0 &&
    contact.email === address
  return {
    channel,
    ...(address === undefined ? {} : { address }),
    ...(channel === 'email' && isOnlyAddress && address !== undefined ? { sender: address } : {}),
    ...requesterEvidence(ticket, ticket.requester_id),
  }
}

/** `contact`: the author's, where it was read. */
export function conversationEvidence(
  conversation: FreshdeskConversation,
  ticket: FreshdeskTicket,
  contact: FreshdeskContact | undefined,
): Evidence {
  const { user_id: author, from_email } = conversation
  const channel = conversationChannelOf(conversation, ticket)
  const address = author === ticket.requester_id ? ticket.requester?.email : contact?.email
  return {
    channel,
    ...(address === undefined ? {} : { address }),
    ...(channel === 'email' && from_email !== undefined ? { sender: bareAddress(from_email) } : {}),
    ...requesterEvidence(ticket, author),
  }
}

/**
 * A reply goes to the requester's address on file, by Freshdesk itself, whatever Reply-To a mail had. `spam` is the only
 * judgement Freshdesk shows. Nothing here ever says that somebody was signed in.
 */
function requesterEvidence(ticket: FreshdeskTicket, author: string | null | undefined): Evidence {
  const isRequester = author === ticket.requester_id && ticket.requester?.id === ticket.requester_id
  return {
    ...(isRequester ? { authorIsRequester: true, replyNotDiverted: true } : {}),
    ...(ticket.spam === false ? { unflagged: true } : {}),
  }
}

/** Freshdesk marks no auto-reply: by what mail robots call themselves. */
export const isRobot = (address: string | undefined): boolean =>
  /^(?:no-?_?reply|do-?_?not-?_?reply|mailer-daemon|postmaster|bounces?)(?:[+.=-][^@]*)?@/i.test(
    bareAddress(address ?? ''),
  )
