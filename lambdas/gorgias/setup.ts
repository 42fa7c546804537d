/** What an admin does in Gorgias. The page with the reasons is docs/connect-gorgias.md. */
import type { GorgiasConnection } from '../../schemas/gorgias.ts'
import type { Reach, Setup, Step, WebhookTarget } from '../core/helpdesk.ts'
import { client } from './api.ts'
import { install } from './install.ts'
import { formOf, secretHeader, type Trigger } from './integration.ts'

export const setup: Setup<GorgiasConnection> = {
  secret: 'ours',
  credential,
  steps: (api, webhook) => [
    {
      title: 'Create a bot user',
      text: 'Settings → Users: a user with a role that may answer customers, assign tickets and tag them; an observer may not. Nobody else may write with it. Its id is in the answer of GET /api/users/0 with its own key.',
      values: { botUserId: api.connection.botUserId },
    },
    credentialStep(api),
    integrationStep('ticket-message-created', 'Ticket message created', webhook),
    integrationStep('ticket-message-failed', 'Ticket message failed', webhook),
    {
      title: 'List every support address',
      text: 'Settings → Email: every address at which the account receives mail, forwarding addresses too. One that is missing counts as somebody who reads along.',
      values: { supportAddresses: api.connection.supportAddresses.join(', ') },
    },
  ],
  install,
}

function credential(api: Reach<GorgiasConnection>) {
  const { auth } = api.connection
  return {
    secret: auth.secret,
    what: auth.type === 'api_key' ? 'the API key of the bot user' : 'an OAuth access token',
    hosts: [new URL(client.base(api)).host],
  }
}

function credentialStep(api: Reach<GorgiasConnection>): Step {
  const { auth } = api.connection
  const { secret, hosts } = credential(api)
  const entered = { 'outbound secret': secret, hosts: hosts.join(', ') }
  return auth.type === 'api_key'
    ? {
        title: 'Create an API key',
        text: 'Signed in as the bot user: Settings → REST API. Enter it as this outbound secret, for these hosts alone.',
        values: { email: auth.email, ...entered },
      }
    : {
        title: 'Get an access token',
        text: 'Gorgias ends it after 24 hours: whoever enters it as this outbound secret has to renew it. integrations:write is needed to let the webhook be made.',
        values: {
          Scopes: 'tickets:read tickets:write customers:read users:read integrations:read integrations:write',
          ...entered,
        },
      }
}

/** Two integrations that differ in their trigger and in the event that they name. */
const integrationStep = (trigger: Trigger, title: string, { url, secret }: WebhookTarget): Step => ({
  title: `Create the HTTP integration for "${title}"`,
  text: 'Let it be made (install), or: Settings → App Store → HTTP integration → Add. This trigger and no other. Ids and marks only: a subject or a message in the form adds nothing.',
  values: {
    URL: url,
    Method: 'POST',
    'Request content type': 'application/json',
    Trigger: title,
    [secretHeader]: secret ?? 'the secret that was shown when the connection was made',
    Body: JSON.stringify(formOf(trigger)),
  },
})
