/**
 * What a Gorgias account holds, as the stand-in keeps it: customers, tickets and messages in the shapes of the REST API.
 * https://developers.gorgias.com/reference/tickets, https://developers.gorgias.com/reference/ticket-messages
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { htmlToText, withoutQuotes } from '../../lambdas/core/written-text.ts'
import { escapeHtml } from '../ticket-page.ts'

export interface Customer {
  id: number
  email: string
  name: string
  channels: { id: number; type: string; address: string; preferred: boolean }[]
  meta: Record<string, unknown>
}
/** Whoever wrote a message: a customer or a user. */
export interface Party {
  id: number
  email: string
  name: string
}
export interface Contact {
  address: string
  name?: string
}
export interface Source {
  type: string
  from: Contact
  to: Contact[]
  cc: Contact[]
  bcc: Contact[]
  extra: Record<string, unknown>
}

export interface Message {
  id: number
  uri: string
  ticket_id: number
  channel: string
  via: string
  from_agent: boolean
  public: boolean
  integration_id: number | null
  rule_id: number | null
  sender: Party | null
  receiver: Party | null
  source: Source | null
  subject: string
  body_text: string
  body_html: string
  stripped_text: string
  stripped_html: string
  headers: Record<string, string> | null
  message_id: string | null
  external_id: string | null
  attachments: { name: string; content_type: string; size: number; url: string }[]
  meta: Record<string, unknown> | null
  created_datetime: string
  sent_datetime: string | null
  failed_datetime: string | null
  last_sending_error: { error: string } | null
}

export interface Ticket {
  id: number
  uri: string
  subject: string
  status: 'open' | 'closed'
  priority: string
  channel: string
  via: string
  from_agent: boolean
  spam: boolean
  customer: Omit<Customer, 'channels'>
  assignee_user: Party | null
  assignee_team: { id: number; name: string } | null
  tags: { id: number; name: string }[]
  meta: Record<string, unknown> | null
  messages_count: number
  created_datetime: string
  updated_datetime: string
  trashed_datetime: string | null
}

/** A new message by whoever wrote it: what is left out is as for plain mail. */
export type Entry = Pick<Message, 'channel' | 'via' | 'from_agent' | 'public' | 'sender' | 'source'> &
  Partial<Message> & { text?: string }

export interface Account {
  customers: Map<number, Customer>
  tickets: Map<number, Ticket>
  /** Oldest first. */
  messages: Message[]
  addCustomer(customer: { id?: number; name: string; email: string }): Customer
  open(customer: Customer, fields: Pick<Ticket, 'subject' | 'channel' | 'via' | 'meta'>): Ticket
  write(ticket: Ticket, entry: Entry): Message
  /** After any change that is no message. */
  touch(ticket: Ticket): void
  nextId(): number
}

export const stampOf = (at: number): string => new Date(at).toISOString().replace('Z', '000')

interface Stored {
  customers: [number, Customer][]
  tickets: [number, Ticket][]
  messages: Message[]
}

/** `file` keeps everything but who works here. */
export function createAccount({ now, file }: { now: () => number; file?: string }): Account {
  const stored: Stored =
    file !== undefined && existsSync(file)
      ? (JSON.parse(readFileSync(file, 'utf8')) as Stored)
      : { customers: [], tickets: [], messages: [] }
  const customers = new Map(stored.customers)
  const tickets = new Map(stored.tickets)
  const { messages } = stored
  let lastId = Math.max(now(), ...messages.map(({ id }) => id))
  let lastTicket = Math.max(60_122, ...tickets.keys())
  const nextId = () => ++lastId

  const save = () => {
    if (file === undefined) return
    // A rename is atomic: whoever kills this process finds the old file or the new one.
    const text = JSON.stringify({ customers: [...customers], tickets: [...tickets], messages })
    writeFileSync(`${file}.new`, text, { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }
  const touch = (ticket: Ticket) => {
    ticket.updated_datetime = stampOf(now())
    save()
  }

  return {
    customers,
    tickets,
    messages,
    nextId,
    touch,
    addCustomer({ id = nextId(), name, email }) {
      const channels = [{ id: nextId(), type: 'email', address: email, preferred: true }]
      const customer: Customer = { id, email, name, channels, meta: { name_set_via: 'email' } }
      customers.set(id, customer)
      return customer
    },
    open({ channels: _, ...customer }, fields) {
      const id = ++lastTicket
      const at = stampOf(now())
      const ticket: Ticket = {
        id,
        uri: `/api/tickets/${id}/`,
        status: 'open',
        priority: 'normal',
        from_agent: false,
        spam: false,
        assignee_user: null,
        assignee_team: null,
        tags: [],
        messages_count: 0,
        created_datetime: at,
        updated_datetime: at,
        trashed_datetime: null,
        ...fields,
        customer,
      }
      tickets.set(id, ticket)
      save()
      return ticket
    },
    write(ticket, { text, ...entry }) {
      const id = nextId()
      const html = fillTemplates(
        entry.body_html ?? `<p>${escapeHtml(text ?? entry.body_text ?? '').replaceAll('\n', '<br>')}</p>`,
        ticket,
      )
      const plain = text ?? htmlToText(html)
      const at = stampOf(now())
      const message: Message = {
        integration_id: null,
        rule_id: null,
        receiver: null,
        subject: ticket.subject,
        headers: null,
        message_id: null,
        external_id: null,
        attachments: [],
        meta: null,
        sent_datetime: at,
        failed_datetime: null,
        last_sending_error: null,
        ...entry,
        id,
        uri: `/api/tickets/${ticket.id}/messages/${id}/`,
        ticket_id: ticket.id,
        body_text: plain,
        body_html: html,
        stripped_text: withoutQuotes(plain),
        stripped_html: html,
        created_datetime: at,
      }
      messages.push(message)
      ticket.messages_count++
      // A customer's message opens the ticket again.
      if (!message.from_agent) ticket.status = 'open'
      touch(ticket)
      return message
    },
  }
}

/** Gorgias runs a template engine over what its users write; the stand-in does so that an unescaped one shows. */
const fillTemplates = (html: string, { id, customer }: Ticket): string =>
  html.replace(/\{\{\s*ticket\.(id|customer\.(?:name|email))\s*\}\}/g, (_, name: string) => {
    if (name === 'id') return String(id)
    return escapeHtml(name === 'customer.name' ? customer.name : customer.email)
  })
