/** What an admin does in Intercom. The page with the reasons is docs/connect-intercom.md. */
import type { IntercomConnection } from '../../schemas/intercom.ts'
import type { Reach, Setup } from '../core/helpdesk.ts'
import { client } from './api.ts'

const topics = [
  'conversation.user.created',
  'conversation.user.replied',
  'conversation.admin.replied',
  'conversation.admin.noted',
  'conversation.admin.assigned',
  'conversation.admin.closed',
  'conversation.admin.opened',
]

/** Subscriptions are the app's: they are chosen in the Developer Hub. */
export const setup: Setup<IntercomConnection> = {
  secret: 'theirs',
  credential,
  steps: (api, { url, secretName }) => {
    const { secret, hosts } = credential(api)
    const { adminId, appId, region } = api.connection
    return [
      {
        title: 'Add a teammate to answer as',
        text: 'Settings → Workspace → Teammates: one with an inbox seat. Nobody else may write with it. Its id is the number at the end of its profile’s address.',
        values: { adminId },
      },
      {
        title: 'Create an app',
        text: 'Developer Hub → New app, in this workspace; it stays private. Configure → Authentication: these permissions. Copy the access token and enter it as this outbound secret, for these hosts alone.',
        values: {
          Permissions: 'Read and write conversations; Read users and companies; Read admins; Write tags',
          Region: region,
          Workspace: appId,
          'outbound secret': secret,
          hosts: hosts.join(', '),
        },
      },
      {
        title: 'Enter the client secret',
        text: 'Developer Hub → your app → Configure → Basic information: the client secret signs the webhooks. Enter it as this inbound secret.',
        values: { 'inbound secret': secretName },
      },
      {
        title: 'Subscribe to webhooks',
        text: 'Developer Hub → your app → Webhooks, once the connection is published. Intercom asks for the URL with HEAD, which is answered.',
        values: { 'Endpoint URL': url, Topics: topics.join(', ') },
      },
    ]
  },
}

function credential(api: Reach<IntercomConnection>) {
  return {
    secret: api.connection.auth.secret,
    what: 'the access token of the app',
    hosts: [new URL(client.base(api)).host],
  }
}
