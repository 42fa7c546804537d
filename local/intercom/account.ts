/**
 * What an Intercom workspace holds, as the stand-in keeps it: contacts and conversations in the shapes of the REST API,
 * version 2.16. https://github.com/intercom/Intercom-OpenAPI
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Person } from '../stand-in.ts'
import { escapeHtml } from '../ticket-page.ts'

export interface Author {
  type: 'user' | 'lead' | 'admin' | 'bot'
  id: string
  name: string
  email: string
}
export interface Contact {
  type: 'contact'
  id: string
  role: 'user' | 'lead'
  email: string
  name: string
  external_id: string | null
  merge_history: unknown[]
}
export interface EmailMetadata {
  message_id: string
  subject: string
  email_address_headers: { type: string; email_address: string; name: string | null }[]
}
export interface Part {
  type: 'conversation_part'
  id: string
  part_type: string
  /** HTML, as the inbox has it. */
  body: string | null
  created_at: number
  updated_at: number
  author: Author
  attachments: { type: 'upload'; name: string; url: string; content_type: string; filesize: number }[]
  external_id: null
  redacted: boolean
  app_package_code: string | null
  email_message_metadata: EmailMetadata | null
}
export interface Source {
  type: 'conversation' | 'email'
  id: string
  delivered_as: string
  subject: string
  body: string
  author: Author
  attachments: Part['attachments']
  redacted: boolean
  reply_to: { email: string; name: string | null }[]
  email_message_metadata: EmailMetadata | null
}
export interface Conversation {
  type: 'conversation'
  id: string
  title: string | null
  created_at: number
  updated_at: number
  waiting_since: number | null
  snoozed_until: number | null
  open: boolean
  state: 'open' | 'snoozed' | 'closed'
  admin_assignee_id: string | null
  team_assignee_id: string | number
  tags: { type: 'tag.list'; tags: { type: 'tag'; id: string; name: string }[] }
  source: Source
  contacts: { type: 'contact.list'; contacts: { type: 'contact'; id: string; external_id: string | null }[] }
  channel: { initial: string; current: string }
  ai_agent_participated: boolean
  ai_agent: null
  statistics: { type: 'conversation_statistics'; last_contact_reply_at: number | null }
  /** Oldest first, all of them. */
  parts: Part[]
}

export interface Account {
  contacts: Map<string, Contact>
  conversations: Map<string, Conversation>
  /** Name -> id. */
  tags: Map<string, string>
  /** The contact with this address, made where there is none. */
  contactOf(person: Person): Contact
  open(contact: Contact, about: { subject: string; text: string; mail: boolean; cc: Contact[] }): Conversation
  /** Adds a part at the newest time and moves the conversation on. */
  add(conversation: Conversation, author: Author, entry: Entry): Part
  /** Keeps what was changed by hand. */
  changed(conversation: Conversation): void
}
export interface Entry {
  part_type: string
  /** HTML. */
  body?: string
  app_package_code?: string
  mail?: EmailMetadata
}

export const paragraph = (text: string): string =>
  `<p>${escapeHtml(text).replaceAll('\n\n', '</p>\n<p>').replaceAll('\n', '<br>')}</p>`

export function createAccount(options: {
  now: () => number
  supportAddress: string
  file?: string
}): Account {
  const { file } = options
  const kept =
    file !== undefined && existsSync(file) ? read(file) : { contacts: [], conversations: [], tags: [] }
  const contacts = new Map(kept.contacts)
  const conversations = new Map(kept.conversations)
  const tags = new Map(kept.tags)
  let lastId = Math.max(options.now() * 10, ...[...conversations.keys()].map(Number))
  const nextId = (): string => String(++lastId)
  const seconds = (): number => Math.floor(options.now() / 1000)

  const save = (): void => {
    if (file === undefined) return
    // A rename is atomic: whoever kills this process finds the old file or the new one.
    const all: Kept = { contacts: [...contacts], conversations: [...conversations], tags: [...tags] }
    writeFileSync(`${file}.new`, JSON.stringify(all), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }

  const changed = (conversation: Conversation): void => {
    conversation.updated_at = Math.max(seconds(), conversation.updated_at)
    save()
  }

  return {
    contacts,
    conversations,
    tags,
    contactOf({ name, address }) {
      const known = [...contacts.values()].find(({ email }) => email === address)
      if (known !== undefined) return known
      const id = `64f0${(++lastId).toString(16).padStart(20, '0')}`
      const made: Contact = {
        type: 'contact',
        id,
        role: 'user',
        email: address,
        name,
        external_id: null,
        merge_history: [],
      }
      contacts.set(id, made)
      return made
    },
    open(contact, { subject, text, mail, cc }) {
      const at = seconds()
      const type = mail ? 'email' : 'conversation'
      const metadata = mail ? mailFrom(contact, subject, options.supportAddress, cc) : null
      const conversation: Conversation = {
        type: 'conversation',
        id: nextId(),
        title: null,
        created_at: at,
        updated_at: at,
        waiting_since: at,
        snoozed_until: null,
        open: true,
        state: 'open',
        admin_assignee_id: null,
        team_assignee_id: 0,
        tags: { type: 'tag.list', tags: [] },
        source: {
          type,
          id: nextId(),
          delivered_as: 'customer_initiated',
          subject: mail ? subject : '',
          body: paragraph(text),
          // Whoever writes in the Messenger without a login is a lead, whatever address is typed.
          author: authorOf(contact, mail ? contact.role : 'lead'),
          attachments: [],
          redacted: false,
          reply_to: [],
          email_message_metadata: metadata,
        },
        contacts: { type: 'contact.list', contacts: [contact, ...cc].map(listed) },
        channel: { initial: type, current: type },
        ai_agent_participated: false,
        ai_agent: null,
        statistics: { type: 'conversation_statistics', last_contact_reply_at: at },
        parts: [],
      }
      conversations.set(conversation.id, conversation)
      save()
      return conversation
    },
    add(conversation, author, entry) {
      const at = Math.max(seconds(), conversation.updated_at)
      const part: Part = {
        type: 'conversation_part',
        id: nextId(),
        part_type: entry.part_type,
        body: entry.body ?? null,
        created_at: at,
        updated_at: at,
        author,
        attachments: [],
        external_id: null,
        redacted: false,
        app_package_code: entry.app_package_code ?? null,
        email_message_metadata: entry.mail ?? null,
      }
      conversation.parts.push(part)
      if (author.type === 'user' || author.type === 'lead') {
        Object.assign(conversation, { open: true, state: 'open', snoozed_until: null, waiting_since: at })
        conversation.statistics.last_contact_reply_at = at
      }
      changed(conversation)
      return part
    },
    changed,
  }
}

interface Kept {
  contacts: [string, Contact][]
  conversations: [string, Conversation][]
  tags: [string, string][]
}
const read = (file: string): Kept => JSON.parse(readFileSync(file, 'utf8')) as Kept

export const listed = ({ id, external_id }: Contact) => ({ type: 'contact' as const, id, external_id })

export const authorOf = ({ id, name, email, role }: Contact, type: 'user' | 'lead' = role): Author => ({
  type,
  id,
  name,
  email,
})

/** The headers that Intercom shows of a mail. */
export function mailFrom(
  { email, name }: Contact,
  subject: string,
  supportAddress: string,
  cc: Contact[] = [],
): EmailMetadata {
  return {
    message_id: `<${Date.now().toString(36)}.${Math.random().toString(36).slice(2)}@mail.example>`,
    subject,
    email_address_headers: [
      { type: 'from', email_address: email, name },
      { type: 'to', email_address: supportAddress, name: null },
      ...cc.map((each) => ({ type: 'cc', email_address: each.email, name: each.name })),
    ],
  }
}
