/** The tenant's own sentence to the customer when a human takes over. It is fixed: nothing of the ticket is in it. */
import { fixedLanguages } from '../../schemas/consent.ts'
import type { HandOverReason } from '../../schemas/hand-over.ts'
import { barredBy } from './barred.ts'
import { checkReply } from './check-reply.ts'
import { languageOfCustomer } from './consent/propose.ts'
import type { Message, Ticket } from './helpdesk.ts'
import { audienceIsOnly, type Identity } from './identify.ts'
import { close } from './lease.ts'
import { effectId } from './ledger.ts'
import { identityOf, verdictOn } from './look-again.ts'
import { isNoteMode } from './note.ts'
import { post, refOf } from './post.ts'
import type { AgentConfiguration } from './tenant-configuration.ts'
import { replied } from './trace-turn.ts'
import type { Work } from './turn.ts'
import { mayReplyUnproven } from './unproven.ts'

/**
 * After these the customer may be told, and after the tenant's own rules. Not where somebody else may read or have
 * written, where two robots talk, or where posting is what failed.
 */
const tellable: ReadonlySet<string> = new Set<HandOverReason>([
  'agent_asked',
  'refusal',
  'max_tokens',
  'context_exceeded',
  'too_many_calls',
  'repeated_calls',
  'refused_calls',
  'token_budget',
  'money_budget',
  'model_refused_request',
  'unknown_outcome',
  'reply_refused',
  'first_message_only',
])

/**
 * Tells the customer, once per message, and from then on the ticket owes a hand-over for `cause`. Looks at the ticket
 * right before. `none`: there is nothing to say, or it must not be said here.
 */
export async function tellHandOver(
  work: Work,
  message: Message,
  cause: string,
): Promise<'posted' | 'none' | 'changed'> {
  const { tenant, lease, log, agent } = work
  const isTellable = tellable.has(cause) || cause.startsWith('rule:')
  if (isNoteMode(work.connection) || !work.connection.enabled || !isTellable) return 'none'
  const id = await effectId(tenant.vault, lease.key.pk, 'reply', 'hand_over', message.id)
  if (work.effects.has(id) || Object.keys(agent.settings.handOverText).length === 0) return 'none'

  const ticket = await work.helpdesk.read(work.wake.ticketId, work.api)
  const verdict = verdictOn(work, ticket)
  const stands = verdict.do === 'answer' || (verdict.do === 'hand_over' && verdict.cause === cause)
  if (!stands || verdict.message.id !== message.id) return 'none'
  const identity = await identityOf(work, ticket, verdict.message)
  if (!(await mayTell(work, ticket, verdict.message, identity))) return 'none'
  const text = textFor(agent, ticket, verdict.message)
  if (text === undefined) return 'none'

  const result = await post(work, ticket, {
    id,
    messageId: message.id,
    outgoing: {
      kind: 'reply',
      text,
      ref: refOf(id),
      answers: verdict.message,
      ...(identity.address === undefined ? {} : { to: identity.address }),
    },
    owes: cause,
  })
  if (result === 'changed') return 'changed'
  if (result !== 'posted') return 'none'
  await close(tenant.conversations, lease, id, { mustHandOver: cause })
  log.info('reply_posted', { code: 'hand_over', effectId: id, messageId: message.id })
  work.trace.add(replied({ agent, personal: false }, 'reply', { text, removed: [] }))
  return 'posted'
}

/** A proven customer is told alone, an unproven address within its few replies a day. */
async function mayTell(work: Work, ticket: Ticket, message: Message, identity: Identity): Promise<boolean> {
  if ((await barredBy(work, ticket, identity)) !== undefined) return false
  if (identity.address !== undefined && !audienceIsOnly(ticket, identity.address)) return false
  return await mayReplyUnproven(work, message, identity)
}

/** In the customer's language, else in the first that there is one in. */
function textFor(
  { settings, links }: AgentConfiguration,
  ticket: Ticket,
  message: Message,
): string | undefined {
  const language = [languageOfCustomer({ ticket, message }), ...fixedLanguages].find(
    (each) => settings.handOverText[each] !== undefined,
  )
  const text = language === undefined ? undefined : settings.handOverText[language]
  const checked = text === undefined ? undefined : checkReply(text, { linkHosts: links })
  return checked?.ok === true ? checked.text : undefined
}
