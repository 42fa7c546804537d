/** Entries of a thread as HubSpot writes them down, by whom they come from. */
import type { Person } from '../stand-in.ts'
import { escapeHtml } from '../ticket-page.ts'
import type { Contact, Conversation, Entry, Party } from './account.ts'
import { demoHubspot } from './demo-account.ts'

type Made = Omit<Entry, 'id' | 'createdAt' | 'conversationsThreadId' | 'archived'>

const mail = (value: string) => ({ type: 'HS_EMAIL_ADDRESS', value })
const htmlOf = (text: string): string => `<div dir="ltr">${escapeHtml(text).replaceAll('\n', '<br>')}</div>`

const channelOf = ({ thread }: Conversation) => ({
  channelId: thread.originalChannelId,
  channelAccountId: thread.originalChannelAccountId,
})

/** What a customer sends: a mail to the shop and whoever is copied, or a line in the chat. */
export function incoming(conversation: Conversation, contact: Contact, text: string, subject: string): Made {
  const { chat, copied } = conversation
  const actorId = `V-${contact.id}`
  const identifier = chat
    ? { type: 'CHANNEL_SPECIFIC_OPAQUE_ID', value: `chat-${conversation.thread.id}` }
    : mail(contact.address)
  return {
    type: 'MESSAGE',
    createdBy: actorId,
    client: { clientType: 'HUBSPOT' },
    senders: [{ actorId, name: contact.name, senderField: 'FROM', deliveryIdentifier: identifier }],
    recipients: chat
      ? []
      : [
          { recipientField: 'TO', deliveryIdentifier: mail(demoHubspot.supportAddress) },
          ...copied.map(copyTo),
        ],
    text,
    richText: htmlOf(text),
    attachments: [],
    ...(chat ? {} : { subject }),
    truncationStatus: 'NOT_TRUNCATED',
    status: { statusType: 'RECEIVED' },
    direction: 'INCOMING',
    ...channelOf(conversation),
  }
}

export const copyTo = ({ name, address }: Person): Party => ({
  name,
  recipientField: 'CC',
  deliveryIdentifier: mail(address),
})

/** What a colleague writes in HubSpot, to the thread's contact or as a comment. */
export function byAgent(conversation: Conversation, contact: Contact, text: string, internal: boolean): Made {
  const actorId = `A-${demoHubspot.agentUserId}`
  const name = demoHubspot.users[demoHubspot.agentUserId] ?? ''
  const common = {
    createdBy: actorId,
    client: { clientType: 'HUBSPOT' },
    text,
    richText: htmlOf(text),
    attachments: [],
  }
  if (internal) return { type: 'COMMENT', ...common, senders: [{ actorId, name }], recipients: [] }
  return {
    type: 'MESSAGE',
    ...common,
    senders: [sender(actorId, name, conversation)],
    recipients: [recipient(conversation, contact)],
    truncationStatus: 'NOT_TRUNCATED',
    status: { statusType: 'SENT' },
    direction: 'OUTGOING',
    ...channelOf(conversation),
  }
}

const sender = (actorId: string, name: string, { chat }: Conversation): Party => ({
  actorId,
  name,
  ...(chat ? {} : { senderField: 'FROM', deliveryIdentifier: mail(demoHubspot.supportAddress) }),
})
const recipient = ({ chat, thread }: Conversation, { id, name, address }: Contact): Party =>
  chat
    ? {
        actorId: `V-${id}`,
        deliveryIdentifier: { type: 'CHANNEL_SPECIFIC_OPAQUE_ID', value: `chat-${thread.id}` },
      }
    : { name, recipientField: 'TO', deliveryIdentifier: mail(address) }

/**
 * What our integration posts, as HubSpot lists it afterwards: one identifier where the request had several. Not
 * confirmed who is named for a comment, which has no sender: here the integration itself.
 */
export function byIntegration(conversation: Conversation, sent: Record<string, unknown>): Made {
  const isComment = sent.type === 'COMMENT'
  const actorId = isComment ? `I-${demoHubspot.appId}` : String(sent.senderActorId)
  const name = demoHubspot.users[actorId.slice(2)] ?? ''
  return {
    type: isComment ? 'COMMENT' : 'MESSAGE',
    createdBy: actorId,
    client: { clientType: 'INTEGRATION', integrationAppId: demoHubspot.appId },
    senders: [isComment ? { actorId, name } : sender(actorId, name, conversation)],
    recipients: isComment ? [] : (sent.recipients as RequestParty[]).map(listed),
    text: String(sent.text),
    richText: String(sent.richText ?? sent.text),
    attachments: [],
    ...(isComment
      ? {}
      : {
          ...(sent.subject === undefined ? {} : { subject: sent.subject }),
          truncationStatus: 'NOT_TRUNCATED',
          status: { statusType: 'SENT' },
          direction: 'OUTGOING',
          channelId: String(sent.channelId),
          channelAccountId: String(sent.channelAccountId),
        }),
  }
}

/** A party of a request: several identifiers. */
export interface RequestParty {
  actorId?: string
  name?: string
  recipientField?: string
  deliveryIdentifiers: { type: string; value: string }[]
}
const listed = ({ deliveryIdentifiers, ...rest }: RequestParty): Party => {
  const [first] = deliveryIdentifiers
  return { ...rest, ...(first === undefined ? {} : { deliveryIdentifier: first }) }
}

/** What happens without words: HubSpot lists it among the messages. */
export const happened = (type: string, what: object): Made => ({
  type,
  createdBy: 'S-hubspot',
  client: { clientType: 'SYSTEM' },
  senders: [{ actorId: 'S-hubspot' }],
  recipients: [],
  ...what,
})
