/** Hand-over: one internal note a human can act on, the tag, the team. From then on the agent is silent. */
import type { HandOverReason } from '../../schemas/hand-over.ts'
import { DeskhandError } from './errors.ts'
import { teamFor } from './hand-over-team.ts'
import { handOverTag, type Message, type Outgoing, type Ticket } from './helpdesk.ts'
import { close } from './lease.ts'
import { effectId } from './ledger.ts'
import { code, effectLines, isNoteMode, noteHosts, safeNote } from './note.ts'
import { post, refOf } from './post.ts'
import type { Work } from './turn.ts'

const causes: Readonly<Record<HandOverReason, string>> = {
  agent_asked: 'The agent asked for a human.',
  refusal: 'The model declined to answer.',
  max_tokens: 'The answer did not fit its limit.',
  context_exceeded: 'The ticket is too long for the model.',
  too_many_calls: 'The agent made too many tool calls.',
  repeated_calls: 'The agent repeated the same tool call.',
  refused_calls: 'The agent asked for several things it may not do.',
  token_budget: 'The budget of this turn is used up.',
  model_refused_request: 'The model did not accept the request.',
  unknown_outcome:
    'A write was sent and no usable answer came: it may or may not have been done. Check before repeating it.',
  reply_refused: 'The answer broke a rule for replies and was not sent.',
  loop_brake: 'Too many automatic replies on this ticket.',
  too_late: 'The message waited for more than 24 hours.',
  too_many_attempts: 'Answering failed several times.',
  audience_changed: 'Somebody else can read this ticket since a personal answer was sent.',
  identity_dropped: 'The newest message is less surely from the customer than earlier ones.',
  unproven_limit: 'This unproven address has had its replies for today.',
  suspicious_sender: "The message may come from somebody who uses the customer's address.",
  send_failed: 'The helpdesk could not send our reply to the customer.',
  first_message_only: 'The agent answers the first message of a ticket only.',
  money_budget: 'The budget of this turn is used up.',
  not_alone: 'The answer holds personal data, and it would not reach the verified customer alone.',
}

/**
 * Posts the hand-over for `cause`, once per message and cause. `changed` when the ticket moved meanwhile, `closed` when
 * it takes nothing any more. Where a human has the ticket already, the note is all there is to do.
 */
export async function handOver(
  work: Work,
  ticket: Ticket,
  message: Message,
  cause: string,
  summary?: string,
): Promise<'done' | 'changed' | 'closed'> {
  const { tenant, lease, connection } = work
  const id = await effectId(tenant.vault, lease.key.pk, 'hand_over', message.id, cause)
  if (work.effects.get(id)?.state !== 'done') {
    const noteOnly = isNoteMode(connection) || ticket.assignee === 'human'
    const team = teamFor(connection, cause)
    const said = { text: await noteText(work, message, cause, summary), ref: refOf(id) }
    const outgoing: Outgoing = noteOnly
      ? { kind: 'note', ...said }
      : { kind: 'hand_over', ...said, ...(team === undefined ? {} : { team }) }
    const result = await post(work, ticket, { id, outgoing, messageId: message.id })
    if (result === 'closed' && lease.row.mustHandOver !== undefined) {
      work.log.alarm('hand_over_impossible', { cause, messageId: message.id })
    }
    if (result === 'changed' || result === 'closed') return result
    if (result === 'refused') {
      throw new DeskhandError(
        'connection_broken',
        'the helpdesk refuses our hand-over: check the team of handOver or handOverTeams and the permissions of the bot user',
      )
    }
    await close(tenant.conversations, lease, id, noteOnly ? undefined : { handedOver: true })
  }
  work.log.info('handed_over', { cause, messageId: message.id, effectId: id })
  return 'done'
}

/** Why, what the agent says of it, and every write of this ticket with its outcome and its whole request. */
async function noteText(work: Work, message: Message, cause: string, summary?: string): Promise<string> {
  const hosts = noteHosts(work.agent)
  return safeNote(
    [
      `**Handed over to you.** ${causeText(cause)}`,
      ...(summary === undefined || summary === ''
        ? []
        : ['In the words of the agent, unchecked:', quote(safeNote([summary], hosts))]),
      ...taskLine(work),
      ...(await effectLines(work, hosts)),
      `About message ${message.id}. To give the ticket back to the agent, remove the tag ${handOverTag}.`,
    ],
    hosts,
  )
}

/** The task ends here: what is left of it is the human's. */
const taskLine = ({ lease }: Work): string[] => {
  const { task } = lease.row
  return task?.state === 'started' ? [`The task ${code(task.name, [])} was under way.`] : []
}

const causeText = (cause: string): string =>
  cause.startsWith('rule:')
    ? `Your rule "${cause.slice('rule:'.length)}" says that a human answers this.`
    : Object.hasOwn(causes, cause)
      ? causes[cause as HandOverReason]
      : cause

/** Set apart, so that nothing in it reads as a line of the ledger. The text is checked: its line breaks are plain. */
const quote = (text: string): string =>
  text
    .split('\n')
    .map((line) => `> ${line}`)
    .join('\n')
