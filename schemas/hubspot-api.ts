/**
 * What HubSpot sends, lenient: unknown fields are ignored, and what is missing stays missing, so that code can tell
 * "HubSpot said no" from "HubSpot did not say".
 */
import * as z from 'zod'
import { vendorId } from './names.ts'

/** Ids come as numbers or strings; a number past 2^53 arrives here as its digits, or lost them and is no id. */
const id = z.union([z.string().min(1), z.number().refine(Number.isSafeInteger)]).transform(String)
const ticketId = id.pipe(vendorId)

/** A field of which HubSpot does not promise the shape: another shape is as good as absent. */
const tolerant = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined)

// ---- Webhooks -------------------------------------------------------------------------------------------

/**
 * One event of a batch. The reference calls the type `eventType`, what is sent `subscriptionType`.
 * https://developers.hubspot.com/docs/api/webhooks
 */
export const hubspotEvent = z.object({
  portalId: id,
  subscriptionType: tolerant(z.string()),
  eventType: tolerant(z.string()),
  /** The thread, in every `conversation.*` event. */
  objectId: tolerant(ticketId),
  /** ms since the epoch */
  occurredAt: tolerant(z.coerce.number().int().positive()),
  messageId: tolerant(ticketId),
  messageType: tolerant(z.string()),
})
export type HubspotEvent = z.infer<typeof hubspotEvent>

// ---- REST answers ---------------------------------------------------------------------------------------

const paging = tolerant(z.object({ next: tolerant(z.object({ after: tolerant(id) })) }))

/** https://developers.hubspot.com/docs/api-reference/conversations-conversations-v3/guide */
const thread = z.object({
  id: ticketId,
  status: tolerant(z.string()),
  closedAt: tolerant(z.string()),
  inboxId: tolerant(id),
  /** A visitor's id, which the CRM does not know, where there is no contact. */
  associatedContactId: tolerant(id),
  assignedTo: tolerant(z.string()),
  spam: tolerant(z.boolean()),
  archived: tolerant(z.boolean()),
  latestMessageTimestamp: tolerant(z.string()),
  latestMessageReceivedTimestamp: tolerant(z.string()),
  threadAssociations: tolerant(z.object({ associatedTicketId: tolerant(id) })),
})
export type HubspotThread = z.infer<typeof thread>
export const threadAnswer = thread
export const threadsAnswer = z.object({ results: z.array(thread), paging })

const deliveryIdentifier = z.object({ type: tolerant(z.string()), value: tolerant(z.string().min(1)) })
export type DeliveryIdentifier = z.infer<typeof deliveryIdentifier>

/** Read answers carry one `deliveryIdentifier`; older ones, and requests, a list. */
const party = z.object({
  actorId: tolerant(z.string()),
  name: tolerant(z.string()),
  senderField: tolerant(z.string()),
  recipientField: tolerant(z.string()),
  deliveryIdentifier: tolerant(deliveryIdentifier),
  deliveryIdentifiers: tolerant(z.array(deliveryIdentifier)),
})
export type HubspotParty = z.infer<typeof party>

/** One entry of a thread's history: a message, a comment, or something that happened. */
const entry = z.object({
  id,
  /** Left out, nobody knows what it is. */
  type: tolerant(z.string()),
  createdAt: z.string(),
  createdBy: tolerant(z.string()),
  client: tolerant(z.object({ clientType: tolerant(z.string()), integrationAppId: tolerant(id) })),
  senders: tolerant(z.array(party)),
  recipients: tolerant(z.array(party)),
  text: tolerant(z.string()),
  richText: tolerant(z.string()),
  subject: tolerant(z.string()),
  attachments: z
    .array(z.object({ type: tolerant(z.string()), name: tolerant(z.string()) }))
    .default([])
    .catch([]),
  truncationStatus: tolerant(z.string()),
  direction: tolerant(z.string()),
  channelId: tolerant(id),
  channelAccountId: tolerant(id),
  status: tolerant(z.object({ statusType: tolerant(z.string()) })),
})
export type HubspotEntry = z.infer<typeof entry>
export const messagesAnswer = z.object({ results: z.array(entry), paging })
export const originalContentAnswer = z.object({
  text: tolerant(z.string()),
  richText: tolerant(z.string()),
})

const actor = z.object({
  id: z.string(),
  type: tolerant(z.string()),
  name: tolerant(z.string()),
  email: tolerant(z.string()),
})
export type HubspotActor = z.infer<typeof actor>
export const actorAnswer = actor
export const actorsAnswer = z.object({ results: z.array(actor) })

/** https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide */
const contact = z.object({
  /** Of the contact that this one was merged into, where it was. */
  id: tolerant(id),
  properties: tolerant(
    z.object({
      email: tolerant(z.string()),
      firstname: tolerant(z.string()),
      lastname: tolerant(z.string()),
    }),
  ),
})
export type HubspotContact = z.infer<typeof contact>
export const contactAnswer = contact

/** https://developers.hubspot.com/docs/api-reference/crm-tickets-v3/guide */
const crmTicket = z.object({ id, properties: tolerant(z.record(z.string(), z.unknown())) })
export type HubspotCrmTicket = z.infer<typeof crmTicket>
export const crmTicketAnswer = crmTicket

export const channelAccountsAnswer = z.object({
  results: z.array(
    z.object({ id, channelId: tolerant(id), deliveryIdentifier: tolerant(deliveryIdentifier) }),
  ),
  paging,
})
export const inboxesAnswer = z.object({
  results: z.array(z.object({ id, name: tolerant(z.string()), type: tolerant(z.string()) })),
})
/** https://developers.hubspot.com/docs/api-reference/latest/account/account-information/guide */
export const accountAnswer = z.object({ portalId: id })
export const listAnswer = z.object({ results: z.array(z.unknown()) })
/** The message that was made. */
export const postedAnswer = z.object({ id })
/** Every field is optional. https://developers.hubspot.com/docs/api-reference/error-handling */
export const errorAnswer = z.object({ policyName: tolerant(z.string()) })
