import { createHmac, randomInt, randomUUID } from 'node:crypto'

/**
 * A Zendesk webhook's signature: base64(HMAC-SHA256(secret, timestamp + body)), the secret as UTF-8.
 * https://developer.zendesk.com/documentation/webhooks/verifying/
 */
export const signZendesk = (secret: string, timestamp: string, rawBody: string): string =>
  createHmac('sha256', secret).update(timestamp, 'utf8').update(rawBody, 'utf8').digest('base64')

/**
 * Every header of a Zendesk webhook.
 * https://developer.zendesk.com/documentation/webhooks/anatomy-of-a-webhook-request/
 */
export function zendeskHeaders(about: {
  secret: string
  rawBody: string
  accountId: number
  webhookId: string
  /** ms since the epoch */
  now: number
}): Record<string, string> {
  const timestamp = `${new Date(about.now).toISOString().slice(0, 19)}Z`
  return {
    'content-type': 'application/json',
    'user-agent': 'Zendesk Webhook',
    'x-zendesk-account-id': String(about.accountId),
    'x-zendesk-webhook-id': about.webhookId,
    'x-zendesk-webhook-invocation-id': String(randomInt(1_000_000_000, 9_999_999_999)),
    'x-zendesk-webhook-signature': signZendesk(about.secret, timestamp, about.rawBody),
    'x-zendesk-webhook-signature-timestamp': timestamp,
  }
}

/** An id as Zendesk puts one into each event body. */
export const eventId = (): string => randomUUID()
