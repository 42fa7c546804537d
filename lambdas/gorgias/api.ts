/** Gorgias's REST API: where it is, who calls, and how it says no. */
import type { GorgiasConnection } from '../../schemas/gorgias.ts'
import type { HelpdeskApi } from '../core/helpdesk.ts'
import { boundSecret } from '../core/helpdesk-api/bound-secret.ts'
import { createClient } from '../core/helpdesk-api/client.ts'

export type Api = HelpdeskApi<GorgiasConnection>

/** 429 carries `Retry-after` in seconds: https://developers.gorgias.com/reference/limitations */
export const client = createClient<GorgiasConnection>({
  title: 'Gorgias',
  origin: ({ subdomain }) => `https://${subdomain}.gorgias.com`,
  authorization,
})

/** An API key goes as the password of its user's address, an access token as bearer. Throws `bad_configuration`. */
async function authorization(api: Api, base: string, fresh: boolean): Promise<string> {
  const { auth } = api.connection
  const secret = await boundSecret(api, auth.secret, base, fresh)
  if (auth.type === 'oauth_token') return `Bearer ${secret}`
  return `Basic ${Buffer.from(`${auth.email}:${secret}`, 'utf8').toString('base64')}`
}

export const ticketPath = (ticketId: string): string => `/api/tickets/${encodeURIComponent(ticketId)}`
