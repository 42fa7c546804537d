/**
 * A stand-in Intercom: the part of the REST API and of the notifications that an integration uses, held in memory. It
 * also shows its conversations as pages.
 */
import { createDeliveries } from '../deliver.ts'
import type { Asked } from '../serve.ts'
import { serveStandIn } from '../serve-stand-in.ts'
import type { Person, SeenTicket, StandIn, StandInOptions } from '../stand-in.ts'
import {
  type Account,
  type Author,
  authorOf,
  type Conversation,
  createAccount,
  type Entry,
  listed,
  mailFrom,
  type Part,
  paragraph,
} from './account.ts'
import { adminOf, createIntercomApi } from './api.ts'
import { deadlineMs, intercomHeaders, notificationBody, retries, topicOf } from './events.ts'
import { toPlain } from './rest.ts'
import { demoIntercom } from './workspace.ts'

export interface IntercomOptions extends StandInOptions {
  requestsPerMinute?: number
}

export interface IntercomStandIn extends StandIn {
  account: Account
  /** A part of any type by any author, as others than a customer or an agent may write it. */
  add(ticketId: string, author: Author, entry: Entry): Part
}

const [bot, agent] = demoIntercom.admins.map(({ id }) => adminOf(id) as Author) as [Author, Author]

/** Starts on loopback with the demo workspace's teammates and no conversations. */
export async function startIntercom(options: IntercomOptions = {}): Promise<IntercomStandIn> {
  const now = options.now ?? Date.now
  let lastNotification = now()

  const account = createAccount({
    now,
    supportAddress: demoIntercom.supportAddress,
    ...(options.file === undefined ? {} : { file: options.file }),
  })
  const sending = createDeliveries({
    headers: (rawBody, { secret }) => intercomHeaders(secret, rawBody),
    retries,
    deadlineMs,
    retryDelayMs: options.retryDelayMs ?? 250,
  })

  const bodyOf = (conversation: Conversation, part: Part | undefined, topic: string): string =>
    notificationBody({
      id: `notif_${(++lastNotification).toString(36)}`,
      appId: demoIntercom.appId,
      topic,
      conversation,
      part,
      now: now(),
    })
  const fire = (conversation: Conversation, part?: Part): void => {
    const topic = topicOf(part)
    if (topic !== undefined) void sending.fire(conversation.id, () => bodyOf(conversation, part, topic))
  }
  const add = (conversation: Conversation, author: Author, entry: Entry): Part => {
    const part = account.add(conversation, author, entry)
    fire(conversation, part)
    return part
  }
  const conversationOf = (ticketId: string): Conversation => {
    const conversation = account.conversations.get(ticketId)
    if (conversation === undefined) throw new Error(`the stand-in has no conversation ${ticketId}`)
    return conversation
  }

  const api = createIntercomApi({
    account,
    add,
    requestsPerMinute: options.requestsPerMinute ?? (options.unlimited ? 60_000_000 : 10_000),
    now,
  })
  const served = await serveStandIn(options, {
    title: 'Intercom',
    isApi,
    answer: api.answer,
    standIn: () => standIn,
  })

  /** Whoever writes into a mail conversation does so by mail, and is in it from then on. */
  const writeAs = (conversation: Conversation, person: Person, text: string): Part => {
    const contact = account.contactOf(person)
    join(conversation, person)
    const isMail = conversation.source.type === 'email'
    const mail = mailFrom(contact, conversation.source.subject, demoIntercom.supportAddress)
    return add(conversation, authorOf(contact, isMail ? contact.role : 'lead'), {
      part_type: 'comment',
      body: paragraph(text),
      ...(isMail ? { mail } : {}),
    })
  }
  const join = (conversation: Conversation, person: Person): void => {
    const contact = account.contactOf(person)
    const { contacts } = conversation.contacts
    if (!contacts.some(({ id }) => id === contact.id)) contacts.push(listed(contact))
    account.changed(conversation)
  }
  const assign = (conversation: Conversation, to: string | null): void => {
    conversation.admin_assignee_id = to
    add(conversation, agent, { part_type: 'assignment' })
  }

  const standIn: IntercomStandIn = {
    helpdesk: 'intercom',
    url: served.url,
    account,
    requests: served.requests,
    deliveries: sending.deliveries,
    failNext: served.failNext,
    clearFaults: served.clearFaults,
    hideNewest: api.hideNewest,
    connect: sending.connect,
    webhookOf(ticketId, messageId, to) {
      const conversation = conversationOf(ticketId)
      const named = conversation.parts.find(({ id }) => id === messageId)
      const newest = conversation.parts.findLast(({ body }) => body !== null)
      const part = messageId === undefined ? newest : named
      const rawBody = bodyOf(conversation, part, topicOf(part) ?? 'conversation.admin.replied')
      return { rawBody, headers: intercomHeaders(to.secret, rawBody) }
    },
    add: (ticketId, author, entry) => add(conversationOf(ticketId), author, entry),

    opens({ from, text, subject = text.slice(0, 60), channel, cc = [] }) {
      const conversation = account.open(account.contactOf(from), {
        subject,
        text,
        mail: channel !== 'chat',
        cc: cc.map(account.contactOf),
      })
      fire(conversation)
      return conversation.id
    },
    writes(ticketId, by, text, more) {
      const conversation = conversationOf(ticketId)
      if (by !== 'agent') return writeAs(conversation, by, text).id
      const part_type = more?.internal ? 'note' : 'comment'
      return add(conversation, agent, { part_type, body: paragraph(text) }).id
    },
    addReader: (ticketId, person) => join(conversationOf(ticketId), person),
    changeRequester(ticketId, person) {
      const conversation = conversationOf(ticketId)
      conversation.contacts.contacts = [listed(account.contactOf(person))]
      account.changed(conversation)
    },
    assignToAgent: (ticketId) => assign(conversationOf(ticketId), agent.id),
    giveBack(ticketId) {
      const conversation = conversationOf(ticketId)
      conversation.tags.tags = conversation.tags.tags.filter(({ name }) => name !== 'ai-handed-over')
      conversation.team_assignee_id = 0
      assign(conversation, null)
    },
    closeTicket(ticketId) {
      const conversation = conversationOf(ticketId)
      Object.assign(conversation, { state: 'closed', open: false })
      add(conversation, agent, { part_type: 'close' })
    },
    ticket(ticketId) {
      const conversation = account.conversations.get(ticketId)
      return conversation && seen(conversation)
    },
    tickets: () => [...account.conversations.values()].toReversed().map(seen),

    redeliver: sending.redeliver,
    settled: sending.settled,
    async close() {
      await sending.close()
      await served.close()
    },
  }
  return standIn
}

const isApi = ({ url }: Asked): boolean =>
  /^\/(conversations|contacts|tags|me|admins|teams)(\/|$)/.test(url.pathname)

function seen(conversation: Conversation): SeenTicket {
  const { source, parts, admin_assignee_id: assignee } = conversation
  const first = { ...source, part_type: 'comment', created_at: conversation.created_at }
  return {
    id: conversation.id,
    subject: source.subject || toPlain(source.body).slice(0, 60),
    status: conversation.state,
    assignee: assignee === null ? undefined : (adminOf(assignee)?.name ?? assignee),
    tags: conversation.tags.tags.map(({ name }) => name),
    messages: [first, ...parts].flatMap(({ id, author, body, created_at, part_type }) =>
      body === null
        ? []
        : [
            {
              id,
              at: created_at * 1000,
              by: byWhom(author),
              name: author.name,
              public: part_type !== 'note',
              text: toPlain(body),
            },
          ],
    ),
  }
}

function byWhom({ type, id }: Author): 'us' | 'agent' | 'system' | 'customer' {
  if (type === 'admin') return id === bot.id ? 'us' : 'agent'
  return type === 'bot' ? 'system' : 'customer'
}
