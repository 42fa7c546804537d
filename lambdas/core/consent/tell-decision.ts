/** Tells what an approver's decision came to: the customer, in words of ours, or colleagues where a human has the ticket. */
import type { ProposalMark } from '../../../schemas/consent.ts'
import { checkReply } from '../check-reply.ts'
import type { Outgoing, Ticket } from '../helpdesk.ts'
import { audienceIsOnly } from '../identify.ts'
import { close } from '../lease.ts'
import { effectId } from '../ledger.ts'
import { identityOf, verdictOn } from '../look-again.ts'
import { noteHosts, safeNote } from '../note.ts'
import { post, refOf } from '../post.ts'
import { replied } from '../trace-turn.ts'
import type { Work } from '../turn.ts'
import { addressTag } from './grant.ts'
import { type Phrases, phrases } from './phrases.ts'
import { type Proposal, readProposal } from './proposals.ts'

type Came = keyof Phrases & ('approved' | 'declined' | 'notDone' | 'expired')

/**
 * Once per proposal. A customer's message that waits for its answer is told by that answer. Of what nobody decided in
 * time colleagues get a note besides.
 */
export async function tellDecision(
  work: Work,
  ticket: Ticket,
  tool: string,
  mark: ProposalMark,
): Promise<'told' | 'changed'> {
  const { tenant, lease } = work
  const verdict = verdictOn(work, ticket)
  const newest = ticket.messages.at(-1)
  const proposal = await readProposal(tenant.conversations, tenant.vault, lease.key.pk, mark.id)
  if (newest === undefined || proposal === undefined) return 'told'
  const came = outcomeOf(work, mark)
  const about = { tool, mark, proposal, came }
  const isOurs = verdict.do === 'nothing' && verdict.cause === 'nothing_new'
  const reply = isOurs ? await replyOf(work, ticket, about) : undefined
  const isTold = reply !== undefined || verdict.do === 'answer'
  if (came === 'expired' && isTold && (await noteExpiry(work, ticket, about)) === 'changed') return 'changed'
  if (verdict.do === 'answer') return 'told'

  const id = await effectId(tenant.vault, lease.key.pk, 'reply', 'proposal', mark.id)
  if (work.effects.get(id)?.state === 'done') return 'told'
  const ref = refOf(id)
  const note = noteText(work, about, 'The customer was not told: please do.')
  const result = await post(work, ticket, {
    id,
    // What stands after it is looked through for it after a crash.
    messageId: newest.id,
    outgoing: reply === undefined ? { kind: 'note', text: note, ref } : { kind: 'reply', ...reply, ref },
    ...(reply === undefined ? {} : { personal: await addressTag(work, reply.to) }),
  })
  if (result === 'changed') return 'changed'
  if (result !== 'posted') return 'told'
  await close(tenant.conversations, lease, id)
  traceTold(work, mark, reply === undefined ? 'note' : 'reply', reply?.text ?? note)
  return 'told'
}

interface About {
  tool: string
  mark: ProposalMark
  proposal: Proposal
  came: Came
}

function outcomeOf(work: Work, { effect, state }: ProposalMark): Came {
  if (state === 'declined' || state === 'expired') return state
  return work.effects.get(effect)?.state === 'done' ? 'approved' : 'notDone'
}

/** To the customer's address, where a reply reaches it alone, and it is the one of then. */
async function replyOf(
  work: Work,
  ticket: Ticket,
  { mark, proposal, came }: About,
): Promise<(Pick<Outgoing & { kind: 'reply' }, 'text' | 'answers'> & { to: string }) | undefined> {
  const answers = ticket.messages.findLast((m) => m.author.role === 'customer' && m.visibility === 'public')
  if (answers === undefined) return undefined
  const { address } = await identityOf(work, ticket, answers)
  if (address === undefined || (await addressTag(work, address)) !== mark.address) return undefined
  if (!audienceIsOnly(ticket, address)) return undefined
  const text = [`**${phrases[proposal.language][came]}**`, proposal.summary].join('\n\n')
  const checked = checkReply(text, { linkHosts: [] })
  return checked.ok ? { text: checked.text, answers, to: address } : undefined
}

/** Those who were asked learn that it is over. `changed`: it was posted just now, or the ticket moved. */
async function noteExpiry(work: Work, ticket: Ticket, about: About): Promise<'noted' | 'changed'> {
  const { tenant, lease } = work
  const id = await effectId(tenant.vault, lease.key.pk, 'note', 'expired', about.mark.id)
  if (work.effects.get(id)?.state === 'done') return 'noted'
  const text = noteText(work, about, 'The customer is told so.')
  const result = await post(work, ticket, {
    id,
    // Not the customer's message: a note to colleagues does not answer it.
    messageId: `proposal~${about.mark.id.slice(0, 16)}`,
    outgoing: { kind: 'note', text, ref: refOf(id) },
  })
  if (result !== 'posted') return result === 'changed' ? 'changed' : 'noted'
  await close(tenant.conversations, lease, id)
  traceTold(work, about.mark, 'note', text)
  return 'changed'
}

/** A reply here goes to a proven customer alone. */
function traceTold({ agent, trace }: Work, { id }: ProposalMark, as: 'reply' | 'note', text: string): void {
  trace.add(replied({ agent, personal: as === 'reply' }, as, { text, removed: [] }, id))
}

function noteText(work: Work, { tool, mark, proposal, came }: About, customer: string): string {
  const words = {
    approved: 'was approved and done.',
    declined: 'was declined, nothing was done.',
    notDone: 'was approved and could not be done: see the log.',
    expired: 'waited for an approval, and nobody decided in time: nothing was done.',
  }
  return safeNote(
    [`**${tool}** ${words[came]} ${customer}`, proposal.summary, `Proposal ${mark.id}.`],
    noteHosts(work.agent),
  )
}
