/** The newest conversations of one ticket. Freshdesk lists the oldest first and does not say how many there are. */
import { conversationsAnswer, type FreshdeskConversation } from '../../schemas/freshdesk-api.ts'
import { DeskhandError } from '../core/errors.ts'
import { type Api, client, pathOf } from './api.ts'

const perPage = 100
/** So many of the newest are kept. */
const mostKept = 200
/** 12,800 messages. A ticket with more is not for a robot. */
const mostPages = 128

/**
 * Looks for the last page by doubling and then halving: 1 call for a hundred messages, 2 for two hundred, at most 15.
 * A page that is not full is the last. https://developers.freshdesk.com/api/#list_all_ticket_notes
 */
export async function readConversations(
  ticketId: string,
  api: Api,
): Promise<{ conversations: FreshdeskConversation[]; complete: boolean }> {
  const pages = new Map<number, FreshdeskConversation[]>()
  const read = async (page: number): Promise<FreshdeskConversation[]> => {
    const known = pages.get(page)
    if (known !== undefined) return known
    const path = `${pathOf(ticketId)}/conversations?per_page=${perPage}&page=${page}`
    const answer = await client.get(api, path, conversationsAnswer)
    pages.set(page, answer)
    return answer
  }
  const last = await lastPage(async (page) => (await read(page)).length >= perPage)
  const kept: FreshdeskConversation[] = []
  for (const page of [last - 2, last - 1, last]) if (page >= 1) kept.push(...(await read(page)))
  return { conversations: kept.slice(-mostKept), complete: last <= 3 && kept.length <= mostKept }
}

/** The first page that is not full. */
async function lastPage(isFull: (page: number) => Promise<boolean>): Promise<number> {
  let full = 0
  let open = 1
  while (await isFull(open)) {
    if (open >= mostPages)
      throw new DeskhandError('bad_answer', `The ticket has over ${mostPages * perPage} messages`)
    full = open
    open *= 2
  }
  while (open - full > 1) {
    const middle = Math.floor((full + open) / 2)
    if (await isFull(middle)) full = middle
    else open = middle
  }
  return open
}
