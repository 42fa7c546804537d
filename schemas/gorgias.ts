import * as z from 'zod'
import { connectionBase } from './connection.ts'
import { secretName, vendorId } from './names.ts'

/** One tenant's Gorgias account: what an admin configures. */
export const gorgiasConnection = connectionBase.extend({
  helpdesk: z.literal('gorgias'),
  subdomain: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a subdomain is the part before .gorgias.com alone'),
  /** The user that Deskhand answers as; its messages are ours. */
  botUserId: vendorId,
  /**
   * Every address at which the account receives mail. Whoever else a customer's mail names as recipient reads along,
   * and Gorgias sends from none but these.
   */
  supportAddresses: z.array(z.email().toLowerCase()).min(1),
  /** Answer tickets that came in by these integrations only: one account may serve several brands. Absent: all. */
  integrationIds: z.array(vendorId).min(1).optional(),
  auth: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('api_key'), email: z.email(), secret: secretName }),
    /** The secret is an access token, which Gorgias ends after 24 hours: whoever stores it has to renew it. */
    z.strictObject({ type: z.literal('oauth_token'), secret: secretName }),
  ]),
  handOver: z.strictObject({ teamId: vendorId.optional() }).default({}),
  /** Gorgias knows open and closed only. Closed, a ticket opens again when its customer writes. */
  closeAfterReply: z.boolean().default(false),
  /** A stand-in's address on the laptop. Elsewhere it must be the account's own gorgias.com address. */
  baseUrl: z.url().optional(),
})
export type GorgiasConnection = z.infer<typeof gorgiasConnection>
