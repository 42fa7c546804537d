/**
 * Rings what is due and lost its wake-up, and what is on a schedule: the queue is a hint, the rows are the truth.
 */
import type { Queued } from '../../schemas/doorbell.ts'
import type { JobCall } from '../../schemas/job.ts'
import { isCode } from './errors.ts'
import { parseJobKey } from './jobs/job-key.ts'
import type { Key, SweeperRuntime } from './ports.ts'
import { dueShards, parseSchedulePk, parseTicketPk } from './ticket-key.ts'

/** Tickets of one shard in one sweep; what is left over comes with the next one. */
const perShard = 500
/** A ticket that was rung is left alone this long, so that a backlog does not grow by its own sweeps. */
const quietMs = 2 * 60 * 1000
/** Rung at the same time. */
const together = 10

/** One sweep over all shards. Answers how many tickets were rung. */
export async function sweep(runtime: SweeperRuntime): Promise<number> {
  const started = runtime.clock.now()
  let rung = 0
  for (const shard of dueShards) {
    const due = await runtime.index.due(shard, started, perShard)
    for (let i = 0; i < due.length; i += together) {
      const results = await Promise.allSettled(
        due.slice(i, i + together).map((key) => ringAgain(runtime, key)),
      )
      for (const result of results) {
        if (result.status === 'fulfilled') rung += result.value
        else runtime.log.warn('sweep_failed', { errorName: (result.reason as Error).name })
      }
    }
  }
  runtime.log.info('swept', { count: rung, ms: runtime.clock.now() - started })
  return rung
}

async function ringAgain(runtime: SweeperRuntime, due: Key & { dueAt: number }): Promise<0 | 1> {
  const wakeUp = wakeUpFor(due)
  if (wakeUp === undefined) {
    runtime.log.alarm('due_row_unreadable')
    return 0
  }
  try {
    const row = await runtime.conversations.update(
      'sweep',
      { pk: due.pk, sk: due.sk },
      {
        update: 'SET dueAt = :next',
        condition: 'dueAt = :seen',
        values: { ':next': runtime.clock.now() + quietMs, ':seen': due.dueAt },
      },
    )
    await runtime.queue('job' in wakeUp ? 'jobs' : String(row.helpdesk)).send(wakeUp, 0)
    return 1
  } catch (error) {
    // Rung, claimed or settled since the index was read.
    if (isCode(error, 'condition_failed')) return 0
    throw error
  }
}

function wakeUpFor({ pk, sk }: Key): Queued | JobCall | undefined {
  const job = parseJobKey({ pk, sk })
  if (job !== undefined) return job
  const ticket = parseTicketPk(pk)
  if (ticket !== undefined) return { connectionId: ticket.connectionId, ticketId: ticket.ticketId }
  const connectionId = parseSchedulePk(pk)
  return connectionId === undefined ? undefined : { connectionId, reconcile: true }
}
