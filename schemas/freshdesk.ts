import * as z from 'zod'
import { connectionBase } from './connection.ts'
import { secretName, vendorId } from './names.ts'

/** One tenant's Freshdesk account: what an admin configures. */
export const freshdeskConnection = connectionBase.extend({
  helpdesk: z.literal('freshdesk'),
  domain: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a domain is the part before .freshdesk.com alone, lower-case'),
  /** The agent whose API key we use and who answers; its messages are ours. */
  botUserId: vendorId,
  /** The outbound secret with the bot's API key. */
  apiKey: secretName,
  /**
   * The company's own support addresses. Whoever else stands in a mail's To reads along; a reply leaves from the one of
   * these that was written to.
   */
  supportAddresses: z.array(z.email().toLowerCase()).min(1).max(100),
  /** Answer tickets of these products only; absent: all. */
  productIds: z.array(vendorId).min(1).optional(),
  handOver: z.strictObject({ groupId: vendorId.optional() }).default({}),
  /** What becomes of a ticket's status after a reply. `pending` is one more call. */
  afterReply: z.enum(['pending', 'leave']).default('pending'),
  /** A stand-in's address on the laptop. Elsewhere it must be the account's own freshdesk.com address. */
  baseUrl: z.url().optional(),
})
export type FreshdeskConnection = z.infer<typeof freshdeskConnection>
