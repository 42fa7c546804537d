/**
 * What a tenant's own settings say about a message that could be answered: blocked, only the first, or a human's.
 * Asked before the model sees anything, and again right before a write or a reply.
 */
import type { AgentSettings } from '../../schemas/tenant-apis.ts'
import type { Message, Ticket } from './helpdesk.ts'
import { findPhrase } from './phrases.ts'
import type { Silence, Verdict } from './should-answer.ts'

export function byTenantRules(verdict: Verdict, ticket: Ticket, settings: AgentSettings): Verdict {
  // What was said and could not be sent is a human's, whoever wrote.
  if (verdict.do === 'nothing' || (verdict.do === 'hand_over' && verdict.cause === 'send_failed'))
    return verdict
  const { message } = verdict
  const blocked = blockedBy(ticket, message, settings)
  if (blocked !== undefined) return { do: 'nothing', cause: blocked }
  if (verdict.do === 'hand_over') return verdict
  const rule = settings.handOverRules.find(
    ({ phrases }) => findPhrase(`${ticket.subject}\n${message.text}`, phrases) !== undefined,
  )
  if (rule !== undefined) return { do: 'hand_over', cause: `rule:${rule.name}`, message }
  if (!settings.firstMessageOnly || isFirst(ticket, message)) return verdict
  return ticket.messages.some((m) => m.ours && m.visibility === 'public')
    ? { do: 'hand_over', cause: 'first_message_only', message }
    : { do: 'nothing', cause: 'not_first_message' }
}

/** Every address that could be the sender's counts: what blocks needs no proof. */
function blockedBy(
  ticket: Ticket,
  { author, evidence }: Message,
  { blocked }: AgentSettings,
): Silence | undefined {
  const requester = author.id === ticket.requester.id ? ticket.requester.address : undefined
  const addresses = [evidence.sender, evidence.address, requester].flatMap((each) => each ?? [])
  if (addresses.some((address) => isBlocked(address.trim().toLowerCase(), blocked.senders)))
    return 'blocked_sender'
  return findPhrase(ticket.subject, blocked.subjects) === undefined ? undefined : 'blocked_subject'
}

const isBlocked = (address: string, senders: readonly string[]): boolean =>
  senders.some((sender) =>
    sender.startsWith('@')
      ? address.slice(address.lastIndexOf('@')).replace(/\.$/, '') === sender
      : address === sender,
  )

/** Nobody has answered before it. */
const isFirst = ({ messages, complete }: Ticket, message: Message): boolean =>
  complete &&
  !messages
    .slice(0, messages.indexOf(message))
    .some((m) => m.visibility === 'public' && m.author.role === 'team' && !m.automatic)
