/** What a failed call to a helpdesk means: was anything done, and is it worth trying again? */
import { DeskhandError } from '../errors.ts'
import type { HttpAnswer } from '../ports.ts'

/** One deadline for each call. */
export const timeoutMs = 10_000

/** A longer wait than this never helps: the windows of all vendors' limits are shorter. */
const longestWaitMs = 10 * 60_000

/** How one vendor says no. */
export interface Refusals {
  /** The product's name, as operators know it. */
  title: string
  /** Headers that may say how long to wait, in order of preference. Default: `retry-after` alone. */
  waits?: readonly WaitHeader[]
  /**
   * What differs from the common meaning of a status; `text` is the body, which never goes further, and `wait` what the
   * headers say, ms.
   */
  refusal?(status: number, text: string, wait: number | undefined): DeskhandError | undefined
}
export interface WaitHeader {
  name: string
  /** It means a wait on this status alone: some vendors send it with every answer. Default: on each. */
  status?: number
  /** `seconds` also reads a date, as `Retry-After` may be one. */
  unit: 'seconds' | 'epoch_seconds' | 'ms'
}

const retryAfter: WaitHeader = { name: 'retry-after', unit: 'seconds' }

/** The error for an answer that is not 2xx, or for none. */
export function refusalOf(
  { title, waits, refusal }: Refusals,
  answer: HttpAnswer,
  kind: 'read' | 'write',
  now: number,
): DeskhandError {
  if (!answer.ok) return unanswered(title, answer, kind)
  const { status } = answer
  const told = (waits ?? [retryAfter]).filter((header) => (header.status ?? status) === status)
  const wait = waitOf(answer.headers, told, now)
  const special = refusal?.(status, answer.text, wait)
  if (special !== undefined) return special
  const more = wait === undefined ? {} : { retryAfterMs: wait }
  if (status === 401 || status === 403)
    return new DeskhandError(
      'connection_broken',
      `${title} answered ${status}: check the credentials, their scope and the bot user's role`,
    )
  if (status === 404) return new DeskhandError('ticket_gone', `${title} answered 404`)
  if (status === 409) return new DeskhandError('ticket_changed', 'The ticket changed since it was read')
  if (status === 429) return new DeskhandError('rate_limited', `${title} answered 429`, more)
  if (status >= 500) {
    if (kind === 'read') return new DeskhandError('unavailable', `${title} answered ${status}`, more)
    // "Come back later" is said before anything is done; any other 5xx may come after.
    if (status === 503 && wait !== undefined)
      return new DeskhandError('rate_limited', `${title} answered 503 and when to come back`, more)
    return new DeskhandError('outcome_unknown', `${title} answered ${status} to a write`)
  }
  return new DeskhandError('refused', `${title} answered ${status}`)
}

function unanswered(
  title: string,
  answer: HttpAnswer & { ok: false },
  kind: 'read' | 'write',
): DeskhandError {
  const text = `${title} gave no answer: ${answer.message}`
  if (answer.cause === 'url_refused') return new DeskhandError('bad_configuration', text)
  if (answer.cause === 'redirect')
    return new DeskhandError(
      'connection_broken',
      `${title} redirects: check the account that the connection names`,
    )
  return new DeskhandError(kind === 'write' && answer.sent ? 'outcome_unknown' : 'unavailable', text)
}

function waitOf(
  headers: Record<string, string>,
  names: readonly WaitHeader[],
  now: number,
): number | undefined {
  for (const { name, unit } of names) {
    const said = headers[name]?.trim()
    if (said === undefined) continue
    const wait = readWait(said, unit, now)
    if (Number.isFinite(wait)) return Math.min(Math.max(wait, 1000), longestWaitMs)
  }
  return undefined
}

function readWait(said: string, unit: WaitHeader['unit'], now: number): number {
  if (!/^\d+(\.\d+)?$/.test(said)) return unit === 'seconds' ? Date.parse(said) - now : Number.NaN
  if (unit === 'epoch_seconds') return Number(said) * 1000 - now
  return unit === 'ms' ? Number(said) : Number(said) * 1000
}
