/** Tickets in which a customer wrote, by Gorgias's list of messages: for what no webhook told. */
import type { Doorbell } from '../../schemas/doorbell.ts'
import { messagesAnswer } from '../../schemas/gorgias-api.ts'
import { vendorId } from '../../schemas/names.ts'
import { type Api, client } from './api.ts'
import { isInternal } from './evidence.ts'
import { momentOf } from './time.ts'

/** Pages of a hundred messages: half of what an API key may ask in 20 seconds. */
const mostPages = 20

/**
 * The list goes from the newest message backwards, so it is read to `since` before the oldest is told. One doorbell a
 * ticket, for its newest message of a customer.
 */
export async function* moved(since: number, api: Api): AsyncGenerator<Doorbell> {
  const bells = new Map<string, Doorbell>()
  let cursor: string | undefined
  for (let page = 0; ; page++) {
    if (page === mostPages) {
      // What is older than these two thousand messages stays untold, and an operator has to know.
      api.log.alarm('moved_too_much', { count: bells.size })
      break
    }
    const query = new URLSearchParams({
      order_by: 'created_datetime:desc',
      limit: '100',
      ...(cursor === undefined ? {} : { cursor }),
    })
    const { data, meta } = await client.get(api, `/api/messages?${query}`, messagesAnswer)
    const times = data.map(({ created_datetime }) => momentOf(created_datetime))
    for (const [i, message] of data.entries()) {
      const { ticket_id: ticketId, id: messageId } = message
      const at = times[i] ?? 0
      if (at <= since || message.from_agent !== false || isInternal(message)) continue
      if (!vendorId.safeParse(ticketId).success || ticketId === undefined || bells.has(ticketId)) continue
      const named = vendorId.safeParse(messageId).success ? { messageId } : {}
      bells.set(ticketId, { ticketId, ...named, from: 'customer', at })
    }
    cursor = meta?.next_cursor
    if (cursor === undefined || times.some((at) => at <= since)) break
  }
  yield* [...bells.values()].sort((a, b) => a.at - b.at)
}
