import type { Answered } from '../serve.ts'

/** The account's requests per minute, and 30 updates per ticket in 10 minutes. */
export function createLimits(perMinute: number, now: () => number) {
  let minute = 0
  let used = 0
  const updates = new Map<number, number[]>()
  const tooMany = (seconds: number): Answered => ({
    status: 429,
    headers: { 'retry-after': String(seconds) },
    json: {
      error: 'APIRateLimitExceeded',
      description: 'Number of allowed API requests per minute exceeded',
    },
  })
  return {
    request(): { headers: Record<string, string>; refused?: Answered } {
      const current = Math.floor(now() / 60_000)
      if (current !== minute) used = 0
      minute = current
      used++
      const left = String(Math.max(0, perMinute - used))
      const reset = 60 - (Math.floor(now() / 1000) % 60)
      const headers = {
        'x-rate-limit': String(perMinute),
        'x-rate-limit-remaining': left,
        'ratelimit-limit': String(perMinute),
        'ratelimit-remaining': left,
        'ratelimit-reset': String(reset),
      }
      return used > perMinute ? { headers, refused: tooMany(reset) } : { headers }
    },
    update(ticketId: number): Answered | undefined {
      const since = now() - 600_000
      const recent = (updates.get(ticketId) ?? []).filter((at) => at > since)
      if (recent.length >= 30) return tooMany(Math.ceil(((recent[0] ?? now()) - since) / 1000))
      updates.set(ticketId, [...recent, now()])
      return undefined
    },
  }
}
