import * as z from 'zod'
import { connectionId, vendorId } from './names.ts'

/** What we keep of a webhook: that a ticket moved. Never its content. */
export const doorbell = z.strictObject({
  ticketId: vendorId,
  /** The message that moved it, where the webhook names one. */
  messageId: vendorId.optional(),
  /** Only where the vendor sends one that is unique per delivery; never derived. */
  deliveryId: z.string().min(1).max(128).optional(),
  from: z.enum(['customer', 'team']),
  /** When it happened by the vendor's clock, ms since the epoch. */
  at: z.number().int(),
})
export type Doorbell = z.infer<typeof doorbell>

/** A hint that a ticket is due. The ticket row is the truth. */
export const wakeUp = z.strictObject({ connectionId, ticketId: vendorId })
export type WakeUp = z.infer<typeof wakeUp>

/** A hint that a connection's helpdesk is to be asked what moved. Its schedule row is the truth. */
export const reconcileCall = z.strictObject({ connectionId, reconcile: z.literal(true) })
export type ReconcileCall = z.infer<typeof reconcileCall>

/** The body of an SQS message. */
export const queued = z.union([wakeUp, reconcileCall])
export type Queued = z.infer<typeof queued>
