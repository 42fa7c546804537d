/** What a row is, by its key: what an erase counts. The table in docs/data.md has the same names. */
import type { RowCounts } from '../../../schemas/job.ts'
import type { Key, Row } from '../ports.ts'

/** By the third part of the partition key. */
const byPartition: Record<string, string> = {
  customer: 'customer',
  counted: 'counter',
  unproven: 'counter',
  code: 'counter',
  reconcile: 'schedule',
  link: 'link',
  grant: 'grant_lease',
  job: 'job',
  export: 'export_page',
  release: 'release',
  config: 'version',
  key: 'hmac_key',
  erased: 'erased',
  index: 'index',
  member: 'member',
  secret: 'secret_record',
  audit: 'audit',
  rate: 'counter',
  report: 'report',
  pause: 'pause',
  waiting: 'waiting',
}
/** Within the partition of a ticket, by the first part of the sort key. */
const byTicketSort: Record<string, string> = {
  ticket: 'ticket',
  effect: 'effect',
  turn: 'turn',
  trace: 'trace',
  proposal: 'proposal',
  guesses: 'counter',
}

export function rowKind({ pk, sk }: Key): string {
  const partition = pk.split('#')[2] ?? ''
  const kinds = partition === 'ticket' ? byTicketSort : byPartition
  const name = partition === 'ticket' ? (sk.split('#')[0] ?? '') : partition
  return (Object.hasOwn(kinds, name) ? kinds[name] : undefined) ?? 'other'
}

/** Rows of each kind, and sealed values in them where whole rows are given. */
export function countRows(rows: readonly (Key | Row)[]): RowCounts {
  const counts: RowCounts = {}
  for (const row of rows) add(counts, rowKind(row), 1)
  const sealed = rows.reduce((sum, row) => sum + sealedIn(row), 0)
  return sealed === 0 ? counts : { ...counts, sealed }
}

export function addCounts(...all: readonly (RowCounts | undefined)[]): RowCounts {
  const sum: RowCounts = {}
  for (const counts of all) for (const [kind, n] of Object.entries(counts ?? {})) add(sum, kind, n)
  return sum
}

const add = (counts: RowCounts, kind: string, n: number): void => {
  counts[kind] = (counts[kind] ?? 0) + n
}

/** Sealed texts, also those of open effects on the ticket row. */
function sealedIn(value: unknown): number {
  if (value instanceof Uint8Array) return 1
  if (typeof value !== 'object' || value === null || value instanceof Set) return 0
  return Object.values(value).reduce<number>((sum, each) => sum + sealedIn(each), 0)
}
