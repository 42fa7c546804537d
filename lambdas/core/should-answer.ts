/** Is there a message to answer, and may a robot answer it? Decided from the ticket as it is now, never from a webhook. */
import type { TicketRow } from '../../schemas/ticket-row.ts'
import type { Message, Ticket } from './helpdesk.ts'

export type Verdict =
  | { do: 'answer'; message: Message }
  | { do: 'nothing'; cause: Silence }
  | { do: 'hand_over'; cause: 'loop_brake' | 'too_late' | 'audience_changed'; message: Message }
/** Why nothing is said. */
export type Silence =
  | 'out_of_scope'
  | 'closed'
  | 'handed_over'
  | 'human_assigned'
  | 'human_replied'
  | 'nothing_new'
  | 'too_old'

const hour = 60 * 60 * 1000
const day = 24 * hour
const repliesPerHour = 6
const repliesWithoutNewText = 3

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
  if (ticket.handedOver && ticket.assignee !== 'us') return { do: 'nothing', cause: 'handed_over' }
  if (ticket.assignee === 'human') return { do: 'nothing', cause: 'human_assigned' }
  const ownedSince = given ? now : (row.givenBackAt ?? 0)
  const humanReplied = ticket.messages.some((m) => isHumanReply(m) && m.at > ownedSince)
  if (humanReplied && ticket.assignee !== 'us') return { do: 'nothing', cause: 'human_replied' }

  const message = newestUnanswered(ticket.messages, answered)
  if (message === undefined) return { do: 'nothing', cause: 'nothing_new' }
  if (row.dueSince !== undefined && now - row.dueSince > day)
    return { do: 'hand_over', cause: 'too_late', message }
  if (now - message.at > day) return { do: 'nothing', cause: 'too_old' }
  if (brakeIsOn(ticket.messages, message, now)) return { do: 'hand_over', cause: 'loop_brake', message }
  return { do: 'answer', message }
}

/** Our hand-over is on record, and a human has since taken the tag off or assigned the ticket to us. */
export const isGivenBack = (ticket: Ticket, row: TicketRow): boolean =>
  row.handedOver && (!ticket.handedOver || ticket.assignee === 'us')

const isPublic = (message: Message): boolean => message.visibility === 'public'
const isHumanReply = (m: Message): boolean =>
  isPublic(m) && m.author.role === 'team' && !m.ours && !m.automatic

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
  const words = wordsOf(message.text)
  const before = messages.filter(
    (m) => m.author.role === 'customer' && isPublic(m) && m.at <= message.at && m !== message,
  )
  const alike = before.filter((m) => similarity(words, wordsOf(m.text)) >= 0.9)
  return alike.length >= repliesWithoutNewText
}

/** Words without numbers, quoted lines or case: an auto-responder that counts up says nothing new. */
const wordsOf = (text: string): Set<string> =>
  new Set(
    text
      .split('\n')
      .filter((line) => !line.startsWith('>'))
      .join(' ')
      .toLowerCase()
      .replace(/\p{N}+/gu, '')
      .match(/\p{L}+/gu) ?? [],
  )

function similarity(a: Set<string>, b: Set<string>): number {
  const union = a.union(b).size
  return union === 0 ? 1 : a.intersection(b).size / union
}
