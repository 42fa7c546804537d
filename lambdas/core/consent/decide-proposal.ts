/** An approver's decision from outside the ticket: what the admin API calls. */
import type { ConnectionBase } from '../../../schemas/connection.ts'
import type { ProposalMark } from '../../../schemas/consent.ts'
import { ticketRow } from '../../../schemas/ticket-row.ts'
import { isCode } from '../errors.ts'
import type { Table, Vault } from '../ports.ts'
import { dueShard, ticketKey } from '../ticket-key.ts'
import { isOpen, openCondition, openNames, type Proposal, readProposal } from './proposals.ts'

/**
 * Decides an open proposal that waits for an approver, and rings its ticket in the same update: `answer` carries it out
 * when it next looks, so send a wake-up or leave it to the sweeper. Who may call this is the caller's to check;
 * `approver` is kept. `not_open`: decided, replaced or expired already, or not an approver's to decide.
 */
export async function decideProposal(
  conversations: Pick<Table, 'update'>,
  connection: Pick<ConnectionBase, 'id' | 'helpdesk'>,
  about: {
    ticketId: string
    tool: string
    proposalId: string
    decision: 'approve' | 'decline'
    approver: string
    now: number
  },
): Promise<'decided' | 'not_open'> {
  const key = ticketKey(connection.id, about.ticketId)
  try {
    await conversations.update('decide', key, {
      update:
        'SET proposals.#tool.#state = :state, proposals.#tool.decidedBy = :approver, proposals.#tool.decidedAt = :now, due = :shard, ' +
        'dueAt = if_not_exists(leaseUntil, :now), dueSince = if_not_exists(dueSince, :now), helpdesk = :helpdesk REMOVE expiresAt ADD rung :one',
      condition: `${openCondition} AND proposals.#tool.#by = :agent`,
      names: { ...openNames, '#tool': about.tool, '#by': 'by' },
      values: {
        ':state': about.decision === 'approve' ? 'approved' : 'declined',
        ':approver': about.approver,
        ':id': about.proposalId,
        ':proposed': 'proposed',
        ':agent': 'agent',
        ':now': about.now,
        ':shard': dueShard(key.pk),
        ':helpdesk': connection.helpdesk,
        ':one': 1,
      },
    })
    return 'decided'
  } catch (error) {
    if (isCode(error, 'condition_failed')) return 'not_open'
    throw error
  }
}

/** A proposal that waits for an approver, as one is shown it. */
export interface WaitingProposal {
  tool: string
  mark: ProposalMark
  proposal: Proposal
}

/** What waits for an approver on a ticket. Throws `bad_configuration` when a row does not parse. */
export async function waitingProposals(
  conversations: Pick<Table, 'get'>,
  vault: Vault,
  about: { connectionId: string; ticketId: string; now: number },
): Promise<WaitingProposal[]> {
  const key = ticketKey(about.connectionId, about.ticketId)
  const row = await conversations.get('ticket', key)
  const { proposals } = ticketRow.pick({ proposals: true }).parse(row ?? {})
  const waiting: WaitingProposal[] = []
  for (const [tool, mark] of Object.entries(proposals)) {
    if (mark.by !== 'agent' || !isOpen(mark, about.now)) continue
    const proposal = await readProposal(conversations, vault, key.pk, mark.id)
    if (proposal !== undefined) waiting.push({ tool, mark, proposal })
  }
  return waiting
}
