import { createHash, createHmac } from 'node:crypto'

/**
 * HubSpot's v3 signature: base64(HMAC-SHA256(client secret, method + URL + body + timestamp)). Nothing in the URL is
 * decoded here: a webhook URL of ours has nothing to decode.
 * https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation
 */
export const signHubspot = (secret: string, url: string, rawBody: string, timestamp: string): string =>
  createHmac('sha256', secret).update(`POST${url}${rawBody}${timestamp}`, 'utf8').digest('base64')

/** Every header of a webhook: v3, and the older v1 beside it, as HubSpot sends them. `now`: ms since the epoch. */
export function hubspotHeaders(about: {
  secret: string
  url: string
  rawBody: string
  now: number
}): Record<string, string> {
  const timestamp = String(about.now)
  return {
    'content-type': 'application/json',
    'user-agent': 'HubSpot Connect 2.0 (http://dev.hubspot.com/) - WebHooks',
    'x-hubspot-signature': createHash('sha256')
      .update(about.secret + about.rawBody, 'utf8')
      .digest('hex'),
    'x-hubspot-signature-version': 'v1',
    'x-hubspot-signature-v3': signHubspot(about.secret, about.url, about.rawBody, timestamp),
    'x-hubspot-request-timestamp': timestamp,
  }
}
