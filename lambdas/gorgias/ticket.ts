/** Reads one Gorgias ticket into Deskhand's words. */
import type { GorgiasConnection } from '../../schemas/gorgias.ts'
import {
  customerAnswer,
  type GorgiasMessage,
  type GorgiasTicket,
  messagesAnswer,
  ticketAnswer,
} from '../../schemas/gorgias-api.ts'
import { handOverTag, type Message, type Ticket } from '../core/helpdesk.ts'
import { htmlToText, withoutQuotes } from '../core/written-text.ts'
import { type Api, client, ticketPath } from './api.ts'
import { audienceOf } from './audience.ts'
import { channelOf, evidenceOf, isAutomatic, isInternal, isTypedByUser } from './evidence.ts'
import { routeOf } from './route.ts'
import { momentOf } from './time.ts'

/** Pages of a hundred messages, newest first. */
const mostPages = 2

/** Everything Gorgias answered about one ticket. */
export interface Sources {
  ticket: GorgiasTicket
  /** Newest first. */
  messages: GorgiasMessage[]
  complete: boolean
  /** The customer's chat addresses, where they were needed. */
  chats: string[]
}

/** The ticket first, so that it is never newer than the messages that were seen. */
export async function readTicket(ticketId: string, api: Api): Promise<Ticket> {
  const ticket = await client.get(api, ticketPath(ticketId), ticketAnswer)
  const listed = await readMessages(ticketId, api)
  return mapTicket(
    { ...listed, ticket, chats: await readChats(ticket, listed.messages, api) },
    api.connection,
  )
}

async function readMessages(ticketId: string, api: Api) {
  const messages: GorgiasMessage[] = []
  let cursor: string | undefined
  for (let page = 0; page < mostPages; page++) {
    const query = new URLSearchParams({
      ticket_id: ticketId,
      order_by: 'created_datetime:desc',
      limit: '100',
      ...(cursor === undefined ? {} : { cursor }),
    })
    const answer = await client.get(api, `/api/messages?${query}`, messagesAnswer)
    messages.push(...answer.data)
    cursor = answer.meta?.next_cursor
    if (cursor === undefined) return { messages, complete: true }
  }
  return { messages, complete: false }
}

/** A chat is answered at an address of its own. Asked for only where the ticket does not name it. */
async function readChats(ticket: GorgiasTicket, messages: GorgiasMessage[], api: Api): Promise<string[]> {
  const newest = messages.find(
    ({ from_agent, channel }) => from_agent === false && channel !== 'internal-note',
  )
  if (newest?.channel !== 'chat' || ticket.meta?.chat?.conversation_id !== undefined) return []
  if (ticket.customer == null) return []
  const path = `/api/customers/${encodeURIComponent(ticket.customer.id)}`
  const { channels = [] } = await client.get(api, path, customerAnswer)
  return channels.flatMap(({ type, address }) => (type === 'chat' && address !== undefined ? [address] : []))
}

/** Pure: what Gorgias said, in Deskhand's words. */
export function mapTicket(sources: Sources, connection: GorgiasConnection): Ticket {
  const { ticket, complete } = sources
  // A list that ignored its filter, or a merge: what names another ticket is not shown, and nobody knows who reads it.
  const own = sources.messages.filter(({ ticket_id }) => ticket_id === undefined || ticket_id === ticket.id)
  const alone = sources.messages.every(({ ticket_id }) => ticket_id === ticket.id)
  const messages = own.map((message) => ({ ...message, at: momentOf(message.created_datetime) }))
  messages.sort((a, b) => a.at - b.at || a.id.length - b.id.length || (a.id < b.id ? -1 : 1))
  const { customer } = ticket
  return {
    id: ticket.id,
    subject: ticket.subject ?? '',
    channel: channelOf(ticket),
    // Closed is never for good: a message opens the ticket again.
    status: ticket.status === 'closed' ? 'solved' : 'open',
    requester: {
      id: customer?.id ?? nobody,
      ...(customer?.name === undefined ? {} : { name: customer.name }),
      ...(customer?.email === undefined ? {} : { address: customer.email }),
    },
    assignee: assigneeOf(ticket, connection),
    handedOver: ticket.tags?.some(({ name }) => name === handOverTag) ?? 'unknown',
    inScope:
      ticket.spam !== true && ticket.trashed_datetime === undefined && isOurBrand(messages, connection),
    audience: alone && complete ? audienceOf(ticket, messages, connection) : 'unknown',
    companyAddresses: [...connection.supportAddresses, ...messages.flatMap(teamAddresses)],
    stamp: ticket.updated_datetime ?? '',
    messages: messages.map((message) => ({ at: message.at, ...mapMessage(message, sources, connection) })),
    complete,
  }
}

/** An id that Gorgias gives to nobody. */
const nobody = 'nobody'

function mapMessage(
  message: GorgiasMessage,
  { ticket, chats }: Sources,
  connection: GorgiasConnection,
): Omit<Message, 'at'> {
  // Users and customers may share their ids, so the number counts only for what the company's side wrote.
  const ours = message.from_agent !== false && message.sender?.id === connection.botUserId
  const visibility = message.public === true && !isInternal(message) ? 'public' : 'internal'
  const { name } = message.sender ?? {}
  return {
    id: message.id,
    author: {
      id: message.sender?.id ?? nobody,
      role: roleOf(message),
      ...(name === undefined ? {} : { name }),
    },
    visibility,
    ours,
    automatic: isAutomatic(message) && !ours,
    text: textOf(message),
    attachments: (message.attachments ?? []).flatMap((attachment) => attachment.name ?? []),
    evidence: {
      ...evidenceOf(message, ticket),
      ...(isTypedByUser(message, connection.botUserId) ? { inHelpdeskUi: true } : {}),
    },
    ...(ours && message.external_id != null ? { ref: message.external_id } : {}),
    ...(ours && visibility === 'public' && message.failed_datetime !== undefined ? { failed: true } : {}),
    route: routeOf(message, ticket, chats, connection),
  }
}

/** Of a colleague's message: their own address, and the one that it was sent from. */
const teamAddresses = ({ from_agent, sender, source }: GorgiasMessage): string[] =>
  from_agent === true ? [sender?.email ?? [], source?.from?.address || []].flat() : []

/** Only what Gorgias says the company did not write is a customer's. */
function roleOf({ from_agent, sender }: GorgiasMessage): Message['author']['role'] {
  if (from_agent === false) return 'customer'
  return sender == null ? 'system' : 'team'
}

/** Somebody whom Gorgias does not describe is somebody. */
function assigneeOf({ assignee_user }: GorgiasTicket, { botUserId }: GorgiasConnection): Ticket['assignee'] {
  if (assignee_user == null) return 'nobody'
  return assignee_user.id === botUserId ? 'us' : 'human'
}

/** By the integration through which the customer wrote last. */
function isOurBrand(messages: readonly GorgiasMessage[], { integrationIds }: GorgiasConnection): boolean {
  if (integrationIds === undefined) return true
  const newest = messages.findLast((message) => message.from_agent === false && !isInternal(message))
  return newest?.integration_id !== undefined && integrationIds.includes(newest.integration_id)
}

/** Gorgias takes quotes and signature off itself; what it left out is made from the whole body. */
function textOf({ stripped_text, body_text, stripped_html, body_html }: GorgiasMessage): string {
  if (stripped_text?.trim()) return stripped_text.trim()
  if (body_text?.trim()) return withoutQuotes(body_text)
  if (stripped_html?.trim()) return htmlToText(stripped_html)
  return withoutQuotes(htmlToText(body_html ?? ''))
}
