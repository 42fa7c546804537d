/** The REST API of the stand-in Gorgias: what it answers to each call. */
import { type Answered, type Asked, isObject, jsonObject } from '../serve.ts'
import type { Account, Contact, Entry, Message, Ticket } from './account.ts'
import { demoGorgias } from './demo-account.ts'
import type { Integrations } from './integrations.ts'
import { createBucket } from './limits.ts'

export interface GorgiasApi {
  /** Answers a call of `/api`. */
  answer(asked: Asked): Answered
  hideNewest(reads: number): void
}

/** `post` writes a message of the company and sends it. */
export function createGorgiasApi(options: {
  account: Account
  post: (ticket: Ticket, entry: Entry) => Message
  integrations: Pick<Integrations, 'all' | 'create' | 'update'>
  callsPer20s: number
  now: () => number
}): GorgiasApi {
  const { account, now } = options
  const bucket = createBucket(options.callsPer20s, 20_000, now)
  let hidden = 0

  const messages = ({ url }: Asked): Answered => {
    const wanted = url.searchParams.get('ticket_id')
    const all = account.messages.filter(({ ticket_id }) => wanted === null || String(ticket_id) === wanted)
    const shown = hidden > 0 ? all.slice(0, -1) : all
    if (hidden > 0) hidden--
    return page(
      url.searchParams.get('order_by') === 'created_datetime:desc' ? shown.toReversed() : shown,
      url,
    )
  }

  const createMessage = (ticket: Ticket, asked: Asked): Answered => {
    const sent = jsonObject(asked.body)
    const wrong = wrongIn(sent)
    if (wrong !== undefined) return badRequest(wrong)
    return { status: 201, json: options.post(ticket, entryFrom(sent, account)) }
  }

  const updateTicket = (ticket: Ticket, asked: Asked): Answered => {
    const sent = jsonObject(asked.body)
    if (sent.status !== undefined && sent.status !== 'open' && sent.status !== 'closed')
      return badRequest({ status: ['Not a valid choice.'] })
    if (sent.status !== undefined) ticket.status = sent.status
    if (isObject(sent.assignee_user))
      ticket.assignee_user =
        [demoGorgias.agent, demoGorgias.bot].find(({ id }) => id === idIn(sent.assignee_user)) ?? null
    if (isObject(sent.assignee_team))
      ticket.assignee_team = idIn(sent.assignee_team) === demoGorgias.team.id ? demoGorgias.team : null
    account.touch(ticket)
    return { status: 202, json: ticket }
  }

  const tags = (ticket: Ticket, asked: Asked): Answered => {
    const { names } = jsonObject(asked.body)
    if (asked.method === 'GET') return { status: 200, json: { data: ticket.tags } }
    if (!Array.isArray(names)) return badRequest({ names: ['Missing data for required field.'] })
    const kept = asked.method === 'PUT' ? [] : ticket.tags.filter(({ name }) => !names.includes(name))
    const added = asked.method === 'DELETE' ? [] : names.map(String)
    ticket.tags = [...kept, ...added.map((name) => ({ id: account.nextId(), name }))]
    account.touch(ticket)
    return { status: { POST: 201, PUT: 202 }[asked.method] ?? 204 }
  }

  const ofTicket = (
    asked: Asked,
    id: string,
    part: string | undefined,
    partId: string | undefined,
  ): Answered => {
    const ticket = account.tickets.get(Number(id))
    if (ticket === undefined) return notFound
    if (part === undefined && asked.method === 'GET') return { status: 200, json: ticket }
    if (part === undefined && asked.method === 'PUT') return updateTicket(ticket, asked)
    if (part === 'tags') return tags(ticket, asked)
    if (part !== 'messages') return notFound
    if (asked.method === 'POST') return createMessage(ticket, asked)
    const message = account.messages.find(
      (each) => each.ticket_id === ticket.id && String(each.id) === partId,
    )
    return message === undefined ? notFound : { status: 200, json: message }
  }

  const integrations = (asked: Asked, id: string | undefined): Answered => {
    const { all, create, update } = options.integrations
    if (asked.method === 'GET')
      return page(asked.url.searchParams.get('type') === 'http' ? all() : [], asked.url)
    const sent = jsonObject(asked.body)
    const done = asked.method === 'POST' ? create(sent) : update(Number(id), sent)
    if (done === undefined) return notFound
    if ('wrong' in done) return badRequest(done.wrong)
    return { status: asked.method === 'POST' ? 201 : 202, json: done }
  }

  const route = (asked: Asked): Answered => {
    const [, , resource, id, part, partId] = asked.url.pathname.replace(/\/$/, '').split('/')
    if (resource === 'integrations') return integrations(asked, id)
    if (resource === 'tickets' && id !== undefined) return ofTicket(asked, id, part, partId)
    if (asked.method !== 'GET') return notFound
    if (resource === 'messages') return messages(asked)
    if (resource === 'teams') return page([demoGorgias.team], asked.url)
    if (resource === 'users' && id === '0')
      return { status: 200, json: { ...demoGorgias.bot, active: true, role: { name: 'agent' } } }
    const customer = resource === 'customers' ? account.customers.get(Number(id)) : undefined
    return customer === undefined ? notFound : { status: 200, json: customer }
  }

  return {
    answer(asked) {
      if (!isKnown(asked.headers.authorization)) return unauthorized
      const { headers, refused } = bucket.call()
      const answered = refused ?? route(asked)
      return typeof answered === 'string'
        ? answered
        : { ...answered, headers: { ...headers, ...answered.headers } }
    },
    hideNewest(reads) {
      hidden = reads
    },
  }
}

const { bot, apiKey, accessToken } = demoGorgias
const known = [`Basic ${Buffer.from(`${bot.email}:${apiKey}`).toString('base64')}`, `Bearer ${accessToken}`]
const isKnown = (header: string | undefined): boolean => header !== undefined && known.includes(header)

/** https://developers.gorgias.com/reference/errors: the attribute `error` tells more. */
const failure = (status: number, msg: string, data?: object): Answered => ({
  status,
  json: { error: { msg, ...(data === undefined ? {} : { data }) } },
})
const unauthorized = failure(401, 'Unauthorized')
const notFound = failure(404, 'The requested resource does not exist.')
const badRequest = (data: object): Answered => failure(400, 'Invalid payload.', data)

const fields = new Set(
  'actions attachments body_html body_text channel created_datetime external_id failed_datetime from_agent headers integration_id last_sending_error mention_ids message_id meta public receiver rule_id sender sent_datetime source subject via'.split(
    ' ',
  ),
)

/** What Gorgias refuses: missing parameters, unknown ones, and a body over 1 MB. */
function wrongIn(sent: Record<string, unknown>): object | undefined {
  const missing = ['channel', 'via', 'from_agent'].filter((name) => sent[name] === undefined)
  if (missing.length > 0)
    return Object.fromEntries(missing.map((name) => [name, ['Missing data for required field.']]))
  const unknown = Object.keys(sent).filter((name) => !fields.has(name))
  if (unknown.length > 0) return Object.fromEntries(unknown.map((name) => [name, ['Unknown field.']]))
  const tooLong = ['body_text', 'body_html'].filter((name) => String(sent[name] ?? '').length > 1_000_000)
  return tooLong.length > 0 ? { [String(tooLong[0])]: ['Longer than maximum length.'] } : undefined
}

function entryFrom(sent: Record<string, unknown>, account: Account): Entry {
  const text = (name: string) => (typeof sent[name] === 'string' ? { [name]: sent[name] } : {})
  const sender = [bot, demoGorgias.agent].find(({ id }) => id === idIn(sent.sender)) ?? null
  const customer = account.customers.get(idIn(sent.receiver) ?? 0)
  return {
    channel: String(sent.channel),
    via: String(sent.via),
    from_agent: sent.from_agent === true,
    public: sent.public !== false,
    sender,
    receiver: customer === undefined ? null : { id: customer.id, email: customer.email, name: customer.name },
    source: sourceFrom(sent.source),
    ...text('body_html'),
    ...text('body_text'),
    ...text('external_id'),
    ...text('subject'),
    sent_datetime: typeof sent.sent_datetime === 'string' ? sent.sent_datetime : null,
  }
}

function sourceFrom(source: unknown): Entry['source'] {
  if (!isObject(source)) return null
  const list = (name: string): Contact[] => (Array.isArray(source[name]) ? (source[name] as Contact[]) : [])
  return {
    type: String(source.type),
    from: (source.from ?? { address: '' }) as Contact,
    to: list('to'),
    cc: list('cc'),
    bcc: list('bcc'),
    extra: {},
  }
}

const idIn = (value: unknown): number | null =>
  isObject(value) && typeof value.id === 'number' ? value.id : null

/** Cursor paging, 30 rows unless told, 100 at most. */
function page<T extends { id: number }>(rows: readonly T[], url: URL): Answered {
  const limit = Math.min(100, Math.max(1, Number(url.searchParams.get('limit') ?? 30)))
  const cursor = url.searchParams.get('cursor')
  const start = cursor === null ? 0 : rows.findIndex((row) => cursorOf(row) === cursor) + 1
  const data = rows.slice(start, start + limit)
  const last = data.at(-1)
  const next = last !== undefined && start + data.length < rows.length ? cursorOf(last) : null
  return { status: 200, json: { object: 'list', data, meta: { prev_cursor: null, next_cursor: next } } }
}
const cursorOf = ({ id }: { id: number }): string => Buffer.from(`after:${id}`).toString('base64url')
