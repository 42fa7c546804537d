/**
 * A stand-in Gorgias: the part of the REST API and of the HTTP integrations that Deskhand uses, as the vendor's pages
 * describe it, held in memory. It also shows its tickets as pages.
 */
import { createDeliveries } from '../deliver.ts'
import { serveStandIn } from '../serve-stand-in.ts'
import type { Person, StandIn, StandInOptions } from '../stand-in.ts'
import {
  type Account,
  type Customer,
  createAccount,
  type Entry,
  type Message,
  stampOf,
  type Ticket,
} from './account.ts'
import { createGorgiasApi } from './api.ts'
import { demoGorgias } from './demo-account.ts'
import { byAgent, byChat, byMail } from './entries.ts'
import { createIntegrations, type HttpIntegration } from './integrations.ts'
import { seenTicket } from './seen.ts'
import { type Called, deadlineMs, form, formBody, formHeaders, retries, type Trigger } from './webhooks.ts'

export interface GorgiasStandIn extends StandIn {
  account: Account
  /** The HTTP integration that the account began with, as the API shows it. */
  integration: HttpIntegration
  /** Any message, fired as the vendor would. Answers its id. */
  write(ticketId: string, entry: Entry): string
  /** Messages of the company that are posted from now on cannot be sent. */
  failSending(times: number): void
}

/** Starts on loopback with the demo account's users, credentials and no tickets. */
export async function startGorgias(options: StandInOptions = {}): Promise<GorgiasStandIn> {
  const now = options.now ?? Date.now
  let unsendable = 0

  const account = createAccount({ now, ...(options.file === undefined ? {} : { file: options.file }) })
  for (const customer of demoGorgias.customers)
    if (!account.customers.has(customer.id)) account.addCustomer(customer)

  const integration: HttpIntegration = {
    id: demoGorgias.httpIntegrationId,
    name: 'Deskhand',
    type: 'http',
    deactivated_datetime: null,
    http: {
      // What the admin set; `connect` says where that is.
      url: `https://deskhand.example/webhooks/gorgias/${demoGorgias.connectionId}`,
      method: 'POST',
      form,
      triggers: { 'ticket-message-created': true, 'ticket-message-failed': true },
    },
  }
  const integrations = createIntegrations({
    first: integration,
    file: options.file?.replace(/(\.json)?$/, '-integrations.json'),
    now,
  })
  const sending = createDeliveries<Called>({
    headers: formHeaders,
    retries,
    deadlineMs,
    retryDelayMs: options.retryDelayMs ?? 250,
  })
  const fire = (trigger: Trigger, ticket: Ticket, message: Message) => {
    const call = (one: HttpIntegration, to?: Called) =>
      void sending
        .fire(String(ticket.id), () => formBody(trigger, ticket, message, one.http.form), to)
        .then((delivery) => delivery && integrations.count(one, delivery))
    if (integration.deactivated_datetime === null) call(integration)
    for (const one of integrations.calledOn(trigger)) {
      const { url, headers = {} } = one.http
      call(one, { url, secret: '', headers })
    }
  }

  const ticketOf = (ticketId: string): Ticket => {
    const ticket = account.tickets.get(Number(ticketId))
    if (ticket === undefined) throw new Error(`the stand-in has no ticket ${ticketId}`)
    return ticket
  }
  const write = (ticket: Ticket, entry: Entry): Message => {
    const message = account.write(ticket, entry)
    fire('ticket-message-created', ticket, message)
    return message
  }
  /** Created first and sent afterwards, as there; a message that says it was sent already is never sent. */
  const post = (ticket: Ticket, entry: Entry): Message => {
    const message = write(ticket, entry)
    const created = { ...message }
    if (message.public && message.sent_datetime === null) send(ticket, message)
    return created
  }
  const send = (ticket: Ticket, message: Message) => {
    const error = unsendable > 0 ? 'The mailbox refused it' : undeliverable(message)
    if (unsendable > 0) unsendable--
    const at = stampOf(now())
    if (error === undefined) message.sent_datetime = at
    else {
      message.failed_datetime = at
      message.last_sending_error = { error }
    }
    account.touch(ticket)
    if (error !== undefined) fire('ticket-message-failed', ticket, message)
  }

  const api = createGorgiasApi({
    account,
    post,
    integrations,
    callsPer20s: options.unlimited ? 1_000_000 : 40,
    now,
  })
  const served = await serveStandIn(options, {
    title: 'Gorgias',
    isApi: ({ url: { pathname } }) => pathname.startsWith('/api/'),
    answer: api.answer,
    standIn: () => standIn,
  })

  const customerOf = ({ name, address }: Person): Customer =>
    [...account.customers.values()].find(({ email }) => email === address) ??
    account.addCustomer({ name, email: address })
  const newestOfCustomer = (ticket: Ticket): Message | undefined =>
    account.messages.findLast(({ ticket_id, from_agent }) => ticket_id === ticket.id && !from_agent)
  const change = (ticketId: string, to: Partial<Ticket>) => {
    const ticket = ticketOf(ticketId)
    Object.assign(ticket, to)
    account.touch(ticket)
  }

  const standIn: GorgiasStandIn = {
    helpdesk: 'gorgias',
    url: served.url,
    account,
    integration,
    requests: served.requests,
    deliveries: sending.deliveries,
    failNext: served.failNext,
    clearFaults: served.clearFaults,
    hideNewest: api.hideNewest,
    write: (ticketId, entry) => String(write(ticketOf(ticketId), entry).id),
    failSending(times) {
      unsendable = times
    },
    connect(to) {
      sending.connect(to)
      integrations.forgive(integration)
      integration.http.url = to.url
    },
    webhookOf(ticketId, messageId, to) {
      const ticket = ticketOf(ticketId)
      const messages = account.messages.filter(({ ticket_id }) => ticket_id === ticket.id)
      const message = messages.find(({ id }) => String(id) === messageId) ?? messages.at(-1)
      if (message === undefined) throw new Error(`ticket ${ticketId} has no message`)
      const rawBody = formBody('ticket-message-created', ticket, message)
      return { rawBody, headers: formHeaders(rawBody, to) }
    },
    opens({ from, text, subject = text.slice(0, 60), channel = 'email', cc = [] }) {
      const customer = customerOf(from)
      const via = channel === 'chat' ? 'gorgias_chat' : 'email'
      const conversation = `chat-${account.nextId()}`
      const meta = channel === 'chat' ? { chat: { conversation_id: conversation } } : null
      const ticket = account.open(customer, { subject, channel, via, meta })
      write(ticket, channel === 'chat' ? byChat(customer, conversation, text) : byMail(customer, text, cc))
      return String(ticket.id)
    },
    writes(ticketId, by, text, more) {
      const ticket = ticketOf(ticketId)
      if (by === 'agent')
        return String(write(ticket, byAgent(ticket.customer, text, more?.internal !== true)).id)
      const last = newestOfCustomer(ticket)
      const customer = customerOf(by)
      const conversation = last?.channel === 'chat' ? last.source?.from.address : undefined
      return String(
        write(
          ticket,
          conversation === undefined ? byMail(customer, text) : byChat(customer, conversation, text),
        ).id,
      )
    },
    // Gorgias has no participants: whoever a mail names reads it. Here the newest one names somebody else.
    addReader(ticketId, { address, name }) {
      const ticket = ticketOf(ticketId)
      newestOfCustomer(ticket)?.source?.cc.push({ address, name })
      account.touch(ticket)
    },
    changeRequester(ticketId, person) {
      const { channels: _, ...customer } = customerOf(person)
      change(ticketId, { customer })
    },
    assignToAgent: (ticketId) => change(ticketId, { assignee_user: demoGorgias.agent }),
    giveBack(ticketId) {
      const { tags } = ticketOf(ticketId)
      change(ticketId, { tags: tags.filter(({ name }) => name !== 'ai-handed-over') })
    },
    closeTicket: (ticketId) => change(ticketId, { status: 'closed' }),
    ticket(ticketId) {
      const ticket = account.tickets.get(Number(ticketId))
      return ticket && seenTicket(account, ticket)
    },
    tickets: () => [...account.tickets.values()].toReversed().map((ticket) => seenTicket(account, ticket)),
    redeliver: sending.redeliver,
    settled: sending.settled,
    async close() {
      await sending.close()
      await served.close()
    },
  }
  return standIn
}

/** Why Gorgias could not send it. Mail leaves from the account's own addresses only; a chat message has no receiver. */
function undeliverable({ channel, source, receiver }: Message): string | undefined {
  if (source === null || source.to.length === 0) return 'No recipient'
  if (channel === 'chat') return receiver === null ? undefined : 'Last message not delivered'
  if (channel === 'email' && source.from.address !== demoGorgias.supportAddress)
    return 'Unknown sender address'
  return undefined
}
