/** Reads one Zendesk ticket into Deskhand's words. */
import type { ZendeskConnection } from '../../schemas/zendesk.ts'
import {
  auditAnswer,
  commentsAnswer,
  identitiesAnswer,
  ticketAnswer,
  type ZendeskComment,
  type ZendeskIdentity,
  type ZendeskTicket,
  type ZendeskUser,
} from '../../schemas/zendesk-api.ts'
import { DeskhandError, isCode } from '../core/errors.ts'
import { handOverTag, type Message, type Ticket } from '../core/helpdesk.ts'
import { withoutQuotes } from '../core/written-text.ts'
import { type Api, client } from './api.ts'
import { channelOf, evidenceOf, isAutomatic, isMerge, isTypedByAgent } from './evidence.ts'
import { systemAuthor } from './inbound.ts'

/** Pages of a hundred comments, newest first. */
const mostPages = 2

/** Everything Zendesk answered about one ticket. */
export interface Sources {
  ticket: ZendeskTicket
  users: ZendeskUser[]
  /** Newest first. */
  comments: ZendeskComment[]
  complete: boolean
  /** Of the requester. */
  identities: ZendeskIdentity[]
  /** Who acted, by audit id, where it was read. */
  actors: Record<string, string>
}

/** The ticket first, so that its stamp is never newer than the comments that were seen. */
export async function readTicket(ticketId: string, api: Api): Promise<Ticket> {
  const path = `/api/v2/tickets/${encodeURIComponent(ticketId)}`
  const { ticket, users } = await client.get(api, `${path}.json?include=users`, ticketAnswer)
  const [listed, identities] = await Promise.all([
    readComments(path, api),
    readIdentities(ticket.requester_id, api),
  ])
  const sources = { ...listed, ticket, identities, users: [...users, ...listed.users], actors: {} }
  return mapTicket({ ...sources, actors: await readActor(path, sources, api) }, api.connection)
}

async function readComments(path: string, api: Api) {
  const comments: ZendeskComment[] = []
  const users: ZendeskUser[] = []
  let after: string | undefined
  for (let page = 0; page < mostPages; page++) {
    const query = new URLSearchParams({ 'page[size]': '100', sort: '-created_at', include: 'users' })
    if (after !== undefined) query.set('page[after]', after)
    const answer = await client.get(api, `${path}/comments.json?${query}`, commentsAnswer)
    comments.push(...answer.comments)
    users.push(...answer.users)
    after = answer.meta?.has_more === true ? answer.meta.after_cursor : undefined
    if (after === undefined) return { comments, users, complete: answer.meta?.has_more !== true }
  }
  return { comments, users, complete: false }
}

/** A requester who was deleted has no identities left. */
async function readIdentities(userId: string, api: Api): Promise<ZendeskIdentity[]> {
  const path = `/api/v2/users/${encodeURIComponent(userId)}/identities.json?type[]=email`
  try {
    return (await client.get(api, path, identitiesAnswer)).identities
  } catch (error) {
    if (isCode(error, 'ticket_gone')) return []
    throw error
  }
}

/**
 * Only the audit tells a customer's own comment from one that an agent made in the customer's name. It matters where
 * a login could be proven, so it is read for the newest such comment only; no audit, no proof.
 */
async function readActor(
  path: string,
  { ticket, comments }: Pick<Sources, 'ticket' | 'comments'>,
  api: Api,
): Promise<Record<string, string>> {
  const newest = comments.find(
    ({ author_id, public: shown }) => shown === true && author_id === ticket.requester_id,
  )
  const channel = channelOf(newest?.via)
  if (newest?.audit_id === undefined || (channel !== 'portal' && channel !== 'messenger')) return {}
  try {
    const { audit } = await client.get(
      api,
      `${path}/audits/${encodeURIComponent(newest.audit_id)}.json`,
      auditAnswer,
    )
    return audit.author_id === undefined ? {} : { [newest.audit_id]: audit.author_id }
  } catch (error) {
    if (isCode(error, 'ticket_gone', 'connection_broken', 'bad_answer')) return {}
    throw error
  }
}

/** Pure: what Zendesk said, in Deskhand's words. */
export function mapTicket(sources: Sources, connection: ZendeskConnection): Ticket {
  const { ticket, identities, complete } = sources
  const users = new Map(sources.users.map((user) => [user.id, user]))
  const comments = [...sources.comments].sort(byTime)
  const identity = identities.find(
    ({ type, primary, user_id }) => type === 'email' && primary === true && user_id === ticket.requester_id,
  )
  const name = users.get(ticket.requester_id)?.name
  const messages = comments.map((comment, index): Message => {
    const isRequester = comment.author_id === ticket.requester_id
    const author = users.get(comment.author_id ?? systemAuthor)
    const role = roleOf(comment, ticket, users, connection)
    const evidence = evidenceOf(
      comment,
      {
        requesterId: ticket.requester_id,
        submitterId: ticket.submitter_id,
        opening: complete && index === 0,
        actorId: comment.audit_id === undefined ? undefined : sources.actors[comment.audit_id],
        // The exact identity that is the requester's primary one; of others the address on their profile.
        address: isRequester ? identity?.value : author?.email,
        identity: isRequester ? identity : undefined,
      },
      connection,
    )
    return {
      id: comment.id,
      at: Date.parse(comment.created_at),
      author: {
        id: comment.author_id ?? systemAuthor,
        role,
        ...(author?.name === undefined ? {} : { name: author.name }),
      },
      visibility: comment.public === true ? 'public' : 'internal',
      ours: comment.author_id === connection.botUserId,
      automatic: isAutomatic(comment) || (comment.author_id ?? systemAuthor) === systemAuthor,
      text: textOf(comment, connection),
      attachments: comment.attachments.flatMap(({ file_name }) => file_name ?? []),
      evidence:
        role === 'team' && isTypedByAgent(comment) ? { ...evidence, inHelpdeskUi: true as const } : evidence,
    }
  })
  const { assignee_id: assignee, brand_id: brand } = ticket
  return {
    id: ticket.id,
    subject: ticket.subject ?? '',
    channel: channelOf(ticket.via),
    status: statuses[ticket.status?.toLowerCase() ?? ''] ?? 'open',
    requester: {
      id: ticket.requester_id,
      ...(name === undefined ? {} : { name }),
      ...(identity?.value === undefined ? {} : { address: identity.value }),
    },
    assignee: assignee === undefined ? 'nobody' : assignee === connection.botUserId ? 'us' : 'human',
    handedOver: ticket.tags.includes(handOverTag),
    inScope:
      connection.brandIds === undefined || (brand !== undefined && connection.brandIds.includes(brand)),
    // Older comments may be a merge's, or an earlier requester's.
    audience: complete ? audienceOf(ticket, comments, users, identity, connection) : 'unknown',
    companyAddresses: sources.users.filter(isTeam).flatMap(({ email }) => email ?? []),
    stamp: ticket.updated_at,
    messages,
    complete,
  }
}

/** What the author wrote. Our own stays whole: a note is found again by its last line. */
function textOf({ plain_body, body, author_id }: ZendeskComment, connection: ZendeskConnection): string {
  const text = plain_body || body || ''
  return author_id === connection.botUserId ? text : withoutQuotes(text)
}

const statuses: Readonly<Record<string, Ticket['status']>> = {
  new: 'open',
  open: 'open',
  hold: 'open',
  pending: 'pending',
  solved: 'solved',
  closed: 'closed',
  deleted: 'closed',
}

/** By time, then by id: ids are numbers that may pass 2^53. */
function byTime(a: ZendeskComment, b: ZendeskComment): number {
  const [left, right] = [Date.parse(a.created_at), Date.parse(b.created_at)]
  if (!Number.isFinite(left) || !Number.isFinite(right))
    throw new DeskhandError('bad_answer', 'Zendesk answered a comment without a readable time')
  return left - right || a.id.length - b.id.length || (a.id < b.id ? -1 : 1)
}

const isTeam = (user: ZendeskUser | undefined): boolean => user?.role === 'agent' || user?.role === 'admin'

/** Of an author whom Zendesk does not describe: the requester is a customer, anybody else counts as a human agent. */
function roleOf(
  comment: ZendeskComment,
  ticket: ZendeskTicket,
  users: Map<string, ZendeskUser>,
  connection: ZendeskConnection,
): Message['author']['role'] {
  const id = comment.author_id ?? systemAuthor
  if (id === systemAuthor) return 'system'
  if (id === connection.botUserId || isTeam(users.get(id))) return 'team'
  return id === ticket.requester_id || users.get(id)?.role === 'end-user' ? 'customer' : 'team'
}

/**
 * Who besides the team receives the answer or can read the ticket. `unknown` where Zendesk left out a list that it
 * documents, shares the ticket with another account, or where a merge may have brought another customer in.
 * `email_cc_ids` alone may be missing: the vendor's own example leaves it out, and `collaborator_ids` holds the
 * CC'd users on accounts old and new.
 */
function audienceOf(
  ticket: ZendeskTicket,
  comments: ZendeskComment[],
  users: Map<string, ZendeskUser>,
  identity: ZendeskIdentity | undefined,
  connection: ZendeskConnection,
): string[] | 'unknown' {
  const { collaborator_ids, follower_ids, email_cc_ids = [], sharing_agreement_ids } = ticket
  if (collaborator_ids === undefined || follower_ids === undefined || identity?.value === undefined)
    return 'unknown'
  if (sharing_agreement_ids === undefined || sharing_agreement_ids.length > 0) return 'unknown'
  if (comments.some((comment) => mayBeMerge(comment, connection))) return 'unknown'

  // An earlier requester, or a CC who was taken off again, still wrote here.
  const writers = comments.filter((comment) => comment.public !== false).map(({ author_id }) => author_id)
  if (writers.some((id) => id == null)) return 'unknown'
  const others = [...collaborator_ids, ...follower_ids, ...email_cc_ids, ...writers]
    .filter((id) => id != null)
    .filter(
      (id) =>
        ![ticket.requester_id, connection.botUserId, systemAuthor].includes(id) && !isTeam(users.get(id)),
    )
  return [
    ...new Set([
      identity.value.toLowerCase(),
      ...others.map((id) => users.get(id)?.email?.toLowerCase() ?? `user:${id}`),
    ]),
  ]
}

/** A merge, or a comment of somebody else's that does not say where it came from. */
const mayBeMerge = ({ via, author_id }: ZendeskComment, connection: ZendeskConnection): boolean =>
  author_id !== connection.botUserId && (via?.source === undefined || isMerge(via))
