/**
 * A stand-in Zendesk: the part of the REST API and of the webhooks that an integration uses, as the vendor's pages
 * describe it, held in memory. It also shows its tickets as pages. What the pages leave open is an option.
 */
import { demoZendesk } from './demo-data.ts'
import { createFaults, type Faults } from './faults.ts'
import { type Answered, type Asked, serve } from './serve.ts'
import {
  type Account,
  type Change,
  type Comment,
  type Conversation,
  createAccount,
  type Entry,
} from './zendesk-account.ts'
import { createZendeskApi } from './zendesk-api.ts'
import { type Delivery, deliver, eventBody, type Webhook } from './zendesk-events.ts'
import { listPage, ticketPage } from './zendesk-page.ts'

export interface ZendeskOptions {
  port?: number
  now?: () => number
  /** Where webhooks go; can be set later by `connect`. */
  webhook?: Webhook
  /** Between two attempts of a delivery. The vendor's are longer. */
  retryDelayMs?: number
  /** `expires_in` of a token, seconds. Not confirmed for client credentials: absent unless set here. */
  tokenLifeSeconds?: number
  /** Not confirmed: does a new ticket's first comment fire `comment_added` besides `created`? */
  createdFiresCommentAdded?: boolean
  /** Not confirmed: does a comment show the custom metadata of its update? Its audit does. */
  commentsCarryCustom?: boolean
  requestsPerMinute?: number
  /** Keeps the tickets in this file. Default: memory. */
  file?: string
  /** Sees every API request once it is answered. */
  onRequest?: (request: ApiRequest) => void
  /** Sees every webhook once its delivery is over. */
  onDelivery?: (delivery: Delivery) => void
}

export interface ApiRequest {
  method: string
  /** With its query. */
  path: string
  body: string
  /** 0 when the connection was cut or left hanging. */
  status: number
}

export interface ZendeskStandIn {
  url: string
  close(): Promise<void>
  account: Account
  /** Everything asked of the API, oldest first. */
  requests: ApiRequest[]
  /** Everything fired, oldest first. */
  deliveries: Delivery[]
  connect(webhook: Webhook): void
  /** A customer opens a ticket. Answers its id. */
  createTicket(
    fields: { subject: string; requester: number; submitter?: number; brand?: number; cc?: number[] },
    first: Entry,
  ): number
  /** A customer or an agent writes: `author` tells which. Answers the comment's id. */
  addComment(ticketId: number, entry: Entry): number
  /** Status, assignee, group, tags, requester or participants; by an agent unless told. */
  change(ticketId: number, change: Change, by?: number): void
  /** Adds an email CC. */
  addCc(ticketId: number, userId: number): void
  /** Merges `source` into `target`: its requester becomes a CC there, and the source is closed. */
  merge(source: number, target: number): void
  /** The API's next answers fail. */
  failNext: Faults['failNext']
  /** Leaves the newest comment out of the next `reads` answers of the comments endpoint. */
  hideNewestComment(reads: number): void
  /** Every token issued so far ends now. */
  expireTokens(): void
  /** Sends a delivery's body once more, signed anew; the newest unless told. Answers the status. */
  redeliver(delivery?: Delivery): Promise<number>
  /** Waits until every webhook fired so far is delivered or given up. */
  settled(): Promise<void>
}

/** Starts on loopback with the demo account's users, credentials and no tickets. */
export async function startZendesk(options: ZendeskOptions = {}): Promise<ZendeskStandIn> {
  const now = options.now ?? Date.now
  const faults = createFaults()
  const requests: ApiRequest[] = []
  const deliveries: Delivery[] = []
  const underWay = new Set<Promise<void>>()
  const closing = new AbortController()
  let webhook = options.webhook
  let url = ''

  const account = createAccount({
    url: () => url,
    supportAddress: demoZendesk.supportAddress,
    brandId: demoZendesk.brandId,
    now,
    commentsCarryCustom: options.commentsCarryCustom ?? false,
    ...(options.file === undefined ? {} : { file: options.file }),
  })
  for (const user of demoZendesk.users) account.addUser(user)

  const send = (to: Webhook, delivery: Delivery): Promise<void> => {
    const work = deliver(to, delivery, {
      accountId: demoZendesk.accountId,
      webhookId: demoZendesk.webhookId,
      retryDelayMs: options.retryDelayMs ?? 250,
      now,
      signal: closing.signal,
    })
      .then(() => options.onDelivery?.(delivery))
      .finally(() => underWay.delete(work))
    underWay.add(work)
    return work
  }

  const fire = (
    type: 'ticket.created' | 'ticket.comment_added',
    actorId: number,
    conversation: Conversation,
    comment: Comment,
  ) => {
    const rawBody = eventBody({
      type,
      accountId: demoZendesk.accountId,
      actorId,
      conversation,
      comment,
      author: account.users.get(comment.author_id),
      now: now(),
    })
    const delivery: Delivery = { type, ticketId: conversation.ticket.id, rawBody, statuses: [] }
    if (webhook === undefined) return
    deliveries.push(delivery)
    void send(webhook, delivery)
  }

  const conversationOf = (ticketId: number): Conversation => {
    const conversation = account.conversations.get(ticketId)
    if (conversation === undefined) throw new Error(`the stand-in has no ticket ${ticketId}`)
    return conversation
  }

  const update = (conversation: Conversation, by: number, change: Change, entry?: Entry) => {
    const done = account.update(conversation, by, change, entry)
    if (done.comment) fire('ticket.comment_added', by, conversation, done.comment)
    return done
  }

  const api = createZendeskApi({
    account,
    update,
    requestsPerMinute: options.requestsPerMinute ?? 700,
    tokenLifeSeconds: options.tokenLifeSeconds,
    now,
  })

  const pages = ({ url: asked }: Asked): Answered => {
    const conversation = account.conversations.get(Number(/^\/tickets\/(\d+)$/.exec(asked.pathname)?.[1]))
    if (conversation) return { status: 200, html: ticketPage(account, conversation) }
    return asked.pathname === '/'
      ? { status: 200, html: listPage(account) }
      : { status: 404, html: 'Not found' }
  }

  const served = await serve(async (asked) => {
    const path = asked.url.pathname
    const isToken = asked.method === 'POST' && path === '/oauth/tokens'
    if (!isToken && !path.startsWith('/api/v2/')) return pages(asked)
    const answered = await faults.around(asked, () => api.answer(asked))
    const request: ApiRequest = {
      method: asked.method,
      path: path + asked.url.search,
      body: asked.body,
      status: typeof answered === 'string' ? 0 : answered.status,
    }
    requests.push(request)
    options.onRequest?.(request)
    return answered
  }, options.port)
  url = served.url

  const addComment = (ticketId: number, entry: Entry): number => {
    const { comment } = update(conversationOf(ticketId), entry.author, {}, entry)
    if (comment === undefined) throw new Error('an entry makes a comment')
    return comment.id
  }
  const change = (ticketId: number, to: Change, by: number = demoZendesk.agentUserId): void => {
    update(conversationOf(ticketId), by, to)
  }
  const addCc = (ticketId: number, userId: number): void => {
    const { ticket } = conversationOf(ticketId)
    const ids = [...ticket.email_cc_ids, userId]
    change(ticketId, { email_cc_ids: ids, collaborator_ids: ids }, ticket.requester_id)
  }

  return {
    url,
    account,
    requests,
    deliveries,
    failNext: faults.failNext,
    hideNewestComment: api.hideNewestComment,
    expireTokens: api.expireTokens,
    connect(to) {
      webhook = to
    },
    createTicket(fields, first) {
      const { conversation, comment } = account.create(fields, first)
      fire('ticket.created', first.author, conversation, comment)
      if (options.createdFiresCommentAdded) fire('ticket.comment_added', first.author, conversation, comment)
      return conversation.ticket.id
    },
    addComment,
    change,
    addCc,
    merge(source, target) {
      const from = conversationOf(source)
      const requester = from.ticket.requester_id
      if (requester !== conversationOf(target).ticket.requester_id) addCc(target, requester)
      addComment(target, {
        author: demoZendesk.agentUserId,
        text: `Request #${source} was closed and merged into this request. Last comment:\n${from.comments.at(-1)?.body ?? ''}`,
        rel: 'merge',
      })
      change(source, { status: 'closed', tags: [...from.ticket.tags, 'closed_by_merge'] })
    },
    async redeliver(delivery = deliveries.at(-1)) {
      if (webhook === undefined || delivery === undefined) throw new Error('nothing was delivered yet')
      const again: Delivery = { ...delivery, statuses: [] }
      await send(webhook, again)
      return again.statuses.at(-1) ?? 0
    },
    async settled() {
      while (underWay.size > 0) await Promise.all(underWay)
    },
    async close() {
      closing.abort()
      await Promise.all(underWay)
      await served.close()
    },
  }
}
