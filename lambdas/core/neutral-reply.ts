/** One fixed reply to a mail that somebody may have sent in a customer's name. It echoes nothing and says nothing of anybody. */
import { checkReply } from './check-reply.ts'
import { phrases } from './consent/phrases.ts'
import { languageOfCustomer } from './consent/propose.ts'
import type { Message, Ticket } from './helpdesk.ts'
import { audienceIsOnly, type Identity } from './identify.ts'
import { close } from './lease.ts'
import { effectId } from './ledger.ts'
import { isNoteMode } from './note.ts'
import { post, refOf } from './post.ts'
import type { Work } from './turn.ts'
import { mayReplyUnproven } from './unproven.ts'

export const suspiciousSender = 'suspicious_sender'

/**
 * Posts it, once per ticket, and from then on the ticket owes a hand-over. `none`: there is nothing to say here, or it
 * was said.
 */
export async function replyNeutrally(
  work: Work,
  ticket: Ticket,
  message: Message,
  identity: Identity,
): Promise<'posted' | 'none' | 'changed'> {
  const { tenant, lease, log } = work
  const id = await effectId(tenant.vault, lease.key.pk, 'reply', 'neutral')
  if (work.effects.has(id) || !reachesSenderAlone(work, ticket, message, identity)) return 'none'
  if (!(await mayReplyUnproven(work, message, identity))) return 'none'
  const text = checkReply(phrases[languageOfCustomer({ ticket, message })].neutral, { linkHosts: [] })
  if (!text.ok) return 'none'
  const result = await post(work, ticket, {
    id,
    messageId: message.id,
    outgoing: { kind: 'reply', text: text.text, ref: refOf(id), answers: message },
    owes: suspiciousSender,
  })
  if (result === 'changed') return 'changed'
  if (result !== 'posted') return 'none'
  await close(tenant.conversations, lease, id, { mustHandOver: suspiciousSender })
  log.info('reply_posted', { code: 'neutral', effectId: id, messageId: message.id })
  work.trace.add({
    kind: 'replied',
    as: 'reply',
    personal: false,
    bytes: Buffer.byteLength(text.text),
    removed: [],
  })
  return 'posted'
}

/**
 * Only by mail and only to the mailbox of the address that was used: not where the helpdesk would send it to a diverted
 * Reply-To, nor to anybody who was put in copy, nor where what it quotes below may be personal.
 */
const reachesSenderAlone = (
  { connection, lease }: Work,
  ticket: Ticket,
  { evidence }: Message,
  { claimed }: Identity,
): boolean =>
  !isNoteMode(connection) &&
  lease.row.personal === undefined &&
  evidence.channel === 'email' &&
  evidence.answersGoElsewhere !== true &&
  claimed !== undefined &&
  audienceIsOnly(ticket, claimed)
