/** Tickets in which a customer wrote, by the list of tickets: for what no webhook told. */
import type * as z from 'zod'
import type { Doorbell } from '../../schemas/doorbell.ts'
import { listedTickets } from '../../schemas/freshdesk-api.ts'
import type { Pass } from '../core/helpdesk.ts'
import { type Api, client } from './api.ts'

const perPage = 100
const closed = 5

/**
 * Oldest change first. The list moves while it is read: a ticket that changes goes to its end, and what came after it
 * one place up. So after each full page the next one starts from the last change seen; pages are counted on only where
 * a whole page changed within one second. https://developers.freshdesk.com/api/#list_all_tickets
 */
export async function* moved(since: number, api: Api, pass?: Pass): AsyncGenerator<Doorbell> {
  const seen = new Set<string>()
  let from = stampOf(since)
  let page = 1
  for (;;) {
    const tickets = await client.get(api, `/api/v2/tickets?${queryOf(from, page)}`, listedTickets)
    for (const ticket of tickets) {
      const key = `${ticket.id} ${ticket.updated_at}`
      const at = customerWroteAt(ticket, pass?.wroteSince ?? since)
      if (at !== undefined && !seen.has(key)) yield { ticketId: ticket.id, from: 'customer', at }
      seen.add(key)
    }
    if (tickets.length < perPage) return
    const last = stampOf(Date.parse(tickets.at(-1)?.updated_at ?? from))
    if (Date.parse(last) > since) pass?.reached(Date.parse(last))
    page = last > from ? 1 : page + 1
    from = last > from ? last : from
  }
}

/** Whole seconds, as Freshdesk has them. */
const stampOf = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`

const queryOf = (from: string, page: number): URLSearchParams =>
  new URLSearchParams({
    updated_since: from,
    order_by: 'updated_at',
    order_type: 'asc',
    include: 'stats',
    per_page: String(perPage),
    page: String(page),
  })

/** When, if it was after `since`. Where Freshdesk leaves the statistics out, any change may be the customer's. */
function customerWroteAt(
  { status, stats, created_at, updated_at }: z.infer<typeof listedTickets>[number],
  since: number,
): number | undefined {
  if (status === closed) return undefined
  const times =
    stats?.requester_responded_at === undefined ? [updated_at] : [stats.requester_responded_at, created_at]
  return times.map((time) => Date.parse(time ?? '')).find((at) => at > since)
}
