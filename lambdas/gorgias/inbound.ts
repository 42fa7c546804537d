/** Gorgias as `receive` sees it: how a webhook proves who sent it and what its body rings. Nothing here calls Gorgias. */
import type { Doorbell } from '../../schemas/doorbell.ts'
import { type GorgiasConnection, gorgiasConnection } from '../../schemas/gorgias.ts'
import { type GorgiasForm, webhookForm } from '../../schemas/gorgias-api.ts'
import { vendorId } from '../../schemas/names.ts'
import type { Inbound } from '../core/helpdesk.ts'

export const inbound: Inbound<GorgiasConnection> = {
  name: 'gorgias',
  /**
   * The secret stands in a header that the admin adds to the HTTP integration. Gorgias also takes an `hmac_secret`, but
   * nowhere says what it signs and in which header, so nothing is built on it.
   * https://developers.gorgias.com/reference/integrations
   */
  signatures: [{ scheme: 'shared_secret', header: 'x-deskhand-secret' }],
  /** Whether Gorgias sends again is not settled; what is lost is found by asking what moved. */
  retryStatus: 503,
  connection: gorgiasConnection,
  webhook(body, connection) {
    const form = webhookForm.safeParse(body)
    if (!form.success) return { refused: 'unreadable' }
    const bell = ring(form.data, connection)
    return { doorbells: bell === undefined ? [] : [bell] }
  },
}

function ring(form: GorgiasForm, { botUserId }: GorgiasConnection): Doorbell | undefined {
  const event = filled(form.event)
  // Which message could not be sent is for the ticket to show: it is ours, so naming it would ring nothing. As from the
  // customer, because a doorbell of the team alone is not looked at.
  if (event === 'ticket-message-failed') return bellOf(form, 'customer')
  if (event !== undefined && event !== 'ticket-message-created') return undefined
  if (filled(form.via) === 'rule') return undefined
  if (!isTrue(filled(form.from_agent))) return { ...bellOf(form, 'customer'), ...messageIn(form) }
  // Users and customers may share their ids, so the number counts only for what the company's side wrote.
  return filled(form.sender_id) === botUserId ? undefined : { ...bellOf(form, 'team'), ...messageIn(form) }
}

/** The body carries no time of the event and no id of the delivery. */
const bellOf = (form: GorgiasForm, from: Doorbell['from']): Doorbell => ({
  ticketId: form.ticket_id,
  from,
  at: Date.now(),
})

/** Without an id that can be used the newest message of the ticket counts, as it does anyway. */
function messageIn(form: GorgiasForm): Pick<Doorbell, 'messageId'> {
  const messageId = vendorId.safeParse(filled(form.message_id))
  return messageId.success ? { messageId: messageId.data } : {}
}

/** What Gorgias put in for a placeholder; one that it left as it was, or empty, says nothing. */
const filled = (value: string | undefined): string | undefined =>
  value === undefined || value === '' || value === 'None' || value.includes('{{') ? undefined : value

/** Booleans arrive as Python writes them. Not said at all: perhaps the customer, and a doorbell costs one look. */
const isTrue = (value: string | undefined): boolean => /^(true|1)$/i.test(value ?? '')
