/** What code adds to a reply: each proposal that this answer asks about, and how to decide it or to prove who one is. */
import type { ProposalMark } from '../../../schemas/consent.ts'
import type { Turn } from '../turn.ts'
import { approvalNoteId } from './approval-note.ts'
import { fill, type Phrases, phrases } from './phrases.ts'
import { isOpen, readProposal } from './proposals.ts'
import { languageOfCustomer } from './propose.ts'
import { placeOf } from './record-address.ts'
import { isAsked } from './send-code.ts'
import { tokenOf } from './token.ts'

/** Markdown, in the customer's language; empty where there is nothing to ask. */
export async function fixedParts(turn: Turn): Promise<string[]> {
  const { row } = turn.lease
  const parts: string[] = []
  for (const mark of Object.values(row.proposals)) {
    if (mark.askedFor !== turn.message.id || !isOpen(mark, turn.clock.now())) continue
    const part = (await wasAsked(turn, mark)) ? await proposalPart(turn, mark) : undefined
    if (part !== undefined) parts.push(part)
  }
  const byCode = Object.values(row.proposals).some(
    (m) => m.by === 'code' && m.askedFor === turn.message.id && isAsked(turn, { proposal: m.id }),
  )
  if (row.codeAsked === turn.message.id && !byCode) {
    const { proveByMail, proveInChat } = phrases[languageOfCustomer(turn)]
    parts.push(placeOf(turn.message) === 'email' ? proveByMail : proveInChat)
  }
  return parts
}

/** Nobody is told to wait for a code or a colleague who could not be asked. */
async function wasAsked(turn: Turn, mark: ProposalMark): Promise<boolean> {
  switch (mark.by) {
    case 'customer':
      return true
    case 'code':
      return isAsked(turn, { proposal: mark.id })
    case 'agent':
      return turn.effects.get(await approvalNoteId(turn, mark.id))?.state === 'done'
  }
}

async function proposalPart(turn: Turn, mark: ProposalMark): Promise<string | undefined> {
  const { tenant, lease } = turn
  const proposal = await readProposal(tenant.conversations, tenant.vault, lease.key.pk, mark.id)
  if (proposal === undefined) return undefined
  const fixed = phrases[proposal.language]
  const how = fill(howOf(mark, fixed), {
    token: `**${await tokenOf(tenant.vault, lease.key.pk, mark.id)}**`,
  })
  const heading = mark.by === 'agent' ? fixed.waits : fixed.please
  return [`**${heading}**`, proposal.summary, how].join('\n\n')
}

function howOf({ by }: ProposalMark, fixed: Phrases): string {
  switch (by) {
    case 'customer':
      return fixed.byToken
    case 'code':
      return fixed.byCode
    case 'agent':
      return fixed.byAgent
  }
}
