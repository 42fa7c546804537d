/** Intercom's REST API: where it is, who calls and how it says no. */
import type { IntercomConnection } from '../../schemas/intercom.ts'
import { DeskhandError } from '../core/errors.ts'
import type { HelpdeskApi } from '../core/helpdesk.ts'
import { boundSecret } from '../core/helpdesk-api/bound-secret.ts'
import { createClient } from '../core/helpdesk-api/client.ts'

export type Api = HelpdeskApi<IntercomConnection>

/** https://github.com/intercom/Intercom-OpenAPI, servers */
const origins = {
  us: 'https://api.intercom.io',
  eu: 'https://api.eu.intercom.io',
  au: 'https://api.au.intercom.io',
} as const

export const client = createClient<IntercomConnection>({
  title: 'Intercom',
  origin: ({ region }) => origins[region],
  /** Without it the version of the app in the Developer Hub would decide the shapes. */
  headers: { 'intercom-version': '2.16' },
  authorization: async (api, base, fresh) =>
    `Bearer ${await boundSecret(api, api.connection.auth.secret, base, fresh)}`,
  /** https://developers.intercom.com/docs/references/rest-api/errors/rate-limiting */
  waits: [
    // Sent with every answer: it says how long to wait only where the limit was met.
    { name: 'x-ratelimit-reset', unit: 'epoch_seconds', status: 429 },
    { name: 'retry-after', unit: 'seconds' },
  ],
  refusal: (status) => {
    // A contact that was merged into another: whoever it names now is not who wrote.
    if (status === 410) return new DeskhandError('ticket_gone', 'Intercom answered 410: it was merged')
    // A time-out at Intercom's side may come after the work.
    if (status === 408) return new DeskhandError('outcome_unknown', 'Intercom answered 408')
    return undefined
  },
})

export const conversationPath = (id: string): string => `/conversations/${encodeURIComponent(id)}`
