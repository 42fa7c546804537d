/**
 * What a Freshdesk account holds, as the stand-in keeps it: people, tickets and conversations in the shapes of the REST
 * API. https://developers.freshdesk.com/api/
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { htmlToText } from '../../lambdas/core/written-text.ts'
import type { Person } from '../stand-in.ts'
import { escapeHtml } from '../ticket-page.ts'
import { demoFreshdesk } from './demo-account.ts'

export interface Contact {
  id: number
  name: string
  email: string
  active: boolean
  other_emails: string[]
}

export interface TicketFields {
  id: number
  subject: string
  description: string
  description_text: string
  status: number
  priority: number
  source: number
  spam: boolean
  deleted?: true
  requester_id: number
  responder_id: number | null
  group_id: number | null
  product_id: number | null
  cc_emails: string[]
  fwd_emails: string[]
  reply_cc_emails: string[]
  to_emails: string[] | null
  tags: string[]
  attachments: { id: number; name: string }[]
  created_at: string
  updated_at: string
}

export interface Conversation {
  id: number
  body: string
  body_text: string
  incoming: boolean
  private: boolean
  user_id: number
  support_email: string | null
  source: number
  ticket_id: number
  from_email: string | null
  to_emails: string[]
  cc_emails: string[]
  bcc_emails: string[] | null
  attachments: { id: number; name: string }[]
  created_at: string
  updated_at: string
  last_edited_at: null
}

export interface Kept {
  ticket: TicketFields
  /** Oldest first. */
  conversations: Conversation[]
  stats: { requester_responded_at: string | null; agent_responded_at: string | null }
}

/** What a new conversation is, besides what every one has. */
export type Entry = Pick<Conversation, 'body' | 'incoming' | 'private' | 'user_id'> & Partial<Conversation>

export interface Account {
  tickets: Map<number, Kept>
  contacts: Map<number, Contact>
  /** The contact with this address, made where there is none. */
  contactOf(person: Person): Contact
  open(fields: Partial<TicketFields> & { requester_id: number; subject: string; description: string }): Kept
  write(kept: Kept, entry: Entry): Conversation
  change(kept: Kept, change: Partial<TicketFields>): void
}

export const paragraphs = (text: string): string => `<div>${escapeHtml(text).replaceAll('\n', '<br>')}</div>`

/** An account with the demo's contacts and no tickets. `file` keeps what comes. */
export function createAccount(options: { now: () => number; file?: string }): Account {
  const { file } = options
  const stored =
    file !== undefined && existsSync(file)
      ? (JSON.parse(readFileSync(file, 'utf8')) as { tickets: Kept[]; contacts: Contact[] })
      : { tickets: [], contacts: [] }
  const tickets = new Map(stored.tickets.map((kept) => [kept.ticket.id, kept]))
  const contacts = new Map([...demoFreshdesk.contacts, ...stored.contacts].map((each) => [each.id, each]))
  let lastTicket = Math.max(140, ...tickets.keys())
  let lastId = options.now() * 10

  const save = () => {
    if (file === undefined) return
    // A rename is atomic: whoever kills this process finds the old file or the new one.
    const all = { tickets: [...tickets.values()], contacts: [...contacts.values()] }
    writeFileSync(`${file}.new`, JSON.stringify(all), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }
  /** Whole seconds, as Freshdesk stamps. */
  const stamp = () => `${new Date(options.now()).toISOString().slice(0, 19)}Z`

  return {
    tickets,
    contacts,
    contactOf({ name, address }) {
      const known = [...contacts.values()].find(({ email }) => email === address)
      if (known !== undefined) return known
      const contact = { id: ++lastId, name, email: address, active: false, other_emails: [] }
      contacts.set(contact.id, contact)
      save()
      return contact
    },
    open(fields) {
      const at = stamp()
      const ticket: TicketFields = {
        id: ++lastTicket,
        description_text: htmlToText(fields.description),
        status: 2,
        priority: 1,
        source: 1,
        spam: false,
        responder_id: null,
        group_id: null,
        product_id: null,
        cc_emails: [],
        fwd_emails: [],
        reply_cc_emails: [],
        to_emails: null,
        tags: [],
        attachments: [],
        created_at: at,
        updated_at: at,
        ...fields,
      }
      const kept: Kept = {
        ticket,
        conversations: [],
        stats: { requester_responded_at: null, agent_responded_at: null },
      }
      tickets.set(ticket.id, kept)
      save()
      return kept
    },
    write(kept, entry) {
      const at = stamp()
      const conversation: Conversation = {
        id: ++lastId,
        body_text: htmlToText(entry.body),
        support_email: null,
        source: entry.private ? 2 : 0,
        ticket_id: kept.ticket.id,
        from_email: null,
        to_emails: [],
        cc_emails: [],
        bcc_emails: [],
        attachments: [],
        created_at: at,
        updated_at: at,
        last_edited_at: null,
        ...entry,
      }
      kept.conversations.push(conversation)
      kept.ticket.updated_at = at
      if (!entry.private) kept.stats[entry.incoming ? 'requester_responded_at' : 'agent_responded_at'] = at
      // A customer's message opens the ticket again, whatever it waited for.
      if (entry.incoming && !entry.private) kept.ticket.status = 2
      save()
      return conversation
    },
    change(kept, change) {
      Object.assign(kept.ticket, change, { updated_at: stamp() })
      save()
    },
  }
}
