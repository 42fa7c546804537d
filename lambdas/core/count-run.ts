/** Counts what a run did in its tenant's report. A crash before it leaves that run uncounted: a report is no ledger. */
import { type CountPrefix, type ReportSum, reportDay, reportPk } from '../../schemas/report.ts'
import type { TraceEntry, TraceRecord } from '../../schemas/trace.ts'
import type { Log, Table } from './ports.ts'

const keptDays = 400
const dayMs = 86_400_000
/** Causes and names come from code and from configuration; beyond so many in one run they are counted together. */
const mostNames = 50

/** Adds a run to its day. Never throws: a count is worth no ticket. */
export async function countRun(
  { conversations, log }: { conversations: Pick<Table, 'update'>; log: Log },
  about: { tenant: string; connectionId: string; at: number },
  entries: TraceRecord['entries'],
): Promise<void> {
  if (entries.length === 0) return
  const counts = Object.entries(countsOf(entries.map(({ entry }) => entry)))
  const key = { pk: reportPk(about.tenant), sk: `${reportDay(about.at)}#${about.connectionId}` }
  try {
    await conversations.update('report', key, {
      update: `ADD ${counts.map((_, i) => `#n${i} :n${i}`).join(', ')} SET expiresAt = :end`,
      names: Object.fromEntries(counts.map(([name], i) => [`#n${i}`, name])),
      values: {
        ...Object.fromEntries(counts.map(([, n], i) => [`:n${i}`, n])),
        ':end': Math.floor((about.at + keptDays * dayMs) / 1000),
      },
    })
  } catch (error) {
    log.warn('run_not_counted', { errorName: error instanceof Error ? error.name : 'unknown' })
  }
}

type Name = ReportSum | `${CountPrefix}#${string}`

/** What the entries of one run add. */
export function countsOf(entries: readonly TraceEntry[]): Record<string, number> {
  const counts: Record<string, number> = { runs: 1 }
  for (const [name, n] of entries.flatMap((entry) => [...countsIn(entry)])) {
    const full = Object.keys(counts).length >= mostNames && !Object.hasOwn(counts, name)
    const kept = full && name.includes('#') ? `${name.split('#')[0]}#others` : name
    counts[kept] = (counts[kept] ?? 0) + n
  }
  return counts
}

function* countsIn(entry: TraceEntry): Generator<[Name, number]> {
  switch (entry.kind) {
    case 'replied':
      yield [entry.as === 'reply' ? 'replies' : 'notes', 1]
      break
    case 'handed_over':
      yield ['hand_overs', 1]
      yield [`handed_over#${entry.cause}`, 1]
      break
    case 'silent':
      yield [`silent#${entry.cause}`, 1]
      break
    case 'postponed':
      yield [`postponed#${entry.code}`, 1]
      break
    case 'reply_refused':
      yield [`refused#reply_${entry.cause}`, 1]
      break
    case 'model':
      // What an earlier run was told was counted, and paid for, there.
      if (!entry.stored) yield* modelCounts(entry)
      break
    case 'tool':
      if (entry.stored) break
      yield [`tool#${entry.name}#${entry.outcome}`, 1]
      if (entry.outcome === 'refused') yield [`refused#${entry.cause ?? 'unknown'}`, 1]
      break
    default:
  }
}

function* modelCounts({ cost, tokens }: TraceEntry & { kind: 'model' }): Generator<[Name, number]> {
  yield ['model_calls', 1]
  if (cost !== undefined) yield ['micro_dollars', Math.round(cost * 1_000_000)]
  if (tokens === undefined) return
  yield ['input_tokens', tokens.input]
  yield ['output_tokens', tokens.output]
  yield ['cache_read_tokens', tokens.cacheRead]
  yield ['cache_write_tokens', tokens.cacheWrite]
}
