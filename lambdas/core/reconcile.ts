/**
 * Finds tickets whose webhook never came: every few minutes each connection's helpdesk is asked what moved, and what we
 * have not looked at since is rung. The schedule is a row of its own in the index of what is due, so the sweeper starts
 * it as it starts a ticket that lost its wake-up, and nothing lists tenants or connections.
 */
import type { ConnectionBase } from '../../schemas/connection.ts'
import { type Doorbell, doorbell as doorbellSchema } from '../../schemas/doorbell.ts'
import { scheduleRow } from '../../schemas/ticket-row.ts'
import { DeskhandError, isCode } from './errors.ts'
import type { Helpdesk, HelpdeskApi, Pass } from './helpdesk.ts'
import type { Clock, Http, Log, Queue, Table } from './ports.ts'
import { ringMoved } from './ring.ts'
import { dueShard, scheduleKey } from './ticket-key.ts'

const minute = 60_000
const hour = 60 * minute
/** Longer than the function may run: who claims after it knows that the holder is dead. */
const leaseMs = 200_000
/** A first run looks back this far; later ones no further than a message may be old to be answered. */
const firstWindowMs = hour
const longestWindowMs = 24 * hour
/** Asked again for this long before the last run: the helpdesk's clock is not ours, and its lists may lag. */
const overlapMs = 2 * minute
/** Calls to a helpdesk in one run: its API limit is shared with humans and turns. */
const mostCalls = 30
/** Tickets rung in one run; the next run goes on from there. */
const mostRings = 200
/** Wake-ups of one run are spread, so that a backlog does not empty the helpdesk's limit at once. */
const spreadSeconds = 60
/** Until somebody mends the connection. */
const brokenMs = hour

/** How far the list was read, and while it was not read to its end, since when customers' messages count. */
interface Progress {
  since: number
  wroteSince?: number
}

/** Puts a connection under the schedule, or leaves it there. Called when a connection is published. */
export async function scheduleReconcile(
  conversations: Pick<Table, 'update'>,
  connection: ConnectionBase,
  now: number,
): Promise<void> {
  if (!isScheduled(connection)) return
  const key = scheduleKey(connection.id)
  await conversations.update('schedule', key, {
    update:
      'SET due = :shard, dueAt = if_not_exists(dueAt, :now), nextAt = if_not_exists(nextAt, :now), helpdesk = :helpdesk, since = if_not_exists(since, :since)',
    values: {
      ':shard': dueShard(key.pk),
      ':now': now,
      ':helpdesk': connection.helpdesk,
      ':since': now - firstWindowMs,
    },
  })
}

const isScheduled = ({ enabled, reconcile }: ConnectionBase): boolean => enabled && reconcile.enabled

export interface Reconciling {
  helpdesk: Helpdesk
  clock: Clock
  log: Log
  queue: Queue
  conversations: Table
  connectionId: string
  /** The live connection with its way out; `undefined` where it is live no more. Throws DeskhandError. */
  load(): Promise<HelpdeskApi<ConnectionBase> | undefined>
  /** ms since the epoch at which nothing more may be begun. */
  deadline: number
}

/** One run for one connection. Never throws but when its row cannot be written: then the sweeper starts it again. */
export async function reconcile(run: Reconciling): Promise<void> {
  const { clock, log } = run
  const started = clock.now()
  const claimed = await claim(run, started)
  if (claimed === undefined) return log.info('wake_up_dropped', { code: 'not_due' })
  const oldest = started - longestWindowMs
  const since = Math.max(claimed.since, oldest)
  const wroteSince = Math.max(claimed.wroteSince ?? claimed.since, oldest)
  let cursor = since
  try {
    const api = await run.load()
    if (api === undefined || !isScheduled(api.connection)) {
      await end(run, claimed.until, undefined)
      return log.info('reconcile_ended', { code: 'off' })
    }
    const found = await ringAll(run, api, since, {
      wroteSince,
      // What changed at the same moment may still be to come.
      reached: (at) => {
        cursor = Math.max(cursor, at - 1)
      },
    })
    // A run that came no further would come no further if it began again at once.
    const goesOn = !found.complete && (found.rung > 0 || cursor > since)
    const nextAt = goesOn ? clock.now() : started + api.connection.reconcile.everyMinutes * minute
    const next = found.complete ? { since: started - overlapMs } : { since: cursor, wroteSince }
    await end(run, claimed.until, { dueAt: nextAt, ...next })
    log.info('reconciled', {
      count: found.rung,
      code: found.complete ? 'complete' : 'goes_on',
      ms: clock.now() - started,
    })
  } catch (error) {
    await endFailed(run, claimed.until, { since: cursor, wroteSince }, error)
  }
}

/** Rings what moved, oldest first, as far as calls, rings and time allow. */
async function ringAll(
  run: Reconciling,
  api: HelpdeskApi<ConnectionBase>,
  since: number,
  pass: Pass,
): Promise<{ rung: number; complete: boolean }> {
  const budget = counted(api.http)
  let rung = 0
  try {
    for await (const doorbell of run.helpdesk.moved(since, { ...api, http: budget.http }, pass)) {
      if (rung >= mostRings || run.clock.now() + minute > run.deadline) return { rung, complete: false }
      // Ids go into keys, so they are checked whatever the adapter took from the answer.
      const checked = doorbellSchema.safeParse(doorbell)
      if (checked.success && (await ringOne(run, api.connection, checked.data, rung))) rung++
      pass.reached(doorbell.at)
    }
    return { rung, complete: true }
  } catch (error) {
    if (budget.spent()) return { rung, complete: false }
    throw error
  }
}

async function ringOne(
  { conversations, queue, clock, log }: Reconciling,
  connection: ConnectionBase,
  doorbell: Doorbell,
  nth: number,
): Promise<boolean> {
  if (!(await ringMoved(conversations, connection, doorbell, clock.now()))) return false
  try {
    await queue.send({ connectionId: connection.id, ticketId: doorbell.ticketId }, nth % spreadSeconds)
  } catch (error) {
    // The row says that the ticket is due: the sweeper finds it.
    log.warn('wake_up_failed', { ticketId: doorbell.ticketId, errorName: (error as Error).name })
  }
  return true
}

/** The same way out, which ends after so many calls. */
function counted(http: Http): { http: Http; spent(): boolean } {
  let calls = 0
  return {
    spent: () => calls > mostCalls,
    http: (request) => {
      calls++
      if (calls <= mostCalls) return http(request)
      return Promise.reject(new DeskhandError('rate_limited', 'the calls of one reconciling are used up'))
    },
  }
}

async function claim(
  { conversations, connectionId }: Reconciling,
  now: number,
): Promise<{ since: number; wroteSince?: number | undefined; until: number } | undefined> {
  const until = now + leaseMs
  try {
    const row = await conversations.update('claim_schedule', scheduleKey(connectionId), {
      update: 'SET leaseUntil = :until, dueAt = :until',
      // Not by `dueAt`: the sweeper moves that on when it sends the call. Calls that come twice find the second early.
      condition:
        'attribute_exists(due) AND nextAt <= :now AND (attribute_not_exists(leaseUntil) OR leaseUntil <= :now)',
      values: { ':until': until, ':now': now },
    })
    const { since, wroteSince } = scheduleRow.parse(row)
    return { since, wroteSince, until }
  } catch (error) {
    if (isCode(error, 'condition_failed')) return undefined
    throw error
  }
}

/** Gives the row back, due again at `next`, or never. Somebody else's claim stays as it is. */
async function end(
  { conversations, connectionId }: Reconciling,
  until: number,
  next: ({ dueAt: number } & Progress) | undefined,
): Promise<void> {
  try {
    await conversations.update('end_schedule', scheduleKey(connectionId), {
      update:
        next === undefined
          ? 'REMOVE leaseUntil, due, dueAt, nextAt'
          : next.wroteSince === undefined
            ? 'SET dueAt = :dueAt, nextAt = :dueAt, since = :since REMOVE leaseUntil, wroteSince'
            : 'SET dueAt = :dueAt, nextAt = :dueAt, since = :since, wroteSince = :wroteSince REMOVE leaseUntil',
      condition: 'leaseUntil = :until',
      values: {
        ':until': until,
        ...(next && { ':dueAt': next.dueAt, ':since': next.since }),
        ...(next?.wroteSince !== undefined && { ':wroteSince': next.wroteSince }),
      },
    })
  } catch (error) {
    if (!isCode(error, 'condition_failed')) throw error
  }
}

/** What was rung is rung; the rest is asked for again. */
async function endFailed(run: Reconciling, until: number, progress: Progress, error: unknown): Promise<void> {
  const { clock, log } = run
  const known = error instanceof DeskhandError ? error : undefined
  const mendable = known?.code === 'connection_broken' || known?.code === 'bad_configuration'
  const fields = {
    cause: known?.code ?? 'unexpected',
    errorName: error instanceof Error ? error.name : 'unknown',
    ...(known === undefined ? {} : { errorMessage: known.message }),
  }
  if (mendable || known === undefined) log.alarm('reconcile_failed', fields)
  else log.warn('reconcile_failed', fields)
  const wait = mendable ? brokenMs : Math.max(known?.retryAfterMs ?? 0, 5 * minute)
  await end(run, until, { dueAt: clock.now() + wait, ...progress })
}
