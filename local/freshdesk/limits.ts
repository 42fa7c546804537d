import type { Answered } from '../serve.ts'

/** The Growth plan's calls per minute, by all apps of the account together. https://developers.freshdesk.com/api/#ratelimit */
export const growthPerMinute = 200

/** Counts what each call costs; calls beyond the limit count as well. */
export function createLimits(perMinute: number, now: () => number) {
  let minute = 0
  let used = 0
  return (cost: number): { headers: Record<string, string>; refused?: Answered } => {
    const current = Math.floor(now() / 60_000)
    if (current !== minute) used = 0
    minute = current
    used += cost
    const headers = {
      'x-ratelimit-total': String(perMinute),
      'x-ratelimit-remaining': String(Math.max(0, perMinute - used)),
      'x-ratelimit-used-currentrequest': String(cost),
    }
    if (used <= perMinute) return { headers }
    const seconds = String(60 - (Math.floor(now() / 1000) % 60))
    return {
      headers,
      refused: {
        status: 429,
        headers: { ...headers, 'retry-after': seconds },
        json: { message: 'You have exceeded the limit of requests per minute' },
      },
    }
  }
}
