/** What a tenant's API answered, as something the model can read. Its words enter only from a success. */
import { JMESPathTypeError, search } from '@aws-lambda-powertools/jmespath'
import type { ToolDefinition } from '../../../schemas/tenant-apis.ts'
import type { HttpAnswer } from '../ports.ts'
import { truncate } from '../truncate.ts'
import { redact } from './redact.ts'

/** Why a tool gave no result. A closed set that the model knows how to go on from. */
export type ToolFailure =
  | 'not_found'
  | 'not_allowed'
  | 'bad_arguments'
  | 'rate_limited'
  | 'unavailable'
  /** A write was sent and nobody knows whether it was done: a human has to look. */
  | 'unknown_outcome'
  | 'already_done'
  | 'needs_confirmation'
  | 'needs_identity'

/** The end of a tool call. `text` is JSON for the model, selected and cut to size; `message` is always ours. */
export type ToolResult = { ok: true; text: string } | { ok: false; failure: ToolFailure; message: string }

/** A result, and its cause from a closed set for the log: `done`, `status_503`, `timeout`, `not_json`, ... */
export interface ReadAnswer {
  result: ToolResult
  cause: string
}

type Answered = Pick<ToolDefinition, 'effect' | 'response'> & {
  /** These bytes were sent before, so that only a success proves anything. */
  again?: boolean
  /** The customer's verified address, which `response.owner` must equal. */
  customer?: string | undefined
}

const messages: Record<ToolFailure, string> = {
  not_found: 'the system has no such record',
  not_allowed: 'the system does not allow this',
  bad_arguments: 'the system did not accept these arguments',
  rate_limited: 'the system is busy; try later or go on without',
  unavailable: 'the system gave no usable answer; go on without',
  unknown_outcome: 'sent, but no usable answer came: it may or may not have been done; a human has to check',
  already_done: 'this was done before',
  needs_confirmation: 'the customer has to confirm this first',
  needs_identity: 'the customer is not identified surely enough',
}

/** A failure with its usual words, or with others of ours. */
export const toolFailure = (failure: ToolFailure, message: string = messages[failure]): ToolResult => ({
  ok: false,
  failure,
  message,
})

/**
 * Reads: every failure is plain. Writes: refused before a byte was sent, 4xx, 429 and 503 are sure not to be done; a
 * reset, a time-out, another 5xx, a redirect or an unreadable success leave the outcome unknown.
 */
export function readAnswer(tool: Answered, answer: HttpAnswer): ReadAnswer {
  if (!answer.ok) {
    const sure = tool.effect === 'read' || (!answer.sent && !tool.again)
    return { result: toolFailure(sure ? 'unavailable' : 'unknown_outcome'), cause: answer.cause }
  }
  const { status } = answer
  if (status >= 200 && status < 300) return readSuccess(tool, answer)
  const cause = `status_${status}`
  const refused = (status >= 400 && status < 500) || status === 503
  const sure = tool.effect === 'read' || (refused && !tool.again)
  return { result: toolFailure(sure ? failureOf(status) : 'unknown_outcome'), cause }
}

function failureOf(status: number): ToolFailure {
  if (status === 404 || status === 410) return 'not_found'
  if (status === 401 || status === 403) return 'not_allowed'
  if (status === 429) return 'rate_limited'
  return status >= 400 && status < 500 ? 'bad_arguments' : 'unavailable'
}

function readSuccess(tool: Answered, answer: HttpAnswer & { ok: true }): ReadAnswer {
  const body = parseAnswer(answer)
  if (!body.ok) {
    const result = toolFailure(tool.effect === 'read' ? 'unavailable' : 'unknown_outcome')
    return { result, cause: body.cause }
  }
  const { select, redact: redactions = [], owner, maxBytes } = tool.response
  if (owner !== undefined && !isOwner(owner, body.value, tool.customer)) return strangers(tool)
  const redacted = redact(body.value, redactions)
  const selected =
    select === undefined ? { ok: true as const, value: redacted } : selectFrom(select, redacted)
  if (!selected.ok) {
    return {
      result: tool.effect === 'read' ? toolFailure('unavailable') : cannotShow,
      cause: 'select_failed',
    }
  }
  return {
    result: { ok: true, text: truncate(JSON.stringify(selected.value), maxBytes).text },
    cause: 'done',
  }
}

/** A write that was done stays done, whatever may be shown of its answer. */
const cannotShow: ToolResult = { ok: true, text: '"done; the answer of the system cannot be shown"' }

/** One text that is the customer's address: a list could leave out the record that has no owner. */
function isOwner(path: string, value: unknown, customer: string | undefined): boolean {
  const found = selectFrom(path, value)
  if (!found.ok || typeof found.value !== 'string' || customer === undefined) return false
  return lowerCase(found.value) === lowerCase(customer)
}
const lowerCase = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

/** As if there were no such record: whoever asks learns nothing, not even that there is one. */
const strangers = (tool: Answered): ReadAnswer => ({
  result: tool.effect === 'read' ? toolFailure('not_found') : cannotShow,
  cause: 'owner_mismatch',
})

export type Body = { ok: true; value: unknown } | { ok: false; cause: 'not_json' | 'too_deep' }

const maxDepth = 32

/**
 * The JSON of an answer; text that is marked as plain is a string, nothing at all is null. Whole numbers too long for
 * a double become strings, so that an id stays the id it was.
 */
export function parseAnswer(answer: HttpAnswer & { ok: true }): Body {
  const { text } = answer
  if (text.trim() === '') return { ok: true, value: null }
  try {
    const value: unknown = JSON.parse(text, keepLongNumbers)
    return isWithin(value, maxDepth) ? { ok: true, value } : { ok: false, cause: 'too_deep' }
  } catch (error) {
    // Out of stack on a hostile depth.
    if (error instanceof RangeError) return { ok: false, cause: 'too_deep' }
    const isPlain = /^text\/plain\b/i.test(answer.headers['content-type'] ?? '')
    return isPlain ? { ok: true, value: text } : { ok: false, cause: 'not_json' }
  }
}

const keepLongNumbers = (_: string, value: unknown, context?: { source?: string }): unknown =>
  typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
    ? context?.source
    : value

const isWithin = (value: unknown, levels: number): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (levels > 0 && Object.values(value).every((inner) => isWithin(inner, levels - 1)))

type Data = Parameters<typeof search>[1]

/** What a JMESPath expression finds; `null` where it finds nothing. */
export function selectFrom(expression: string, value: unknown): { ok: true; value: unknown } | { ok: false } {
  try {
    return { ok: true, value: search(expression, value as Data) ?? null }
  } catch {
    return { ok: false }
  }
}

/** What is wrong with a JMESPath expression, or `undefined`. https://jmespath.org/specification.html */
export function selectProblem(expression: string): string | undefined {
  try {
    search(expression, null)
    return undefined
  } catch (error) {
    // It parsed, and only misses the data.
    if (error instanceof JMESPathTypeError) return undefined
    return error instanceof Error ? error.message : 'cannot be parsed'
  }
}
