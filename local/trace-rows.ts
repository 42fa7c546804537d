/** A ticket's trace as rows of two columns: when and what kind, and what an admin wants to know of it. */
import type { TraceEntry, TraceRecord } from '../schemas/trace.ts'

/** Oldest first; times are since the run began, and a row before each run says how it ended. */
export const traceRows = (records: readonly TraceRecord[]): [string, string][] =>
  records.flatMap(({ at: began, ms, code, cost, entries }, i) => [
    [`run ${i + 1}`, `${code}, ${Math.round(ms)} ms, ${cost === 0 ? 'no cost' : `$${cost.toFixed(4)}`}`],
    ...entries.map(({ at, entry }): [string, string] => [
      `  ${String(at - began).padStart(5)} ms  ${entry.kind.replaceAll('_', ' ')}`,
      detailOf(entry),
    ]),
  ])

function detailOf(entry: TraceEntry): string {
  switch (entry.kind) {
    case 'begun':
      return listed(
        `message by ${entry.channel}`,
        `release ${entry.release}`,
        `${entry.mode} mode`,
        entry.task && `task ${entry.task}`,
      )
    case 'identified':
      return listed(
        `${entry.level} (${entry.why})`,
        `read by ${entry.audience}`,
        entry.suspicious && 'suspicious',
      )
    case 'user_data':
      return listed(entry.code, entry.cause, entry.bytes !== undefined && `${entry.bytes} bytes`)
    case 'model':
      return listed(
        `step ${entry.step}: ${entry.stop}`,
        entry.tokens && `${entry.tokens.input + entry.tokens.cacheRead + entry.tokens.cacheWrite} tokens in`,
        entry.tokens && `${entry.tokens.output} out`,
      )
    case 'tool': {
      const version = entry.version === undefined ? '' : ` v${entry.version}`
      const came = listed(
        entry.outcome,
        entry.cause,
        entry.consent && `by consent: ${entry.consent}`,
        entry.why,
      )
      return `${entry.name}${version} ${JSON.stringify(entry.arguments ?? {})}: ${came}`
    }
    case 'decided':
      return listed(entry.tool, entry.state, `by ${entry.by}`, entry.decidedBy)
    case 'settled':
      return listed(entry.tool, entry.state)
    case 'silent':
    case 'reply_refused':
    case 'handed_over':
      return entry.cause
    case 'replied':
      return listed(
        entry.as,
        entry.personal && 'personal',
        `${entry.bytes} bytes`,
        ...entry.removed,
        entry.proposal && 'tells a decision',
      )
    case 'postponed':
      return entry.code
    case 'cut':
      return `${entry.leftOut} entries left out`
  }
}

const listed = (...parts: (string | false | undefined)[]): string => parts.filter(Boolean).join(', ')
