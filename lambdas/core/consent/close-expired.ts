/** Proposals whose time is over are closed without anybody writing: the ticket is due then. */
import { decided } from '../trace-turn.ts'
import type { Work } from '../turn.ts'
import { expire, isExpired } from './proposals.ts'

/**
 * Closes them, once. What waited for an approver is told later in the same look (`seeThrough`), where it may be; what
 * waited for the customer stands in the trace and is told to nobody.
 */
export async function closeExpired(work: Work, mayTell: boolean): Promise<void> {
  const { tenant, lease, clock, log, trace } = work
  for (const [tool, mark] of Object.entries(lease.row.proposals)) {
    if (!isExpired(mark, clock.now())) continue
    const told = mark.by !== 'agent' || !mayTell
    if (!(await expire(tenant.conversations, lease, tool, mark, { told, now: clock.now() }))) continue
    log.info('proposal_expired', { tool, effectId: mark.id })
    trace.add(decided(tool, mark, 'expired'))
  }
}
