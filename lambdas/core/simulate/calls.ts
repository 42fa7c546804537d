/** What the model asked for in a simulated turn, and what came of it. */
import { isDeepStrictEqual } from 'node:util'
import type Anthropic from '@anthropic-ai/sdk'
import type { TraceEntry, TraceRecord } from '../../../schemas/trace.ts'
import { handOverTool } from '../prompt.ts'
import { redacted } from '../trace-redaction.ts'

export interface SimulatedCall {
  tool: string
  arguments: unknown
  /** `not_run`: the turn ended before. */
  outcome: 'done' | 'failed' | 'refused' | 'ended_turn' | 'not_run'
  cause?: string
  /** Our own words, where a rule refused it. */
  why?: string
  /** What the model read. */
  result?: string
}

type ToolEntry = Extract<TraceEntry, { kind: 'tool' }>

/** The trace tells calls in the order they ended, this in the order they were asked for. */
export function callsIn(
  answers: readonly Anthropic.Message[],
  trace: TraceRecord['entries'],
): SimulatedCall[] {
  const left = trace.flatMap(({ entry }) => (entry.kind === 'tool' ? [entry] : []))
  return answers
    .flatMap(({ content }) => content)
    .flatMap((block) => (block.type === 'tool_use' && block.name !== handOverTool.name ? [block] : []))
    .map(({ name, input }) => {
      const at = left.findIndex((entry) => isOf(entry, name, input))
      const [entry] = at < 0 ? [] : left.splice(at, 1)
      return callOf(name, input, entry)
    })
}

const isOf = (entry: ToolEntry, name: string, input: unknown): boolean =>
  (entry.name === name || entry.name === 'unknown') &&
  isDeepStrictEqual(entry.arguments, JSON.parse(JSON.stringify(redacted(input, true, new Set()))))

function callOf(tool: string, input: unknown, entry: ToolEntry | undefined): SimulatedCall {
  if (entry === undefined) return { tool, arguments: input, outcome: 'not_run' }
  const { outcome, cause, why, result } = entry
  return {
    tool,
    arguments: input,
    outcome,
    ...(cause === undefined ? {} : { cause }),
    ...(why === undefined ? {} : { why }),
    ...(result === undefined ? {} : { result }),
  }
}
