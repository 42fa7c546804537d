/** Intercom's notifications: how they look, are signed and sent again. */
import { createHmac } from 'node:crypto'
import type { Conversation, Part } from './account.ts'
import { plainPart, toPlain } from './rest.ts'

/** The topic that a new part, or a new conversation, is told under. */
export function topicOf(part: Part | undefined): string | undefined {
  if (part === undefined) return 'conversation.user.created'
  const { type } = part.author
  if (type === 'user' || type === 'lead') return 'conversation.user.replied'
  return adminTopics[part.part_type]
}
const adminTopics: Readonly<Record<string, string>> = {
  comment: 'conversation.admin.replied',
  note: 'conversation.admin.noted',
  assignment: 'conversation.admin.assigned',
  close: 'conversation.admin.closed',
  open: 'conversation.admin.opened',
  snoozed: 'conversation.admin.snoozed',
}

/** A notification carries the new part alone, never the history; bodies are plain text since 2.15. */
export function notificationBody(about: {
  id: string
  appId: string
  topic: string
  conversation: Conversation
  part: Part | undefined
  now: number
}): string {
  const { parts: _, ...item } = about.conversation
  const at = Math.floor(about.now / 1000)
  return JSON.stringify({
    type: 'notification_event',
    app_id: about.appId,
    data: {
      type: 'notification_event_data',
      item: {
        ...item,
        source: { ...item.source, body: toPlain(item.source.body) },
        conversation_parts: {
          type: 'conversation_part.list',
          conversation_parts: about.part === undefined ? [] : [plainPart(about.part)],
          total_count: about.part === undefined ? 0 : 1,
        },
      },
    },
    links: {},
    id: about.id,
    topic: about.topic,
    delivery_status: 'pending',
    delivery_attempts: 1,
    delivered_at: 0,
    first_sent_at: at,
    created_at: about.part?.created_at ?? about.conversation.created_at,
    self: null,
  })
}

/** https://developers.intercom.com/docs/webhooks/setting-up-webhooks: HMAC-SHA1 under the app's client secret. */
export const signIntercom = (secret: string, rawBody: string): string =>
  `sha1=${createHmac('sha1', secret).update(rawBody, 'utf8').digest('hex')}`

export const intercomHeaders = (secret: string, rawBody: string): Record<string, string> => ({
  'content-type': 'application/json',
  'user-agent': 'intercom-webhook-notification-sender/1.0',
  'x-hub-signature': signIntercom(secret, rawBody),
})

/** One more attempt after any failure, as far as is told (not confirmed); a 410 ends the subscription. */
export const deadlineMs = 5_000
export const retries = (response: Response | undefined): number => (response?.status === 410 ? 0 : 1)
