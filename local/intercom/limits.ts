import type { Answered } from '../serve.ts'
import { errors } from './rest.ts'

const windowS = 10

/**
 * 10,000 calls a minute, spread over windows of ten seconds.
 * https://developers.intercom.com/docs/references/rest-api/errors/rate-limiting
 */
export function createLimits(perMinute: number, now: () => number) {
  const perWindow = Math.floor(perMinute / (60 / windowS))
  let window = 0
  let used = 0
  return (): { headers: Record<string, string>; refused?: Answered } => {
    const current = Math.floor(now() / 1000 / windowS)
    if (current !== window) used = 0
    window = current
    used++
    const headers = {
      'x-ratelimit-limit': String(perWindow),
      'x-ratelimit-remaining': String(Math.max(0, perWindow - used)),
      'x-ratelimit-reset': String((current + 1) * windowS),
    }
    if (used <= perWindow) return { headers }
    return { headers, refused: errors(429, 'rate_limit_exceeded', 'Exceeded rate limit') }
  }
}
