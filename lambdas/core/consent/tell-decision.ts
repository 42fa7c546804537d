/** Tells what an approver's decision came to: the customer, in words of ours, or colleagues where a human has the ticket. */
import type { ProposalMark } from '../../../schemas/consent.ts'
import { checkReply } from '../check-reply.ts'
import type { Message, Ticket } from '../helpdesk.ts'
import { audienceIsOnly } from '../identify.ts'
import { close } from '../lease.ts'
import { effectId } from '../ledger.ts'
import { identityOf, verdictOn } from '../look-again.ts'
import { noteHosts, safeNote } from '../note.ts'
import { post, refOf } from '../post.ts'
import type { Work } from '../turn.ts'
import { addressTag } from './grant.ts'
import { type Phrases, phrases } from './phrases.ts'
import { type Proposal, readProposal } from './proposals.ts'

/** Once per proposal. A customer's message that waits for its answer is told by that answer. */
export async function tellDecision(
  work: Work,
  ticket: Ticket,
  tool: string,
  mark: ProposalMark,
): Promise<'told' | 'changed'> {
  const { tenant, lease } = work
  const verdict = verdictOn(work, ticket)
  if (verdict.do === 'answer') return 'told'
  const id = await effectId(tenant.vault, lease.key.pk, 'reply', 'proposal', mark.id)
  const newest = ticket.messages.at(-1)
  const proposal = await readProposal(tenant.conversations, tenant.vault, lease.key.pk, mark.id)
  if (work.effects.get(id)?.state === 'done' || newest === undefined || proposal === undefined) return 'told'
  const came = outcomeOf(work, mark)
  const answers = ticket.messages.findLast((m) => m.author.role === 'customer' && m.visibility === 'public')
  const to = answers === undefined ? undefined : await aloneTo(work, ticket, answers, mark)
  const isOurs = verdict.do === 'nothing' && verdict.cause === 'nothing_new'
  const text = checkReply([`**${phrases[proposal.language][came]}**`, proposal.summary].join('\n\n'), {
    linkHosts: [],
  })
  const result = await post(work, ticket, {
    id,
    // What stands after it is looked through for it after a crash.
    messageId: newest.id,
    ...(isOurs && to !== undefined && answers !== undefined && text.ok
      ? {
          outgoing: { kind: 'reply', text: text.text, ref: refOf(id), answers, to },
          personal: await addressTag(work, to),
        }
      : { outgoing: { kind: 'note', text: noteText(work, tool, mark, proposal, came), ref: refOf(id) } }),
  })
  if (result === 'changed') return 'changed'
  if (result === 'posted') await close(tenant.conversations, lease, id)
  return 'told'
}

function outcomeOf(
  work: Work,
  { effect, state }: ProposalMark,
): keyof Phrases & ('approved' | 'declined' | 'notDone') {
  if (state === 'declined') return 'declined'
  return work.effects.get(effect)?.state === 'done' ? 'approved' : 'notDone'
}

/** The customer's address, where a reply reaches it alone, and it is the one of then. */
async function aloneTo(
  work: Work,
  ticket: Ticket,
  answers: Message,
  mark: ProposalMark,
): Promise<string | undefined> {
  const { address } = await identityOf(work, ticket, answers)
  if (address === undefined || (await addressTag(work, address)) !== mark.address) return undefined
  return audienceIsOnly(ticket, address) ? address : undefined
}

function noteText(
  work: Work,
  tool: string,
  mark: ProposalMark,
  { summary }: Proposal,
  came: 'approved' | 'declined' | 'notDone',
): string {
  const words = {
    approved: 'was approved and done',
    declined: 'was declined, nothing was done',
    notDone: 'was approved and could not be done: see the log',
  }
  return safeNote(
    [`**${tool}** ${words[came]}. The customer was not told: please do.`, summary, `Proposal ${mark.id}.`],
    noteHosts(work.agent),
  )
}
