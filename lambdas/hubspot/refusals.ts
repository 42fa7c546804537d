/** How HubSpot says no. https://developers.hubspot.com/docs/api-reference/error-handling */
import { errorAnswer } from '../../schemas/hubspot-api.ts'
import { DeskhandError } from '../core/errors.ts'
import type { Refusals } from '../core/helpdesk-api/failures.ts'

/** HubSpot holds a lock this long, by its own word. */
const lockMs = 2_000
/** An account that is being moved to another data centre: where HubSpot does not say for how long. */
const migrationMs = 60_000
/** The day's calls are used up. Nothing helps but waiting, and nobody may be told sooner. */
const dailyMs = 10 * 60_000

export const refusals: Refusals = {
  title: 'HubSpot',
  waits: [
    { name: 'retry-after', unit: 'seconds' },
    // The length of the window, which every answer names.
    { name: 'x-hubspot-ratelimit-interval-milliseconds', unit: 'ms', status: 429 },
  ],
  refusal(status, text, wait) {
    if (status === 423) return later('423: the record is locked', Math.max(wait ?? 0, lockMs))
    if (status === 477) return later('477: the account is being moved', wait ?? migrationMs)
    if (status === 429 && isDaily(text)) return later('429: the calls of the day are used up', dailyMs)
    return undefined
  },
}

const later = (what: string, retryAfterMs: number): DeskhandError =>
  new DeskhandError('rate_limited', `HubSpot answered ${what}`, { retryAfterMs })

/** Documented as DAILY; the exact values are not confirmed. */
function isDaily(text: string): boolean {
  try {
    const error = errorAnswer.safeParse(JSON.parse(text))
    return error.success && /daily/i.test(error.data.policyName ?? '')
  } catch {
    return false
  }
}
