/** One Freshdesk ticket in Deskhand's words: its messages. */
import type { FreshdeskConnection } from '../../schemas/freshdesk.ts'
import type { FreshdeskContact, FreshdeskConversation, FreshdeskTicket } from '../../schemas/freshdesk-api.ts'
import { isAutoSubject } from '../core/auto-reply.ts'
import { DeskhandError } from '../core/errors.ts'
import type { Message } from '../core/helpdesk.ts'
import { htmlToText, withoutQuotes } from '../core/written-text.ts'
import { bareAddress } from './addresses.ts'
import { chat, conversationEvidence, isRobot, openingEvidence, outbound } from './evidence.ts'
import type { Route } from './route.ts'

/** The ticket's first message is the ticket itself: it has no id of its own. */
export const openingId = '0'
/** A rating that a customer gave on a form: no question. */
const survey = 6

/** An outbound mail (10) is an agent's; any other ticket begins with what its requester wrote, or said. */
export function openingOf(
  ticket: FreshdeskTicket,
  contact: FreshdeskContact | undefined,
  connection: FreshdeskConnection,
): Message {
  const { requester } = ticket
  const byTeam = ticket.source === outbound
  return {
    id: openingId,
    at: timeOf(ticket),
    author: byTeam
      ? { id: 'team', role: 'team' }
      : {
          id: ticket.requester_id,
          role: 'customer',
          ...(requester?.name === undefined ? {} : { name: requester.name }),
        },
    visibility: 'public',
    ours: false,
    automatic: !byTeam && (isAutoSubject(ticket.subject) || isRobot(requester?.email)),
    text: withoutQuotes(textOf(ticket.description, ticket.description_text)),
    attachments: namesOf(ticket),
    evidence: byTeam ? {} : openingEvidence(ticket, contact),
    route: routeOf(ticket, ticket.to_emails ?? [], connection),
  }
}

export function messageOf(
  conversation: FreshdeskConversation,
  ticket: FreshdeskTicket,
  contact: FreshdeskContact | undefined,
  connection: FreshdeskConnection,
): Message {
  const { user_id: author, from_email, support_email, source } = conversation
  const role = roleOf(conversation, ticket, connection)
  const name = author === ticket.requester_id ? ticket.requester?.name : contact?.name
  // Where it is not said: what a customer wrote is no note, and what the team wrote is one.
  const isPublic = role === 'customer' ? conversation.private !== true : conversation.private === false
  const text = textOf(conversation.body, conversation.body_text)
  return {
    id: conversation.id,
    at: timeOf(conversation),
    author: { id: author ?? 'unknown', role, ...(name === undefined ? {} : { name }) },
    visibility: isPublic ? 'public' : 'internal',
    ours: author === connection.botUserId,
    automatic: role === 'system' || source === survey || (role === 'customer' && isRobot(from_email)),
    // A note is whole: its last line finds it again.
    text: isPublic && author !== connection.botUserId ? withoutQuotes(text) : text,
    attachments: namesOf(conversation),
    evidence: role === 'customer' ? conversationEvidence(conversation, ticket, contact) : {},
    ...(role === 'customer'
      ? { route: routeOf(ticket, support_email === undefined ? [] : [support_email], connection) }
      : {}),
  }
}

/** HTML tells quoted history apart and keeps lines, which the vendor's own text may not. */
const textOf = (html: string | undefined, text: string | undefined): string =>
  (html === undefined ? '' : htmlToText(html)) || text || ''

const namesOf = ({ attachments }: Pick<FreshdeskTicket, 'attachments'>): string[] =>
  attachments.flatMap(({ name }) => name ?? [])

/**
 * Whoever writes in is a customer; an outgoing message of nobody is a rule's. Where the direction is not said, the
 * requester or nobody counts as a customer, on a channel that proves nothing, and anybody else as a human agent.
 */
function roleOf(
  { incoming, user_id }: FreshdeskConversation,
  { requester_id }: FreshdeskTicket,
  { botUserId }: FreshdeskConnection,
): Message['author']['role'] {
  if (user_id === botUserId) return 'team'
  if (incoming === true) return 'customer'
  if (incoming === false) return user_id === null ? 'system' : 'team'
  return user_id == null || user_id === requester_id ? 'customer' : 'team'
}

/** Chat takes another body; a mail is answered from the address that it came to, if that is one of the company's. */
function routeOf({ source }: FreshdeskTicket, to: readonly string[], connection: FreshdeskConnection): Route {
  if (source === chat) return { by: 'chat' }
  const from = to.map(bareAddress).find((each) => connection.supportAddresses.includes(each))
  return { by: 'mail', ...(from === undefined ? {} : { from }) }
}

/** ms since the epoch. Throws `bad_answer`. */
export function timeOf({ created_at }: { created_at: string }): number {
  const at = Date.parse(created_at)
  if (Number.isFinite(at)) return at
  throw new DeskhandError('bad_answer', 'Freshdesk answered a message without a readable time')
}
