/** HubSpot's REST API: where it is, who calls, and its paths. */
import type { HubspotConnection } from '../../schemas/hubspot.ts'
import type { HelpdeskApi } from '../core/helpdesk.ts'
import { boundSecret } from '../core/helpdesk-api/bound-secret.ts'
import { createClient } from '../core/helpdesk-api/client.ts'
import { refusals } from './refusals.ts'

export type Api = HelpdeskApi<HubspotConnection>

export const client = createClient<HubspotConnection>({
  ...refusals,
  /** One host for all accounts and regions: the token names the account. */
  origin: () => 'https://api.hubapi.com',
  authorization: async (api, base, fresh) =>
    `Bearer ${await boundSecret(api, api.connection.auth.secret, base, fresh)}`,
})

const conversations = '/conversations/v3/conversations'
const one = encodeURIComponent

export const paths = {
  threads: `${conversations}/threads`,
  thread: (id: string) => `${conversations}/threads/${one(id)}`,
  messages: (id: string) => `${conversations}/threads/${one(id)}/messages`,
  originalContent: (id: string, messageId: string) =>
    `${conversations}/threads/${one(id)}/messages/${one(messageId)}/original-content`,
  /** Doubled in v3, by the vendor's specification. */
  assignee: (id: string) => `/conversations/conversations/v3/threads/${one(id)}/assignee`,
  actor: (id: string) => `${conversations}/actors/${one(id)}`,
  actors: `${conversations}/actors/batch/read`,
  channelAccounts: `${conversations}/channel-accounts`,
  inboxes: `${conversations}/inboxes`,
  contacts: '/crm/v3/objects/contacts',
  contact: (id: string) => `/crm/v3/objects/contacts/${one(id)}`,
  tickets: '/crm/v3/objects/tickets',
  ticket: (id: string) => `/crm/v3/objects/tickets/${one(id)}`,
  account: '/account-info/v3/details',
}
