/**
 * A stand-in Zendesk: the part of the REST API and of the webhooks that an integration uses, as the vendor's pages
 * describe it, held in memory. It also shows its tickets as pages. What the pages leave open is an option.
 */
import { createDeliveries } from '../deliver.ts'
import { serveStandIn } from '../serve-stand-in.ts'
import type { Person, SeenTicket, StandIn, StandInOptions, Webhook } from '../stand-in.ts'
import {
  type Account,
  type Change,
  type Comment,
  type Conversation,
  createAccount,
  type Entry,
} from './account.ts'
import { createZendeskApi } from './api.ts'
import { demoZendesk } from './demo.ts'
import { deadlineMs, eventBody, retries } from './events.ts'
import { zendeskHeaders } from './sign.ts'
import { createWebhooks, type EventType } from './webhooks.ts'

export interface ZendeskOptions extends StandInOptions {
  /** Where webhooks go; can be set later by `connect`. */
  webhook?: Webhook
  /** `expires_in` of a token, seconds. Not confirmed for client credentials: absent unless set here. */
  tokenLifeSeconds?: number
  /** Not confirmed: does a new ticket's first comment fire `comment_added` besides `created`? */
  createdFiresCommentAdded?: boolean
  /** Not confirmed: does a comment show the custom metadata of its update? Its audit does. */
  commentsCarryCustom?: boolean
  requestsPerMinute?: number
}

export interface ZendeskStandIn extends StandIn {
  account: Account
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
  /** Leaves the newest comment out of the next `reads` answers of the comments endpoint. */
  hideNewestComment(reads: number): void
  /** Every token issued so far ends now. */
  expireTokens(): void
}

/** Starts on loopback with the demo account's users, credentials and no tickets. */
export async function startZendesk(options: ZendeskOptions = {}): Promise<ZendeskStandIn> {
  const now = options.now ?? Date.now
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

  const { accountId, webhookId } = demoZendesk
  const sign = (rawBody: string, { secret }: Webhook) =>
    zendeskHeaders({ secret, rawBody, accountId, webhookId, now: now() })
  const sending = createDeliveries({
    headers: sign,
    retries,
    deadlineMs,
    retryDelayMs: options.retryDelayMs ?? 250,
  })

  if (options.webhook !== undefined) sending.connect(options.webhook)
  const webhooks = createWebhooks({
    connected: sending.connected,
    file: options.file?.replace(/(\.json)?$/, '-webhooks.json'),
    now,
  })

  const bodyOf = (type: EventType, actorId: number, conversation: Conversation, comment: Comment): string =>
    eventBody({
      type,
      accountId,
      actorId,
      conversation,
      comment,
      author: account.users.get(comment.author_id),
      now: now(),
    })
  const fire = (...about: Parameters<typeof bodyOf>) => {
    const [type, , conversation] = about
    const ticketId = String(conversation.ticket.id)
    void sending.fire(ticketId, () => bodyOf(...about))
    for (const webhook of webhooks.toldOf(type)) void sending.fire(ticketId, () => bodyOf(...about), webhook)
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
    webhooks,
    requestsPerMinute: options.requestsPerMinute ?? (options.unlimited ? 1_000_000 : 700),
    tokenLifeSeconds: options.tokenLifeSeconds,
    now,
  })

  const served = await serveStandIn(options, {
    title: 'Zendesk',
    isApi: ({ method, url: { pathname } }) =>
      (method === 'POST' && pathname === '/oauth/tokens') || pathname.startsWith('/api/v2/'),
    answer: api.answer,
    standIn: () => standIn,
  })
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
  const createTicket: ZendeskStandIn['createTicket'] = (fields, first) => {
    const { conversation, comment } = account.create(fields, first)
    fire('ticket.created', first.author, conversation, comment)
    if (options.createdFiresCommentAdded) fire('ticket.comment_added', first.author, conversation, comment)
    return conversation.ticket.id
  }
  const userOf = ({ name, address }: Person): number =>
    (
      [...account.users.values()].find(({ email }) => email === address) ??
      account.addUser({ name, email: address })
    ).id

  const standIn: ZendeskStandIn = {
    helpdesk: 'zendesk',
    url,
    account,
    requests: served.requests,
    deliveries: sending.deliveries,
    failNext: served.failNext,
    clearFaults: served.clearFaults,
    hideNewestComment: api.hideNewestComment,
    hideNewest: api.hideNewestComment,
    expireTokens: api.expireTokens,
    connect: sending.connect,
    webhookOf(ticketId, messageId, to) {
      const conversation = conversationOf(Number(ticketId))
      const { comments } = conversation
      const comment = comments.find(({ id }) => String(id) === messageId) ?? comments.at(-1)
      if (comment === undefined) throw new Error(`ticket ${ticketId} has no comment`)
      const rawBody = bodyOf('ticket.comment_added', comment.author_id, conversation, comment)
      return { rawBody, headers: sign(rawBody, to) }
    },
    createTicket,
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

    opens({ from, text, subject = text.slice(0, 60), channel, cc = [] }) {
      const author = userOf(from)
      return String(
        createTicket(
          { subject, requester: author, cc: cc.map(userOf) },
          {
            author,
            text,
            ...(channel === 'chat' ? { channel: 'web_widget', flags: [3], trusted: false } : {}),
          },
        ),
      )
    },
    writes: (ticketId, by, text, more) =>
      String(
        addComment(Number(ticketId), {
          author: by === 'agent' ? demoZendesk.agentUserId : userOf(by),
          text,
          ...(more?.internal ? { public: false } : {}),
        }),
      ),
    addReader: (ticketId, person) => addCc(Number(ticketId), userOf(person)),
    changeRequester: (ticketId, person) => change(Number(ticketId), { requester_id: userOf(person) }),
    assignToAgent: (ticketId) => change(Number(ticketId), { assignee_id: demoZendesk.agentUserId }),
    giveBack(ticketId) {
      const { tags } = conversationOf(Number(ticketId)).ticket
      change(Number(ticketId), { tags: tags.filter((tag) => tag !== 'ai-handed-over') })
    },
    closeTicket: (ticketId) => change(Number(ticketId), { status: 'closed' }),
    ticket(ticketId) {
      const conversation = account.conversations.get(Number(ticketId))
      return conversation && seen(account, conversation)
    },
    tickets: () => [...account.conversations.values()].toReversed().map((each) => seen(account, each)),

    redeliver: sending.redeliver,
    settled: sending.settled,
    async close() {
      await sending.close()
      await served.close()
    },
  }
  return standIn
}

function seen({ users }: Account, { ticket, comments }: Conversation): SeenTicket {
  const nameOf = (id: number | null): string | undefined =>
    id === null ? undefined : (users.get(id)?.name ?? String(id))
  return {
    id: String(ticket.id),
    subject: ticket.subject,
    status: ticket.status,
    assignee: nameOf(ticket.assignee_id),
    tags: ticket.tags,
    messages: comments.map((comment) => ({
      id: String(comment.id),
      at: Date.parse(comment.created_at),
      by:
        comment.author_id === demoZendesk.botUserId
          ? 'us'
          : users.get(comment.author_id)?.role === 'end-user'
            ? 'customer'
            : 'agent',
      name: nameOf(comment.author_id) ?? '',
      public: comment.public,
      text: comment.plain_body,
    })),
  }
}
