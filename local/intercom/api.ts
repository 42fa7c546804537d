/** The REST API of the stand-in Intercom: what it answers to each call. */
import { type Answered, type Asked, isObject, jsonObject } from '../serve.ts'
import type { Account, Author, Conversation, Entry, Part } from './account.ts'
import { createLimits } from './limits.ts'
import { contactJson, conversationJson, errors, notFound } from './rest.ts'
import { demoIntercom } from './workspace.ts'

export interface IntercomApi {
  answer(asked: Asked): Answered
  hideNewest(reads: number): void
}

/** `add` writes a part and fires what follows from it. */
export function createIntercomApi(options: {
  account: Account
  add: (conversation: Conversation, author: Author, entry: Entry) => Part
  requestsPerMinute: number
  now: () => number
}): IntercomApi {
  const { account, add } = options
  const limit = createLimits(options.requestsPerMinute, options.now)
  let hidden = 0

  const answer = (asked: Asked): Answered => {
    if (asked.headers.authorization !== `Bearer ${demoIntercom.accessToken}`)
      return errors(401, 'unauthorized', 'Access Token Invalid')
    const { headers, refused } = limit()
    const answered = refused ?? route(asked)
    return typeof answered === 'string'
      ? answered
      : { ...answered, headers: { ...headers, ...answered.headers } }
  }

  const route = (asked: Asked): Answered => {
    const [, resource, id = '', more] = asked.url.pathname.split('/').map(decodeURIComponent)
    switch (`${asked.method} ${resource}`) {
      case 'GET me':
        return { status: 200, json: me }
      case 'GET admins':
        return { status: 200, json: { type: 'admin.list', admins: demoIntercom.admins.map(adminJson) } }
      case 'GET teams':
        return { status: 200, json: { type: 'team.list', teams: [teamJson] } }
      case 'GET contacts':
        return contact(id, asked.url)
      case 'GET conversations':
        return more === undefined ? conversation(id, asked.url) : notFound
      case 'POST tags':
        return tag(jsonObject(asked.body))
      case 'POST conversations':
        return id === 'search' ? search(jsonObject(asked.body)) : write(id, more, jsonObject(asked.body))
      default:
        return notFound
    }
  }

  const contact = (id: string, url: URL): Answered => {
    const found = account.contacts.get(id)
    if (found === undefined) return notFound
    return { status: 200, json: contactJson(found, url.searchParams.get('include_merge_history') === 'true') }
  }

  const conversation = (id: string, url: URL): Answered => {
    const found = account.conversations.get(id)
    if (found === undefined) return notFound
    const plain = url.searchParams.get('display_as') === 'plaintext'
    return { status: 200, json: conversationJson(found, plain, hidden > 0 ? hidden-- : 0) }
  }

  /** Creates, or answers the one of this name. */
  const tag = ({ name }: Record<string, unknown>): Answered => {
    if (typeof name !== 'string' || name === '') return errors(400, 'parameter_not_found', 'name is missing')
    const id = account.tags.get(name) ?? String(7_522_900 + account.tags.size)
    account.tags.set(name, id)
    return { status: 200, json: { type: 'tag', id, name } }
  }

  /** As far as it is used: `updated_at` and `state`, sorted by `updated_at`. */
  const search = (body: Record<string, unknown>): Answered => {
    const { query, pagination = {} } = body
    const terms = isObject(query) && Array.isArray(query.value) ? query.value.filter(isObject) : []
    if (terms.length === 0 || !isObject(pagination))
      return errors(400, 'parameter_invalid', 'query is missing')
    const found = [...account.conversations.values()]
      .filter((one) => terms.every((term) => holds(one, term)))
      .sort((a, b) => a.updated_at - b.updated_at)
    const perPage = Math.min(Number(pagination.per_page ?? 20), 150)
    const from = Number(pagination.starting_after ?? 0)
    const next = from + perPage
    return {
      status: 200,
      json: {
        type: 'conversation.list',
        total_count: found.length,
        conversations: found.slice(from, next).map(({ parts: _, ...one }) => one),
        pages: {
          type: 'pages',
          page: Math.floor(from / perPage) + 1,
          per_page: perPage,
          total_pages: Math.ceil(found.length / perPage),
          ...(next < found.length ? { next: { per_page: perPage, starting_after: String(next) } } : {}),
        },
      },
    }
  }

  const write = (id: string, more: string | undefined, body: Record<string, unknown>): Answered => {
    const found = account.conversations.get(id)
    if (found === undefined) return notFound
    const admin = adminOf(body.admin_id)
    if (admin === undefined) return errors(404, 'admin_not_found', 'Admin for admin_id not found')
    if (more === 'tags') return addTag(found, body)
    const refused =
      more === 'reply' ? reply(found, admin, body) : more === 'parts' ? manage(found, admin, body) : notFound
    return refused ?? { status: 200, json: conversationJson(found, false, 0) }
  }

  const reply = (found: Conversation, admin: Author, body: Record<string, unknown>): Answered | undefined => {
    const { message_type: type, body: html } = body
    if (body.type !== 'admin' || (type !== 'comment' && type !== 'note') || typeof html !== 'string')
      return errors(400, 'parameter_invalid', 'message_type, type and body are needed')
    add(found, admin, { part_type: type, body: html, app_package_code: demoIntercom.appPackageCode })
    return undefined
  }

  const manage = (
    found: Conversation,
    admin: Author,
    body: Record<string, unknown>,
  ): Answered | undefined => {
    const type = String(body.message_type)
    if (type === 'assignment') {
      const to = String(body.assignee_id)
      if (to !== '0' && adminOf(to) === undefined && to !== teamJson.id)
        return errors(404, 'assignee_not_found', 'Assignee not found')
      if (body.type === 'team') found.team_assignee_id = to
      else found.admin_assignee_id = to === '0' ? null : to
      reopen(found)
    } else if (type === 'open') reopen(found)
    else if (type === 'close') Object.assign(found, { state: 'closed', open: false })
    else if (type === 'snoozed' && typeof body.snoozed_until === 'number')
      Object.assign(found, { state: 'snoozed', open: true, snoozed_until: body.snoozed_until })
    else return errors(400, 'parameter_invalid', 'message_type is invalid')
    add(found, admin, { part_type: type })
    return undefined
  }

  const reopen = (found: Conversation): void => {
    Object.assign(found, { state: 'open', open: true, snoozed_until: null })
  }

  const addTag = (found: Conversation, { id }: Record<string, unknown>): Answered => {
    const known = [...account.tags].find(([, each]) => each === id)
    if (known === undefined) return errors(404, 'not_found', 'Tag not found')
    const [name] = known
    const tags = found.tags.tags
    if (!tags.some((each) => each.name === name)) tags.push({ type: 'tag', id: known[1], name })
    account.changed(found)
    return { status: 200, json: { type: 'tag', id: known[1], name } }
  }

  return {
    answer,
    hideNewest(reads) {
      hidden = reads
    },
  }
}

export const adminOf = (id: unknown): Author | undefined => {
  const admin = demoIntercom.admins.find((each) => each.id === id)
  return admin && { type: 'admin', ...admin }
}

const adminJson = (admin: { id: string; name: string; email: string }) => ({
  type: 'admin',
  ...admin,
  has_inbox_seat: true,
})
const teamJson = { type: 'team', id: demoIntercom.teamId, name: 'Support', admin_ids: [] }
const me = {
  type: 'admin',
  id: demoIntercom.admins[0]?.id,
  email_verified: true,
  app: {
    type: 'app',
    id_code: demoIntercom.appId,
    name: 'Nordlicht',
    region: 'EU',
    identity_verification: true,
  },
}

function holds(one: Conversation, { field, operator, value }: Record<string, unknown>): boolean {
  if (field === 'state') return operator === '=' && one.state === value
  return field === 'updated_at' && operator === '>' && one.updated_at > Number(value)
}
