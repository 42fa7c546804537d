/** Tickets that changed, by Zendesk's incremental export: for what no webhook told. */
import type { Doorbell } from '../../schemas/doorbell.ts'
import { incrementalAnswer } from '../../schemas/zendesk-api.ts'
import type { Pass } from '../core/helpdesk.ts'
import { type Api, client } from './api.ts'

/** The export refuses a start that is less than a minute ago. */
const youngestMs = 61_000

const settled = ['pending', 'solved', 'closed', 'deleted']

/**
 * Oldest change first. The export does not say who changed a ticket, so every one that waits for the company counts as
 * moved by its customer: a customer's message opens a ticket again that was pending or solved.
 * Needs an admin's token, and takes 10 requests a minute.
 * https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/#incremental-ticket-export-cursor-based
 */
export async function* moved(since: number, api: Api, pass?: Pass): AsyncGenerator<Doorbell> {
  const start = Math.floor(Math.min(since, api.now() - youngestMs) / 1000)
  let query = new URLSearchParams({ start_time: String(start), per_page: '100' })
  for (;;) {
    const page = await client.get(api, `/api/v2/incremental/tickets/cursor.json?${query}`, incrementalAnswer)
    for (const { id, status, updated_at } of page.tickets) {
      const at = Date.parse(updated_at)
      if (at > since && !settled.includes(status ?? '')) yield { ticketId: id, from: 'customer', at }
    }
    const last = Date.parse(page.tickets.at(-1)?.updated_at ?? '')
    if (last > since) pass?.reached(last)
    if (page.end_of_stream !== false || page.after_cursor == null) return
    query = new URLSearchParams({ cursor: page.after_cursor, per_page: '100' })
  }
}
