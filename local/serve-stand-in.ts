import { createFaults } from './faults.ts'
import { type Answered, type Asked, serve } from './serve.ts'
import type { ApiRequest, StandIn, StandInOptions } from './stand-in.ts'
import { ticketPages } from './ticket-page.ts'

/** A stand-in's server: the vendor's API under planned faults, everything asked of it written down, and its pages. */
export async function serveStandIn(
  { port, onRequest }: Pick<StandInOptions, 'port' | 'onRequest'>,
  about: {
    /** The vendor's name, on the pages. */
    title: string
    isApi(asked: Asked): boolean
    answer(asked: Asked): Answered
    /** What the pages show; not asked before the server is up. */
    standIn(): Pick<StandIn, 'ticket' | 'tickets'>
  },
): Promise<Pick<StandIn, 'url' | 'requests' | 'failNext' | 'clearFaults'> & { close(): Promise<void> }> {
  const faults = createFaults()
  const requests: ApiRequest[] = []
  const served = await serve(async (asked) => {
    if (!about.isApi(asked)) return ticketPages(about.title, about.standIn(), asked)
    const answered = await faults.around(asked, () => about.answer(asked))
    const request: ApiRequest = {
      method: asked.method,
      path: asked.url.pathname + asked.url.search,
      body: asked.body,
      status: typeof answered === 'string' ? 0 : answered.status,
    }
    requests.push(request)
    onRequest?.(request)
    return answered
  }, port)
  return { ...served, requests, failNext: faults.failNext, clearFaults: faults.clear }
}
