/** What an admin does in Freshdesk. The page with the reasons is docs/connect-freshdesk.md. */
import type { FreshdeskConnection } from '../../schemas/freshdesk.ts'
import type { Reach, Setup, Step, WebhookTarget } from '../core/helpdesk.ts'
import { client } from './api.ts'

/** Rules are made by hand: Freshdesk has no API for them. */
export const setup: Setup<FreshdeskConnection> = {
  secret: 'ours',
  credential,
  steps: (api, webhook) => [
    {
      title: 'Create a bot user',
      text: 'Admin → Team → Agents → New agent: a full-time agent with a role that views tickets and contacts, replies, adds notes and changes status, group, agent and tags. Nobody else may write with it. GET /api/v2/agents/me with its key tells its id.',
      values: { botUserId: api.connection.botUserId },
    },
    {
      title: 'Copy its API key',
      text: 'Signed in as the bot user: Profile settings. Enter it as this outbound secret, for these hosts alone.',
      values: entered(api),
    },
    {
      title: 'Create the rule for new tickets',
      text: 'Admin → Workflows → Automations → Ticket creation: your conditions, or none; action Trigger webhook.',
      values: action(webhook),
    },
    {
      title: 'Create the rule for answers',
      text: 'Admin → Workflows → Automations → Ticket updates; action Trigger webhook. "Requester" keeps the team’s and our own messages from ringing.',
      values: {
        'When an action performed by': 'Requester',
        Events: 'Reply is sent; Note is added: Public',
        ...action(webhook),
      },
    },
    {
      title: 'List every support address',
      text: 'Admin → Channels → Email: every address that customers write to. One that is missing counts as somebody who reads along.',
      values: { supportAddresses: api.connection.supportAddresses.join(', ') },
    },
  ],
}

function credential(api: Reach<FreshdeskConnection>) {
  return {
    secret: api.connection.apiKey,
    what: 'the API key of the bot user',
    hosts: [new URL(client.base(api)).host],
  }
}

function entered(api: Reach<FreshdeskConnection>): NonNullable<Step['values']> {
  const { secret, hosts } = credential(api)
  return { 'outbound secret': secret, hosts: hosts.join(', ') }
}

const action = ({ url, secret }: WebhookTarget): NonNullable<Step['values']> => ({
  'Request type': 'POST',
  URL: url,
  'Requires authentication': 'off',
  'Custom headers': `X-Deskhand-Secret: ${secret ?? 'the secret that was shown when the connection was made'}`,
  Encoding: 'JSON',
  'Content, advanced': '{"v":1,"ticket_id":"{{ticket.id}}","event":"{{triggered_event}}"}',
})
