/** What a failed call to Zendesk means: was anything done, and is it worth trying again? */
import { errorAnswer } from '../../schemas/zendesk-api.ts'
import { DeskhandError } from '../core/errors.ts'
import type { HttpAnswer } from '../core/ports.ts'

/** One deadline for each call. */
export const timeoutMs = 10_000

/** Zendesk's longest window is ten minutes (30 updates of one ticket): waiting longer never helps. */
const longestWaitMs = 10 * 60_000

/** The error for an answer that is not 2xx, or for none. */
export function refusal(answer: HttpAnswer, kind: 'read' | 'write', now: number): DeskhandError {
  if (!answer.ok) return unanswered(answer, kind)
  const { status } = answer
  const wait = retryAfter(answer.headers, now)
  const more = wait === undefined ? {} : { retryAfterMs: wait }
  if (status === 401 || status === 403)
    return new DeskhandError(
      'connection_broken',
      `Zendesk answered ${status}: check the credentials, their scope and the bot user's role`,
    )
  if (status === 404) return new DeskhandError('ticket_gone', 'Zendesk answered 404')
  if (status === 409) return new DeskhandError('ticket_changed', 'The ticket changed since it was read')
  if (status === 422 && saysClosed(answer.text))
    return new DeskhandError('ticket_closed', 'The ticket is closed: Zendesk refuses updates')
  if (status === 429) return new DeskhandError('rate_limited', 'Zendesk answered 429', more)
  if (status >= 500) {
    if (kind === 'read') return new DeskhandError('unavailable', `Zendesk answered ${status}`, more)
    // Zendesk's "come back later" is given before anything is done; any other 5xx may come after.
    if (status === 503 && wait !== undefined)
      return new DeskhandError('rate_limited', 'Zendesk answered 503 with Retry-After', more)
    return new DeskhandError('outcome_unknown', `Zendesk answered ${status} to a write`)
  }
  return new DeskhandError('refused', `Zendesk answered ${status}`)
}

function unanswered(answer: HttpAnswer & { ok: false }, kind: 'read' | 'write'): DeskhandError {
  const text = `Zendesk gave no answer: ${answer.message}`
  if (answer.cause === 'url_refused') return new DeskhandError('bad_configuration', text)
  if (answer.cause === 'redirect')
    return new DeskhandError('connection_broken', 'Zendesk redirects: check the connection’s subdomain')
  return new DeskhandError(kind === 'write' && answer.sent ? 'outcome_unknown' : 'unavailable', text)
}

/** `Retry-After` in seconds or as a date, else `ratelimit-reset` in seconds. */
function retryAfter(headers: Record<string, string>, now: number): number | undefined {
  const said = headers['retry-after'] ?? headers['ratelimit-reset']
  if (said === undefined) return undefined
  const wait = /^\d+$/.test(said.trim()) ? Number(said) * 1000 : Date.parse(said) - now
  return Number.isFinite(wait) ? Math.min(Math.max(wait, 1000), longestWaitMs) : undefined
}

/**
 * A closed ticket answers 422; in which field it says so is not pinned down, so all of them are looked at. The text
 * never goes further: it may hold what a customer wrote.
 */
function saysClosed(text: string): boolean {
  try {
    const error = errorAnswer.safeParse(JSON.parse(text))
    return error.success && /\bclosed\b/i.test(JSON.stringify(error.data))
  } catch {
    return false
  }
}
