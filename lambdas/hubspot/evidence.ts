/** What one HubSpot message tells about who wrote it. Reported as found; `identify` in core decides. */
import type { HubspotConnection } from '../../schemas/hubspot.ts'
import type { HubspotContact, HubspotEntry, HubspotThread } from '../../schemas/hubspot-api.ts'
import { flag } from '../core/flag.ts'
import type { Evidence } from '../core/helpdesk.ts'
import { actorOf, addressesOf, channelOf, isOurs } from './parties.ts'

/** The thread's contact as the CRM has it on file. */
export interface Requester {
  /** Its actor id, `V-<contact>`. */
  id: string
  name?: string
  /**
   * Primary address, as it is on file. Absent where the CRM does not know the contact, and where it answers by another
   * id: the contact was merged into that one, and whose messages these are is no longer said.
   */
  address?: string
}

export function requesterOf(thread: HubspotThread, contact: HubspotContact | undefined): Requester {
  const id = thread.associatedContactId
  const { email, firstname, lastname } = contact?.properties ?? {}
  const name = [firstname, lastname].filter((part) => part).join(' ')
  const known = id !== undefined && contact?.id === id && email
  return {
    id: id === undefined ? 'nobody' : `V-${id}`,
    ...(name === '' ? {} : { name }),
    ...(known ? { address: email } : {}),
  }
}

/** A mail without an actor is its address's. */
export function authorOf(entry: HubspotEntry, requester: Requester): string {
  const actor = actorOf(entry)
  if (actor !== undefined) return actor
  const [address] = addressesOf(entry.senders?.[0])
  if (address === undefined) return 'nobody'
  return address === requester.address?.toLowerCase() ? requester.id : `mail:${address}`
}

export function evidenceOf(
  entry: HubspotEntry,
  around: {
    thread: HubspotThread
    requester: Requester
    /** Of the author, where HubSpot names one. */
    actorAddress: string | undefined
  },
  connection: HubspotConnection,
): Evidence {
  const { thread, requester } = around
  const senders = entry.senders ?? []
  const channel = channelOf(entry, connection)
  const sent = addressesOf(senders[0])
  const isRequester = authorOf(entry, requester) === requester.id
  const address = (isRequester ? requester.address : undefined) ?? around.actorAddress ?? sent[0]
  const diverted = senders.some(
    (party) => /reply/i.test(party.senderField ?? '') && addressesOf(party).join() !== sent.join(),
  )
  return {
    channel,
    ...(address === undefined ? {} : { address }),
    // Two addresses are no sender: joined, they are not one either.
    ...(sent.length === 0 ? {} : { sender: sent.join(',') }),
    ...flag('authorIsRequester', isRequester && wroteItself(entry, requester)),
    ...flag('unflagged', thread.spam === false),
    ...flag('replyNotDiverted', senders.length === 1 && senders[0]?.senderField === 'FROM'),
    ...flag('suspicious', diverted),
    ...flag('inHelpdeskUi', isTypedByColleague(entry, connection)),
  }
}

/**
 * Did the contact on file write this, and nobody in its name? `createdBy` names a colleague or an integration where
 * they put a customer's message into a thread, and the contact or the system where a mail came in.
 */
function wroteItself(entry: HubspotEntry, requester: Requester): boolean {
  if (requester.address === undefined) return false
  if (entry.client?.clientType !== 'HUBSPOT' || entry.createdBy === undefined) return false
  return entry.createdBy === requester.id || /^S-/.test(entry.createdBy)
}

/**
 * Did a colleague write this comment by hand in HubSpot? HubSpot itself took it, for no app, and whoever made it is the
 * one agent in whose name it stands: an app may name any agent as sender.
 */
function isTypedByColleague(entry: HubspotEntry, connection: HubspotConnection): boolean {
  const { type, client, createdBy, direction, senders = [] } = entry
  return (
    type === 'COMMENT' &&
    direction !== 'INCOMING' &&
    client?.clientType === 'HUBSPOT' &&
    client.integrationAppId === undefined &&
    createdBy !== undefined &&
    /^A-[0-9]+$/.test(createdBy) &&
    senders.length === 1 &&
    senders[0]?.actorId === createdBy &&
    !isOurs(entry, connection)
  )
}
