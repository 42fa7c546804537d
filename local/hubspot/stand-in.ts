/**
 * A stand-in HubSpot: the part of the REST API and of the webhooks that an integration uses, as the vendor's pages
 * describe it, held in memory. It also shows its threads as pages.
 */
import { createDeliveries } from '../deliver.ts'
import { serveStandIn } from '../serve-stand-in.ts'
import type { SeenTicket, StandIn, StandInOptions, Webhook } from '../stand-in.ts'
import { type Account, type Contact, type Conversation, createAccount, type Entry } from './account.ts'
import { createHubspotApi, type Effects } from './api.ts'
import { demoHubspot } from './demo-account.ts'
import { byAgent, copyTo, happened, incoming } from './entries.ts'
import { creation, deadlineMs, newMessage, propertyChange, retries } from './events.ts'
import { seen } from './seen.ts'
import { hubspotHeaders } from './sign.ts'

export interface HubspotOptions extends StandInOptions {
  requestsPerWindow?: number
}
export interface HubspotStandIn extends StandIn {
  account: Account
  conversation(threadId: string): Conversation
}

/** Starts on loopback with the demo account's contacts, users and access token, and no threads. */
export async function startHubspot(options: HubspotOptions = {}): Promise<HubspotStandIn> {
  const now = options.now ?? Date.now

  const account = createAccount({ now, ...(options.file === undefined ? {} : { file: options.file }) })
  const headers = (rawBody: string, { secret, url }: Webhook) =>
    hubspotHeaders({ secret, url, rawBody, now: now() })
  const sending = createDeliveries({
    headers,
    retries,
    deadlineMs,
    retryDelayMs: options.retryDelayMs ?? 250,
  })

  let unsendable = 0
  const fire = ({ thread }: Conversation, rawBody: string) => {
    void sending.fire(thread.id, () => rawBody)
  }
  const add = (conversation: Conversation, entry: Parameters<Account['add']>[1]): Entry => {
    const made = account.add(conversation, entry)
    if (['MESSAGE', 'COMMENT'].includes(made.type)) fire(conversation, newMessage(conversation, made, now()))
    return made
  }
  /** A message of an integration is taken at once and sent later: then it turns out whether it can be. */
  const post = (conversation: Conversation, entry: Parameters<Account['add']>[1]): Entry => {
    const made = add(conversation, entry)
    if (made.type !== 'MESSAGE' || unsendable === 0) return made
    unsendable--
    made.status = {
      statusType: 'FAILED',
      failureDetails: { errorMessage: 'The recipient refused the message' },
    }
    return made
  }
  const effects: Effects = {
    add: post,
    assign(conversation, assignedTo) {
      account.change(conversation, { assignedTo })
      add(conversation, happened('ASSIGNMENT', { assignedTo }))
      fire(conversation, propertyChange(conversation, 'assignedTo', assignedTo ?? '', now()))
    },
    close(conversation, status) {
      account.change(conversation, status === 'OPEN' ? { status, closedAt: null } : { status })
      add(conversation, happened('THREAD_STATUS_CHANGE', { newStatus: status }))
      fire(conversation, propertyChange(conversation, 'status', status, now()))
    },
  }

  const api = createHubspotApi({
    account,
    effects,
    requestsPerWindow: options.requestsPerWindow ?? (options.unlimited ? 1_000_000 : 190),
    now,
  })
  const served = await serveStandIn(options, {
    title: 'HubSpot',
    isApi: ({ url: { pathname } }) => /^\/(?:conversations|crm|account-info)\//.test(pathname),
    answer: api.answer,
    standIn: () => standIn,
  })

  const conversationOf = (threadId: string): Conversation => {
    const conversation = account.conversations.get(threadId)
    if (conversation === undefined) throw new Error(`the stand-in has no thread ${threadId}`)
    return conversation
  }
  const contactIn = ({ thread }: Conversation): Contact => {
    const contact = account.contacts.find(({ id }) => String(id) === thread.associatedContactId)
    if (contact === undefined) throw new Error('a thread has a contact')
    return contact
  }
  const subjectOf = ({ ticket }: Conversation): string => ticket.properties.subject ?? ''

  const standIn: HubspotStandIn = {
    helpdesk: 'hubspot',
    url: served.url,
    account,
    conversation: conversationOf,
    requests: served.requests,
    deliveries: sending.deliveries,
    failNext: served.failNext,
    clearFaults: served.clearFaults,
    hideNewest: api.hideNewest,
    failSending(times) {
      unsendable = times
    },
    connect: sending.connect,
    webhookOf(threadId, messageId, to) {
      const conversation = conversationOf(threadId)
      const words = conversation.entries.filter(({ type }) => type === 'MESSAGE' || type === 'COMMENT')
      const entry = words.find(({ id }) => id === messageId) ?? words.at(-1)
      if (entry === undefined) throw new Error(`thread ${threadId} has no message`)
      const rawBody = newMessage(conversation, entry, now())
      return { rawBody, headers: headers(rawBody, to) }
    },

    opens({ from, text, subject = text.slice(0, 60), channel, cc = [] }) {
      const contact = account.contactOf(from)
      const conversation = account.open(contact, subject, channel === 'chat', [...cc])
      fire(conversation, creation(conversation, now()))
      add(conversation, incoming(conversation, contact, text, subject))
      return conversation.thread.id
    },
    writes(threadId, by, text, more) {
      const conversation = conversationOf(threadId)
      const entry =
        by === 'agent'
          ? byAgent(conversation, contactIn(conversation), text, more?.internal === true)
          : incoming(conversation, account.contactOf(by), text, `Re: ${subjectOf(conversation)}`)
      return add(conversation, entry).id
    },
    /** HubSpot has no list of readers: a copy stands on the customer's newest mail, and on those to come. */
    addReader(threadId, person) {
      const conversation = conversationOf(threadId)
      conversation.copied.push(person)
      conversation.entries
        .findLast(({ direction }) => direction === 'INCOMING')
        ?.recipients.push(copyTo(person))
      account.change(conversation, {})
    },
    changeRequester(threadId, person) {
      account.change(conversationOf(threadId), { associatedContactId: String(account.contactOf(person).id) })
    },
    assignToAgent: (threadId) => effects.assign(conversationOf(threadId), `A-${demoHubspot.agentUserId}`),
    giveBack(threadId) {
      const conversation = conversationOf(threadId)
      account.change(conversation, {}, { [demoHubspot.statusProperty]: 'ai' })
      effects.assign(conversation, `A-${demoHubspot.botUserId}`)
    },
    closeTicket: (threadId) => effects.close(conversationOf(threadId), 'CLOSED'),
    ticket(threadId): SeenTicket | undefined {
      const conversation = account.conversations.get(threadId)
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
