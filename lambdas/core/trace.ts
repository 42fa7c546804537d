/**
 * The trace of a run: kept in memory while it lasts, written as one sealed row when it is over. A crash loses the trace
 * of that run and nothing else; the run after it records again what it finds in the journal.
 */
import { type TraceEntry, type TraceRecord, traceRecord } from '../../schemas/trace.ts'
import { DeskhandError } from './errors.ts'
import { contentDays, day } from './ledger.ts'
import type { Clock, Key, Log, Table, Vault } from './ports.ts'

const mostEntries = 200
/** Of one row, sealed; DynamoDB takes 400 KB. */
const mostBytes = 131_072

/** Entries of one run. */
export interface Trace {
  add(entry: TraceEntry): void
  readonly entries: TraceRecord['entries']
}

export function createTrace(clock: Clock): Trace {
  const entries: TraceRecord['entries'] = []
  return { entries, add: (entry) => entries.push({ at: clock.now(), entry }) }
}

const prefix = 'trace#'
/** In the order of the runs. */
const keyOf = (pk: string, { at, fence }: Pick<TraceRecord, 'at' | 'fence'>): Key => ({
  pk,
  sk: `${prefix}${String(at).padStart(13, '0')}#${String(fence).padStart(8, '0')}`,
})

/** Writes the record of a run, where there is anything to tell. Never throws: a trace is worth no ticket. */
export async function writeTrace(
  { conversations, vault, log }: { conversations: Table; vault: Vault; log: Log },
  pk: string,
  run: Pick<TraceRecord, 'at' | 'fence' | 'ms' | 'code'>,
  entries: TraceRecord['entries'],
): Promise<void> {
  if (entries.length === 0) return
  const key = keyOf(pk, run)
  const record: TraceRecord = { v: 1, ...run, cost: costIn(entries), entries }
  try {
    await conversations.put(
      'trace',
      {
        ...key,
        trace: await vault.seal({ ...key, field: 'trace' }, fitting(record)),
        expiresAt: Math.floor((run.at + contentDays * day) / 1000),
      },
      { condition: 'attribute_not_exists(sk)' },
    )
  } catch (error) {
    log.warn('trace_not_written', { errorName: error instanceof Error ? error.name : 'unknown' })
  }
}

/** Every record of a ticket, oldest first. Throws DeskhandError `unavailable`, or `bad_configuration` naming the row. */
export async function readTrace(
  conversations: Pick<Table, 'query'>,
  vault: Pick<Vault, 'open'>,
  ticketPk: string,
): Promise<TraceRecord[]> {
  const rows = await conversations.query('traces', { pk: ticketPk, skPrefix: prefix })
  const records: TraceRecord[] = []
  for (const { pk, sk, trace } of rows) {
    if (!(trace instanceof Uint8Array)) throw unreadable(sk)
    const text = await vault.open({ pk, sk, field: 'trace' }, trace)
    const parsed = traceRecord.safeParse(JSON.parse(text))
    if (!parsed.success) throw unreadable(sk)
    records.push(parsed.data)
  }
  return records
}

const unreadable = (sk: string): DeskhandError =>
  new DeskhandError('bad_configuration', `${sk} is not in a format that this version reads`)

const costIn = (entries: TraceRecord['entries']): number =>
  entries.reduce(
    (sum, { entry }) => sum + (entry.kind === 'model' && !entry.stored ? (entry.cost ?? 0) : 0),
    0,
  )

/** As JSON that fits its row: what is in the middle of a long run is left out, visibly, never its begin and end. */
function fitting(record: TraceRecord): string {
  const { entries } = record
  for (let kept = Math.min(entries.length, mostEntries); ; kept = Math.floor(kept / 2)) {
    const head = Math.ceil(kept / 2)
    const tail = entries.slice(entries.length - (kept - head))
    const leftOut = entries.length - kept
    const at = entries[head]?.at ?? record.at
    const mark = leftOut === 0 ? [] : [{ at, entry: { kind: 'cut' as const, leftOut } }]
    const text = JSON.stringify({
      ...record,
      entries: [...entries.slice(0, head), ...mark, ...(kept - head === 0 ? [] : tail)],
    })
    if (Buffer.byteLength(text) <= mostBytes || kept === 0) return text
  }
}
