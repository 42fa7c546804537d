import * as z from 'zod'
import { connectionBase } from './connection.ts'
import { secretName, vendorId } from './names.ts'

/** One tenant's Zendesk account: what an admin configures. */
export const zendeskConnection = connectionBase.extend({
  helpdesk: z.literal('zendesk'),
  subdomain: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a subdomain is the part before .zendesk.com alone'),
  /** `account_id` of every webhook body; a body with another is refused. */
  accountId: vendorId,
  /** The agent user that Deskhand answers as; its messages are ours. */
  botUserId: vendorId,
  /** Answer tickets of these brands only; absent: all. */
  brandIds: z.array(vendorId).min(1).optional(),
  auth: z.discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('oauth_client_credentials'),
      clientId: z.string().min(1).max(200),
      secret: secretName,
      scope: z.string().default('read write'),
    }),
    /** Zendesk ends API tokens on 30 April 2027. */
    z.strictObject({ type: z.literal('api_token'), email: z.email(), secret: secretName }),
  ]),
  handOver: z.strictObject({ groupId: vendorId.optional() }).default({}),
  /** Not confirmed whether Zendesk sets flag 3 (author not signed in) on ordinary mail: true tolerates it on email only. */
  plainEmailCarriesFlag3: z.boolean().default(false),
  /** Not confirmed whether Zendesk leaves `flags` and `trusted` out of a clean comment: true reads absence as clean. */
  cleanCommentsOmitFlags: z.boolean().default(false),
  /** A stand-in's address on the laptop. Elsewhere it must be the account's own zendesk.com address. */
  baseUrl: z.url().optional(),
})
export type ZendeskConnection = z.infer<typeof zendeskConnection>
