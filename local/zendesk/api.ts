/** The REST API of the stand-in Zendesk: what it answers to each call. */
import { randomBytes } from 'node:crypto'
import { type Answered, type Asked, isObject, jsonObject } from '../serve.ts'
import type { Account, Change, Conversation, Entry, TicketFields, User } from './account.ts'
import { demoZendesk } from './demo.ts'
import { createLimits } from './limits.ts'
import type { Webhooks } from './webhooks.ts'

export interface ZendeskApi {
  /** Answers a call of `/oauth/tokens` or `/api/v2`. */
  answer(asked: Asked): Answered
  expireTokens(): void
  hideNewestComment(reads: number): void
}

/** `update` writes into the account and fires what follows from it. */
export function createZendeskApi(options: {
  account: Account
  update: (conversation: Conversation, by: number, change: Change, entry?: Entry) => { audit: unknown }
  webhooks: Pick<Webhooks, 'answer'>
  requestsPerMinute: number
  tokenLifeSeconds: number | undefined
  now: () => number
}): ZendeskApi {
  const { account, update, now } = options
  const tokens = new Map<string, { scopes: string[]; expiresAt: number }>()
  const limits = createLimits(options.requestsPerMinute, now)
  let hidden = 0

  const issueToken = (asked: Asked): Answered => {
    const form = asked.headers['content-type']?.includes('application/x-www-form-urlencoded')
    const body = form ? Object.fromEntries(new URLSearchParams(asked.body)) : jsonObject(asked.body)
    if (body.grant_type !== 'client_credentials')
      return {
        status: 400,
        json: { error: 'unsupported_grant_type', error_description: 'client_credentials only' },
      }
    if (body.client_id !== demoZendesk.clientId || body.client_secret !== demoZendesk.clientSecret)
      return {
        status: 401,
        json: { error: 'invalid_client', error_description: 'Unknown client or wrong secret' },
      }
    const scope = typeof body.scope === 'string' ? body.scope : 'read'
    const token = randomBytes(24).toString('hex')
    const life = options.tokenLifeSeconds
    tokens.set(token, {
      scopes: scope.split(' '),
      expiresAt: life === undefined ? Infinity : now() + life * 1000,
    })
    return {
      status: 200,
      json: {
        access_token: token,
        token_type: 'bearer',
        scope,
        ...(life === undefined ? {} : { expires_in: life }),
      },
    }
  }

  /** The scopes of whoever calls; nothing for a caller who is not known. */
  const scopesOf = (header: string | undefined): string[] | undefined => {
    const [scheme, value = ''] = (header ?? '').split(' ')
    if (scheme === 'Basic') {
      const known = `${demoZendesk.botEmail}/token:${demoZendesk.apiToken}`
      return Buffer.from(value, 'base64').toString('utf8') === known ? ['read', 'write'] : undefined
    }
    const token = scheme === 'Bearer' ? tokens.get(value) : undefined
    return token !== undefined && token.expiresAt > now() ? token.scopes : undefined
  }

  const api = (asked: Asked): Answered => {
    const scopes = scopesOf(asked.headers.authorization)
    if (scopes === undefined)
      return {
        status: 401,
        json: {
          error: 'invalid_token',
          error_description: 'The access token is missing, expired or invalid',
        },
      }
    const limited = limits.request()
    const answered = limited.refused ?? route(asked, scopes)
    return typeof answered === 'string'
      ? answered
      : { ...answered, headers: { ...limited.headers, ...answered.headers } }
  }

  const route = (asked: Asked, scopes: string[]): Answered => {
    const path = asked.url.pathname.replace(/\.json$/, '')
    const [, , , resource, id = '', more, part] = path.split('/')
    const may = (...any: string[]) => any.some((scope) => scopes.includes(scope))
    if (asked.method === 'GET' && resource === 'users') {
      if (id === 'me')
        return may('read', 'users:read')
          ? { status: 200, json: { user: userJson(account.users.get(demoZendesk.botUserId)) } }
          : forbidden
      const user = account.users.get(Number(id))
      // The identities endpoints refuse users:read.
      if (more === 'identities' && !may('read')) return forbidden
      if (!may('read', 'users:read')) return forbidden
      if (user === undefined) return notFound
      if (more === undefined) return { status: 200, json: { user: userJson(user) } }
      return more === 'identities' ? { status: 200, json: identitiesPage(user, asked.url) } : notFound
    }
    if (resource === 'webhooks') {
      const needed = asked.method === 'GET' ? 'read' : 'write'
      return may(needed, `webhooks:${needed}`) ? options.webhooks.answer(asked, id, more) : forbidden
    }
    if (asked.method === 'GET' && resource === 'groups') {
      const group = { id: demoZendesk.handOverGroupId, name: 'Support' }
      return Number(id) === group.id ? { status: 200, json: { group } } : notFound
    }
    if (asked.method === 'GET' && resource === 'incremental')
      return may('read') ? incremental(asked.url) : forbidden
    if (resource !== 'tickets') return notFound
    const conversation = account.conversations.get(Number(id))
    if (asked.method === 'GET') {
      if (more === 'audits' ? !may('read') : !may('read', 'tickets:read')) return forbidden
      if (conversation === undefined) return notFound
      switch (more) {
        case undefined:
          return {
            status: 200,
            json: {
              ticket: conversation.ticket,
              ...sideload(asked, account, ticketUsers(conversation.ticket)),
            },
          }
        case 'comments':
          return { status: 200, json: comments(asked, conversation) }
        case 'audits':
          return audits(conversation, part)
        case 'tags':
          return { status: 200, json: { tags: conversation.ticket.tags } }
        default:
          return notFound
      }
    }
    if (!may('write', 'tickets:write')) return forbidden
    if (conversation === undefined) return notFound
    const limited = limits.update(conversation.ticket.id)
    if (limited) return limited
    if (more === 'tags' && ['PUT', 'POST', 'DELETE'].includes(asked.method))
      return writeTags(asked, conversation)
    return more === undefined && asked.method === 'PUT' ? writeTicket(asked, conversation) : notFound
  }

  /** https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/ */
  const incremental = ({ searchParams }: URL): Answered => {
    const start = Number(searchParams.get('start_time') ?? Number.NaN) * 1000
    const cursor = searchParams.get('cursor')
    if (cursor === null && !(start <= now() - 60_000))
      return { status: 422, json: { error: 'StartTimeTooRecent', description: 'Too recent start_time' } }
    const since =
      cursor === null ? [start, 0] : Buffer.from(cursor, 'base64').toString().split(' ').map(Number)
    const [time = 0, id = 0] = since
    const left = [...account.conversations.values()]
      .map(({ ticket }) => ({ ticket, at: Date.parse(ticket.updated_at) }))
      .filter(({ ticket, at }) => at > time || (at === time && ticket.id > id))
      .sort((a, b) => a.at - b.at || a.ticket.id - b.ticket.id)
    const page = left.slice(0, Number(searchParams.get('per_page') ?? 1000))
    const last = page.at(-1)
    return {
      status: 200,
      json: {
        tickets: page.map(({ ticket }) => ({
          ...ticket,
          generated_timestamp: Date.parse(ticket.updated_at) / 1000,
        })),
        after_cursor:
          last === undefined ? null : Buffer.from(`${last.at} ${last.ticket.id}`).toString('base64'),
        after_url: null,
        end_of_stream: page.length === left.length,
      },
    }
  }

  const audits = ({ audits }: Conversation, id: string | undefined): Answered => {
    if (id === undefined)
      return { status: 200, json: { audits, next_page: null, previous_page: null, count: audits.length } }
    const audit = audits.find((one) => one.id === Number(id))
    return audit ? { status: 200, json: { audit } } : notFound
  }

  const comments = (asked: Asked, conversation: Conversation) => {
    const shown = hidden > 0 ? conversation.comments.slice(0, -1) : conversation.comments
    if (hidden > 0) hidden--
    const ordered = asked.url.searchParams.get('sort') === '-created_at' ? shown.toReversed() : shown
    const { rows, ...paging } = page(ordered, asked.url)
    return {
      comments: rows,
      ...paging,
      ...sideload(
        asked,
        account,
        rows.map((comment) => comment.author_id),
      ),
    }
  }

  const writeTicket = (asked: Asked, conversation: Conversation): Answered => {
    const { ticket } = conversation
    const sent = jsonObject(asked.body).ticket
    if (!isObject(sent))
      return { status: 400, json: { error: 'BadRequest', description: 'ticket is missing' } }
    if (ticket.status === 'closed') return closed
    if (isConflict(ticket, sent)) return conflict
    const bot = demoZendesk.botUserId
    const done = update(conversation, bot, changeFrom(sent), entryFrom(sent, bot))
    return { status: 200, json: { ticket, audit: done.audit } }
  }

  const writeTags = (asked: Asked, conversation: Conversation): Answered => {
    const { ticket } = conversation
    const sent = jsonObject(asked.body)
    const named = Array.isArray(sent.tags) ? sent.tags.map(String) : []
    if (ticket.status === 'closed') return closed
    if (isConflict(ticket, sent)) return conflict
    const tags =
      asked.method === 'POST'
        ? named
        : asked.method === 'DELETE'
          ? ticket.tags.filter((tag) => !named.includes(tag))
          : [...new Set([...ticket.tags, ...named])]
    if (tags.join() !== ticket.tags.join()) update(conversation, demoZendesk.botUserId, { tags })
    return { status: 200, json: { tags: ticket.tags } }
  }

  return {
    answer: (asked) => (asked.url.pathname === '/oauth/tokens' ? issueToken(asked) : api(asked)),
    expireTokens() {
      tokens.clear()
    },
    hideNewestComment(reads) {
      hidden = reads
    },
  }
}

const notFound: Answered = { status: 404, json: { error: 'RecordNotFound', description: 'Not found' } }
const forbidden: Answered = {
  status: 403,
  json: { error: 'Forbidden', description: 'The access token lacks a scope that this endpoint needs' },
}
const conflict: Answered = {
  status: 409,
  json: {
    error: 'UpdateConflict',
    description: 'Safe Update prevented the update due to outdated ticket data',
  },
}
const closed: Answered = {
  status: 422,
  json: {
    error: 'RecordInvalid',
    description: 'Record validation errors',
    details: { status: [{ description: 'Status: closed prevents ticket update' }] },
  },
}

/** `safe_update` without a stamp, or with an older one, conflicts. */
const isConflict = (ticket: TicketFields, sent: Record<string, unknown>): boolean =>
  String(sent.safe_update) === 'true' &&
  Date.parse(String(sent.updated_stamp)) !== Date.parse(ticket.updated_at)

/** Attributes that the API does not know are ignored, as there. */
const changeFrom = (sent: Record<string, unknown>): Change => ({
  ...(typeof sent.status === 'string' ? { status: sent.status as TicketFields['status'] } : {}),
  ...(sent.group_id === undefined ? {} : { group_id: idFrom(sent.group_id) }),
  ...(sent.assignee_id === undefined ? {} : { assignee_id: idFrom(sent.assignee_id) }),
  ...(Array.isArray(sent.tags) ? { tags: sent.tags.map(String) } : {}),
})
const idFrom = (value: unknown): number | null => (value === null || value === '' ? null : Number(value))

function entryFrom(sent: Record<string, unknown>, caller: number): Entry | undefined {
  const { comment } = sent
  if (!isObject(comment)) return undefined
  return {
    author: comment.author_id === undefined ? caller : Number(comment.author_id),
    ...(typeof comment.html_body === 'string'
      ? { html: comment.html_body }
      : { text: String(comment.body ?? '') }),
    public: comment.public !== false,
    channel: 'api',
    ...(sent.metadata === undefined ? {} : { custom: sent.metadata }),
  }
}

const userJson = (user: User | undefined) =>
  user && {
    id: user.id,
    name: user.name,
    email: user.email,
    role: user.role,
    active: true,
    verified: true,
    suspended: false,
  }

const ticketUsers = (ticket: TicketFields): number[] => [
  ticket.requester_id,
  ticket.submitter_id,
  ...(ticket.assignee_id === null ? [] : [ticket.assignee_id]),
  ...ticket.collaborator_ids,
  ...ticket.follower_ids,
]

const sideload = (asked: Asked, account: Account, ids: number[]) =>
  asked.url.searchParams.get('include')?.split(',').includes('users')
    ? { users: [...new Set(ids)].flatMap((id) => userJson(account.users.get(id)) ?? []) }
    : {}

const identitiesPage = (user: User, url: URL) => {
  const types = url.searchParams.getAll('type[]')
  const wanted = user.identities.filter((identity) => types.length === 0 || types.includes(identity.type))
  const { rows, ...paging } = page(wanted, url)
  return { identities: rows, ...paging }
}

/** Cursor paging with `page[size]`, else everything up to 100 in the older form with `next_page`. */
function page<T extends { id: number }>(all: T[], url: URL) {
  const size = url.searchParams.get('page[size]')
  if (size === null)
    return { rows: all.slice(0, 100), next_page: null, previous_page: null, count: all.length }
  const after = url.searchParams.get('page[after]')
  const start = after === null ? 0 : all.findIndex((row) => cursorOf(row) === after) + 1
  const rows = all.slice(start, start + Math.min(100, Math.max(1, Number(size))))
  const [first, last] = [rows.at(0), rows.at(-1)]
  return {
    rows,
    meta: {
      has_more: start + rows.length < all.length,
      after_cursor: last ? cursorOf(last) : null,
      before_cursor: first ? cursorOf(first) : null,
    },
    links: { next: null, prev: null },
  }
}
const cursorOf = (row: { id: number }): string => Buffer.from(`o${row.id}`).toString('base64')
