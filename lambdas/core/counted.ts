/**
 * Counters that two turns at once cannot both pass: one row, one conditional update. What is counted is named by an id,
 * so the same thing is counted once however often it is begun, and can be given back once.
 */
import { rowOf } from './aws/table.ts'
import { isCode } from './errors.ts'
import type { Key, Table } from './ports.ts'

const dayMs = 24 * 60 * 60 * 1000
const keptDays = 3
/** A row that counts a sum alone is bounded too: its ids must fit an item. */
const mostIds = 1000

export interface Count {
  key: Key
  /** Most things counted. */
  max?: number | undefined
  /** What this one adds to the sum, in whole units, and the most that the sum may be. */
  units?: number | undefined
  maxUnits?: number | undefined
}

/** Counts `id`; `false` when there is no room for it. */
export async function take(table: Table, id: string, count: Count, now: number): Promise<boolean> {
  const { key, max = mostIds, units = 0, maxUnits = Number.MAX_SAFE_INTEGER } = count
  if (units > maxUnits) return false
  try {
    await table.update('count', key, {
      update: 'ADD #ids :these, #units :units SET expiresAt = :expiresAt',
      condition:
        '(attribute_not_exists(#ids) OR (NOT contains(#ids, :id) AND size(#ids) < :max)) AND ' +
        '(attribute_not_exists(#units) OR #units <= :room)',
      names,
      values: {
        ':these': new Set([id]),
        ':id': id,
        ':max': max,
        ':units': units,
        ':room': maxUnits - units,
        ':expiresAt': Math.floor((now + keptDays * dayMs) / 1000),
      },
    })
    return true
  } catch (error) {
    if (!isCode(error, 'condition_failed')) throw error
    // Counted by an earlier try of the very same thing.
    const ids = rowOf(error)?.ids
    return ids instanceof Set && ids.has(id)
  }
}

/** Takes `id` out of the count again. Nothing happens where it is not in it. */
export async function giveBackCount(
  table: Table,
  id: string,
  { key, units = 0 }: Pick<Count, 'key' | 'units'>,
): Promise<void> {
  try {
    await table.update('uncount', key, {
      update: 'ADD #units :less DELETE #ids :these',
      condition: 'contains(#ids, :id)',
      names,
      values: { ':these': new Set([id]), ':id': id, ':less': -units },
    })
  } catch (error) {
    if (!isCode(error, 'condition_failed')) throw error
  }
}

const names = { '#ids': 'ids', '#units': 'units' }

/** The calendar day at `now` in a time zone, as `2026-11-25`. */
export const dayIn = (timeZone: string, now: number): string =>
  new Intl.DateTimeFormat('en-CA', { dateStyle: 'short', timeZone }).format(now)
