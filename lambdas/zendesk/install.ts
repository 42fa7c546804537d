/** Makes the webhook of a connection, or finds it. https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/ */
import { signingSecretAnswer, webhookAnswer, type ZendeskWebhook } from '../../schemas/zendesk-api.ts'
import { DeskhandError } from '../core/errors.ts'
import type { Installed } from '../core/helpdesk.ts'
import { type Api, client } from './api.ts'
import { events, findWebhook, lackingOf, path } from './webhook.ts'

/** Throws DeskhandError; `refused` where a webhook calls the URL and would not tell all that is needed. */
export async function install(api: Api, { url }: { url: string }): Promise<Installed> {
  const found = await findWebhook(api, (endpoint) => endpoint === url)
  // How a webhook is connected cannot be changed, and whoever switched it off may have had a reason.
  const lacking = found && lackingOf(found)
  if (lacking !== undefined) throw new DeskhandError('refused', lacking)
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
