/** Is there a message to answer, and may a robot answer it? Decided from the ticket as it is now, never from a webhook. */
import type { TicketRow } from '../../schemas/ticket-row.ts'
import type { Message, Ticket } from './helpdesk.ts'

export type Verdict =
  | { do: 'answer'; message: Message }
  | { do: 'nothing'; cause: Silence }
  | { do: 'hand_over'; cause: HandOverVerdict; message: Message }
/** Why a human answers. `rule:<name>`: one of the tenant's own rules. */
export type HandOverVerdict =
  | 'loop_brake'
  | 'too_late'
  | 'send_failed'
  | 'first_message_only'
  | `rule:${string}`
/** Why nothing is said. */
export type Silence =
  | 'out_of_scope'
  | 'closed'
  | 'handed_over'
  | 'human_assigned'
  | 'human_replied'
  | 'nothing_new'
  | 'too_old'
  | 'blocked_sender'
  | 'blocked_subject'
  | 'not_first_message'

const hour = 60 * 60 * 1000
const day = 24 * hour
const repliesPerHour = 6
/** Replies to one and the same text; the third time it comes, a human gets it. */
const repliesToSameText = 2
/** So many words in a row that we wrote are a quotation. */
const quotedWords = 4

/** `answered`: ids of messages that have an answer by the ledger, also where the helpdesk does not show it yet. */
export function shouldAnswer(
  ticket: Ticket,
  row: TicketRow,
  answered: ReadonlySet<string>,
  now: number,
): Verdict {
  if (!ticket.inScope) return { do: 'nothing', cause: 'out_of_scope' }
  if (ticket.status === 'closed') return { do: 'nothing', cause: 'closed' }

  const given = isGivenBack(ticket, row)
  const marked = ticket.handedOver === true && !row.markIgnored
  const handedOver = ticket.handedOver === 'unknown' ? row.handedOver : marked
  if (handedOver && ticket.assignee !== 'us') return { do: 'nothing', cause: 'handed_over' }
  if (ticket.assignee === 'human') return { do: 'nothing', cause: 'human_assigned' }
  const ownedSince = given ? now : (row.givenBackAt ?? 0)
  const humanReplied = ticket.messages.some((m) => isHumanReply(m) && m.at > ownedSince)
  if (humanReplied && ticket.assignee !== 'us') return { do: 'nothing', cause: 'human_replied' }

  const unsent = unsentReply(ticket.messages)
  if (unsent !== undefined) return { do: 'hand_over', cause: 'send_failed', message: unsent }
  const message = newestUnanswered(ticket.messages, answered)
  if (message === undefined) return { do: 'nothing', cause: 'nothing_new' }
  if (row.dueSince !== undefined && now - row.dueSince > day)
    return { do: 'hand_over', cause: 'too_late', message }
  if (now - message.at > day) return { do: 'nothing', cause: 'too_old' }
  if (brakeIsOn(ticket.messages, message, now)) return { do: 'hand_over', cause: 'loop_brake', message }
  return { do: 'answer', message }
}

/** Our hand-over is on record, and a human has since taken the mark off or assigned the ticket to us. */
export const isGivenBack = (ticket: Ticket, row: TicketRow): boolean =>
  (row.handedOver && (ticket.handedOver === false || ticket.assignee === 'us')) ||
  (row.markIgnored && ticket.handedOver === false)

/** A message that a doorbell named and the ticket, as it was read, does not show. */
export const notShown = (ticket: Ticket, row: TicketRow): string | undefined =>
  ([...(row.wanted ?? [])] as string[]).find((id) => !ticket.messages.some((m) => m.id === id))

const isPublic = (message: Message): boolean => message.visibility === 'public'
const isHumanReply = (m: Message): boolean =>
  isPublic(m) && m.author.role === 'team' && !m.ours && !m.automatic

/** The message that our newest reply answers, where the helpdesk could not send that reply. */
function unsentReply(messages: Message[]): Message | undefined {
  const at = messages.findLastIndex((m) => isPublic(m) && (m.ours || isHumanReply(m)))
  if (messages[at]?.failed !== true) return undefined
  return messages.slice(0, at).findLast((m) => isPublic(m) && m.author.role === 'customer')
}

/** The newest public message of a customer that came after the last public reply. */
function newestUnanswered(messages: Message[], answered: ReadonlySet<string>): Message | undefined {
  const lastReply = messages.findLastIndex((m) => isPublic(m) && (m.ours || isHumanReply(m)))
  const message = messages
    .slice(lastReply + 1)
    .findLast((m) => isPublic(m) && m.author.role === 'customer' && !m.automatic)
  return message === undefined || answered.has(message.id) ? undefined : message
}

/** Too many replies in an hour, or the customer's side keeps sending the same text: two robots are talking. */
function brakeIsOn(messages: Message[], message: Message, now: number): boolean {
  const ours = messages.filter((m) => m.ours && isPublic(m))
  if (ours.filter((m) => now - m.at < hour).length >= repliesPerHour) return true
  // A number alone is what one may well be asked for, several times.
  if (wordsOf(message.text).length === 0) return false
  const quotations = new Set(ours.flatMap((m) => runsOf(wordsOf(m.text))))
  const words = newWords(message, quotations)
  let asked: Message | undefined
  let toSameText = 0
  for (const m of messages) {
    if (isPublic(m) && m.author.role === 'customer' && m !== message) asked = m
    // What one reply answered counts once, however many messages it was.
    if (!m.ours || !isPublic(m) || asked === undefined) continue
    if (similarity(words, newWords(asked, quotations)) >= 0.9) toSameText++
    asked = undefined
  }
  return toSameText >= repliesToSameText
}

/** Words without numbers, lines marked as quoted, or case: an auto-responder that counts up says nothing new. */
const wordsOf = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => !line.startsWith('>'))
    .join(' ')
    .toLowerCase()
    .replace(/\p{N}+/gu, '')
    .match(/\p{L}+/gu) ?? []

/** Every few words in a row. */
const runsOf = (words: string[]): string[] =>
  words.slice(quotedWords - 1).map((_, i) => words.slice(i, i + quotedWords).join(' '))

/** The words of a message that do not stand in a quotation of ours. */
function newWords(message: Message, quotations: ReadonlySet<string>): Set<string> {
  const words = wordsOf(message.text)
  const quoted = new Set(
    runsOf(words).flatMap((run, i) =>
      quotations.has(run) ? Array.from({ length: quotedWords }, (_, k) => i + k) : [],
    ),
  )
  return new Set(words.filter((_, i) => !quoted.has(i)))
}

function similarity(a: Set<string>, b: Set<string>): number {
  const union = a.union(b).size
  return union === 0 ? 1 : a.intersection(b).size / union
}
