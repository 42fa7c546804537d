/** The messages of one Intercom conversation: its source and those parts that say something. */
import type { IntercomConnection } from '../../schemas/intercom.ts'
import type { IntercomAuthor, IntercomPart, IntercomSource } from '../../schemas/intercom-api.ts'
import { isAutoSubject } from '../core/auto-reply.ts'
import type { Channel, Message } from '../core/helpdesk.ts'
import { htmlToText, withoutQuotes } from '../core/written-text.ts'
import { evidenceOf, messageChannel, type Surroundings, type Written } from './evidence.ts'
import { isBot, isContact, isOurs, isTeammate, messageTypes, nobody } from './inbound.ts'
import { publicTypes } from './public-types.ts'

/** Oldest first. Parts of one second stay in the order in which Intercom lists them. */
export function messagesOf(around: Surroundings, connection: IntercomConnection): Message[] {
  const { source, created_at, conversation_parts } = around.conversation
  const opening =
    source?.id === undefined ? [] : [{ ...source, id: source.id, created_at, part_type: 'comment' }]
  const written = [
    ...opening.map((each) => messageOf(each, true, around, connection)),
    ...conversation_parts.conversation_parts
      .filter(isMessage)
      .map((part) => messageOf(part, false, around, connection)),
  ]
  return written.sort((a, b) => a.at - b.at)
}

/** A comment is one even without a text, and so is whatever a contact says; of the rest only what has a text. */
const isMessage = ({ part_type, body, author, attachments }: IntercomPart): boolean =>
  Boolean(body) ||
  attachments.length > 0 ||
  part_type === 'comment' ||
  (isContact(author) && messageTypes.includes(part_type ?? ''))

type Entry = Omit<IntercomPart, 'app_package_code'> &
  Partial<Pick<IntercomSource, 'delivered_as' | 'subject'>>

function messageOf(
  entry: Entry & { app_package_code?: unknown },
  opening: boolean,
  around: Surroundings,
  connection: IntercomConnection,
): Message {
  const { author, id, created_at, attachments } = entry
  const written: Written = { ...entry, author, opening }
  const role = roleOf(author)
  return {
    id,
    at: created_at * 1000,
    author: {
      id: author?.id ?? nobody,
      role,
      ...(author?.name === undefined ? {} : { name: author.name }),
    },
    // A type that was left out counts as a reply: then the agent keeps silent.
    visibility:
      role === 'customer' || publicTypes.includes(entry.part_type ?? 'comment') ? 'public' : 'internal',
    ours: isOurs(author, connection.adminId),
    automatic:
      isBot(author) ||
      entry.redacted === true ||
      isOutbound(entry.delivered_as) ||
      // Only what opens a conversation has a subject.
      (role === 'customer' && isAutoSubject(entry.subject)),
    text: textOf(entry, role, messageChannel(written, around)),
    attachments: attachments.flatMap(({ name }) => name ?? []),
    evidence: evidenceOf(written, around, connection),
  }
}

/** Whoever Intercom does not describe counts as a human of the team: then the agent keeps silent. */
function roleOf(author: IntercomAuthor | undefined): Message['author']['role'] {
  if (isContact(author)) return 'customer'
  return isBot(author) && !isTeammate(author) ? 'system' : 'team'
}

/** Campaigns, bots and workflows open conversations too; nobody wrote those words to this customer. */
const isOutbound = (deliveredAs: string | undefined): boolean =>
  deliveredAs !== undefined && !['customer_initiated', 'admin_initiated'].includes(deliveredAs)

/** Plain text is asked for; HTML is what older webhooks and some parts still carry. */
function textOf({ body = '', redacted }: Entry, role: Message['author']['role'], channel: Channel): string {
  if (redacted === true) return ''
  const text = startsWithTag.test(body) ? htmlToText(body) : body.trim()
  return role === 'customer' && channel === 'email' ? withoutQuotes(text) : text
}
const startsWithTag =
  /^\s*<(?:!doctype|html|head|body|div|p|span|h[1-6]|ul|ol|pre|blockquote|table|img|a|br|b|i|strong|em)\b[^>]*>/i
