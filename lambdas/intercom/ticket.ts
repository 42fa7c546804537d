/** Reads one Intercom conversation into Deskhand's words. */
import type { IntercomConnection } from '../../schemas/intercom.ts'
import {
  contactAnswer,
  conversationAnswer,
  type IntercomContact,
  type IntercomConversation,
} from '../../schemas/intercom-api.ts'
import { isCode } from '../core/errors.ts'
import { handOverTag, type Ticket } from '../core/helpdesk.ts'
import { type Api, client, conversationPath } from './api.ts'
import { audienceOf } from './audience.ts'
import { channelOf } from './evidence.ts'
import { isBot, isContact, isTeammate, nobody } from './inbound.ts'
import { mailOf } from './mail.ts'
import { messagesOf } from './messages.ts'

/** Of a long thread so many of the newest messages are kept. */
const mostMessages = 200

/** Everything Intercom answered about one conversation. */
export interface Sources {
  conversation: IntercomConversation
  /** The requester's; `undefined` where it is gone or was merged into another. */
  contact: IntercomContact | undefined
}

export async function readTicket(ticketId: string, api: Api): Promise<Ticket> {
  const path = `${conversationPath(ticketId)}?display_as=plaintext`
  const conversation = await client.get(api, path, conversationAnswer)
  const contact = await readContact(requesterOf(conversation), api)
  return mapTicket({ conversation, contact }, api.connection)
}

async function readContact(id: string, api: Api): Promise<IntercomContact | undefined> {
  if (id === nobody) return undefined
  try {
    const path = `/contacts/${encodeURIComponent(id)}?include_merge_history=true`
    return await client.get(api, path, contactAnswer)
  } catch (error) {
    if (isCode(error, 'ticket_gone')) return undefined
    throw error
  }
}

/** Who began the conversation, while still in it; else the first of its contacts. */
function requesterOf({ source, contacts }: IntercomConversation): string {
  const ids = contacts?.contacts.map(({ id }) => id) ?? []
  const opener = isContact(source?.author) ? source?.author?.id : undefined
  if (opener !== undefined && (ids.length === 0 || ids.includes(opener))) return opener
  return ids[0] ?? nobody
}

/** Pure: what Intercom said, in Deskhand's words. */
export function mapTicket(sources: Sources, connection: IntercomConnection): Ticket {
  const { conversation } = sources
  const requesterId = requesterOf(conversation)
  // An id that leads to another contact is of one that was merged: not the same person.
  const contact = sources.contact?.id === requesterId ? sources.contact : undefined
  const around = { conversation, requesterId, contact }
  const all = messagesOf(around, connection)
  const messages = all.slice(-mostMessages)
  const { conversation_parts: parts, total_count } = conversation.conversation_parts
  const allShown = total_count !== undefined && parts.length >= total_count
  return {
    id: conversation.id,
    subject: conversation.source?.subject || conversation.title || '',
    channel: channelOf(conversation.source?.type),
    status: statuses[conversation.state ?? ''] ?? 'open',
    requester: {
      id: requesterId,
      ...(contact?.name === undefined ? {} : { name: contact.name }),
      ...(contact?.email === undefined ? {} : { address: contact.email }),
    },
    assignee: assigneeOf(conversation, connection),
    handedOver: conversation.tags?.tags.some(({ name }) => name === handOverTag) ?? 'unknown',
    inScope: !isFins(conversation),
    // Older parts may be a merge's, or somebody's who has left.
    audience: allShown ? audienceOf(conversation, requesterId, contact) : 'unknown',
    companyAddresses: companyAddresses(conversation),
    stamp: String(conversation.updated_at ?? ''),
    messages,
    complete: messages.length === all.length && allShown,
  }
}

/** What teammates and bots have on file, and what mail of theirs came from. */
const companyAddresses = ({ source, conversation_parts }: IntercomConversation): string[] =>
  [...(source === undefined ? [] : [source]), ...conversation_parts.conversation_parts]
    .filter(({ author }) => isTeammate(author) || isBot(author))
    .flatMap(({ author, email_message_metadata }) => [
      author?.email ?? [],
      mailOf(email_message_metadata).sender ?? [],
    ])
    .flat()

/** A customer's next message opens a conversation again; until then nobody waits for an answer in it. */
const statuses: Readonly<Record<string, Ticket['status']>> = {
  open: 'open',
  snoozed: 'pending',
  closed: 'closed',
}

/** A team alone is nobody yet: routing gives every conversation one. */
function assigneeOf({ admin_assignee_id: id }: IntercomConversation, { adminId }: IntercomConnection) {
  if (id === undefined || id === '' || id === '0') return 'nobody'
  return id === adminId ? 'us' : 'human'
}

/** Intercom's own agent answers until it has passed the conversation on. */
const isFins = ({ ai_agent_participated, ai_agent }: IntercomConversation): boolean =>
  ai_agent_participated === true && ai_agent?.resolution_state !== 'routed_to_team'
