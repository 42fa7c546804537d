/** A thread as a person sees it in HubSpot's inbox. */
import type { SeenMessage, SeenTicket } from '../stand-in.ts'
import type { Conversation, Entry } from './account.ts'
import { demoHubspot } from './demo-account.ts'

export function seen({ thread, ticket, entries }: Conversation): SeenTicket {
  const status = ticket.properties[demoHubspot.statusProperty]
  const { assignedTo } = thread
  return {
    id: thread.id,
    subject: ticket.properties.subject ?? '',
    status: thread.status.toLowerCase(),
    assignee: assignedTo === null ? undefined : (demoHubspot.users[assignedTo.slice(2)] ?? assignedTo),
    tags: status ? [status] : [],
    messages: entries.filter(({ type }) => type === 'MESSAGE' || type === 'COMMENT').map(seenMessage),
  }
}

function seenMessage(entry: Entry): SeenMessage {
  const by = byOf(entry)
  const isPublic = entry.type === 'MESSAGE'
  const to = entry.recipients.flatMap(({ deliveryIdentifier }) => deliveryIdentifier?.value ?? [])
  return {
    id: entry.id,
    at: Date.parse(entry.createdAt),
    by,
    name: entry.senders[0]?.name || (by === 'us' ? 'Deskhand' : ''),
    public: isPublic,
    text: String(entry.text),
    ...(isPublic && by === 'us' ? { to } : {}),
  }
}

function byOf({ direction, createdBy, client }: Entry): SeenMessage['by'] {
  if (direction === 'INCOMING') return 'customer'
  if (client.clientType === 'INTEGRATION' || createdBy === `A-${demoHubspot.botUserId}`) return 'us'
  return createdBy.startsWith('A-') ? 'agent' : 'system'
}
