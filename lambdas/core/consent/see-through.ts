/** Sees an approver's decision through: the write, once, and then somebody is told what came of it. */
import type { ProposalMark } from '../../../schemas/consent.ts'
import { askUserData } from '../ask-user-data.ts'
import type { Ticket } from '../helpdesk.ts'
import { aboutOf, identityOf, openTurnJournal } from '../look-again.ts'
import { decided } from '../trace-turn.ts'
import type { Turn, Work } from '../turn.ts'
import { addressTag } from './grant.ts'
import { hasRun, isUntold, markTold } from './proposals.ts'
import { runProposal } from './run-proposal.ts'
import { tellDecision } from './tell-decision.ts'

/**
 * Carries out what was approved and tells what was decided. `changed`: something was done, so that the ticket has to be
 * read anew; `nothing`: there was nothing to do.
 */
export async function seeThrough(work: Work, ticket: Ticket): Promise<'changed' | 'nothing'> {
  for (const [tool, mark] of Object.entries(work.lease.row.proposals)) {
    if (!isUntold(mark)) continue
    traceDecision(work, tool, mark)
    if (mark.state === 'approved' && !hasRun(work.effects, mark)) {
      const ran = await runApproved(work, ticket, tool, mark)
      if (ran === 'later') return 'changed'
    }
    // With an unknown outcome the hand-over that is owed tells everything.
    const isUnknown = work.effects.get(mark.effect)?.state === 'unknown'
    if (!isUnknown && (await tellDecision(work, ticket, tool, mark)) === 'changed') return 'changed'
    await markTold(work.tenant.conversations, work.lease, tool, mark.id)
    return 'changed'
  }
  return 'nothing'
}

/** Once in a run, however often it looks: a run that was killed has left no trace. */
function traceDecision({ trace }: Work, tool: string, mark: ProposalMark): void {
  const isTraced = trace.entries.some(({ entry }) => entry.kind === 'decided' && entry.proposal === mark.id)
  if (!isTraced && mark.state !== 'proposed') trace.add(decided(tool, mark, mark.state))
}

/** As the turn that proposed it: for its message, its author, its address, at a level computed anew. */
async function runApproved(
  work: Work,
  ticket: Ticket,
  tool: string,
  mark: ProposalMark,
): Promise<'ran' | 'refused' | 'later'> {
  const turn = await turnOf(work, ticket, mark)
  if (turn === undefined) return refused(work, tool, mark, 'identity_changed')
  const performed = await runProposal(turn, tool, mark)
  if (performed.end?.end === 'again') return 'later'
  return hasRun(work.effects, mark) ? 'ran' : refused(work, tool, mark, performed.cause ?? 'refused')
}

function refused(work: Work, tool: string, mark: ProposalMark, cause: string): 'refused' {
  work.log.warn('approved_not_run', { tool, effectId: mark.id, cause })
  return 'refused'
}

/** `undefined` where the message is gone, or its author or address are not what they were. */
async function turnOf(work: Work, ticket: Ticket, mark: ProposalMark): Promise<Turn | undefined> {
  const message = ticket.messages.find(({ id }) => id === mark.messageId)
  if (message === undefined || message.author.id !== mark.author || ticket.status === 'closed')
    return undefined
  const identity = await identityOf(work, ticket, message)
  if ((await addressTag(work, identity.address)) !== mark.address) return undefined
  const about = await aboutOf(work, identity)
  const userData = await askUserData(work, message, identity)
  return {
    ...work,
    live: work.agent,
    ticket,
    message,
    identity,
    about,
    journal: await openTurnJournal(work, message, about),
    userDataText: userData?.kind === 'data' ? userData.text : undefined,
    personal: true,
  }
}
