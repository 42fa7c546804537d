/** Freshdesk's REST API: where it is, who calls, how it says no. */
import type { FreshdeskConnection } from '../../schemas/freshdesk.ts'
import { DeskhandError } from '../core/errors.ts'
import type { HelpdeskApi } from '../core/helpdesk.ts'
import { boundSecret } from '../core/helpdesk-api/bound-secret.ts'
import { createClient } from '../core/helpdesk-api/client.ts'

export type Api = HelpdeskApi<FreshdeskConnection>

export const client = createClient<FreshdeskConnection>({
  title: 'Freshdesk',
  origin: ({ domain }) => `https://${domain}.freshdesk.com`,
  /** The key is the user, the password is anything. https://developers.freshdesk.com/api/#authentication */
  async authorization(api, base, fresh) {
    const key = await boundSecret(api, api.connection.apiKey, base, fresh)
    return `Basic ${Buffer.from(`${key}:X`, 'utf8').toString('base64')}`
  },
  /** A ticket that is spam or deleted takes no updates. https://developers.freshdesk.com/api/#error */
  refusal: (status) =>
    status === 405
      ? new DeskhandError('ticket_closed', 'The ticket is spam or deleted: Freshdesk refuses updates')
      : undefined,
})

export const pathOf = (ticketId: string): string => `/api/v2/tickets/${encodeURIComponent(ticketId)}`
