/** Is the connection complete? Reads only, and answers what is missing and how to mend it. */
import type * as z from 'zod'
import { adminsAnswer, meAnswer, searchAnswer, teamsAnswer } from '../../schemas/intercom-api.ts'
import { teamsOf } from '../core/hand-over-team.ts'
import type { Finding } from '../core/helpdesk.ts'
import { tried } from '../core/helpdesk-api/tried.ts'
import { type Api, client } from './api.ts'
import { searchFor } from './moved.ts'

export async function check(api: Api): Promise<Finding[]> {
  const me = await tried(() => client.get(api, '/me', meAnswer))
  if ('failure' in me) return [{ what: 'credentials', ok: false, message: me.failure }]
  return [
    { what: 'credentials', ok: true, message: 'Intercom accepts the access token' },
    ...accountFindings(me.value, api),
    await botFinding(api),
    await scopeFinding(api),
    ...(await teamFinding(api)),
    ...messengerFindings(me.value, api),
    {
      what: 'attestations',
      ok: true,
      message:
        'Intercom’s API does not tell whether CCs are off, who shares views, what the JWT signs or which apps write as contacts: these stay your word',
    },
  ]
}

type Me = z.infer<typeof meAnswer>

function accountFindings({ app }: Me, { connection }: Api): Finding[] {
  const { appId, region } = connection
  const told = app?.region?.toLowerCase()
  return [
    {
      what: 'account',
      ok: app?.id_code === appId,
      message:
        app?.id_code === appId
          ? 'The token is of this workspace'
          : `The token is of workspace ${app?.id_code ?? 'unknown'}, the connection names ${appId}: correct appId or the token`,
    },
    {
      what: 'region',
      ok: told === region,
      message:
        told === region
          ? 'The workspace is hosted in this region'
          : `Intercom says the workspace is hosted in ${told ?? 'an unknown region'}, the connection says ${region}: correct region`,
    },
  ]
}

async function botFinding(api: Api): Promise<Finding> {
  const { adminId } = api.connection
  const admins = await tried(() => client.get(api, '/admins', adminsAnswer))
  if ('failure' in admins)
    return {
      what: 'bot_user',
      ok: false,
      message: `Teammates cannot be read (${admins.failure}): give the app the permission to read admins`,
    }
  const bot = admins.value.admins.find(({ id }) => id === adminId)
  if (bot === undefined)
    return {
      what: 'bot_user',
      ok: false,
      message: `There is no teammate ${adminId}: correct adminId, or invite the teammate`,
    }
  const ok = bot.has_inbox_seat === true
  return {
    what: 'bot_user',
    ok,
    message: ok
      ? 'The teammate is there and has an inbox seat'
      : 'The teammate has no inbox seat: give it one',
  }
}

/** One search needs the permission to read conversations. What may be written shows at the first answer only. */
async function scopeFinding(api: Api): Promise<Finding> {
  const found = await tried(() =>
    client.search(api, '/conversations/search', searchFor(api.now(), 1), searchAnswer),
  )
  return {
    what: 'scope',
    ok: !('failure' in found),
    message:
      'failure' in found
        ? `Conversations cannot be searched (${found.failure}): give the app the permissions to read and write conversations and to read contacts`
        : 'Conversations can be read. That they may be written and tagged shows only when it is done',
  }
}

async function teamFinding(api: Api): Promise<Finding[]> {
  const { connection } = api
  const wanted = teamsOf(connection, connection.handOver.teamId)
  if (wanted.length === 0) return []
  const teams = await tried(() => client.get(api, '/teams', teamsAnswer))
  if ('failure' in teams)
    return [{ what: 'team', ok: false, message: `Teams cannot be read (${teams.failure})` }]
  return wanted.map((teamId) => {
    const ok = teams.value.teams.some(({ id }) => id === teamId)
    return {
      what: 'team',
      ok,
      message: ok
        ? `The hand-over team ${teamId} is there`
        : `There is no team ${teamId}: correct handOver.teamId or handOverTeams`,
    }
  })
}

/** The one attestation of which Intercom says something. Its yes proves no single conversation. */
function messengerFindings({ app }: Me, { connection }: Api): Finding[] {
  if (!connection.messenger.jwtEnforced) return []
  const ok = app?.identity_verification === true
  return [
    {
      what: 'messenger',
      ok,
      message: ok
        ? 'Intercom says that identity verification is on; that it is enforced on every platform is your word'
        : 'messenger.jwtEnforced is attested, and Intercom says that identity verification is off: enforce Messenger security for web, iOS and Android, or take the attestation back',
    },
  ]
}
