/**
 * Holding a ticket that nobody works on, so that nobody begins to: by its own lease and fence. A doorbell that rings
 * meanwhile is found by the sweeper afterwards.
 */
import { type TicketRow, ticketRow } from '../../../schemas/ticket-row.ts'
import { rowOf } from '../aws/table.ts'
import { isCode } from '../errors.ts'
import { leaseMs, ticketExpiry } from '../lease.ts'
import type { Key, Table } from '../ports.ts'

export interface HeldTicket {
  key: Key
  row: TicketRow
}

const names = { '#open': 'open', '#fence': 'fence' }

/**
 * `under_way`: it is due, held, has open effects or owes a hand-over, or a run of it may still write its trace, which it
 * does after it has let go. All of that ends by itself.
 */
export async function holdTicket(table: Table, key: Key, now: number): Promise<HeldTicket | 'under_way'> {
  try {
    const row = await table.update('hold', key, {
      update: 'SET leaseUntil = :until, #fence = if_not_exists(#fence, :zero) + :one',
      condition:
        'attribute_not_exists(due) AND attribute_not_exists(mustHandOver) AND ' +
        '(attribute_not_exists(leaseUntil) OR leaseUntil <= :now) AND ' +
        '(attribute_not_exists(#open) OR size(#open) = :zero) AND ' +
        '(attribute_not_exists(lookedAt) OR lookedAt <= :rested)',
      names,
      values: {
        ':until': now + leaseMs,
        ':now': now,
        ':rested': now - leaseMs,
        ':zero': 0,
        ':one': 1,
      },
    })
    return { key, row: ticketRow.parse(row) }
  } catch (error) {
    if (isCode(error, 'condition_failed')) return 'under_way'
    throw error
  }
}

/** Lets the ticket go as it is. */
export async function letGo(table: Table, { key, row }: HeldTicket): Promise<void> {
  await table.update('let_go', key, {
    update: 'REMOVE leaseUntil',
    condition: '#fence = :mine',
    names: { '#fence': 'fence' },
    values: { ':mine': row.fence },
  })
}

/**
 * Lets the ticket go with nothing of a customer on its row. What was told to somebody stays told: from now on to nobody
 * in particular, so that no reader of the ticket passes for the one it was for.
 */
export async function letGoEmpty(table: Table, { key, row }: HeldTicket, now: number): Promise<void> {
  const empty = (settled: boolean) => ({
    update:
      `SET proposals = :none, erasedAt = :now${row.personal === undefined ? '' : ', personal = :erased'}${settled ? ', expiresAt = if_not_exists(expiresAt, :expiresAt)' : ''} ` +
      'REMOVE leaseUntil, #grant, #code, tried, codeAsked, #task, wanted, customers, indexedAt',
    condition: `#fence = :mine AND attribute_${settled ? 'not_' : ''}exists(due)`,
    names: { '#fence': 'fence', '#grant': 'grant', '#code': 'code', '#task': 'task' },
    values: {
      ':mine': row.fence,
      ':none': {},
      ':now': now,
      ...(row.personal === undefined ? {} : { ':erased': 'erased' }),
      ...(settled ? { ':expiresAt': ticketExpiry(now) } : {}),
    },
  })
  try {
    await table.update('let_go', key, empty(true))
  } catch (error) {
    // A doorbell rang meanwhile: then the row must not expire.
    if (!isCode(error, 'condition_failed') || rowOf(error)?.due === undefined) throw error
    await table.update('let_go', key, empty(false))
  }
}
