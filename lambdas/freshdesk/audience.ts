/** Who besides the team receives an answer, or has read along, as far as Freshdesk shows it. */
import type { FreshdeskConnection } from '../../schemas/freshdesk.ts'
import type { FreshdeskConversation, FreshdeskTicket } from '../../schemas/freshdesk-api.ts'
import { bareAddress, isOwnAddress } from './addresses.ts'
import { outbound } from './evidence.ts'

/**
 * `unknown` where Freshdesk left out a list that it documents, where older messages were not read, or where a merge may
 * have brought in somebody else.
 */
export function audienceOf(
  ticket: FreshdeskTicket,
  conversations: readonly FreshdeskConversation[],
  complete: boolean,
  connection: FreshdeskConnection,
): string[] | 'unknown' {
  const address = ticket.requester?.email
  if (!complete || address === undefined || ticket.cc_emails === undefined) return 'unknown'
  // Only what came or went by mail has a To.
  const byMail = ticket.source === undefined || [1, outbound].includes(ticket.source)
  if (ticket.to_emails === undefined || (byMail && ticket.to_emails === null)) return 'unknown'
  if (conversations.some((each) => isMerge(each, connection))) return 'unknown'

  const readers = [...ticket.cc_emails, ...(ticket.reply_cc_emails ?? []), ...(ticket.to_emails ?? [])]
  for (const conversation of conversations) {
    if (conversation.private === true) continue
    const named = namedIn(conversation)
    const writer = writerOf(conversation, ticket, connection)
    if (named === 'unknown' || writer === 'unknown') return 'unknown'
    readers.push(...named, ...writer)
  }
  const others = readers.filter((reader) => !isOwnAddress(reader, connection)).map(bareAddress)
  return [...new Set([bareAddress(address), ...others])]
}

/** Everyone a public message was sent to. Only a mail (0) must say. */
function namedIn({ source, to_emails, cc_emails, bcc_emails }: FreshdeskConversation): string[] | 'unknown' {
  const lists = [to_emails, cc_emails, bcc_emails]
  if ((source === 0 || source === undefined) && lists.includes(undefined)) return 'unknown'
  return lists.flatMap((list) => list ?? [])
}

/** A customer who is not the requester: a CC, or an earlier requester. */
function writerOf(
  { incoming, user_id, from_email }: FreshdeskConversation,
  ticket: FreshdeskTicket,
  { botUserId }: FreshdeskConnection,
): string[] | 'unknown' {
  if (incoming === false || user_id === botUserId || user_id === ticket.requester_id) return []
  if (user_id == null) return 'unknown'
  return [from_email ?? `user:${user_id}`, `user:${user_id}`]
}

/**
 * A merge leaves a note in the ticket that stays. How it is worded is not documented, so a team's message that says
 * "merged" counts; one in another language is found by the other customer's messages alone.
 */
function isMerge(
  { body, body_text, incoming, user_id }: FreshdeskConversation,
  { botUserId }: FreshdeskConnection,
) {
  if (incoming === true || user_id === botUserId) return false
  return /\bmerg(?:ed?|ing)\b/i.test(`${body ?? ''} ${body_text ?? ''}`)
}
