import * as z from 'zod'
import { connectionBase } from './connection.ts'
import { secretName, vendorId } from './names.ts'

/** One tenant's Intercom workspace: what an admin configures. */
export const intercomConnection = connectionBase.extend({
  helpdesk: z.literal('intercom'),
  /** Where the workspace's data is hosted: it decides which API is called. */
  region: z.enum(['us', 'eu', 'au']),
  /** The workspace's id, `app_id` of every webhook; a body with another is refused. */
  appId: vendorId,
  /** The teammate that Deskhand answers as; its messages are ours. */
  adminId: vendorId,
  /** The app's access token. */
  auth: z.strictObject({ secret: secretName }),
  handOver: z.strictObject({ teamId: vendorId.optional() }).default({}),
  /** What becomes of the conversation once we replied. A customer's next message opens it again. */
  afterReply: z.enum(['nothing', 'snooze', 'close']).default('nothing'),
  snoozeHours: z.number().int().min(1).max(720).default(24),
  /** What an admin attests about the Messenger, because no message says it. Without all three nobody is signed in. */
  messenger: z
    .strictObject({
      /** Messenger security with JWTs is enforced on every platform: web, iOS, Android. */
      jwtEnforced: z.boolean().default(false),
      /** The JWT carries the email address, and nothing else writes a contact's address. */
      emailSigned: z.boolean().default(false),
      /** No app or integration of the workspace writes messages in a contact's name. */
      noAppWritesAsContacts: z.boolean().default(false),
    })
    .default({ jwtEnforced: false, emailSigned: false, noAppWritesAsContacts: false }),
  /**
   * Not confirmed whether the headers of a later mail name its Reply-To: true reads a list without one as "replies go to
   * the sender".
   */
  laterMailNamesReplyTo: z.boolean().default(false),
  /** A stand-in's address on the laptop. Elsewhere it must be the region's own API. */
  baseUrl: z.url().optional(),
})
export type IntercomConnection = z.infer<typeof intercomConnection>
