/** What an approver wrote: `approve <code>` or `decline <code>`, alone in an internal note, by hand in the helpdesk. */
import type { ConnectionBase } from '../../../schemas/connection.ts'
import type { ProposalMark } from '../../../schemas/consent.ts'
import type { Message, Ticket } from '../helpdesk.ts'
import type { Work } from '../turn.ts'
import { decide, isOpen } from './proposals.ts'
import { approvalOf, countToken } from './token.ts'

/** Decides open proposals by the notes in the ticket; of two notes the earlier counts. */
export async function heedApprovers(work: Work, ticket: Ticket): Promise<void> {
  const { tenant, lease, clock, connection, log } = work
  for (const [tool, mark] of Object.entries(lease.row.proposals)) {
    if (mark.by !== 'agent' || !isOpen(mark, clock.now())) continue
    const code = await approvalOf(tenant.vault, lease.key.pk, mark.id)
    const said = ticket.messages
      .filter((message) => mayApprove(message, ticket, mark, connection))
      .map((message) => ({ message, verb: verbOf(message.text, code) }))
      .find(({ verb }) => verb !== undefined)
    if (said?.verb === undefined) continue
    const decided = await decide(tenant.conversations, lease, tool, mark, {
      state: said.verb === 'approve' ? 'approved' : 'declined',
      decidedBy: said.message.author.id,
      now: clock.now(),
    })
    log.info('proposal_decided', {
      tool,
      effectId: mark.id,
      messageId: said.message.id,
      code: decided ? said.verb : 'too_late',
    })
  }
}

/** An approver of the connection, a human in the helpdesk's own interface; never the bot, never whoever asked for it. */
const mayApprove = (
  { author, ours, automatic, visibility, evidence }: Message,
  ticket: Ticket,
  mark: ProposalMark,
  { approvers }: Pick<ConnectionBase, 'approvers'>,
): boolean =>
  visibility === 'internal' &&
  author.role === 'team' &&
  !ours &&
  !automatic &&
  evidence.inHelpdeskUi === true &&
  approvers.includes(author.id) &&
  author.id !== ticket.requester.id &&
  author.id !== mark.author

/** The whole note is the verb and the code: one that quotes ours holds more. */
function verbOf(text: string, code: string): 'approve' | 'decline' | undefined {
  const said = /^\s*(approve|decline)\s+(\S.*?)\s*$/i.exec(text)
  const [, verb = '', typed = ''] = said ?? []
  if (typed.length > code.length + 4 || countToken(typed, code) !== 1) return undefined
  return verb.toLowerCase() === 'approve' ? 'approve' : 'decline'
}
