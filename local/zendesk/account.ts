/**
 * What a Zendesk account holds, as the stand-in keeps it: users, tickets, comments and audits in the shapes of the
 * REST API. https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/
 */

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { escapeHtml } from '../ticket-page.ts'

export interface Identity {
  id: number
  user_id: number
  type: 'email' | 'phone_number'
  value: string
  primary: boolean
  verified: boolean
  verification_method?: 'none' | 'low' | 'sso' | 'embed' | 'full'
  deliverable_state: 'deliverable'
}

export interface User {
  id: number
  name: string
  email: string
  role: 'end-user' | 'agent' | 'admin'
  identities: Identity[]
}

export interface Via {
  channel: string
  source: { from: Record<string, unknown>; to: Record<string, unknown>; rel: string | null }
}

export interface Comment {
  id: number
  type: 'Comment'
  author_id: number
  body: string
  html_body: string
  plain_body: string
  public: boolean
  audit_id: number
  attachments: { id: number; file_name: string; content_type: string; size: number }[]
  created_at: string
  via: Via
  metadata: Record<string, unknown>
}

export interface Audit {
  id: number
  ticket_id: number
  author_id: number
  created_at: string
  events: Record<string, unknown>[]
  metadata: { system: Record<string, unknown>; custom: unknown }
  via: Via
}

export interface TicketFields {
  id: number
  url: string
  subject: string
  raw_subject: string
  description: string
  status: 'new' | 'open' | 'pending' | 'hold' | 'solved' | 'closed'
  priority: string | null
  type: string | null
  requester_id: number
  submitter_id: number
  assignee_id: number | null
  group_id: number | null
  brand_id: number
  organization_id: number | null
  collaborator_ids: number[]
  follower_ids: number[]
  email_cc_ids: number[]
  sharing_agreement_ids: number[]
  tags: string[]
  via: Via
  is_public: boolean
  from_messaging_channel: boolean
  created_at: string
  updated_at: string
}

export interface Conversation {
  ticket: TicketFields
  /** Oldest first. */
  comments: Comment[]
  audits: Audit[]
}

/** One entry to be written into a ticket by whoever is `author`. */
export interface Entry {
  author: number
  /** What the author wrote. `html` wins over `text`, as in the API. */
  text?: string
  html?: string
  public?: boolean
  /** The comment's REST channel; default `email` for an end user, `web` for staff. */
  channel?: string
  /** Email: the From address, where it is not the author's own. */
  sender?: string
  /** Raised by Zendesk on this comment. `omitted`: a clean comment that carries neither `flags` nor `trusted`. */
  flags?: number[] | 'omitted'
  trusted?: boolean
  suspensionType?: number
  attachments?: string[]
  /** Custom metadata of the update: it comes back in the audit. */
  custom?: unknown
  /** `rel` of the via source, for example `merge`. */
  rel?: string
}

/** What an update changes besides the comment. */
export type Change = Partial<
  Pick<
    TicketFields,
    | 'status'
    | 'group_id'
    | 'assignee_id'
    | 'tags'
    | 'requester_id'
    | 'email_cc_ids'
    | 'collaborator_ids'
    | 'follower_ids'
  >
>

export interface Account {
  users: Map<number, User>
  conversations: Map<number, Conversation>
  addUser(user: { id?: number; name: string; email: string; role?: User['role']; proven?: boolean }): User
  create(
    fields: { subject: string; requester: number; submitter?: number; brand?: number; cc?: number[] },
    first: Entry,
  ): { conversation: Conversation; comment: Comment }
  /** One update: one audit, one new stamp. */
  update(
    conversation: Conversation,
    by: number,
    change: Change,
    entry?: Entry,
  ): { audit: Audit; comment?: Comment }
}

/**
 * An account without users. `commentsCarryCustom`: not confirmed whether a comment shows its update's custom metadata.
 * `file` keeps its tickets.
 */
export function createAccount(options: {
  url: () => string
  supportAddress: string
  brandId: number
  now: () => number
  commentsCarryCustom: boolean
  file?: string
}): Account {
  const { file } = options
  const users = new Map<number, User>()
  const conversations = new Map(
    file !== undefined && existsSync(file)
      ? (JSON.parse(readFileSync(file, 'utf8')) as [number, Conversation][])
      : [],
  )
  const save = () => {
    if (file === undefined) return
    // A rename is atomic: whoever kills this process finds the old file or the new one.
    writeFileSync(`${file}.new`, JSON.stringify([...conversations]), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }
  let lastId = options.now() * 10
  let lastTicket = Math.max(5157, ...conversations.keys())
  const nextId = () => ++lastId

  /** Whole seconds, as Zendesk stamps, and later than the ticket's last: two changes never share a stamp. */
  const stampAfter = (last?: string): string => {
    const seconds = Math.floor(options.now() / 1000)
    const at = last === undefined ? seconds : Math.max(seconds, Date.parse(last) / 1000 + 1)
    return `${new Date(at * 1000).toISOString().slice(0, 19)}Z`
  }

  const viaOf = (entry: Entry, user: User | undefined): Via => {
    const channel = entry.channel ?? (user?.role === 'end-user' ? 'email' : 'web')
    if (channel !== 'email') return { channel, source: { from: {}, to: {}, rel: entry.rel ?? null } }
    const address = entry.sender ?? user?.email ?? ''
    return {
      channel,
      source: {
        from: { address, name: user?.name ?? '', original_recipients: [address, options.supportAddress] },
        to: { address: options.supportAddress, name: 'Support' },
        rel: null,
      },
    }
  }

  const write = (conversation: Conversation, entry: Entry, auditId: number, at: string): Comment => {
    const { ticket, comments } = conversation
    const user = users.get(entry.author)
    const html = fillPlaceholders(
      entry.html ?? `<p>${escapeHtml(entry.text ?? '').replaceAll('\n', '<br>')}</p>`,
      ticket,
      users.get(ticket.requester_id),
    )
    const text = htmlToText(html)
    const flags = entry.flags ?? []
    const comment: Comment = {
      id: nextId(),
      type: 'Comment',
      author_id: entry.author,
      body: text,
      html_body: `<div class="zd-comment" dir="auto">${html}</div>`,
      plain_body: text,
      public: entry.public ?? true,
      audit_id: auditId,
      attachments: (entry.attachments ?? []).map((name) => ({
        id: nextId(),
        file_name: name,
        content_type: 'application/octet-stream',
        size: 1,
      })),
      created_at: at,
      via: viaOf(entry, user),
      metadata: {
        system: { client: 'stand-in', ip_address: '203.0.113.9' },
        custom: options.commentsCarryCustom ? (entry.custom ?? {}) : {},
        suspension_type_id: entry.suspensionType ?? null,
        ...(flags === 'omitted'
          ? {}
          : {
              flags,
              flags_options: Object.fromEntries(flags.map((flag) => [flag, { trusted: false }])),
              trusted: entry.trusted ?? flags.length === 0,
            }),
      },
    }
    comments.push(comment)
    return comment
  }

  /** The new comment and the audit of one update. */
  const record = (conversation: Conversation, by: number, events: Audit['events'], entry?: Entry) => {
    const { ticket } = conversation
    const auditId = nextId()
    const comment = entry && write(conversation, entry, auditId, ticket.updated_at)
    const audit: Audit = {
      id: auditId,
      ticket_id: ticket.id,
      author_id: by,
      created_at: ticket.updated_at,
      events: [...(comment ? [{ ...comment }] : []), ...events],
      metadata: { system: {}, custom: entry?.custom ?? {} },
      via: comment?.via ?? { channel: 'api', source: { from: {}, to: {}, rel: null } },
    }
    conversation.audits.push(audit)
    save()
    return comment ? { audit, comment } : { audit }
  }

  return {
    users,
    conversations,
    addUser({ id = nextId(), name, email, role = 'end-user', proven = true }) {
      const identity: Identity = {
        id: nextId(),
        user_id: id,
        type: 'email',
        value: email,
        primary: true,
        verified: proven,
        verification_method: proven ? 'full' : 'none',
        deliverable_state: 'deliverable',
      }
      const user: User = { id, name, email, role, identities: [identity] }
      users.set(id, user)
      return user
    },
    create(fields, first) {
      const at = stampAfter()
      const id = ++lastTicket
      const cc = fields.cc ?? []
      const ticket: TicketFields = {
        id,
        url: `${options.url()}/api/v2/tickets/${id}.json`,
        subject: fields.subject,
        raw_subject: fields.subject,
        description: first.text ?? '',
        status: 'new',
        priority: 'normal',
        type: 'question',
        requester_id: fields.requester,
        submitter_id: fields.submitter ?? fields.requester,
        assignee_id: null,
        group_id: null,
        brand_id: fields.brand ?? options.brandId,
        organization_id: null,
        collaborator_ids: [...cc],
        follower_ids: [],
        email_cc_ids: [...cc],
        sharing_agreement_ids: [],
        tags: [],
        via: viaOf(first, users.get(first.author)),
        is_public: first.public ?? true,
        from_messaging_channel: first.channel === 'native_messaging',
        created_at: at,
        updated_at: at,
      }
      const conversation: Conversation = { ticket, comments: [], audits: [] }
      conversations.set(id, conversation)
      const events = [{ id: nextId(), type: 'Create', field_name: 'subject', value: fields.subject }]
      const { comment } = record(conversation, first.author, events, first)
      if (comment === undefined) throw new Error('a ticket begins with a comment')
      return { conversation, comment }
    },
    update(conversation, by, change, entry) {
      const { ticket } = conversation
      const before: Record<string, unknown> = { ...ticket }
      Object.assign(ticket, change)
      // A customer's public message opens the ticket again, whatever it waited for.
      const isCustomer = entry !== undefined && users.get(entry.author)?.role === 'end-user'
      if (isCustomer && entry.public !== false && ticket.status !== 'closed') ticket.status = 'open'
      else if (entry?.public && ticket.status === 'new') ticket.status = 'open'
      ticket.updated_at = stampAfter(ticket.updated_at)
      const events = Object.entries(ticket)
        .filter(([field, value]) => field !== 'updated_at' && before[field] !== value)
        .map(([field, value]) => ({
          id: nextId(),
          type: 'Change',
          field_name: field,
          value,
          previous_value: before[field],
        }))
      return record(conversation, by, events, entry)
    },
  }
}

/** What a reader sees of a comment. */
const htmlToText = (html: string): string =>
  html
    .replace(/<br\s*\/?>|<\/(p|li|h\d|blockquote|pre)>/gi, '\n')
    .replace(/<li>/gi, '- ')
    .replace(/<[^>]*>/g, '')
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replace(/&#x([0-9a-f]+);/gi, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&nbsp;', ' ')
    .replaceAll('&amp;', '&')
    .replace(/\n{3,}/g, '\n\n')
    .trim()

/** Zendesk may fill placeholders in comment text (not confirmed): the stand-in does, so that an unescaped one shows. */
const fillPlaceholders = (html: string, ticket: TicketFields, requester: User | undefined): string =>
  html.replace(/\{\{\s*ticket\.(id|requester\.(?:name|email))\s*\}\}/g, (_, name: string) => {
    if (name === 'id') return String(ticket.id)
    return escapeHtml((name === 'requester.name' ? requester?.name : requester?.email) ?? '')
  })
