/** Zendesk as `receive` sees it: how a webhook is signed and what its body rings. Nothing here calls Zendesk. */
import type * as z from 'zod'
import type { Doorbell } from '../../schemas/doorbell.ts'
import { type ZendeskConnection, zendeskConnection } from '../../schemas/zendesk.ts'
import { commentAdded, ticketCreated, triggerBody, zendeskEvent } from '../../schemas/zendesk-api.ts'
import type { Inbound, Webhook } from '../core/helpdesk.ts'

/** The author of comments that triggers and automations write. */
export const systemAuthor = '-1'

export const inbound: Inbound<ZendeskConnection> = {
  name: 'zendesk',
  /** https://developer.zendesk.com/documentation/webhooks/verifying/ */
  signatures: [
    {
      scheme: 'hmac',
      algorithm: 'sha256',
      header: 'x-zendesk-webhook-signature',
      encoding: 'base64',
      timestamp: { header: 'x-zendesk-webhook-signature-timestamp', format: 'iso8601' },
      covers: ['timestamp', 'body'],
      // Signs the tests of webhooks that are not saved yet: anybody can sign with it.
      published: ['dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=='],
    },
  ],
  /** Zendesk repeats a delivery on 409 up to three times; nothing is documented for a 500. */
  retryStatus: 409,
  connection: zendeskConnection,
  webhook(body, connection) {
    const event = zendeskEvent.safeParse(body)
    if (event.success) {
      // The headers that name the account are not signed, so only the body counts.
      if (event.data.account_id !== connection.accountId) return { refused: 'wrong_account' }
      return fromEvent(event.data, body, connection)
    }
    const trigger = triggerBody.safeParse(body)
    if (trigger.success) return { doorbells: [fromTrigger(trigger.data)] }
    return { refused: 'unreadable' }
  },
}

type Event = z.infer<typeof zendeskEvent>

function fromEvent(event: Event, body: unknown, connection: ZendeskConnection): Webhook {
  if (event.type === 'zen:event-type:ticket.created') {
    const created = ticketCreated.safeParse(body)
    if (!created.success) return { refused: 'unreadable' }
    const { detail } = created.data
    const rings = isPerson(detail.actor_id, connection) && detail.is_public !== false
    return { doorbells: rings && inBrand(detail, connection) ? [ring(event, detail, 'customer')] : [] }
  }
  if (event.type === 'zen:event-type:ticket.comment_added') {
    const added = commentAdded.safeParse(body)
    if (!added.success) return { refused: 'unreadable' }
    const { detail } = added.data
    const { comment } = added.data.event
    const from = comment.author.is_staff === true ? 'team' : 'customer'
    const rings =
      isPerson(comment.author.id, connection) &&
      isPerson(detail.actor_id, connection) &&
      (from === 'team' || comment.is_public !== false)
    if (!rings || !inBrand(detail, connection)) return { doorbells: [] }
    return { doorbells: [{ ...ring(event, detail, from), messageId: comment.id }] }
  }
  return { doorbells: [] }
}

/** Not our bot and not a rule. Not said at all: perhaps a person, and a doorbell costs one look. */
const isPerson = (id: string | undefined, connection: ZendeskConnection): boolean =>
  id !== connection.botUserId && id !== systemAuthor

type Detail = z.infer<typeof ticketCreated>['detail']

const inBrand = (detail: Detail, { brandIds }: ZendeskConnection): boolean =>
  brandIds === undefined || detail.brand_id === undefined || brandIds.includes(detail.brand_id)

const ring = (event: Event, detail: Detail, from: Doorbell['from']): Doorbell => ({
  ticketId: detail.id,
  ...(event.id === undefined ? {} : { deliveryId: event.id }),
  from,
  at: moment(event.time, detail.updated_at),
})

/** The trigger body names no account and no delivery: what vouches for it is this connection's signature. */
const fromTrigger = (body: z.infer<typeof triggerBody>): Doorbell => ({
  ticketId: body.ticket_id,
  from: /agent|admin|owner/i.test(literal(body.actor_role) ?? '') ? 'team' : 'customer',
  at: moment(literal(body.updated_at)),
})

/** A placeholder that Zendesk did not expand says nothing. */
const literal = (value: string | undefined): string | undefined => (value?.includes('{{') ? undefined : value)

/** The first time that can be read, ms; now, where Zendesk left it out. */
function moment(...times: (string | undefined)[]): number {
  for (const time of times) {
    const at = Date.parse(time ?? '')
    if (Number.isFinite(at)) return at
  }
  return Date.now()
}
