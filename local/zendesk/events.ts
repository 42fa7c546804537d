import type { Comment, Conversation, User } from './account.ts'
import { eventId } from './sign.ts'
import type { EventType } from './webhooks.ts'

/** The channel names of events differ from those of REST. */
const eventChannels: Record<string, string> = { email: 'mail', web: 'web_form', api: 'web_service' }
const upper = (value: string | null): string | null => value?.toUpperCase() ?? null
const text = (id: number | null): string | null => (id === null ? null : String(id))

/**
 * The body of an event webhook: ids are strings, enums upper-case, `account_id` a number.
 * https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events/
 */
export function eventBody(about: {
  type: EventType
  accountId: number
  actorId: number
  conversation: Conversation
  comment: Comment
  author: User | undefined
  now: number
}): string {
  const { ticket } = about.conversation
  const { comment, author } = about
  const event = {
    comment: {
      id: String(comment.id),
      body: comment.body,
      is_public: comment.public,
      author: {
        id: String(comment.author_id),
        is_staff: author?.role !== 'end-user',
        name: author?.name ?? 'System',
      },
    },
  }
  return JSON.stringify({
    type: `zen:event-type:${about.type}`,
    account_id: about.accountId,
    id: eventId(),
    time: new Date(about.now).toISOString().replace('Z', '000000Z'),
    zendesk_event_version: '2022-11-06',
    subject: `zen:ticket:${ticket.id}`,
    detail: {
      id: String(ticket.id),
      actor_id: String(about.actorId),
      requester_id: text(ticket.requester_id),
      submitter_id: text(ticket.submitter_id),
      assignee_id: text(ticket.assignee_id),
      group_id: text(ticket.group_id),
      brand_id: text(ticket.brand_id),
      form_id: null,
      organization_id: null,
      external_id: null,
      custom_status: null,
      status: upper(ticket.status),
      priority: upper(ticket.priority),
      type: upper(ticket.type),
      subject: ticket.subject,
      description: ticket.description,
      is_public: ticket.is_public,
      tags: ticket.tags,
      via: { channel: eventChannels[ticket.via.channel] ?? ticket.via.channel },
      created_at: ticket.created_at,
      updated_at: ticket.updated_at,
    },
    event: about.type === 'ticket.created' ? {} : event,
  })
}

/**
 * Zendesk's documented rule: 409 is tried again up to 3 times, 429 and 503 only with a `Retry-After` below 60 (up to 3
 * times here: the number is not documented), time-outs up to 5 times, anything else never. Whether a retry is signed
 * anew is not documented: here it is.
 * https://developer.zendesk.com/api-reference/webhooks/introduction/
 */
export const deadlineMs = 12_000
export function retries(response: Response | undefined): number {
  if (response === undefined) return 5
  if (response.status === 409) return 3
  const wait = response.headers.get('retry-after')
  const soon = wait !== null && /^\d+$/.test(wait) && Number(wait) < 60
  return (response.status === 429 || response.status === 503) && soon ? 3 : 0
}
