import type { DueIndex, Key, Table } from '../ports.ts'
import { dueShards, parseTicketPk } from '../ticket-key.ts'

/** Of one shard: more than that is told as "at least". */
const perShard = 1000
const hour = 3_600_000

/** Tickets of one helpdesk that are not settled. */
export interface DueTickets {
  count: number
  /** When the first doorbell rang of the one that waits longest, ms since the epoch. */
  oldest: number
}

/**
 * Tickets that are due, held or put off, by helpdesk. `more`: there are more than were looked at. Throws `unavailable`.
 */
export async function dueTickets(
  index: DueIndex,
  conversations: Pick<Table, 'batchGet'>,
  now: number,
): Promise<{ byHelpdesk: Map<string, DueTickets>; more: boolean }> {
  const shards = await Promise.all(dueShards.map((shard) => index.due(shard, now + hour, perShard)))
  const keys = shards.flat().filter(({ pk }) => parseTicketPk(pk) !== undefined)
  const byHelpdesk = new Map<string, DueTickets>()
  for (const row of await conversations.batchGet('due_tickets', keys.map(keyOf))) {
    if (row.due === undefined) continue
    const since = typeof row.dueSince === 'number' ? row.dueSince : now
    const { count, oldest } = byHelpdesk.get(String(row.helpdesk)) ?? { count: 0, oldest: since }
    byHelpdesk.set(String(row.helpdesk), { count: count + 1, oldest: Math.min(oldest, since) })
  }
  return { byHelpdesk, more: shards.some(({ length }) => length >= perShard) }
}

const keyOf = ({ pk, sk }: Key): Key => ({ pk, sk })
