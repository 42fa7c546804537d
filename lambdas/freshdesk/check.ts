/** Is the connection complete? Reads only, and answers what is missing and how to mend it. */
import * as z from 'zod'
import { agentAnswer } from '../../schemas/freshdesk-api.ts'
import { DeskhandError, isCode } from '../core/errors.ts'
import { teamsOf } from '../core/hand-over-team.ts'
import type { Finding } from '../core/helpdesk.ts'
import { tried } from '../core/helpdesk-api/tried.ts'
import { type Api, client } from './api.ts'

export async function check(api: Api): Promise<Finding[]> {
  const me = await tried(() => client.get(api, '/api/v2/agents/me', agentAnswer))
  if ('failure' in me) return [{ what: 'credentials', ok: false, message: me.failure }]
  return [
    { what: 'credentials', ok: true, message: 'Freshdesk accepts the API key' },
    botUser(me.value.id, api),
    await tickets(me.value.ticket_scope, api),
    await contacts(api),
    ...(await handOverGroups(api)),
    { what: 'account', ok: true, message: `Answers come from ${client.base(api)}` },
    {
      what: 'attestations',
      ok: true,
      message:
        "Freshdesk's API tells neither whether CCs are off, nor whether a company shares its tickets, nor how the rules are set, nor which support addresses are the company's: look at them by hand",
    },
  ]
}

function botUser(id: string, { connection }: Api): Finding {
  const isBot = id === connection.botUserId
  return {
    what: 'bot_user',
    ok: isBot,
    message: isBot
      ? 'The API key is the bot user’s'
      : `The API key is of agent ${id}, the connection names ${connection.botUserId}: store the bot user's key, or correct botUserId`,
  }
}

async function tickets(scope: number | undefined, api: Api): Promise<Finding> {
  const listed = await tried(() => client.get(api, '/api/v2/tickets?per_page=1', z.array(z.unknown())))
  const message =
    'failure' in listed
      ? `Tickets cannot be listed (${listed.failure}): give the bot user a role that views tickets`
      : scope === 3
        ? 'The bot user sees only tickets assigned to it: give it global or group access'
        : undefined
  return { what: 'scope', ok: message === undefined, message: message ?? 'Tickets can be listed' }
}

async function contacts(api: Api): Promise<Finding> {
  const listed = await tried(() => client.get(api, '/api/v2/contacts?per_page=1', z.array(z.unknown())))
  return {
    what: 'contacts',
    ok: !('failure' in listed),
    message:
      'failure' in listed
        ? `Contacts cannot be read (${listed.failure}): without them nobody's first mail is recognised; give the bot user a role that views contacts`
        : 'Contacts can be read',
  }
}

/** Groups may be an admin's to see: where they are, the group is not checked. */
async function handOverGroups(api: Api): Promise<Finding[]> {
  const { connection } = api
  const groups = teamsOf(connection, connection.handOver.groupId)
  if (groups.length === 0) return [{ what: 'hand_over', ok: true, message: 'Handed over without a group' }]
  return await Promise.all(groups.map((groupId) => handOverGroup(groupId, api)))
}

async function handOverGroup(groupId: string, api: Api): Promise<Finding> {
  const what = 'hand_over'
  try {
    await client.get(api, `/api/v2/groups/${encodeURIComponent(groupId)}`, z.unknown())
    return { what, ok: true, message: `The hand-over group ${groupId} exists` }
  } catch (error) {
    if (!(error instanceof DeskhandError)) throw error
    if (isCode(error, 'connection_broken'))
      return { what, ok: true, message: `Not confirmed: the bot user may not see group ${groupId}` }
    return {
      what,
      ok: false,
      message: isCode(error, 'ticket_gone')
        ? `There is no group ${groupId}: correct handOver.groupId or handOverTeams`
        : error.message,
    }
  }
}
