/** What did not go well: postpone what may pass by itself, count what is our own fault, stop when the lease is gone. */
import { DeskhandError } from './errors.ts'
import { close, postpone, release } from './lease.ts'
import { storeOutcome } from './ledger.ts'
import type { LogFields } from './ports.ts'
import type { Run } from './turn.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const outageMs = [30 * second, minute, 2 * minute, 5 * minute, 15 * minute] as const
/** Somebody has to mend it first. */
const brokenMs = 10 * minute
/** How long to wait for a ticket that is not there. */
const goneMs = [5 * second, 30 * second, 2 * minute, 10 * minute, hour] as const
const maxSqsDelayMs = 15 * minute
const giveUpAfterMs = 7 * 24 * hour

export interface Later {
  /** ms from now */
  later: number
  cause: string
  /** Uses up one of the ticket's attempts. */
  ownFault: boolean
  waits?: number
  outages?: number
}

/** Leaves the ticket due, and sends a wake-up for the time it is due; should that be lost, the sweeper rings. */
export async function workLater(run: Run, ending: Later): Promise<void> {
  await postpone(run.tenant.conversations, run.lease, run.clock.now() + ending.later, ending)
  run.log.info('postponed', { cause: ending.cause, ms: ending.later })
  await wakeLater(run, ending.later)
}

/** A wake-up in `ms`, as far as the queue can wait; lost or too far away, the sweeper rings. Never throws. */
export async function wakeLater(run: Run, ms: number): Promise<void> {
  if (ms > maxSqsDelayMs) return
  try {
    await run.queue.send(run.wake, Math.ceil(ms / second))
  } catch (error) {
    run.log.warn('wake_up_failed', { errorName: nameOf(error) })
  }
}

/** Ends a run that threw. Never throws: what cannot be written down is found by the end of the lease. */
export async function endFailed(run: Run, error: unknown): Promise<void> {
  const known = error instanceof DeskhandError ? error : undefined
  const fields = {
    code: known?.code ?? 'unexpected',
    errorName: nameOf(error),
    ...(known === undefined ? {} : { errorMessage: known.message }),
  }
  const mendable = known?.code === 'connection_broken' || known?.code === 'bad_configuration'
  if (known?.code === 'lease_lost') return run.log.warn('lease_lost', fields)
  if (known === undefined || mendable) run.log.alarm(known?.code ?? 'turn_failed', fields)
  else run.log.warn('turn_failed', fields)

  const { row } = run.lease
  const now = run.clock.now()
  const outOfTime = now >= run.deadline
  try {
    // Perhaps it is not shown yet, or the account is being moved.
    const wait = known?.code === 'ticket_gone' ? goneMs[row.outages] : undefined
    if (isHopeless(run) || (known?.code === 'ticket_gone' && wait === undefined))
      return await giveUp(run, fields)
    await workLater(run, {
      // What was cut off under way may still arrive: looked for at once, it would be missed and sent again.
      later:
        outOfTime && Object.keys(row.open).length === 0
          ? second
          : (wait ?? delayOf(known, row.outages, mendable)),
      cause: fields.code,
      ownFault: outOfTime || !(known?.transient || mendable || wait !== undefined),
      outages: row.outages + 1,
    })
  } catch (problem) {
    run.log.warn('not_postponed', { errorName: nameOf(problem) })
  }
}

/** Has the ticket been due for so long that nobody will be helped by one more try? */
export const isHopeless = ({ lease, clock }: Run): boolean =>
  lease.row.dueSince !== undefined && clock.now() - lease.row.dueSince > giveUpAfterMs

/** Settles a ticket that nothing can be done for any more. What is still open there, an operator has to look up. */
export async function giveUp(run: Run, why: LogFields): Promise<void> {
  run.log.alarm('event_given_up', why)
  const { conversations } = run.tenant
  for (const [id, { kind, messageId, tool, about }] of Object.entries(run.lease.row.open)) {
    run.log.alarm('open_effect_given_up', { effectId: id, ...(tool === undefined ? {} : { tool }) })
    // A write that may have been done is never sent again, whoever asks for it later.
    const outcome = { kind, messageId, tool, about, state: 'unknown' as const, at: run.clock.now() }
    if (kind === 'tool') await storeOutcome(conversations, run.lease.key.pk, id, outcome)
    await close(conversations, run.lease, id)
  }
  if (run.lease.row.mustHandOver !== undefined) run.log.alarm('hand_over_impossible')
  await release(run.tenant.conversations, run.lease, { paid: true, now: run.clock.now() })
}

function delayOf(error: DeskhandError | undefined, outages: number, mendable: boolean): number {
  if (mendable) return brokenMs
  return Math.min(error?.retryAfterMs ?? outageDelay(outages), hour)
}

/** How long to wait after so many outages in a row. */
export const outageDelay = (outages: number): number => outageMs[outages] ?? 15 * minute

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : 'unknown')
