/** Asks the tenant's approvers, in an internal note that the model never sees. */
import type { ProposalMark } from '../../../schemas/consent.ts'
import { close } from '../lease.ts'
import { effectId } from '../ledger.ts'
import { noteHosts, safeNote } from '../note.ts'
import { post, refOf } from '../post.ts'
import type { Turn } from '../turn.ts'
import { approvalOf } from './token.ts'

/** The note's effect. */
export const approvalNoteId = async (
  { tenant, lease }: Pick<Turn, 'tenant' | 'lease'>,
  proposal: string,
): Promise<string> => await effectId(tenant.vault, lease.key.pk, 'approval_note', proposal)

/** Posts the note once per proposal. `changed`: the ticket moved meanwhile. */
export async function postApprovalNote(
  turn: Turn,
  about: { tool: string; proposal: string; summary: string },
  mark: ProposalMark,
): Promise<'asked' | 'changed' | 'refused'> {
  const { tenant, lease } = turn
  const id = await approvalNoteId(turn, about.proposal)
  if (turn.effects.get(id)?.state === 'done') return 'asked'
  const result = await post(turn, turn.ticket, {
    id,
    // Not the customer's message: a note to colleagues does not answer it.
    messageId: `proposal~${about.proposal.slice(0, 16)}`,
    outgoing: { kind: 'note', text: await noteText(turn, about, mark), ref: refOf(id) },
  })
  if (result === 'changed') return 'changed'
  if (result !== 'posted') return 'refused'
  await close(tenant.conversations, lease, id)
  return 'asked'
}

async function noteText(
  turn: Turn,
  { tool, proposal, summary }: { tool: string; proposal: string; summary: string },
  { until }: ProposalMark,
): Promise<string> {
  const { tenant, lease, connection } = turn
  const code = await approvalOf(tenant.vault, lease.key.pk, proposal)
  const how =
    connection.approvers.length === 0
      ? ['This connection names no approvers: decide in the admin API.']
      : [
          'An approver of this connection decides by an internal note that holds one of these lines and nothing else, written here:',
          `approve ${code}`,
          `decline ${code}`,
        ]
  return safeNote(
    [
      `**Waits for approval**: ${tool}, asked for by the customer. Nothing was done yet.`,
      summary,
      ...how,
      `Valid until ${new Date(until).toISOString()}. Proposal ${proposal}.`,
    ],
    noteHosts(turn.agent),
  )
}
