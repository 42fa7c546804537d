import type { Answered } from '../serve.ts'

/**
 * The leaky bucket of an account: so many calls, which drain within so many ms.
 * https://developers.gorgias.com/reference/limitations
 */
export function createBucket(size: number, drainsInMs: number, now: () => number) {
  let level = 0
  let at = now()
  return {
    /** The header of every answer, and the refusal once the bucket is full. */
    call(): { headers: Record<string, string>; refused?: Answered } {
      level = Math.max(0, level - ((now() - at) * size) / drainsInMs)
      at = now()
      const full = level + 1 > size
      if (!full) level++
      const headers = { 'x-gorgias-account-api-call-limit': `${Math.ceil(level)}/${size}` }
      if (!full) return { headers }
      const seconds = Math.max(1, Math.ceil(((level + 1 - size) * drainsInMs) / size / 1000))
      const json = { error: { msg: 'Too many requests' } }
      return {
        headers,
        refused: { status: 429, headers: { ...headers, 'retry-after': String(seconds) }, json },
      }
    },
  }
}
