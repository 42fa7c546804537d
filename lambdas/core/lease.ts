/**
 * The ticket row under a lease: claim, intent, close, release. Every write here holds only while the fence is ours,
 * so that of two workers on one ticket the later claimant wins and the earlier one stops.
 */
import { type OpenEffect, type TaskMark, type TicketRow, ticketRow } from '../../schemas/ticket-row.ts'
import { rowOf } from './aws/table.ts'
import { DeskhandError, isCode } from './errors.ts'
import type { Expression, Key, Row, Table } from './ports.ts'

/** Longer than the answer function may run (180 s): who claims after it knows that the holder is dead. */
export const leaseMs = 200_000
/**
 * A settled ticket is kept this long: every effect on it is older, and those are kept 400 days (`ledger.ts`). One that
 * is due, which it is while an effect is open, has no time at all.
 */
const ticketDays = 430
const day = 24 * 60 * 60 * 1000
/** When a row that was settled at `now` expires, in seconds as DynamoDB has it. */
export const ticketExpiry = (now: number): number => Math.floor((now + ticketDays * day) / 1000)

/** `seen` is trimmed to this many ids at a release; the message's own effect row is what dedupes for good. */
const seenKept = 64

export interface Lease {
  key: Key
  fence: number
  until: number
  /** `rung` when the present look at the ticket began: what rang since then is not answered yet. */
  looked: number
  /** When it began, by our clock. */
  lookedAt: number
  /** The row as it was at the last write or read of ours. */
  row: TicketRow
}

const names = { '#open': 'open', '#fence': 'fence' }
const mine = '#fence = :mine'

/** Takes the ticket if it is due and neither held nor put off. `busy` and `settled` need nothing from the caller. */
export async function claim(table: Table, key: Key, now: number): Promise<Lease | 'busy' | 'settled'> {
  const until = now + leaseMs
  try {
    const row = parse(
      await table.update('claim', key, {
        update:
          'SET leaseUntil = :until, dueAt = :until, #fence = if_not_exists(#fence, :zero) + :one, ' +
          'attempts = if_not_exists(attempts, :zero) + :one, dueSince = if_not_exists(dueSince, :now), #open = if_not_exists(#open, :empty), ' +
          'proposals = if_not_exists(proposals, :empty) REMOVE expiresAt',
        condition: 'attribute_exists(due) AND (attribute_not_exists(leaseUntil) OR leaseUntil <= :now)',
        names,
        values: { ':until': until, ':now': now, ':zero': 0, ':one': 1, ':empty': {} },
      }),
    )
    return { key, fence: row.fence, until, looked: row.rung, lookedAt: now, row }
  } catch (error) {
    if (!isCode(error, 'condition_failed')) throw error
    return rowOf(error)?.due === undefined ? 'settled' : 'busy'
  }
}

/** Writes the INTENT of an effect: from here on it may have happened. */
export async function intend(
  table: Table,
  lease: Lease,
  id: string,
  effect: OpenEffect,
  personal?: string,
): Promise<void> {
  try {
    await change(table, lease, 'intent', {
      update: `SET #open.#id = :effect${personal === undefined ? '' : ', personal = :personal'}`,
      condition: 'attribute_not_exists(#open.#id)',
      names: { '#id': id },
      values: { ':effect': effect, ...(personal === undefined ? {} : { ':personal': personal }) },
    })
  } catch (error) {
    // The SDK sends again when an answer is lost: then the entry that stands in the way is this very one.
    if (!isCode(error, 'condition_failed') || lease.row.open[id]?.at !== effect.at) throw error
  }
}

/**
 * Removes an effect from the open ones, its outcome being on its own row, with what follows for the ticket. Handed
 * over, nothing is owed to a human any more: the note names every write and the task that was under way.
 */
export async function close(
  table: Table,
  lease: Lease,
  id: string,
  then: { mustHandOver: string } | { handedOver: true } | undefined = undefined,
): Promise<void> {
  const paid = then !== undefined && 'handedOver' in then
  await change(table, lease, 'close', {
    update: `REMOVE #open.#id${paid ? ', mustHandOver, markIgnored, #task' : ''}${then === undefined ? '' : ' SET #then = :then'}`,
    names: {
      '#id': id,
      ...(paid ? { '#task': 'task' } : {}),
      ...(then === undefined ? {} : { '#then': Object.keys(then)[0] ?? '' }),
    },
    values: then === undefined ? {} : { ':then': Object.values(then)[0] },
  })
}

/** A task started or ended. */
export async function markTask(table: Table, lease: Lease, task: TaskMark): Promise<void> {
  await change(table, lease, 'task', {
    update: 'SET #task = :task',
    names: { '#task': 'task' },
    values: { ':task': task },
  })
}

/** A human gave the ticket back: what humans wrote until now no longer silences us. */
export async function giveBack(table: Table, lease: Lease, now: number): Promise<void> {
  await change(table, lease, 'give_back', {
    update: 'SET givenBackAt = :now REMOVE handedOver, markIgnored',
    values: { ':now': now },
  })
}

/**
 * Settles the ticket, unless a doorbell rang since the look began: then answers `moved` and the lease goes on with the
 * fresh row. `closing` is an open effect whose outcome is already stored. A hand-over that is owed keeps the ticket due
 * unless it is `paid`. Where something is still to come, `checkAt` or the end of a proposal, the ticket stays due for
 * that time, held by nobody.
 */
export async function release(
  table: Table,
  lease: Lease,
  about: {
    closing?: string | undefined
    paid?: boolean | undefined
    checkAt?: number | undefined
    now: number
  },
): Promise<'settled' | 'moved'> {
  const { closing, paid = false, now } = about
  const next = about.checkAt ?? lease.row.checkAt
  const checkAt = next !== undefined && next > now ? next : undefined
  // A proposal that had expired when the look began is closed, or never will be.
  const ends = Object.values(lease.row.proposals).flatMap(({ state, until }) =>
    state === 'proposed' && until > lease.lookedAt ? [until] : [],
  )
  const times = [...(checkAt === undefined ? [] : [checkAt]), ...ends]
  const dueAt = times.length === 0 ? undefined : Math.max(now, Math.min(...times))
  const seen = [...(lease.row.seen ?? [])] as string[]
  const trim = seen.slice(0, Math.max(0, seen.length - seenKept))
  try {
    await change(table, lease, 'release', {
      update:
        `REMOVE ${dueAt === undefined ? 'due, dueAt, ' : ''}${checkAt === undefined ? 'checkAt, ' : ''}customer, dueSince, leaseUntil, wanted, waits, outages${paid ? ', mustHandOver' : ''}${closing === undefined ? '' : ', #open.#id'} ` +
        `SET attempts = :zero, lookedAt = :looked, ${dueAt === undefined ? 'expiresAt = :expiresAt' : 'dueAt = :dueAt'}${checkAt === undefined ? '' : ', checkAt = :checkAt'}${trim.length > 0 ? ' DELETE seen :trim' : ''}`,
      condition: `rung = :rung AND ${paid ? '' : 'attribute_not_exists(mustHandOver) AND '}${closing === undefined ? 'size(#open) = :zero' : 'size(#open) = :one AND attribute_exists(#open.#id)'}`,
      names: closing === undefined ? {} : { '#id': closing },
      values: {
        ':zero': 0,
        ':rung': lease.looked,
        ':looked': lease.lookedAt,
        ...(dueAt === undefined ? { ':expiresAt': ticketExpiry(now) } : { ':dueAt': dueAt }),
        ...(checkAt === undefined ? {} : { ':checkAt': checkAt }),
        ...(closing === undefined ? {} : { ':one': 1 }),
        ...(trim.length > 0 ? { ':trim': new Set(trim) } : {}),
      },
    })
    return 'settled'
  } catch (error) {
    if (!isCode(error, 'condition_failed')) throw error
    return 'moved'
  }
}

/**
 * Leaves the ticket due at `dueAt`; until then nobody claims it, however many wake-ups come. `ownFault: false` does not
 * use up an attempt: the cause was a limit, an outage or a message not shown yet.
 */
export async function postpone(
  table: Table,
  lease: Lease,
  dueAt: number,
  why: { ownFault: boolean; waits?: number; outages?: number },
): Promise<void> {
  await change(table, lease, 'postpone', {
    update:
      'SET dueAt = :dueAt, leaseUntil = :dueAt, attempts = attempts - :back, waits = :waits, outages = :outages',
    values: {
      ':dueAt': dueAt,
      ':back': why.ownFault ? 0 : 1,
      ':waits': why.waits ?? lease.row.waits,
      ':outages': why.outages ?? lease.row.outages,
    },
  })
}

/** Updates the row on condition that the fence is ours; keeps the lease's copy of the row current. */
export async function change(
  table: Table,
  lease: Lease,
  call: string,
  expression: Expression,
): Promise<void> {
  const condition = expression.condition === undefined ? mine : `${mine} AND ${expression.condition}`
  const used = `${expression.update} ${condition}`
  try {
    const row = await table.update(call, lease.key, {
      update: expression.update,
      condition,
      names: { ...(used.includes('#open') ? names : { '#fence': 'fence' }), ...expression.names },
      values: { ':mine': lease.fence, ...expression.values },
    })
    lease.row = parse(row)
  } catch (error) {
    if (!isCode(error, 'condition_failed')) throw error
    const row = rowOf(error)
    if (row === undefined || parse(row).fence !== lease.fence) {
      throw new DeskhandError('lease_lost', 'another worker has claimed this ticket', { cause: error })
    }
    lease.row = parse(row)
    throw error
  }
}

function parse(row: Row): TicketRow {
  const parsed = ticketRow.safeParse(row)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new DeskhandError(
    'bad_configuration',
    `ticket row does not parse at ${issue?.path.join('.')}: ${issue?.message}`,
  )
}
