/** Is the connection complete? Reads only, and answers what is missing and how to mend it. */
import type * as z from 'zod'
import {
  type GorgiasIntegration,
  integrationsAnswer,
  teamsAnswer,
  userAnswer,
} from '../../schemas/gorgias-api.ts'
import { teamsOf } from '../core/hand-over-team.ts'
import type { Finding } from '../core/helpdesk.ts'
import { tried } from '../core/helpdesk-api/tried.ts'
import { type Api, client } from './api.ts'
import { pages } from './pages.ts'

export async function check(api: Api): Promise<Finding[]> {
  const me = await tried(() => client.get(api, '/api/users/0', userAnswer))
  if ('failure' in me) return [finding('credentials', false, me.failure)]
  return [
    finding('credentials', true, 'Gorgias accepts the credentials'),
    botUser(me.value, api),
    finding('account', true, `Answers come from ${client.base(api)}, which the credentials belong to`),
    await webhook(api),
    ...(await teams(api)),
    finding(
      'attestations',
      true,
      "Gorgias's API does not say whether CCs are kept out or customers share views, nor whether the support addresses are complete: what the connection attests is not checked",
    ),
  ]
}

const finding = (what: string, ok: boolean, message: string): Finding => ({ what, ok, message })

function botUser(user: z.infer<typeof userAnswer>, { connection: { botUserId } }: Api): Finding {
  const no = (message: string) => finding('bot_user', false, message)
  if (user.id !== botUserId)
    return no(
      `The credentials act as user ${user.id}, the connection names ${botUserId}: create the API key as the bot user, or correct botUserId`,
    )
  if (user.active === false) return no('The bot user is deactivated: activate it again in Settings, Users')
  if (/observer/i.test(user.role?.name ?? ''))
    return no('The bot user only observes: give it a role that may answer customers')
  return finding('bot_user', true, 'The credentials act as the bot user')
}

/** The HTTP integration that calls this connection. Who may not list them is not broken. */
async function webhook(api: Api): Promise<Finding> {
  const listed = await tried(() => pages(api, '/api/integrations?type=http', integrationsAnswer))
  if ('failure' in listed)
    return finding(
      'webhook',
      true,
      `Integrations cannot be listed (${listed.failure}), so look yourself: Settings, HTTP integration, is it active?`,
    )
  const ours = listed.value.filter(({ http }) => http?.url?.includes(api.connection.id))
  if (ours.length === 0)
    return finding(
      'webhook',
      false,
      `No HTTP integration calls this connection's URL: create one with …/webhooks/gorgias/${api.connection.id}`,
    )
  const off = ours.find(({ deactivated_datetime }) => deactivated_datetime !== undefined)
  if (off !== undefined)
    return finding(
      'webhook',
      false,
      `Gorgias switched the HTTP integration ${off.id} off, as it does after many failures in a row: mend them, then send PUT /api/integrations/${off.id} with {"name": …, "deactivated_datetime": null} or activate it in Settings`,
    )
  return ours.some(firesOnMessages)
    ? finding('webhook', true, 'An active HTTP integration calls this connection for every message')
    : finding(
        'webhook',
        false,
        'The HTTP integration lacks the trigger "Ticket message created": switch it on',
      )
}

const firesOnMessages = ({ http }: GorgiasIntegration): boolean =>
  http?.triggers?.['ticket-message-created'] === true

async function teams(api: Api): Promise<Finding[]> {
  const { connection } = api
  const wanted = teamsOf(connection, connection.handOver.teamId)
  if (wanted.length === 0) return []
  const listed = await tried(() => pages(api, '/api/teams', teamsAnswer))
  if ('failure' in listed)
    return [
      finding(
        'hand_over',
        false,
        `Teams cannot be listed (${listed.failure}): check handOver.teamId and handOverTeams`,
      ),
    ]
  return wanted.map((teamId) => {
    const there = listed.value.some(({ id }) => id === teamId)
    return finding(
      'hand_over',
      there,
      there
        ? `The hand-over team ${teamId} exists`
        : `There is no team ${teamId}: correct handOver.teamId or handOverTeams`,
    )
  })
}
