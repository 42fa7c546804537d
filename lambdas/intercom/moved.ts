/** Conversations in which a customer wrote, by Intercom's search: for what no webhook told. */
import type { Doorbell } from '../../schemas/doorbell.ts'
import { searchAnswer } from '../../schemas/intercom-api.ts'
import type { Pass } from '../core/helpdesk.ts'
import { type Api, client } from './api.ts'

/**
 * Oldest change first. A conversation that does not say when its customer last wrote counts as moved by the customer.
 * Not confirmed that `sort` is honoured by this search: a page is put in order here as well.
 * https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/searchconversations
 */
export async function* moved(since: number, api: Api, pass?: Pass): AsyncGenerator<Doorbell> {
  const wroteSince = pass?.wroteSince ?? since
  let after: string | undefined
  do {
    const page = await client.search(api, '/conversations/search', searchFor(since, 50, after), searchAnswer)
    for (const { id, updated_at, statistics } of page.conversations.toSorted(byChange)) {
      const at = (statistics?.last_contact_reply_at ?? updated_at) * 1000
      if (at > wroteSince) yield { ticketId: id, from: 'customer', at }
    }
    const last = (page.conversations.at(-1)?.updated_at ?? 0) * 1000
    if (last > since) pass?.reached(last)
    after = page.pages?.next?.starting_after
  } while (after !== undefined)
}

/** Open ones that changed since then, ms: a customer's message opens what was snoozed or closed. */
export const searchFor = (since: number, perPage: number, after?: string): object => ({
  query: {
    operator: 'AND',
    value: [
      { field: 'updated_at', operator: '>', value: Math.floor(since / 1000) - 1 },
      { field: 'state', operator: '=', value: 'open' },
    ],
  },
  sort: { field: 'updated_at', order: 'ascending' },
  pagination: { per_page: perPage, ...(after === undefined ? {} : { starting_after: after }) },
})

const byChange = (a: { updated_at: number }, b: { updated_at: number }): number => a.updated_at - b.updated_at
