import { type Answer, failure } from './errors.ts'

const windowMs = 10_000

/** So many calls in ten seconds, rolling. https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines */
export function createLimits(perWindow: number, now: () => number) {
  let calls: number[] = []
  return (): { headers: Record<string, string>; refused?: Answer } => {
    calls = calls.filter((at) => at > now() - windowMs)
    const isOver = calls.length >= perWindow
    if (!isOver) calls.push(now())
    const headers = {
      'x-hubspot-ratelimit-max': String(perWindow),
      'x-hubspot-ratelimit-remaining': String(perWindow - calls.length),
      'x-hubspot-ratelimit-interval-milliseconds': String(windowMs),
    }
    if (!isOver) return { headers }
    const message = 'You have reached your ten_secondly_rolling limit.'
    return {
      headers,
      refused: failure(429, 'RATE_LIMITS', message, { policyName: 'TEN_SECONDLY_ROLLING' }),
    }
  }
}
