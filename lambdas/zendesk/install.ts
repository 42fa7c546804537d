/** Makes the webhook of a connection, or finds it. https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/ */
import {
  signingSecretAnswer,
  webhookAnswer,
  webhooksAnswer,
  type ZendeskWebhook,
} from '../../schemas/zendesk-api.ts'
import { DeskhandError } from '../core/errors.ts'
import type { Installed } from '../core/helpdesk.ts'
import { type Api, client } from './api.ts'

const events = ['zen:event-type:ticket.created', 'zen:event-type:ticket.comment_added']
const path = '/api/v2/webhooks'
/** Of a hundred webhooks each. */
const mostPages = 10

/** Throws DeskhandError; `refused` where a webhook calls the URL and would not tell all that is needed. */
export async function install(api: Api, { url }: { url: string }): Promise<Installed> {
  const found = await webhookAt(api, url)
  if (found !== undefined) mustTell(found)
  const { id } = found ?? (await create(api, url))
  const { signing_secret } = await client.get(
    api,
    `${path}/${encodeURIComponent(id)}/signing_secret`,
    signingSecretAnswer,
  )
  return {
    outcome: found === undefined ? 'created' : 'found',
    ids: [id],
    secret: signing_secret.secret,
  }
}

async function create(api: Api, url: string): Promise<ZendeskWebhook> {
  const webhook = {
    name: 'Deskhand',
    description: 'Tells Deskhand that a ticket moved.',
    status: 'active',
    endpoint: url,
    http_method: 'POST',
    request_format: 'json',
    subscriptions: events,
  }
  return (await client.write(api, 'POST', path, { webhook }, webhookAnswer)).webhook
}

async function webhookAt(api: Api, url: string): Promise<ZendeskWebhook | undefined> {
  let after: string | undefined
  for (let page = 0; page < mostPages; page++) {
    const query = new URLSearchParams({
      'page[size]': '100',
      ...(after === undefined ? {} : { 'page[after]': after }),
    })
    const { webhooks, meta } = await client.get(api, `${path}?${query}`, webhooksAnswer)
    const found = webhooks.find(({ endpoint }) => endpoint === url)
    if (found !== undefined || meta?.has_more !== true || meta.after_cursor === undefined) return found
    after = meta.after_cursor
  }
  // To make one beside those that were not read might be the second.
  throw new DeskhandError(
    'refused',
    `The account has more than ${mostPages * 100} webhooks: look yourself, and make it by hand`,
  )
}

/** How a webhook is connected cannot be changed, and whoever switched it off may have had a reason. */
function mustTell({ id, status, subscriptions = [] }: ZendeskWebhook): void {
  if (status !== 'active')
    throw new DeskhandError('refused', `Webhook ${id} calls this URL and is not active: activate it there`)
  // A trigger of the admin's own tells of the tickets that it was made for.
  if (subscriptions.includes('conditional_ticket_events')) return
  const lacking = events.filter((event) => !subscriptions.includes(event))
  if (lacking.length > 0)
    throw new DeskhandError(
      'refused',
      `Webhook ${id} calls this URL and lacks ${lacking.join(', ')}: subscribe it to them there`,
    )
}
