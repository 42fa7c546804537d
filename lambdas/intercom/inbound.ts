/** Intercom as `receive` sees it: how a webhook is signed and what its body rings. Nothing here calls Intercom. */
import type * as z from 'zod'
import type { Doorbell } from '../../schemas/doorbell.ts'
import { type IntercomConnection, intercomConnection } from '../../schemas/intercom.ts'
import { type IntercomAuthor, notification, webhookConversation } from '../../schemas/intercom-api.ts'
import type { Inbound, Webhook } from '../core/helpdesk.ts'

export const inbound: Inbound<IntercomConnection> = {
  name: 'intercom',
  /** The key is the app's client secret. https://developers.intercom.com/docs/webhooks/setting-up-webhooks */
  signatures: [
    {
      scheme: 'hmac',
      algorithm: 'sha1',
      header: 'x-hub-signature',
      prefix: 'sha1=',
      encoding: 'hex',
      covers: ['body'],
    },
  ],
  retryStatus: 503,
  connection: intercomConnection,
  webhook(body, connection) {
    const parsed = notification.safeParse(body)
    if (!parsed.success) return { refused: 'unreadable' }
    const { topic, app_id, data } = parsed.data
    if (topic === 'ping') return { doorbells: [] }
    // One app may be installed in several workspaces, and all of them are sent to its one URL.
    if (app_id !== connection.appId) return { refused: 'wrong_account' }
    const ringer = ringerOf(topic)
    if (ringer === undefined) return { doorbells: [] }
    const conversation = webhookConversation.safeParse(data.item)
    if (!conversation.success) return { refused: 'unreadable' }
    return ringer(conversation.data, parsed.data, connection)
  },
}

type Notification = z.infer<typeof notification>
type Conversation = z.infer<typeof webhookConversation>
type Ringer = (conversation: Conversation, about: Notification, connection: IntercomConnection) => Webhook

/** What rings for a topic. Bots' own topic, deletions and whatever else there is ring nothing. */
function ringerOf(topic: string): Ringer | undefined {
  if (topic === 'conversation.user.created') return opened
  if (topic === 'conversation.user.replied') return replied
  return topic.startsWith('conversation.admin.') ? byTeam : undefined
}

/** The first message is the conversation's source. Campaigns and bots open conversations too. */
const opened: Ringer = (conversation, about) => {
  const { source } = conversation
  const byCustomer = (source?.delivered_as ?? 'customer_initiated') === 'customer_initiated'
  // Not said who: perhaps a customer, and a doorbell costs one look.
  if (!byCustomer || (source?.author !== undefined && !isContact(source.author))) return { doorbells: [] }
  return ring('customer', conversation, about, source?.id, conversation.created_at)
}

/** Only the new parts are in it: the newest that a contact wrote. */
const replied: Ringer = (conversation, about) => {
  const parts = partsOf(conversation)
  const part = parts.findLast(({ author }) => isContact(author))
  if (part === undefined && parts.length > 0) return { doorbells: [] }
  const isMessage = messageTypes.includes(part?.part_type ?? 'comment')
  return ring('customer', conversation, about, isMessage ? part?.id : undefined, part?.created_at)
}

/** Replies, notes, assignments, closing and snoozing; not all of them are messages. A bot's reply comes here too. */
const byTeam: Ringer = (conversation, about, { adminId }) => {
  const part = partsOf(conversation).at(-1)
  if (isBot(part?.author) || isOurs(part?.author, adminId)) return { doorbells: [] }
  return ring('team', conversation, about, undefined, part?.created_at)
}

const partsOf = ({ conversation_parts }: Conversation) =>
  (conversation_parts?.conversation_parts ?? []).flatMap((part) => part ?? [])

const ring = (
  from: Doorbell['from'],
  { id }: Conversation,
  about: Notification,
  messageId: string | undefined,
  at: number | undefined,
): Webhook => ({
  doorbells: [
    {
      ticketId: id,
      ...(messageId === undefined ? {} : { messageId }),
      ...(about.id === undefined ? {} : { deliveryId: about.id }),
      from,
      at: moment(at, about.created_at),
    },
  ],
})

/** The first time that was told, ms; now, where there is none. */
const moment = (...times: (number | undefined)[]): number => {
  const told = times.find((time) => time !== undefined)
  return told === undefined ? Date.now() : told * 1000
}

// ---- Who an author is, by the type that Intercom gives -----------------------------------------------------

/** An author of whom Intercom tells no id. It is nobody's. */
export const nobody = 'unknown'

export const isContact = (author: IntercomAuthor | undefined): boolean =>
  ['user', 'lead', 'contact'].includes(author?.type ?? '') && author?.from_ai_agent !== true

/** Fin, Operator and workflows; Fin also writes under other types. */
export const isBot = (author: IntercomAuthor | undefined): boolean =>
  author?.type === 'bot' || author?.from_ai_agent === true

export const isTeammate = (author: IntercomAuthor | undefined): boolean =>
  (author?.type === 'admin' || author?.type === 'team') && author.from_ai_agent !== true

/** Is it the teammate that we answer as? */
export const isOurs = (author: IntercomAuthor | undefined, adminId: string): boolean =>
  author?.type === 'admin' && author.id === adminId

/** Parts by which somebody says something in public. `open` reopens the conversation, mostly with a comment. */
export const messageTypes: readonly string[] = ['comment', 'quick_reply', 'open']
