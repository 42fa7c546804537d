import * as z from 'zod'
import { handOverTeams } from './hand-over.ts'
import { connectionId, helpdeskName, secretName, vendorId } from './names.ts'

/**
 * What an admin attests about the helpdesk account, because its API does not say. Each closes a side door
 * through which a mail's answer could reach somebody else. All default to "not attested".
 */
export const attestations = z.strictObject({
  /** The helpdesk rejects or flags mail whose sender fails SPF, DKIM and DMARC. */
  senderAuthentication: z.boolean().default(false),
  /** CCs cannot be added to a ticket by mail, or are stripped. */
  ccsOff: z.boolean().default(false),
  /** No shared organisation, portal or company view shows a customer's tickets to another customer. */
  noSharedViews: z.boolean().default(false),
})
export type Attestations = z.infer<typeof attestations>

/** What every connection has. Each helpdesk's schema extends it: see `schemas/<helpdesk>.ts`. */
export const connectionBase = z.strictObject({
  id: connectionId,
  helpdesk: helpdeskName,
  enabled: z.boolean().default(true),
  /** `note`: answers are internal notes and no write runs. An admin switches it to `reply`. */
  mode: z.enum(['note', 'reply']).default('note'),
  /** Webhook secrets that are accepted now: two while one is being rotated. */
  inbound: z
    .array(z.strictObject({ secret: secretName, expiresAt: z.iso.datetime().optional() }))
    .min(1)
    .max(2),
  /** Asks the helpdesk every so often what moved, for webhooks that never came. */
  reconcile: z
    .strictObject({
      enabled: z.boolean().default(true),
      everyMinutes: z.number().int().min(5).max(1440).default(15),
    })
    .default({ enabled: true, everyMinutes: 15 }),
  /** Helpdesk user ids of those who may approve a write by an internal note. None: only the admin API approves. */
  approvers: z.array(vendorId).max(100).default([]),
  /** Team of a hand-over by its reason, instead of the helpdesk's own `handOver`: ids as the helpdesk gives them. */
  handOverTeams: handOverTeams(vendorId),
  /** The company's own addresses: no one-time code goes there, whatever a customer claims. */
  supportAddresses: z.array(z.email()).max(100).default([]),
  attestations: attestations.default({ senderAuthentication: false, ccsOff: false, noSharedViews: false }),
})
export type ConnectionBase = z.infer<typeof connectionBase>
