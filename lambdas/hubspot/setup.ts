/** What an admin does in HubSpot. The page with the reasons is docs/connect-hubspot.md. */
import type { HubspotConnection } from '../../schemas/hubspot.ts'
import type { Reach, Setup } from '../core/helpdesk.ts'
import { client } from './api.ts'

/** Subscriptions are the app's: its project or its settings hold them. */
export const setup: Setup<HubspotConnection> = {
  secret: 'theirs',
  credential,
  steps: (api, { url, secretName }) => {
    const { connection } = api
    const { secret, hosts } = credential(api)
    return [
      {
        title: 'Add a bot user',
        text: 'Settings → Users & Teams: a user with a seat that may answer in the inbox. Nobody else may write with it. Switch HubSpot’s own Customer Agent and chatflow bots off on these inboxes.',
        values: { botUserId: connection.botUserId },
      },
      {
        title: 'Create an app',
        text: 'An app of the developer platform for this one account, with a static token and these scopes. Its Auth tab shows the access token: enter it as this outbound secret, for these hosts alone.',
        values: {
          Scopes: scopes(connection).join(', '),
          'Hub ID': connection.portalId,
          'App ID': connection.appId,
          'outbound secret': secret,
          hosts: hosts.join(', '),
        },
      },
      {
        title: 'Enter the client secret',
        text: 'The app’s Auth tab: the client secret signs the webhooks, the token does not. Enter it as this inbound secret.',
        values: { 'inbound secret': secretName },
      },
      {
        title: 'Subscribe to webhooks',
        text: 'settings.targetUrl and subscriptions.hubEvents of the app’s webhooks-hsmeta.json, or the Webhooks tab of a private app. HubSpot signs the URL: enter it exactly so.',
        values: {
          'Target URL': url,
          Events:
            'conversation.newMessage; conversation.propertyChange for assignedTo; conversation.propertyChange for status',
          maxConcurrentRequests: 'above 5',
        },
      },
      {
        title: 'List the inbox’s own addresses',
        text: 'Every address that mail to the inbox may be sent to, the forwarding ones too. One that is missing counts as somebody who reads along.',
        values: { ownAddresses: connection.ownAddresses.join(', ') },
      },
    ]
  },
}

function credential(api: Reach<HubspotConnection>) {
  return {
    secret: api.connection.auth.secret,
    what: 'the access token of the app',
    hosts: [new URL(client.base(api)).host],
  }
}

const scopes = ({ handOver, waitingStage }: HubspotConnection): string[] => [
  'conversations.read',
  'conversations.write',
  'crm.objects.contacts.read',
  ...(handOver.ticketProperty !== undefined || waitingStage !== undefined ? ['tickets'] : []),
]
