/** Is the connection complete? Reads only, and answers what is missing and how to mend it. */
import {
  accountAnswer,
  actorAnswer,
  channelAccountsAnswer,
  inboxesAnswer,
  listAnswer,
} from '../../schemas/hubspot-api.ts'
import { teamsOf } from '../core/hand-over-team.ts'
import type { Finding } from '../core/helpdesk.ts'
import { tried } from '../core/helpdesk-api/tried.ts'
import { type Api, client, paths } from './api.ts'

export async function check(api: Api): Promise<Finding[]> {
  const account = await tried(() => client.get(api, paths.account, accountAnswer))
  if ('failure' in account) return [{ what: 'credentials', ok: false, message: account.failure }]
  return [
    { what: 'credentials', ok: true, message: 'HubSpot accepts the access token' },
    accountFinding(account.value.portalId, api),
    ...(await scopes(api)),
    await botUser(api),
    ...(await colleagues(api)),
    await channels(api),
    await inboxes(api),
    ...attested(api),
  ]
}

function accountFinding(portalId: string, { connection }: Api): Finding {
  const ok = portalId === connection.portalId
  return {
    what: 'account',
    ok,
    message: ok
      ? `The token is of account ${portalId}`
      : `The token is of account ${portalId}, the connection names ${connection.portalId}: correct portalId, or store the token of the right account`,
  }
}

/** A scope shows in what it lets one read. */
async function scopes(api: Api): Promise<Finding[]> {
  const { handOver, waitingStage } = api.connection
  const needsTickets = handOver.ticketProperty !== undefined || waitingStage !== undefined
  const reads: [string, string][] = [
    ['conversations.read', `${paths.threads}?limit=1`],
    ['crm.objects.contacts.read', `${paths.contacts}?limit=1`],
    ...(needsTickets ? [['tickets', `${paths.tickets}?limit=1`] satisfies [string, string]] : []),
  ]
  const findings = await Promise.all(
    reads.map(async ([scope, path]): Promise<Finding> => {
      const read = await tried(() => client.get(api, path, listAnswer))
      return 'failure' in read
        ? {
            what: 'scope',
            ok: false,
            message: `${scope}: ${read.failure}. Add the scope to the app and install it again`,
          }
        : { what: 'scope', ok: true, message: `${scope} is there` }
    }),
  )
  const unseen = 'conversations.write cannot be seen by reading: without it the first note is refused'
  return [...findings, { what: 'scope', ok: true, message: unseen }]
}

async function botUser(api: Api): Promise<Finding> {
  const id = `A-${api.connection.botUserId}`
  const actor = await tried(() => client.get(api, paths.actor(id), actorAnswer))
  const ok = 'value' in actor && actor.value.id === id
  return {
    what: 'bot_user',
    ok,
    message: ok
      ? `${id} is a user of the account: answers appear under its name`
      : `${id} is no user that this token sees ('${'failure' in actor ? actor.failure : actor.value.id}'): correct botUserId, and give the user a seat that may answer in the inbox`,
  }
}

/** Who gets hand-overs: HubSpot refuses to assign to anybody who is no user of the account. */
async function colleagues(api: Api): Promise<Finding[]> {
  const { connection } = api
  return await Promise.all(
    teamsOf(connection, connection.handOver.actorId).map(async (id): Promise<Finding> => {
      const actor = await tried(() => client.get(api, paths.actor(id), actorAnswer))
      const ok = 'value' in actor && actor.value.id === id
      return {
        what: 'hand_over',
        ok,
        message: ok
          ? `${id} gets hand-overs and is a user of the account`
          : `${id} is no user that this token sees: correct handOver.actorId or handOverTeams`,
      }
    }),
  )
}

/** An address that is missing costs customers their level; one too many would hide a reader. */
async function channels(api: Api): Promise<Finding> {
  const listed = await tried(() =>
    client.get(api, `${paths.channelAccounts}?limit=100`, channelAccountsAnswer),
  )
  if ('failure' in listed)
    return { what: 'channels', ok: false, message: `Channel accounts cannot be read: ${listed.failure}` }
  const { ownAddresses } = api.connection
  const known = listed.value.results.flatMap(({ deliveryIdentifier }) =>
    deliveryIdentifier?.type === 'HS_EMAIL_ADDRESS' ? (deliveryIdentifier.value?.toLowerCase() ?? []) : [],
  )
  const missing = known.filter((address) => !ownAddresses.includes(address))
  const unknown = ownAddresses.filter((address) => !known.includes(address))
  const ok = missing.length === 0 && unknown.length === 0
  return {
    what: 'channels',
    ok,
    message: ok
      ? 'ownAddresses are the addresses of the connected channels'
      : [
          ...missing.map((one) => `${one} is a connected channel: add it to ownAddresses`),
          ...unknown.map(
            (one) =>
              `${one} is no connected channel: take it out of ownAddresses, unless it only forwards to one`,
          ),
        ].join('. '),
  }
}

/** In a help desk, HubSpot is said to refuse comments since 23 September 2026, and notes are comments. */
async function inboxes(api: Api): Promise<Finding> {
  const listed = await tried(() => client.get(api, paths.inboxes, inboxesAnswer))
  if ('failure' in listed)
    return { what: 'inboxes', ok: false, message: `Inboxes cannot be read: ${listed.failure}` }
  const { inboxIds } = api.connection
  const ours = listed.value.results.filter(({ id }) => inboxIds === undefined || inboxIds.includes(id))
  const missing = (inboxIds ?? []).filter((id) => !ours.some((inbox) => inbox.id === id))
  const desks = ours.filter(({ type }) => type === 'HELP_DESK')
  return {
    what: 'inboxes',
    ok: missing.length === 0 && desks.length === 0,
    message: [
      ...missing.map((id) => `The account has no inbox ${id}: correct inboxIds`),
      ...desks.map(
        ({ id }) =>
          `Inbox ${id} is a help desk, where HubSpot may refuse comments: notes and hand-overs need them`,
      ),
      ...(missing.length + desks.length === 0 ? [`${ours.length} inboxes are answered`] : []),
    ].join('. '),
  }
}

/** HubSpot's API tells neither. */
const attested = ({ connection: { attestations } }: Api): Finding[] =>
  (['ccsOff', 'noSharedViews'] as const).map((name) => ({
    what: 'attestation',
    ok: true,
    message: attestations[name]
      ? `${name} is attested. HubSpot's API cannot confirm it`
      : `${name} is not attested, so customers are at most claimed. HubSpot's API cannot confirm it`,
  }))
