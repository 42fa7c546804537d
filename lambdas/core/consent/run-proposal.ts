/** Runs a proposal that was consented to, as it stands, through the same checks and the same ledger as any write. */

import type { ProposalMark } from '../../../schemas/consent.ts'
import { atLeast } from '../../../schemas/names.ts'
import { failure, type Performed } from '../performed.ts'
import { withoutTask } from '../task-state.ts'
import { toolEntry } from '../trace-turn.ts'
import type { Turn } from '../turn.ts'
import { writeOnce } from '../write-once.ts'
import { type Proposal, readProposal } from './proposals.ts'
import { definitionOf } from './propose.ts'

/** With its entry in the trace. */
export async function runProposal(turn: Turn, name: string, mark: ProposalMark): Promise<Performed> {
  const { tenant, lease, clock } = turn
  const proposal = await readProposal(tenant.conversations, tenant.vault, lease.key.pk, mark.id)
  const started = clock.now()
  const performed = await runAsItStands(turn, name, mark, proposal)
  const call = { id: mark.id, name, input: proposal?.call.args ?? {} }
  turn.trace.add(toolEntry(turn, call, performed, clock.now() - started, mark.by))
  return performed
}

async function runAsItStands(
  turn: Turn,
  name: string,
  mark: ProposalMark,
  proposal: Proposal | undefined,
): Promise<Performed> {
  const { live, identity } = turn
  const tool = live.tools.get(name)
  if (proposal === undefined || tool === undefined || definitionOf(tool) !== proposal.definition)
    return failure('not_allowed', 'the tool was changed or switched off since it was proposed')
  if (!atLeast(identity.level, tool.identity))
    return failure('needs_identity', 'the customer is not identified surely enough for it')
  if (withoutTask(turn, name))
    return failure('not_allowed', 'the task it was proposed in is switched off or needs more proof by now')
  const { method, url, headers, body } = proposal.request
  const request = { method, url, headers, ...(body === undefined ? {} : { body }) }
  return await writeOnce(turn, tool, proposal.call, request, { by: mark.by })
}
