/** What HubSpot said of a thread, in Deskhand's words. Pure. */
import type { HubspotConnection } from '../../schemas/hubspot.ts'
import type {
  HubspotActor,
  HubspotContact,
  HubspotCrmTicket,
  HubspotEntry,
  HubspotThread,
} from '../../schemas/hubspot-api.ts'
import { isAutoSubject } from '../core/auto-reply.ts'
import { DeskhandError } from '../core/errors.ts'
import type { Message, Ticket } from '../core/helpdesk.ts'
import { htmlToText, withoutQuotes } from '../core/written-text.ts'
import { audienceOf } from './audience.ts'
import { authorOf, evidenceOf, type Requester, requesterOf } from './evidence.ts'
import { actorOf, addressesOf, channelOf, isOurs, isPublic, roleOf } from './parties.ts'
import { routeOf } from './route.ts'

/** Everything HubSpot answered about one thread. */
export interface Sources {
  thread: HubspotThread
  /** Newest first: messages, comments and what happened besides. */
  entries: HubspotEntry[]
  complete: boolean
  /** The thread's contact; absent where the CRM knows none by that id. */
  contact: HubspotContact | undefined
  /** The CRM ticket of the thread, where a setting asks for it. */
  crmTicket: HubspotCrmTicket | undefined
  /** Who acted, as far as HubSpot describes them. */
  actors: HubspotActor[]
}

export function mapTicket(sources: Sources, connection: HubspotConnection): Ticket {
  const { thread, complete } = sources
  const entries = sources.entries.toReversed().sort((a, b) => timeOf(a) - timeOf(b))
  const requester = requesterOf(thread, sources.contact)
  const actors = new Map(sources.actors.map((actor) => [actor.id, actor]))
  const messages = entries
    .filter((entry) => isPublic(entry) || entry.type === 'COMMENT')
    .map((entry) => messageOf(entry, { thread, requester, actors }, connection))
  const first = entries.find((entry) => roleOf(entry, connection) === 'customer')
  return {
    id: thread.id,
    subject: entries.find(({ subject }) => subject)?.subject ?? '',
    channel: first === undefined ? 'unknown' : channelOf(first, connection),
    status: statusOf(thread, messages),
    requester,
    assignee: assigneeOf(thread, connection),
    handedOver: handedOverOf(sources.crmTicket, connection),
    inScope: isInScope(thread, connection),
    audience: audienceOf(entries, complete, requester, connection),
    companyAddresses: companyAddresses(entries, sources.actors, connection),
    stamp: thread.latestMessageTimestamp ?? '',
    messages,
    complete,
  }
}

/** The company's own, and what colleagues have on file or wrote from. */
const companyAddresses = (
  entries: HubspotEntry[],
  actors: HubspotActor[],
  { ownAddresses }: HubspotConnection,
): string[] => [
  ...ownAddresses,
  ...actors.filter(({ id }) => /^A-/.test(id)).flatMap(({ email }) => email ?? []),
  ...entries.flatMap(({ senders = [] }) =>
    senders.filter(({ actorId }) => /^A-/.test(actorId ?? '')).flatMap(addressesOf),
  ),
]

interface Around {
  thread: HubspotThread
  requester: Requester
  actors: Map<string, HubspotActor>
}

function messageOf(entry: HubspotEntry, around: Around, connection: HubspotConnection): Message {
  const role = roleOf(entry, connection)
  const ours = isOurs(entry, connection)
  const actor = around.actors.get(actorOf(entry) ?? '')
  const name = entry.senders?.[0]?.name ?? actor?.name
  return {
    id: entry.id,
    at: timeOf(entry),
    author: {
      id: authorOf(entry, around.requester),
      role,
      ...(name === undefined ? {} : { name }),
    },
    visibility: isPublic(entry) ? 'public' : 'internal',
    ours,
    automatic: role === 'system' || isAutoReply(entry),
    text: textOf(entry, role),
    attachments: entry.attachments.flatMap(({ name: file }) => file ?? []),
    evidence: evidenceOf(entry, { ...around, actorAddress: actor?.email }, connection),
    ...(ours && entry.status?.statusType === 'FAILED' ? { failed: true as const } : {}),
    ...(role === 'customer' ? { route: routeOf(entry) } : {}),
  }
}

function timeOf({ createdAt }: HubspotEntry): number {
  const at = Date.parse(createdAt)
  if (Number.isFinite(at)) return at
  throw new DeskhandError('bad_answer', 'HubSpot answered a message without a readable time')
}

/** Quoted history and signature are taken off what customers wrote; a note of ours is found again by its last line. */
function textOf({ richText, text }: HubspotEntry, role: Message['author']['role']): string {
  const whole = richText ? htmlToText(richText) : (text ?? '')
  return role === 'customer' ? withoutQuotes(whole) : whole
}

/** Mail headers are not in the API. */
const isAutoReply = ({ subject, direction }: HubspotEntry): boolean =>
  direction === 'INCOMING' && isAutoSubject(subject)

/**
 * A closed thread opens again when its customer writes. Until then a colleague has settled it, and nothing is answered;
 * where the customer's message came after that, HubSpot is about to open it.
 */
function statusOf({ status, archived, closedAt }: HubspotThread, messages: Message[]): Ticket['status'] {
  if (archived === true) return 'closed'
  if (status !== 'CLOSED') return 'open'
  const newest = messages.findLast(({ author }) => author.role === 'customer')
  return newest !== undefined && newest.at > Date.parse(closedAt ?? '') ? 'solved' : 'closed'
}

function assigneeOf({ assignedTo }: HubspotThread, { botUserId }: HubspotConnection): Ticket['assignee'] {
  if (assignedTo === undefined || assignedTo === '') return 'nobody'
  return assignedTo === `A-${botUserId}` ? 'us' : 'human'
}

/**
 * Threads have no tags. The ticket's property says it, where the connection names one and the thread has a ticket. An
 * empty one says nothing: a thread may get its ticket after it was handed over, and that gives nothing back.
 */
function handedOverOf(
  crmTicket: HubspotCrmTicket | undefined,
  { handOver }: HubspotConnection,
): Ticket['handedOver'] {
  const value = crmTicket?.properties?.[handOver.ticketProperty?.name ?? '']
  if (typeof value !== 'string' || value === '') return 'unknown'
  return value === handOver.ticketProperty?.value
}

const isInScope = ({ spam, inboxId }: HubspotThread, { inboxIds }: HubspotConnection): boolean =>
  spam !== true && (inboxIds === undefined || (inboxId !== undefined && inboxIds.includes(inboxId)))
