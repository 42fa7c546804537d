/**
 * What a HubSpot account holds, as the stand-in keeps it: contacts, threads with their history, and a CRM ticket for
 * each thread. https://developers.hubspot.com/docs/api-reference/conversations-conversations-v3/guide
 */
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Person } from '../stand-in.ts'
import { demoHubspot } from './demo-account.ts'

export interface Contact {
  id: number
  name: string
  address: string
}
export interface Party {
  actorId?: string
  name?: string
  senderField?: string
  recipientField?: string
  deliveryIdentifier?: { type: string; value: string }
}
/** A message, a comment or what else happened, in the shape of the API. */
export interface Entry {
  id: string
  type: string
  conversationsThreadId: string
  createdAt: string
  createdBy: string
  client: { clientType: string; integrationAppId?: number }
  senders: Party[]
  recipients: Party[]
  archived: boolean
  [more: string]: unknown
}
export interface Thread {
  id: string
  createdAt: string
  closedAt: string | null
  status: 'OPEN' | 'CLOSED'
  inboxId: string
  associatedContactId: string
  originalChannelId: string
  originalChannelAccountId: string
  assignedTo: string | null
  spam: boolean
  archived: boolean
  latestMessageTimestamp: string
  latestMessageReceivedTimestamp: string | null
  latestMessageSentTimestamp: string | null
}
export interface Conversation {
  thread: Thread
  ticket: { id: string; properties: Record<string, string | null> }
  /** Oldest first. */
  entries: Entry[]
  /** Copied on every mail of the customer from now on. */
  copied: Person[]
  chat: boolean
}

export interface Account {
  contacts: Contact[]
  conversations: Map<string, Conversation>
  /** HubSpot makes a contact of every address that writes. */
  contactOf(person: Person): Contact
  open(contact: Contact, subject: string, chat: boolean, copied: Person[]): Conversation
  /** Adds an entry, dated later than the one before. */
  add(
    conversation: Conversation,
    entry: Omit<Entry, 'id' | 'createdAt' | 'conversationsThreadId' | 'archived'>,
  ): Entry
  /** Changes the thread or its ticket. */
  change(conversation: Conversation, to: Partial<Thread>, properties?: Record<string, string>): void
}

export function createAccount({ now, file }: { now: () => number; file?: string }): Account {
  const kept =
    file !== undefined && existsSync(file)
      ? (JSON.parse(readFileSync(file, 'utf8')) as {
          contacts: Contact[]
          conversations: [string, Conversation][]
        })
      : { contacts: [...demoHubspot.contacts], conversations: [] }
  const { contacts } = kept
  const conversations = new Map(kept.conversations)
  let lastId = Math.max(8_877_665_544, ...[...conversations.keys()].map(Number))
  let lastAt = 0

  const save = () => {
    if (file === undefined) return
    // A rename is atomic: whoever kills this process finds the old file or the new one.
    writeFileSync(`${file}.new`, JSON.stringify({ contacts, conversations: [...conversations] }), {
      mode: 0o600,
    })
    renameSync(`${file}.new`, file)
  }
  /** Later than anything before: two entries never share a time. */
  const moment = (): string => {
    lastAt = Math.max(now(), lastAt + 1)
    return new Date(lastAt).toISOString()
  }

  return {
    contacts,
    conversations,
    contactOf({ name, address }) {
      const known = contacts.find((one) => one.address === address)
      if (known !== undefined) return known
      const made = { id: Math.max(600, ...contacts.map(({ id }) => id)) + 1, name, address }
      contacts.push(made)
      save()
      return made
    },
    open(contact, subject, chat, copied) {
      const id = String(++lastId)
      const at = moment()
      const thread: Thread = {
        id,
        createdAt: at,
        closedAt: null,
        status: 'OPEN',
        inboxId: demoHubspot.inboxId,
        associatedContactId: String(contact.id),
        originalChannelId: chat ? demoHubspot.chatChannelId : demoHubspot.emailChannelId,
        originalChannelAccountId: chat ? demoHubspot.chatAccountId : demoHubspot.emailAccountId,
        assignedTo: null,
        spam: false,
        archived: false,
        latestMessageTimestamp: at,
        latestMessageReceivedTimestamp: null,
        latestMessageSentTimestamp: null,
      }
      const properties = { subject, hs_pipeline_stage: '1', [demoHubspot.statusProperty]: null }
      const ticket = { id: `9${id}`, properties }
      const conversation = { thread, ticket, entries: [], copied, chat }
      conversations.set(id, conversation)
      save()
      return conversation
    },
    add(conversation, entry) {
      const { thread, entries } = conversation
      const made = {
        ...entry,
        id: randomUUID().replaceAll('-', ''),
        conversationsThreadId: thread.id,
        createdAt: moment(),
        archived: false,
      } as Entry
      entries.push(made)
      if (made.type === 'MESSAGE') {
        thread.latestMessageTimestamp = made.createdAt
        if (made.direction === 'INCOMING') {
          // A closed thread opens again when its customer writes.
          Object.assign(thread, {
            status: 'OPEN',
            closedAt: null,
            latestMessageReceivedTimestamp: made.createdAt,
          })
        } else thread.latestMessageSentTimestamp = made.createdAt
      }
      save()
      return made
    },
    change({ thread, ticket }, to, properties = {}) {
      Object.assign(thread, to, to.status === 'CLOSED' ? { closedAt: moment() } : {})
      Object.assign(ticket.properties, properties)
      save()
    },
  }
}
