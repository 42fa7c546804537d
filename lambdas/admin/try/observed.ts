import type { Http, HttpAnswer } from '../../core/ports.ts'

/** What an API was seen to do, the last time it was asked. */
export interface Observed {
  /** Of the last request alone, without what was waited for before. */
  ms: number
  status?: number
  bytes?: number
  contentType?: string
}

/** The way out with an eye on it; `last` is there once an answer came, or none. */
export function observedHttp(
  http: Http,
  now: () => number,
): { http: Http; seen(): (Observed & { answer: HttpAnswer }) | undefined } {
  let last: (Observed & { answer: HttpAnswer }) | undefined
  return {
    http: async (request) => {
      const started = now()
      const answer = await http(request)
      last = { answer, ms: now() - started, ...detailsOf(answer) }
      return answer
    },
    seen: () => last,
  }
}

function detailsOf(answer: HttpAnswer): Omit<Observed, 'ms'> {
  if (!answer.ok) return {}
  const contentType = answer.headers['content-type']
  return {
    status: answer.status,
    bytes: Buffer.byteLength(answer.text),
    ...(contentType === undefined ? {} : { contentType }),
  }
}
