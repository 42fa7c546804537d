/** Is the connection complete? Reads only, and answers what is missing and how to mend it. */
import * as z from 'zod'
import { identitiesAnswer, userAnswer } from '../../schemas/zendesk-api.ts'
import { DeskhandError, isCode } from '../core/errors.ts'
import { teamsOf } from '../core/hand-over-team.ts'
import type { Finding } from '../core/helpdesk.ts'
import { tried } from '../core/helpdesk-api/tried.ts'
import { type Api, client } from './api.ts'
import { moved } from './moved.ts'
import { findWebhook, lackingOf } from './webhook.ts'

export async function check(api: Api): Promise<Finding[]> {
  const { connection } = api
  const me = await tried(() => client.get(api, '/api/v2/users/me.json', userAnswer))
  if ('failure' in me) return [{ what: 'credentials', ok: false, message: me.failure }]
  const { user } = me.value
  const base = client.base(api)
  const identities = await tried(() =>
    client.get(api, `/api/v2/users/${encodeURIComponent(user.id)}/identities.json`, identitiesAnswer),
  )
  const moves = connection.reconcile.enabled
    ? await tried(async () => (await moved(api.now(), api).next()).done)
    : undefined
  const isBot = user.id === connection.botUserId
  const isAgent = user.role === 'agent' || user.role === 'admin'
  const isAccount = user.url === undefined || user.url.startsWith(`${base}/`)
  return [
    { what: 'credentials', ok: true, message: 'Zendesk accepts the credentials' },
    {
      what: 'bot_user',
      ok: isBot && isAgent,
      message: !isBot
        ? `The credentials act as user ${user.id}, the connection names ${connection.botUserId}: create the OAuth client while signed in as the bot user, or correct botUserId`
        : isAgent
          ? 'The credentials act as the bot user'
          : 'The bot user is not an agent: give it an agent role that may comment publicly',
    },
    {
      what: 'scope',
      ok: !('failure' in identities),
      message:
        'failure' in identities
          ? `User identities cannot be read (${identities.failure}): the broad scope "read write" is needed, users:read is not enough`
          : 'User identities can be read',
    },
    {
      what: 'account',
      ok: isAccount,
      message: isAccount
        ? `Answers come from ${base}. Zendesk's API does not tell the account id: the first signed webhook shows whether ${connection.accountId} is right`
        : `Answers name another account than ${base}: correct the subdomain`,
    },
    await webhookFinding(api),
    ...(moves === undefined ? [] : [reconcileFinding(moves)]),
    ...(await Promise.all(
      teamsOf(connection, connection.handOver.groupId).map((groupId) => groupFinding(groupId, api)),
    )),
  ]
}

/** Zendesk refuses every hand-over to a group that is not there. Whether we may see groups decides nothing else. */
async function groupFinding(groupId: string, api: Api): Promise<Finding> {
  const what = 'hand_over'
  try {
    await client.get(api, `/api/v2/groups/${encodeURIComponent(groupId)}.json`, z.unknown())
    return { what, ok: true, message: `The hand-over group ${groupId} exists` }
  } catch (error) {
    if (!(error instanceof DeskhandError)) throw error
    return isCode(error, 'ticket_gone')
      ? {
          what,
          ok: false,
          message: `There is no group ${groupId}: correct handOver.groupId or handOverTeams`,
        }
      : { what, ok: true, message: `Not confirmed: group ${groupId} could not be read` }
  }
}

/** The incremental export is for admins. Without it a ticket whose webhook is lost is not found. */
const reconcileFinding = (moves: object): Finding => ({
  what: 'reconcile',
  ok: !('failure' in moves),
  message:
    'failure' in moves
      ? `What moved cannot be asked for (${moves.failure}): give the bot user an admin role, or set reconcile.enabled to false; a ticket whose webhook is lost is not found then`
      : 'What moved without a webhook can be asked for',
})

/** The webhook that calls this connection. Who may not list them is not broken. */
async function webhookFinding(api: Api): Promise<Finding> {
  const { id } = api.connection
  const found = await tried(() => findWebhook(api, (endpoint) => endpoint.endsWith(`/zendesk/${id}`)))
  const finding = (ok: boolean, message: string): Finding => ({ what: 'webhook', ok, message })
  if ('failure' in found)
    return finding(
      true,
      `Webhooks cannot be listed (${found.failure}), so look yourself: Admin Center, Webhooks, is it active?`,
    )
  if (found.value === undefined)
    return finding(false, `No webhook calls this connection: create one with …/webhooks/zendesk/${id}`)
  const lacking = lackingOf(found.value)
  return finding(
    lacking === undefined,
    lacking ?? 'An active webhook calls this connection for every message',
  )
}
