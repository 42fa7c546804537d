/** HubSpot as `receive` sees it: how a webhook is signed and what its batch rings. Nothing here calls HubSpot. */
import * as z from 'zod'
import type { ConnectionBase } from '../../schemas/connection.ts'
import type { Doorbell } from '../../schemas/doorbell.ts'
import { type HubspotConnection, hubspotConnection } from '../../schemas/hubspot.ts'
import { type HubspotEvent, hubspotEvent } from '../../schemas/hubspot-api.ts'
import type { Inbound, Webhook } from '../core/helpdesk.ts'

/** What HubSpot decodes in the URL that it signs; everything else stays encoded. */
const decoded: Readonly<Record<string, string>> = {
  '%3A': ':',
  '%2F': '/',
  '%3F': '?',
  '%40': '@',
  '%21': '!',
  '%24': '$',
  '%27': "'",
  '%28': '(',
  '%29': ')',
  '%2A': '*',
  '%2C': ',',
  '%3B': ';',
}
export const spelled = (url: string): string =>
  url.replace(/%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)/gi, (code) => decoded[code.toUpperCase()] ?? code)

export const inbound: Inbound<HubspotConnection> = {
  name: 'hubspot',
  /** https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation */
  signatures: [
    {
      scheme: 'hmac',
      algorithm: 'sha256',
      header: 'x-hubspot-signature-v3',
      encoding: 'base64',
      timestamp: { header: 'x-hubspot-request-timestamp', format: 'epoch_ms' },
      covers: ['method', 'url', 'body', 'timestamp'],
      spelled,
    },
    {
      scheme: 'hash',
      algorithm: 'sha256',
      header: 'x-hubspot-signature',
      encoding: 'hex',
      version: { header: 'x-hubspot-signature-version', value: 'v1' },
      optedIn: (connection: ConnectionBase & { allowSignatureV1?: boolean }) =>
        connection.allowSignatureV1 === true,
    },
  ],
  /** HubSpot repeats a delivery on any 4xx and 5xx, up to ten times in a day. */
  retryStatus: 503,
  connection: hubspotConnection,
  webhook(body, connection) {
    const batch = z.array(z.unknown()).safeParse(body)
    if (!batch.success) return { refused: 'unreadable' }
    return fromBatch(batch.data, connection)
  },
}

/** One odd event of a batch keeps none of the others from ringing. */
function fromBatch(batch: unknown[], connection: HubspotConnection): Webhook {
  const events = batch.flatMap((one) => hubspotEvent.safeParse(one).data ?? [])
  const ours = events.filter(({ portalId }) => portalId === connection.portalId)
  const rung = ours.map(ringOf)
  const foreign = ours.length < events.length
  // Nothing of it is ours, or nothing of it says which ticket.
  if (foreign && ours.length === 0) return { refused: 'wrong_account' }
  if (batch.length > 0 && rung.every((one) => one === 'unreadable')) return { refused: 'unreadable' }
  const doorbells = rung.filter((one) => typeof one === 'object')
  return foreign ? { doorbells, refused: 'wrong_account' } : { doorbells }
}

/**
 * `eventId` is not unique by HubSpot's own word, so there is no delivery id. `conversation.creation` rings nothing:
 * the thread's first message fires `newMessage` besides, and a thread without a message has nothing to answer.
 */
function ringOf(event: HubspotEvent): Doorbell | 'nothing' | 'unreadable' {
  const from = fromOf(event)
  if (from === undefined) return 'nothing'
  if (event.objectId === undefined) return 'unreadable'
  return {
    ticketId: event.objectId,
    ...(isMessage(event) && event.messageId !== undefined ? { messageId: event.messageId } : {}),
    from,
    at: event.occurredAt ?? Date.now(),
  }
}

const typeOf = (event: HubspotEvent): string | undefined => event.subscriptionType ?? event.eventType
const isMessage = (event: HubspotEvent): boolean => typeOf(event) === 'conversation.newMessage'

/**
 * A webhook does not name the author of a message, so each one rings as the customer's: our own too, and a colleague's.
 * That costs one look, which finds whose it is and starts no turn. A comment is the team's; greetings are nobody's.
 */
function fromOf(event: HubspotEvent): Doorbell['from'] | undefined {
  if (typeOf(event) === 'conversation.propertyChange') return 'team'
  if (!isMessage(event)) return undefined
  if (event.messageType === 'COMMENT') return 'team'
  return event.messageType === undefined || event.messageType === 'MESSAGE' ? 'customer' : undefined
}
