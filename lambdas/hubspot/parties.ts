/** Who wrote an entry of a HubSpot thread, to whom, and on what: senders, recipients and their identifiers. */
import type { HubspotConnection } from '../../schemas/hubspot.ts'
import type { DeliveryIdentifier, HubspotEntry, HubspotParty } from '../../schemas/hubspot-api.ts'
import type { Channel, Message } from '../core/helpdesk.ts'

export const identifiersOf = (party: HubspotParty | undefined): DeliveryIdentifier[] => [
  ...(party?.deliveryIdentifier === undefined ? [] : [party.deliveryIdentifier]),
  ...(party?.deliveryIdentifiers ?? []),
]

/** Email is known by the kind of identifier: the numbers of channels are not confirmed. */
const isMail = ({ type }: DeliveryIdentifier): boolean => type === 'HS_EMAIL_ADDRESS'

/** Lower-case mail addresses of a party. */
export const addressesOf = (party: HubspotParty | undefined): string[] =>
  identifiersOf(party)
    .filter(isMail)
    .flatMap(({ value }) => value?.toLowerCase() ?? [])

export const isOwn = (party: HubspotParty | undefined, { ownAddresses }: HubspotConnection): boolean =>
  addressesOf(party).some((address) => ownAddresses.includes(address))

/**
 * `A-` a colleague, `B-` a bot, `I-` an integration, `L-` HubSpot's own agent, `S-` the system, `V-` a visitor or contact.
 * https://developers.hubspot.com/docs/api-reference/conversations-conversations-v3/guide
 */
export const actorOf = (entry: HubspotEntry): string | undefined => {
  const [sender] = entry.senders ?? []
  return sender?.actorId ?? (entry.direction === 'INCOMING' ? undefined : entry.createdBy)
}
const isOfCompany = (actor: string | undefined): boolean => /^[ABILS]-/.test(actor ?? '')

export const isPublic = (entry: HubspotEntry): boolean => entry.type === 'MESSAGE'

/** Our bot user's, or our own app's: never what came in. */
export function isOurs(entry: HubspotEntry, { botUserId, appId }: HubspotConnection): boolean {
  if (entry.direction === 'INCOMING') return false
  if (actorOf(entry) === `A-${botUserId}`) return true
  const { clientType, integrationAppId } = entry.client ?? {}
  return clientType === 'INTEGRATION' && integrationAppId === appId
}

/**
 * A customer is a visitor, or nobody whom HubSpot knows, whose message came in from outside. Whatever HubSpot may add
 * counts as a human colleague: that silences us, where the other mistake would answer a robot.
 */
export function roleOf(entry: HubspotEntry, connection: HubspotConnection): Message['author']['role'] {
  const actor = actorOf(entry)
  const [sender] = entry.senders ?? []
  if (/^[BILS]-/.test(actor ?? '')) return isOurs(entry, connection) ? 'team' : 'system'
  if (!isPublic(entry) || entry.direction !== 'INCOMING' || /^A-/.test(actor ?? '')) return 'team'
  // A mail of ours that came back in, or one in our name.
  if (isOwn(sender, connection)) return 'system'
  return sender !== undefined && (actor === undefined || /^[VE]-/.test(actor)) ? 'customer' : 'team'
}

/** What an incoming message came on. An integration may name any sender, on any channel. */
export function channelOf(entry: HubspotEntry, connection: HubspotConnection): Channel {
  const { channelId } = entry
  const identifiers = identifiersOf(entry.senders?.[0])
  if (channelId === undefined || identifiers.length === 0 || !identifiers.every(isWhole)) return 'unknown'
  const types = identifiers.map(({ type }) => type)
  if (entry.client?.clientType === 'INTEGRATION') return 'api'
  if (types.includes('HS_PHONE_NUMBER')) return 'phone'
  if (connection.chatChannelIds.includes(channelId)) return 'messenger'
  return types.includes('HS_EMAIL_ADDRESS') ? mailOrForm(entry, channelId, connection) : 'social'
}

/** A form's sender has an address too, but nobody sent a mail to one. */
function mailOrForm(
  { recipients }: HubspotEntry,
  channelId: string,
  { emailChannelIds }: HubspotConnection,
): Channel {
  if (emailChannelIds !== undefined && !emailChannelIds.includes(channelId)) return 'portal'
  if (recipients?.some((party) => addressesOf(party).length > 0)) return 'email'
  return recipients?.every(isNamed) ? 'portal' : 'unknown'
}

const isNamed = (party: HubspotParty): boolean => {
  const identifiers = identifiersOf(party)
  return identifiers.length === 0 ? party.actorId !== undefined : identifiers.every(isWhole)
}

const isWhole = ({ type, value }: DeliveryIdentifier): boolean => type !== undefined && value !== undefined

/**
 * Who of a public message's parties is outside the company: lower-case addresses, or `user:<identifier>`. `unknown`
 * where HubSpot leaves out who that is. `except`: an actor who is left out.
 */
export function readersOf(
  { senders, recipients }: HubspotEntry,
  connection: HubspotConnection,
  except: string | undefined,
): string[] | 'unknown' {
  if (senders === undefined || senders.length === 0 || recipients === undefined) return 'unknown'
  const readers = [...senders, ...recipients]
    .filter(({ actorId }) => actorId === undefined || actorId !== except)
    .map((party) => readerOf(party, connection))
  return readers.includes('unknown') ? 'unknown' : readers.flat()
}

function readerOf(party: HubspotParty, { ownAddresses }: HubspotConnection): string[] | 'unknown' {
  if (isOfCompany(party.actorId)) return []
  const identifiers = identifiersOf(party)
  if (identifiers.length === 0) return party.actorId === undefined ? 'unknown' : [`user:${party.actorId}`]
  if (!identifiers.every(isWhole)) return 'unknown'
  return identifiers
    .map((one) => (isMail(one) ? `${one.value}`.toLowerCase() : `user:${one.value}`))
    .filter((reader) => !ownAddresses.includes(reader))
}
