import * as z from 'zod'
import { connectionBase } from './connection.ts'
import { handOverTeams } from './hand-over.ts'
import { secretName, vendorId } from './names.ts'

/** `A-<user id>`: somebody of the team. */
const agentActor = z.string().regex(/^A-[0-9]{1,20}$/, 'a team member’s actor id is A-<user id>')
/** The name of a CRM property, as the API spells it. */
const propertyName = z.string().regex(/^[a-z][a-z0-9_]{0,99}$/)
const address = z.email().toLowerCase()

/** One tenant's HubSpot account: what an admin configures. */
export const hubspotConnection = connectionBase.extend({
  helpdesk: z.literal('hubspot'),
  /** `portalId` of every webhook event; events of others are refused. */
  portalId: vendorId,
  /** Our own app's id: what it wrote is ours. A comment has no sender, so HubSpot may name nobody else. */
  appId: vendorId,
  /** The user that Deskhand answers as; what `A-<this>` wrote is ours. */
  botUserId: z.string().regex(/^[0-9]{1,20}$/, 'a user id is a number'),
  auth: z.strictObject({ type: z.literal('access_token'), secret: secretName }),
  /** The addresses of the inbox itself, the forwarding ones too. Any other recipient of a mail counts as a reader. */
  ownAddresses: z.array(address).min(1).max(50),
  /** Only messages on these channels count as email; absent: every message between mail addresses. */
  emailChannelIds: z.array(vendorId).min(1).optional(),
  /** HubSpot's own chat. The number is not confirmed; a message on any other channel without a mail address is `none`. */
  chatChannelIds: z.array(vendorId).default(['1000']),
  /** Answer threads of these inboxes only; absent: all. */
  inboxIds: z.array(vendorId).min(1).optional(),
  handOver: z
    .strictObject({
      /** Who gets what is handed over; absent: nobody, the thread is unassigned. */
      actorId: agentActor.optional(),
      /** A ticket property that says so; threads have no tags. `hs_pipeline_stage` with a stage's id works as well. */
      ticketProperty: z.strictObject({ name: propertyName, value: z.string().min(1).max(200) }).optional(),
    })
    .default({}),
  /** HubSpot has no team for a thread: each is a colleague's actor id. */
  handOverTeams: handOverTeams(agentActor),
  /** The id of the pipeline stage of a ticket that waits for its customer; absent: a reply leaves the ticket as it is. */
  waitingStage: z.string().min(1).max(100).optional(),
  /** Not confirmed whether private apps sign with v3: true accepts the older v1, which has no protection from replay. */
  allowSignatureV1: z.boolean().default(false),
  /** A stand-in's address on the laptop. Elsewhere it must be HubSpot's own. */
  baseUrl: z.url().optional(),
})
export type HubspotConnection = z.infer<typeof hubspotConnection>
