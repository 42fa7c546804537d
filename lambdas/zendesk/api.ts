/** Zendesk's REST API: where it is and who calls. */
import type { ZendeskConnection } from '../../schemas/zendesk.ts'
import type { HelpdeskApi } from '../core/helpdesk.ts'
import { createClient } from '../core/helpdesk-api/client.ts'
import { authorization } from './authenticate.ts'
import { refusals } from './refusals.ts'

export type Api = HelpdeskApi<ZendeskConnection>

export const client = createClient<ZendeskConnection>({
  ...refusals,
  origin: ({ subdomain }) => `https://${subdomain}.zendesk.com`,
  authorization,
})
