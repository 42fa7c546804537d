/** Reads one Freshdesk ticket into Deskhand's words. */
import type { FreshdeskConnection } from '../../schemas/freshdesk.ts'
import {
  contactAnswer,
  type FreshdeskContact,
  type FreshdeskConversation,
  type FreshdeskTicket,
  ticketAnswer,
} from '../../schemas/freshdesk-api.ts'
import { isCode } from '../core/errors.ts'
import { handOverTag, type Ticket } from '../core/helpdesk.ts'
import { bareAddress, isOwnAddress } from './addresses.ts'
import { type Api, client, pathOf } from './api.ts'
import { audienceOf } from './audience.ts'
import { readConversations } from './conversations.ts'
import { channelOf } from './evidence.ts'
import { messageOf, openingOf, timeOf } from './messages.ts'

/** Everything Freshdesk answered about one ticket. */
export interface Sources {
  ticket: FreshdeskTicket
  /** The newest ones. */
  conversations: FreshdeskConversation[]
  complete: boolean
  /** Those that were read. */
  contacts: FreshdeskContact[]
}

/** The ticket first, so that its stamp is never newer than the messages that were seen. */
export async function readTicket(ticketId: string, api: Api): Promise<Ticket> {
  const ticket = await client.get(api, `${pathOf(ticketId)}?include=requester`, ticketAnswer)
  const listed = await readConversations(ticketId, api)
  const contacts = await readContacts(ticket, listed.conversations, api)
  return mapTicket({ ticket, ...listed, contacts }, api.connection)
}

/**
 * One contact at most: of the newest customer's message's author, where the ticket does not describe that author or,
 * for a mail that opened the ticket, does not name the address it came from. No contact, no proof: it may be deleted,
 * or the bot may not see contacts.
 */
async function readContacts(
  ticket: FreshdeskTicket,
  conversations: readonly FreshdeskConversation[],
  api: Api,
): Promise<FreshdeskContact[]> {
  const newest = conversations.findLast((each) => each.incoming === true && each.private !== true)
  const opened = newest === undefined && ticket.source === 1 ? ticket.requester_id : undefined
  const id = newest === undefined ? opened : newest.user_id
  if (id == null || (newest !== undefined && id === ticket.requester_id)) return []
  try {
    return [await client.get(api, `/api/v2/contacts/${encodeURIComponent(id)}`, contactAnswer)]
  } catch (error) {
    if (isCode(error, 'ticket_gone', 'connection_broken', 'bad_answer', 'refused', 'ticket_closed')) return []
    throw error
  }
}

/** Pure: what Freshdesk said, in Deskhand's words. */
export function mapTicket(sources: Sources, connection: FreshdeskConnection): Ticket {
  const { ticket, complete } = sources
  const conversations = sources.conversations.toSorted(byTime)
  const contacts = new Map(sources.contacts.map((contact) => [contact.id, contact]))
  const { requester, responder_id: responder, product_id: product } = ticket
  return {
    id: ticket.id,
    subject: ticket.subject ?? '',
    channel: channelOf(ticket),
    status: statuses[ticket.status ?? 0] ?? 'open',
    requester: {
      id: ticket.requester_id,
      ...(requester?.name === undefined ? {} : { name: requester.name }),
      ...(requester?.email === undefined ? {} : { address: requester.email }),
    },
    assignee: responder == null ? 'nobody' : responder === connection.botUserId ? 'us' : 'human',
    handedOver: ticket.tags.includes(handOverTag),
    inScope:
      ticket.spam !== true &&
      ticket.deleted !== true &&
      (connection.productIds === undefined || (product != null && connection.productIds.includes(product))),
    audience: audienceOf(ticket, conversations, complete, connection),
    companyAddresses: companyAddresses(ticket, conversations, connection),
    stamp: ticket.updated_at,
    messages: [
      // Where older messages were left out, so is the oldest.
      ...(complete ? [openingOf(ticket, contacts.get(ticket.requester_id), connection)] : []),
      ...conversations.map((each) => messageOf(each, ticket, contacts.get(each.user_id ?? ''), connection)),
    ],
    complete,
  }
}

/**
 * The configured ones, those of the account's own domain that the ticket names, and where the team's messages came from.
 * Who on the team has which address Freshdesk does not tell a bot.
 */
function companyAddresses(
  ticket: FreshdeskTicket,
  conversations: readonly FreshdeskConversation[],
  connection: FreshdeskConnection,
): string[] {
  const named = [ticket.requester?.email ?? [], ticket.to_emails ?? [], ticket.cc_emails ?? []].flat()
  const ofTeam = conversations.filter(({ incoming }) => incoming === false)
  return [
    ...connection.supportAddresses,
    ...named.filter((address) => isOwnAddress(address, connection)).map(bareAddress),
    ...conversations.flatMap(({ support_email }) => (support_email ? bareAddress(support_email) : [])),
    ...ofTeam.flatMap(({ from_email }) => (from_email ? bareAddress(from_email) : [])),
  ]
}

/** 5, closed: a customer's message opens it again, so an agent has closed what is there. Above 5: the account's own. */
const statuses: Readonly<Record<number, Ticket['status']>> = {
  2: 'open',
  3: 'pending',
  4: 'solved',
  5: 'closed',
}

/** By time, then by id: ids are numbers that may pass 2^53. */
const byTime = (a: FreshdeskConversation, b: FreshdeskConversation): number =>
  timeOf(a) - timeOf(b) || a.id.length - b.id.length || (a.id < b.id ? -1 : 1)
