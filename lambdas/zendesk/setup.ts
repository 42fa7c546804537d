/** What an admin does in Zendesk. The page with the reasons is docs/connect-zendesk.md. */
import type { ZendeskConnection } from '../../schemas/zendesk.ts'
import type { Reach, Setup, Step } from '../core/helpdesk.ts'
import { client } from './api.ts'
import { install } from './install.ts'

export const setup: Setup<ZendeskConnection> = {
  secret: 'theirs',
  credential,
  steps: (api, { url, secretName }) => [
    {
      title: 'Create a bot user',
      text: 'An agent with a role that may read every ticket of the brands concerned, comment publicly, and change status, assignee, group and tags. Nobody else may write with it. With an admin role, webhooks that were lost are made up for, and the webhook can be made for you. Its id is the number at the end of its profile’s address.',
      values: { botUserId: api.connection.botUserId },
    },
    credentialStep(api),
    {
      title: 'Create the webhook',
      text: 'Let it be made (install), or: Admin Center → Apps and integrations → Webhooks → Create webhook → Zendesk events. No authentication is needed. Tests that are sent before it is saved are refused, and that is right.',
      values: {
        'Endpoint URL': url,
        'Request method': 'POST',
        'Request format': 'JSON',
        Events: 'Ticket created, Comment added to ticket',
        Authentication: 'None',
      },
    },
    {
      title: 'Enter its signing secret',
      text: 'Install has done so. Else open the webhook, "Reveal secret", and enter the value as this inbound secret.',
      values: { 'inbound secret': secretName },
    },
    {
      title: 'Compare the account’s id',
      text: 'account_id in the body of any delivery, in the webhook’s activity log. A delivery that names another account is dropped.',
      values: { account_id: api.connection.accountId },
    },
  ],
  install,
}

function credential(api: Reach<ZendeskConnection>) {
  const { auth } = api.connection
  return {
    secret: auth.secret,
    what: auth.type === 'api_token' ? 'the API token' : 'the secret of the OAuth client',
    hosts: [new URL(client.base(api)).host],
  }
}

function credentialStep(api: Reach<ZendeskConnection>): Step {
  const { auth } = api.connection
  const { secret, hosts } = credential(api)
  const entered = { 'outbound secret': secret, hosts: hosts.join(', ') }
  return auth.type === 'api_token'
    ? {
        title: 'Create an API token',
        text: 'Admin Center → Apps and integrations → APIs → API tokens. Enter it as this outbound secret, for these hosts alone. Zendesk ends API tokens on 30 April 2027.',
        values: { email: auth.email, ...entered },
      }
    : {
        title: 'Create an OAuth client',
        text: 'Signed in as the bot user, which needs an admin role while you do this: Admin Center → Apps and integrations → APIs → OAuth clients, a confidential client. Its secret is shown once: enter it as this outbound secret, for these hosts alone.',
        values: { Identifier: auth.clientId, 'Client kind': 'Confidential', Scope: auth.scope, ...entered },
      }
}
