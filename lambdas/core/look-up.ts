/** Was a write done? Asked with the tenant's look-up tool, once the first call cannot be alive any more. */
import type { OpenEffect } from '../../schemas/ticket-row.ts'
import { DeskhandError } from './errors.ts'
import { leaseMs } from './lease.ts'
import { sendTool } from './send-tool.ts'
import { type PreparedRequest, prepareRequest } from './tools/call-tool.ts'
import type { Tool } from './tools/check-tool.ts'
import type { Json } from './tools/placeholder.ts'
import { selectFrom, type ToolResult, toolFailure } from './tools/tool-answer.ts'
import { bindArguments, type Facts, validateArguments } from './tools/tool-arguments.ts'
import type { Work } from './turn.ts'

/** Longest that a call may take: its worker is dead after a lease, its last request after this. */
const longestCallMs = 30_000
/** How long a look-up that does not answer is waited for. Then a human looks. */
const patienceMs = 60 * 60_000

/** The question, prepared with the write and stored beside it: after a crash it is asked as it stands. */
export interface StoredLookup {
  tool: string
  found: string
  request: PreparedRequest
}

/** Prepares the question for a write with these values; `undefined` where the tools do not fit together. */
export function prepareLookup(
  { agent }: Work,
  tool: Tool,
  values: Readonly<Record<string, Json>>,
  facts: Facts,
): StoredLookup | undefined {
  if (tool.lookup === undefined) return undefined
  const reader = agent.tools.get(tool.lookup.tool)
  if (!isLookup(reader)) return undefined
  const asked = Object.entries(reader.parameters.properties).flatMap(([name, { source }]) =>
    source === 'model' && Object.hasOwn(values, name) ? [[name, values[name]] as const] : [],
  )
  const checked = validateArguments(reader, Object.fromEntries(asked))
  const bound = checked.ok ? bindArguments(reader, checked.args, facts) : checked
  const prepared = bound.ok ? prepareRequest(reader, bound.values) : bound
  return prepared.ok ? { tool: reader.name, found: tool.lookup.found, request: prepared.request } : undefined
}

/** "Not found" must mean "not done": an owner check could make it mean "not theirs". */
const isLookup = (reader: Tool | undefined): reader is Tool =>
  reader?.effect === 'read' && reader.response.owner === undefined

/** Until when the call of an INTENT may still be under way, ms since the epoch. */
export const aliveUntil = ({ at }: Pick<OpenEffect, 'at'>): number => at + leaseMs + longestCallMs

/** Ends the run until the write can be looked up. */
export const notLookedUpYet = (effect: Pick<OpenEffect, 'at'>, now: number): DeskhandError =>
  new DeskhandError('outcome_unknown', 'the outcome of a write is looked up later', {
    retryAfterMs: Math.max(1000, aliveUntil(effect) - now),
  })

/**
 * Answers how the write ended: found, it is done, with the look-up's answer as its outcome; not found, it was surely not
 * done, and the turn may ask for it anew through every rule. Throws while it is too early, or while the look-up does
 * not answer; after an hour of that the outcome is unknown.
 */
export async function lookUp(work: Work, effect: OpenEffect, stored: StoredLookup): Promise<ToolResult> {
  const { agent, clock } = work
  const now = clock.now()
  if (now < aliveUntil(effect)) throw notLookedUpYet(effect, now)
  const reader = agent.tools.get(stored.tool)
  if (!isLookup(reader)) return unknown
  const asked = await sendTool(work, reader, stored.request, undefined)
  if (asked.ok) return conclude(stored, asked.text)
  if (asked.failure === 'not_found') return notDone
  const worthWaiting = asked.failure === 'unavailable' || asked.failure === 'rate_limited'
  if (worthWaiting && now < aliveUntil(effect) + patienceMs) {
    throw new DeskhandError(
      'unavailable',
      'the look-up tool gives no answer: whether a write was done is open',
    )
  }
  return unknown
}

/** An answer that was cut cannot be searched, so it proves nothing. */
function conclude({ found }: StoredLookup, text: string): ToolResult {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return unknown
  }
  const selected = selectFrom(found, value)
  if (!selected.ok) return unknown
  return isTrue(selected.value) ? { ok: true, text } : notDone
}

/** As JMESPath has it: null, false and whatever is empty are not. */
const isTrue = (value: unknown): boolean =>
  typeof value === 'object' && value !== null
    ? Object.keys(value).length > 0
    : value !== null && value !== false && value !== ''

const unknown = toolFailure('unknown_outcome')
const notDone = toolFailure('unavailable', 'looked up: it was not done')
