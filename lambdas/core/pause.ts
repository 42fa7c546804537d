/**
 * Stops answering for one tenant or one of its connections. Webhooks are taken as ever; a wake-up is dropped before
 * anything is claimed, so the ticket stays due as it is, and the sweeper rings it again and again until it may go on.
 */
import { tenantOf } from '../../schemas/names.ts'
import { type PauseRow, pauseRow } from '../../schemas/pause.ts'
import type { Key, Row, Table } from './ports.ts'

/** A pause holds everywhere within this time. */
const pauseAgeMs = 10_000

/** A whole tenant by its id, or one connection by its own. */
export type Pausable = { tenant: string } | { connectionId: string }

export interface Pauses {
  /** Throws `unavailable`: what cannot be known is not answered. */
  isPaused(connectionId: string, now: number): Promise<boolean>
}

export function createPauses(table: Pick<Table, 'query'>, tenant: string): Pauses {
  let read: { paused: ReadonlySet<string>; at: number } | undefined
  return {
    async isPaused(connectionId, now) {
      if (read === undefined || now - read.at >= pauseAgeMs) {
        const rows = await table.query('pauses', { pk: pausesPk(tenant) })
        read = { paused: new Set(rows.filter(holds).map(({ sk }) => sk)), at: now }
      }
      return read.paused.has('tenant') || read.paused.has(connectionId)
    },
  }
}

/** Pauses or lets go on, from within 10 seconds; says who did it and why. Throws `unavailable`. */
export async function setPause(
  table: Pick<Table, 'put'>,
  what: Pausable,
  pause: Pick<PauseRow, 'paused' | 'by' | 'why' | 'at'>,
): Promise<void> {
  const row = pauseRow.parse({ ...keyOf(what), ...pause })
  await table.put('pause', row)
}

/** What is paused of a tenant now, by whom and why. Throws `unavailable`. */
export async function pausesOf(
  table: Pick<Table, 'query'>,
  tenant: string,
): Promise<Pick<PauseRow, 'sk' | 'by' | 'why' | 'at'>[]> {
  const rows = await table.query('pauses', { pk: pausesPk(tenant) })
  return rows.filter(holds).map((row) => {
    const parsed = pauseRow.safeParse(row)
    return parsed.success
      ? parsed.data
      : { sk: row.sk, by: 'nobody known', why: 'the mark cannot be read: resume removes it', at: 0 }
  })
}

/** A mark that cannot be read stops, too. */
const holds = ({ paused }: Row): boolean => paused !== false

const pausesPk = (tenant: string): string => `T#${tenant}#pause`
const keyOf = (what: Pausable): Key =>
  'tenant' in what
    ? { pk: pausesPk(what.tenant), sk: 'tenant' }
    : { pk: pausesPk(tenantOf(what.connectionId)), sk: what.connectionId }
