/** Threads in which a customer wrote, by HubSpot's list of threads: for what no webhook told. */
import type { Doorbell } from '../../schemas/doorbell.ts'
import { type HubspotThread, threadsAnswer } from '../../schemas/hubspot-api.ts'
import type { Pass } from '../core/helpdesk.ts'
import { type Api, client, paths } from './api.ts'

/**
 * Oldest change first. Which of these parameters may be combined is not confirmed, so each page is filtered once more.
 * A short page may have a successor: only a missing cursor ends.
 * https://developers.hubspot.com/docs/api-reference/conversations-conversations-v3/guide
 */
export async function* moved(since: number, api: Api, pass?: Pass): AsyncGenerator<Doorbell> {
  const wroteSince = pass?.wroteSince ?? since
  let after: string | undefined
  do {
    const query = new URLSearchParams({
      threadStatus: 'OPEN',
      latestMessageTimestampAfter: new Date(since).toISOString(),
      sort: 'latestMessageTimestamp',
      limit: '100',
    })
    if (after !== undefined) query.set('after', after)
    const page = await client.get(api, `${paths.threads}?${query}`, threadsAnswer)
    // HubSpot's order is by any message, and what a page holds is told by when its customers wrote.
    const moved = page.results
      .filter((thread) => receivedAt(thread) > wroteSince && isAnswerable(thread, api))
      .sort((a, b) => receivedAt(a) - receivedAt(b))
    for (const thread of moved) yield { ticketId: thread.id, from: 'customer', at: receivedAt(thread) }
    const last = Date.parse(page.results.at(-1)?.latestMessageTimestamp ?? '')
    if (last > since) pass?.reached(last)
    const next = page.paging?.next?.after
    after = next === after ? undefined : next
  } while (after !== undefined)
}

/** When a customer wrote last, ms; where only some message is dated, that one's time. */
const receivedAt = (thread: HubspotThread): number =>
  Date.parse(thread.latestMessageReceivedTimestamp ?? thread.latestMessageTimestamp ?? '')

/** Is the thread one that Deskhand may answer? */
const isAnswerable = ({ status, spam, archived, inboxId }: HubspotThread, { connection }: Api): boolean =>
  (status === undefined || status === 'OPEN') &&
  spam !== true &&
  archived !== true &&
  (connection.inboxIds === undefined || (inboxId !== undefined && connection.inboxIds.includes(inboxId)))
