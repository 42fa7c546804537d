/** Freshdesk's lists: pages of 30 to 100, and a `link` header where there is another. */
import type { Answered, Asked } from '../serve.ts'
import type { Account } from './account.ts'

/** https://developers.freshdesk.com/api/#pagination */
export function page(all: readonly object[], { url }: Asked): Answered {
  const size = Math.min(100, Math.max(1, Number(url.searchParams.get('per_page') ?? 30)))
  const number = Math.max(1, Number(url.searchParams.get('page') ?? 1))
  const rows = all.slice((number - 1) * size, number * size)
  if (number * size >= all.length) return { status: 200, json: rows }
  const next = new URL(url)
  next.searchParams.set('page', String(number + 1))
  return { status: 200, headers: { link: `<${next}>; rel="next"` }, json: rows }
}

/** Of the last 30 days unless told, without spam and what was deleted. https://developers.freshdesk.com/api/#list_all_tickets */
export function listTickets({ tickets }: Account, asked: Asked, now: number): Answered {
  const asking = asked.url.searchParams
  const since = Date.parse(asking.get('updated_since') ?? '')
  const key = asking.get('order_by') === 'updated_at' ? 'updated_at' : 'created_at'
  const shown = [...tickets.values()]
    .filter(({ ticket }) => !ticket.spam && !ticket.deleted)
    .filter(({ ticket }) =>
      Number.isFinite(since)
        ? Date.parse(ticket.updated_at) >= since
        : Date.parse(ticket.created_at) > now - 30 * 86_400_000,
    )
    .toSorted((a, b) => (a.ticket[key] < b.ticket[key] ? -1 : 1))
  const ordered = asking.get('order_type') === 'asc' ? shown : shown.toReversed()
  const withStats = asking.get('include')?.split(',').includes('stats')
  return page(
    ordered.map(({ ticket, stats }) => ({ ...ticket, ...(withStats ? { stats } : {}) })),
    asked,
  )
}
