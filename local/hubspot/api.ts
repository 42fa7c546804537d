/** The REST API of the stand-in HubSpot: what it answers to each call. */
import { type Asked, isObject, jsonObject } from '../serve.ts'
import type { Account, Contact, Conversation } from './account.ts'
import { demoHubspot } from './demo-account.ts'
import { byIntegration } from './entries.ts'
import { type Answer, failure, invalid, notFound } from './errors.ts'
import { createLimits } from './limits.ts'

export interface HubspotApi {
  answer(asked: Asked): Answer
  hideNewest(reads: number): void
}

/** What follows from what the API was asked to do: webhooks. */
export interface Effects {
  add(conversation: Conversation, entry: ReturnType<typeof byIntegration>): { id: string }
  assign(conversation: Conversation, actorId: string | null): void
  close(conversation: Conversation, status: 'OPEN' | 'CLOSED'): void
}

export function createHubspotApi(options: {
  account: Account
  effects: Effects
  requestsPerWindow: number
  now: () => number
}): HubspotApi {
  const { account, effects } = options
  const limit = createLimits(options.requestsPerWindow, options.now)
  let hidden = 0

  const entriesOf = (conversation: Conversation, url: URL): Answer => {
    const shown = hidden > 0 ? conversation.entries.slice(0, -1) : conversation.entries
    if (hidden > 0) hidden--
    const ordered = url.searchParams.get('sort') === '-createdAt' ? shown.toReversed() : shown
    return page(ordered, url)
  }

  const thread = (asked: Asked, conversation: Conversation): Answer => {
    if (asked.method === 'PATCH') {
      const { status } = jsonObject(asked.body)
      if (status !== 'OPEN' && status !== 'CLOSED') return invalid('status must be OPEN or CLOSED')
      effects.close(conversation, status)
    } else if (asked.method !== 'GET') return notFound()
    return { status: 200, json: threadJson(conversation, asked.url) }
  }

  const messages = (asked: Asked, conversation: Conversation, id: string | undefined): Answer => {
    const one = conversation.entries.find((entry) => entry.id === id)
    if (asked.method === 'POST' && id === undefined) {
      const sent = jsonObject(asked.body)
      const wrong = wrongIn(sent)
      if (wrong !== undefined) return invalid(wrong)
      const made = effects.add(conversation, byIntegration(conversation, sent))
      return { status: 201, headers: { location: `${asked.url.pathname}/${made.id}` }, json: made }
    }
    if (asked.method !== 'GET') return notFound()
    if (id === undefined) return entriesOf(conversation, asked.url)
    if (one === undefined) return notFound()
    if (!asked.url.pathname.endsWith('/original-content')) return { status: 200, json: one }
    return { status: 200, json: { text: one.text, richText: one.richText } }
  }

  const assignee = (asked: Asked, id: string): Answer => {
    const conversation = account.conversations.get(id)
    if (conversation === undefined) return notFound()
    if (asked.method === 'DELETE') {
      effects.assign(conversation, null)
      return { status: 204 }
    }
    const { actorId } = jsonObject(asked.body)
    if (asked.method !== 'PUT' || typeof actorId !== 'string' || !(actorId.slice(2) in demoHubspot.users))
      return invalid('actorId must be an agent of this account')
    effects.assign(conversation, actorId)
    return { status: 200, json: threadJson(conversation, asked.url) }
  }

  const threads = ({ url }: Asked): Answer => {
    const after = Date.parse(url.searchParams.get('latestMessageTimestampAfter') ?? '')
    const status = url.searchParams.get('threadStatus')
    const listed = [...account.conversations.values()]
      .filter(({ thread: one }) => status === null || one.status === status)
      .filter(({ thread: one }) => Number.isNaN(after) || Date.parse(one.latestMessageTimestamp) > after)
      .sort((a, b) => a.thread.latestMessageTimestamp.localeCompare(b.thread.latestMessageTimestamp))
    return page(
      listed.map((conversation) => threadJson(conversation, url)),
      url,
    )
  }

  const conversations = (asked: Asked, [resource, id, more, part]: string[]): Answer => {
    if (resource === 'actors') return actors(asked, account, id)
    if (resource === 'channel-accounts' && id === undefined) return page(channelAccounts, asked.url)
    if (resource === 'inboxes' && id === undefined)
      return page([{ id: demoHubspot.inboxId, name: 'Support', type: 'INBOX', archived: false }], asked.url)
    if (resource !== 'threads') return notFound()
    if (id === undefined) return asked.method === 'GET' ? threads(asked) : notFound()
    const conversation = account.conversations.get(id)
    if (conversation === undefined) return notFound()
    if (more === 'messages') return messages(asked, conversation, part)
    return more === undefined ? thread(asked, conversation) : notFound()
  }

  const route = (asked: Asked): Answer => {
    const parts = asked.url.pathname.split('/').slice(1).map(decodeURIComponent)
    const path = parts.join('/')
    if (path === 'account-info/v3/details')
      return { status: 200, json: { portalId: demoHubspot.portalId, accountType: 'STANDARD' } }
    if (path.startsWith('conversations/conversations/v3/threads/') && parts[5] === 'assignee')
      return assignee(asked, parts[4] ?? '')
    if (path.startsWith('conversations/v3/conversations/')) return conversations(asked, parts.slice(3))
    if (path.startsWith('crm/v3/objects/')) return crm(asked, account, parts[3], parts[4])
    return notFound()
  }

  return {
    answer(asked) {
      if (asked.headers.authorization !== `Bearer ${demoHubspot.accessToken}`)
        return failure(401, 'INVALID_AUTHENTICATION', 'Authentication credentials not found or not valid')
      const { headers, refused } = limit()
      const answered = refused ?? route(asked)
      return { ...answered, headers: { ...headers, ...answered.headers } }
    },
    hideNewest(reads) {
      hidden = reads
    },
  }
}

/** What HubSpot refuses in a message: visitors cannot send, agents cannot receive, and everything required is there. */
function wrongIn(sent: Record<string, unknown>): string | undefined {
  const { type, text, attachments, recipients, senderActorId, channelId, channelAccountId } = sent
  if (typeof text !== 'string' || text === '') return 'text is required'
  if (!Array.isArray(attachments)) return 'attachments is required'
  if (type === 'COMMENT') return undefined
  if (type !== 'MESSAGE') return 'type must be MESSAGE or COMMENT'
  if (typeof senderActorId !== 'string' || !/^A-\d+$/.test(senderActorId))
    return 'senderActorId must be an agent'
  if (!(senderActorId.slice(2) in demoHubspot.users)) return 'senderActorId is not known'
  if (!channelAccounts.some((one) => one.id === channelAccountId && one.channelId === channelId))
    return 'channelAccountId is not an account of channelId'
  if (!Array.isArray(recipients) || recipients.length === 0) return 'recipients is required'
  return recipients.every(isRecipient) ? undefined : 'recipients need deliveryIdentifiers, and are no agents'
}
const isRecipient = (one: unknown): boolean =>
  isObject(one) &&
  Array.isArray(one.deliveryIdentifiers) &&
  one.deliveryIdentifiers.length > 0 &&
  !String(one.actorId ?? '').startsWith('A-')

const channelAccounts = [
  {
    id: demoHubspot.emailAccountId,
    channelId: demoHubspot.emailChannelId,
    inboxId: demoHubspot.inboxId,
    name: 'Support mail',
    deliveryIdentifier: { type: 'HS_EMAIL_ADDRESS', value: demoHubspot.supportAddress },
    active: true,
    authorized: true,
    archived: false,
  },
  {
    id: demoHubspot.chatAccountId,
    channelId: demoHubspot.chatChannelId,
    inboxId: demoHubspot.inboxId,
    name: 'Live chat',
    active: true,
    authorized: true,
    archived: false,
  },
]

function actors(asked: Asked, account: Account, id: string | undefined): Answer {
  const find = (one: unknown) => actorOf(String(one), account) ?? []
  if (asked.method === 'POST' && id === 'batch') {
    const { inputs } = jsonObject(asked.body)
    if (!Array.isArray(inputs)) return invalid('inputs is required')
    return { status: 200, json: { status: 'COMPLETE', results: inputs.flatMap(find) } }
  }
  const [actor] = [find(id)].flat()
  return asked.method !== 'GET' || actor === undefined ? notFound() : { status: 200, json: actor }
}

function actorOf(id: string, { contacts }: Account): object | undefined {
  const name = id.startsWith('A-') ? demoHubspot.users[id.slice(2)] : undefined
  if (name !== undefined) return { id, type: 'AGENT', name, email: `${id.slice(2)}@nordlicht.example` }
  const contact = id.startsWith('V-') ? contacts.find((one) => `V-${one.id}` === id) : undefined
  return contact && { id, type: 'VISITOR', name: contact.name, email: contact.address }
}

function crm(asked: Asked, account: Account, object: string | undefined, id: string | undefined): Answer {
  const wanted = asked.url.searchParams.get('properties')?.split(',') ?? []
  const pick = (all: Record<string, string | null>) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => wanted.includes(name)))
  if (object === 'contacts' && asked.method === 'GET') {
    const json = (one: Contact) => ({
      id: String(one.id),
      properties: pick(propertiesOf(one)),
      archived: false,
    })
    if (id === undefined) return page(account.contacts.map(json), asked.url)
    const contact = account.contacts.find((one) => String(one.id) === id)
    return contact === undefined ? notFound() : { status: 200, json: json(contact) }
  }
  if (object !== 'tickets') return notFound()
  const all = [...account.conversations.values()]
  const json = ({ ticket }: Conversation) => ({
    id: ticket.id,
    properties: pick(ticket.properties),
    archived: false,
  })
  if (asked.method === 'GET' && id === undefined) return page(all.map(json), asked.url)
  const conversation = all.find(({ ticket }) => ticket.id === id)
  if (conversation === undefined) return notFound()
  if (asked.method === 'PATCH') {
    const { properties } = jsonObject(asked.body)
    if (!isObject(properties)) return invalid('properties is required')
    const unknown = Object.keys(properties).find((name) => !(name in conversation.ticket.properties))
    if (unknown !== undefined) return invalid(`Property "${unknown}" does not exist`)
    account.change(conversation, {}, properties as Record<string, string>)
  } else if (asked.method !== 'GET') return notFound()
  return { status: 200, json: json(conversation) }
}

const propertiesOf = ({ name, address }: Contact) => {
  const [firstname = '', ...rest] = name.split(' ')
  return { email: address, firstname, lastname: rest.join(' ') }
}

const threadJson = ({ thread, ticket }: Conversation, url: URL) => ({
  ...thread,
  ...(url.searchParams.get('association') === 'TICKET'
    ? { threadAssociations: { associatedTicketId: ticket.id } }
    : {}),
})

/** A page and the cursor of the next one, which is the number of rows before it. */
function page(rows: object[], { searchParams }: URL): Answer {
  const start = Number(searchParams.get('after') ?? 0)
  const end = start + Math.min(100, Number(searchParams.get('limit') ?? 100))
  const next = end < rows.length ? { paging: { next: { after: String(end), link: '' } } } : {}
  return { status: 200, json: { results: rows.slice(start, end), ...next } }
}
