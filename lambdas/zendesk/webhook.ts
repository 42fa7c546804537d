/** Webhooks as the account has them. https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/ */
import { webhooksAnswer, type ZendeskWebhook } from '../../schemas/zendesk-api.ts'
import { DeskhandError } from '../core/errors.ts'
import { type Api, client } from './api.ts'

export const events = ['zen:event-type:ticket.created', 'zen:event-type:ticket.comment_added']
export const path = '/api/v2/webhooks'
/** Of a hundred webhooks each. */
const mostPages = 10

/** The first whose endpoint is ours. Throws DeskhandError; `refused` where there are too many to tell. */
export async function findWebhook(
  api: Api,
  isOurs: (endpoint: string) => boolean,
): Promise<ZendeskWebhook | undefined> {
  let after: string | undefined
  for (let page = 0; page < mostPages; page++) {
    const query = new URLSearchParams({
      'page[size]': '100',
      ...(after === undefined ? {} : { 'page[after]': after }),
    })
    const { webhooks, meta } = await client.get(api, `${path}?${query}`, webhooksAnswer)
    const found = webhooks.find(({ endpoint = '' }) => isOurs(endpoint))
    if (found !== undefined || meta?.has_more !== true || meta.after_cursor === undefined) return found
    after = meta.after_cursor
  }
  // To make one beside those that were not read might be the second.
  throw new DeskhandError(
    'refused',
    `The account has more than ${mostPages * 100} webhooks: look yourself, and make it by hand`,
  )
}

/** Why it would not tell all that is needed; `undefined`: it would. */
export function lackingOf({ id, status, subscriptions = [] }: ZendeskWebhook): string | undefined {
  if (status !== 'active') return `Webhook ${id} calls this connection and is not active: activate it there`
  // A trigger of the admin's own tells of the tickets that it was made for.
  if (subscriptions.includes('conditional_ticket_events')) return undefined
  const missing = events.filter((event) => !subscriptions.includes(event))
  return missing.length === 0
    ? undefined
    : `Webhook ${id} calls this connection and lacks ${missing.join(', ')}: subscribe it to them there`
}
