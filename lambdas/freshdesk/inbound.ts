/** Freshdesk as `receive` sees it: how a webhook is vouched for and what its body rings. Nothing here calls Freshdesk. */
import type { Doorbell } from '../../schemas/doorbell.ts'
import { type FreshdeskConnection, freshdeskConnection } from '../../schemas/freshdesk.ts'
import { ruleBody, wrappedBody } from '../../schemas/freshdesk-api.ts'
import type { Inbound, Webhook } from '../core/helpdesk.ts'

export const inbound: Inbound<FreshdeskConnection> = {
  name: 'freshdesk',
  /**
   * Nothing is signed: a rule sends the header or the password that the admin typed into it.
   * https://support.scaly.se/en/support/solutions/articles/202000115017
   */
  signatures: [
    { scheme: 'shared_secret', header: 'x-deskhand-secret' },
    { scheme: 'basic', user: 'freshdesk' },
  ],
  /** Freshdesk sends a failed delivery again after 5, 30 and 60 minutes. */
  retryStatus: 503,
  connection: freshdeskConnection,
  webhook(body, connection) {
    const ours = ruleBody.safeParse(body)
    if (ours.success) return rings(ours.data.ticket_id, ours.data.event)
    const wrapped = wrappedBody.safeParse(body)
    if (!wrapped.success) return { refused: 'unreadable' }
    const { ticket_id, triggered_event, ticket_url } = wrapped.data.freshdesk_webhook
    if (isOfAnother(ticket_url, connection)) return { refused: 'wrong_account' }
    return rings(ticket_id, triggered_event)
  },
}

/** Without the time of the event and without an id of message or delivery: Freshdesk has no placeholders for them. */
function rings(ticketId: string, event: string | undefined): Webhook {
  const from = whoMoved(event ?? '')
  return { doorbells: from === undefined ? [] : [{ ticketId, from, at: Date.now() }] }
}

/**
 * Events look like `{note_type:private}` and `{status:{from:2,to:4}}`, which is not JSON. Only a private note is surely
 * the team's. Anything else that may be a message counts as the customer's: the rule is one for requesters, and a
 * doorbell costs one look.
 */
function whoMoved(event: string): Doorbell['from'] | undefined {
  if (/note_type\W+private/i.test(event)) return 'team'
  if (/reply_sent|note_type|ticket_action\W+created/i.test(event)) return 'customer'
  return /ticket_action|\bfrom\W+/i.test(event) ? undefined : 'customer'
}

/** An account's portal may have a host of its own; one beneath freshdesk.com names the account. */
function isOfAnother(ticketUrl: string | undefined, { domain }: FreshdeskConnection): boolean {
  if (ticketUrl === undefined || !URL.canParse(ticketUrl)) return false
  const { hostname } = new URL(ticketUrl)
  return hostname.endsWith('.freshdesk.com') && hostname !== `${domain}.freshdesk.com`
}
