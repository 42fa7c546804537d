import { Problem } from '../problem.ts'
import { limits, type Route } from '../route.ts'
import type { Requested } from './read-request.ts'

const minuteMs = 60_000

/** Counts a tenant's calls, over all processes: beyond the limit of a minute they are refused. */
export const limited = (route: Route) => ({
  before: async ({ event }: { event: Requested }) => {
    const { tenant, now, rank } = event.call
    if (tenant === undefined) return
    // Whoever watches how a tenant is erased leaves nothing behind in it.
    if (rank === 'operator' && route.method === 'GET') return
    const limit = route.limit ?? 'calls'
    const minute = Math.floor(now / minuteMs)
    const row = await tenant.conversations.update(
      'rate',
      { pk: `T#${tenant.tenant}#rate`, sk: `${limit}#${minute}` },
      {
        update: 'ADD calls :one SET expiresAt = :end',
        values: { ':one': 1, ':end': (minute + 60) * 60 },
      },
    )
    if (Number(row.calls) <= limits[limit]) return
    const seconds = Math.ceil(((minute + 1) * minuteMs - now) / 1000)
    throw new Problem('too_many', `At most ${limits[limit]} such calls a minute: wait ${seconds} s.`, {
      headers: { 'retry-after': String(seconds) },
    })
  },
})
