/** The account's webhooks, as its API makes and shows them. https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/ */
import { randomBytes } from 'node:crypto'
import { keptList } from '../kept-list.ts'
import { type Answered, type Asked, isObject, jsonObject } from '../serve.ts'
import type { Webhook } from '../stand-in.ts'
import { demoConnectionId, demoZendesk } from './demo.ts'

/** What a webhook tells of, besides what a trigger does. */
export type EventType = 'ticket.created' | 'ticket.comment_added'

interface Installed {
  id: string
  name: string
  description: string | null
  status: string
  endpoint: string
  http_method: string
  request_format: string
  subscriptions: string[]
  created_at: string
  created_by: string
  secret: string
}

export interface Webhooks {
  /** Answers a call of `/api/v2/webhooks`. */
  answer(asked: Asked, id: string, more: string | undefined): Answered
  /** Where an event goes besides the webhook that the account began with. */
  toldOf(type: EventType): Webhook[]
}

/** `connected` is the webhook that the account began with. */
export function createWebhooks(about: {
  connected: () => Webhook | undefined
  file: string | undefined
  now: () => number
}): Webhooks {
  const { items, save } = keptList<Installed>(about.file)

  const first = (): Installed[] => {
    // What the admin set; `connect` says where that is.
    const url = `https://deskhand.example/webhooks/zendesk/${demoConnectionId}`
    const to = about.connected() ?? { url, secret: demoZendesk.webhookSecret }
    const { accountId, webhookId } = demoZendesk
    return [
      {
        ...always,
        id: webhookId,
        name: `Account ${accountId}`,
        description: null,
        status: 'active',
        endpoint: to.url,
        subscriptions: [...eventTypes],
        created_at: new Date(0).toISOString(),
        created_by: String(demoZendesk.botUserId),
        secret: to.secret,
      },
    ]
  }
  const all = (): Installed[] => [...first(), ...items]

  const create = (asked: Asked): Answered => {
    const sent = jsonObject(asked.body).webhook
    const wrong = wrongIn(sent)
    if (wrong !== undefined || !isObject(sent)) return invalid(wrong ?? 'webhook is missing')
    const webhook: Installed = {
      ...always,
      id: `01${randomBytes(12).toString('hex').toUpperCase()}`,
      name: String(sent.name),
      description: typeof sent.description === 'string' ? sent.description : null,
      status: String(sent.status),
      endpoint: String(sent.endpoint),
      subscriptions: (sent.subscriptions as unknown[]).map(String),
      created_at: new Date(about.now()).toISOString(),
      created_by: String(demoZendesk.botUserId),
      secret: randomBytes(32).toString('base64url'),
    }
    items.push(webhook)
    save()
    return { status: 201, json: { webhook: shown(webhook) } }
  }

  return {
    answer(asked, id, more) {
      if (id === '') return asked.method === 'POST' ? create(asked) : list(all(), asked.url)
      const webhook = all().find((one) => one.id === id)
      if (asked.method !== 'GET' || webhook === undefined) return notFound
      if (more === undefined) return { status: 200, json: { webhook: shown(webhook) } }
      return more === 'signing_secret'
        ? { status: 200, json: { signing_secret: { algorithm: 'SHA256', secret: webhook.secret } } }
        : notFound
    },
    toldOf: (type) =>
      items
        .filter(
          ({ status, subscriptions }) =>
            status === 'active' && subscriptions.includes(`zen:event-type:${type}`),
        )
        .map(({ endpoint, secret }) => ({ url: endpoint, secret })),
  }
}

const always = { http_method: 'POST', request_format: 'json' }
const eventTypes = ['zen:event-type:ticket.created', 'zen:event-type:ticket.comment_added'] as const

const notFound: Answered = {
  status: 404,
  json: { errors: [{ code: 'WebhookNotFound', title: 'Not found' }] },
}
const invalid = (detail: string): Answered => ({
  status: 400,
  json: { errors: [{ code: 'InvalidRequest', title: 'Bad Request', detail }] },
})

/** A secret is told by its own endpoint alone. */
const shown = ({ secret: _, ...webhook }: Installed) => webhook

/** What Zendesk makes mandatory; to subscribe to its events a webhook has to POST JSON. */
function wrongIn(sent: unknown): string | undefined {
  if (!isObject(sent)) return 'webhook is missing'
  const { name, status, endpoint, http_method, request_format, subscriptions } = sent
  if (typeof name !== 'string' || name === '') return 'name is missing'
  if (status !== 'active' && status !== 'inactive') return 'status is not active or inactive'
  if (typeof endpoint !== 'string' || !URL.canParse(endpoint)) return 'endpoint is not a URL'
  if (http_method !== 'POST') return 'http_method has to be POST'
  if (request_format !== 'json') return 'request_format has to be json'
  const known: readonly unknown[] = eventTypes
  if (!Array.isArray(subscriptions) || subscriptions.length === 0) return 'subscriptions is missing'
  return subscriptions.every((type) => known.includes(type)) ? undefined : 'unknown subscription'
}

/** Cursor paging. */
function list(webhooks: Installed[], { searchParams }: URL): Answered {
  const after = searchParams.get('page[after]')
  const start = after === null ? 0 : webhooks.findIndex(({ id }) => id === after) + 1
  const rows = webhooks.slice(start, start + Number(searchParams.get('page[size]') ?? 100))
  const has_more = start + rows.length < webhooks.length
  return {
    status: 200,
    json: {
      webhooks: rows.map(shown),
      meta: { has_more, after_cursor: rows.at(-1)?.id ?? null, before_cursor: rows.at(0)?.id ?? null },
      links: { next: null, prev: null },
    },
  }
}
