/**
 * What Freshdesk sends, lenient: unknown fields are ignored, and what is missing stays missing, so that code can tell
 * "Freshdesk said no" from "Freshdesk did not say". https://developers.freshdesk.com/api/
 */
import * as z from 'zod'
import { vendorId } from './names.ts'

/** Placeholders arrive as strings, REST ids as numbers; a number past 2^53 arrives here as its digits. */
const id = z.union([z.string(), z.number().refine(Number.isSafeInteger)]).transform(String)

/** A field of which Freshdesk does not promise the shape: another shape is as good as absent. */
const tolerant = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined)
/** `null` says: none. Absent, or in another shape, says nothing. */
const orNone = <T extends z.ZodType>(schema: T) => schema.nullish().catch(undefined)

// ---- Webhooks -------------------------------------------------------------------------------------------

/** An account may give its ticket numbers a prefix, as in `INC-11`: the API wants the number. */
const ticketNumber = id
  .transform((text) => /^[A-Za-z]{0,16}[-_#]?0*([1-9]\d{0,19})$/.exec(text.trim())?.[1])
  .pipe(vendorId)

/** The body that our rule has, ids only. https://developers.freshdesk.com/api/ knows no webhooks: it is typed by hand. */
export const ruleBody = z.object({ ticket_id: ticketNumber, event: tolerant(z.string()) })

/**
 * What a rule sends whose content is "simple": every value is in a wrapper.
 * https://github.com/zulip/zulip/tree/main/zerver/webhooks/freshdesk/fixtures
 */
export const wrappedBody = z.object({
  freshdesk_webhook: z.object({
    ticket_id: ticketNumber,
    triggered_event: tolerant(z.string()),
    ticket_url: tolerant(z.string()),
  }),
})

// ---- REST answers ---------------------------------------------------------------------------------------

const addresses = z.array(z.string())

/** `name` only: files are not fetched. */
const attachments = z
  .array(z.object({ name: tolerant(z.string()) }))
  .default([])
  .catch([])

/** https://developers.freshdesk.com/api/#ticket_attributes */
export const ticketAnswer = z.object({
  id,
  subject: tolerant(z.string()),
  description: tolerant(z.string()),
  description_text: tolerant(z.string()),
  status: tolerant(z.number()),
  source: tolerant(z.number()),
  spam: tolerant(z.boolean()),
  deleted: tolerant(z.boolean()),
  requester_id: id,
  responder_id: orNone(id),
  group_id: orNone(id),
  product_id: orNone(id),
  cc_emails: tolerant(addresses),
  reply_cc_emails: orNone(addresses),
  to_emails: orNone(addresses),
  tags: z.array(z.string()).default([]).catch([]),
  attachments,
  created_at: z.string(),
  updated_at: z.string(),
  requester: tolerant(
    z.object({ id: tolerant(id), name: tolerant(z.string()), email: tolerant(z.string()) }),
  ),
})
export type FreshdeskTicket = z.infer<typeof ticketAnswer>

/** The tags of a ticket that is about to be changed: here an unreadable list is no empty one. */
export const markedAnswer = z.object({
  tags: z.array(z.string()),
  responder_id: orNone(id),
  group_id: orNone(id),
})
export type FreshdeskMarks = z.infer<typeof markedAnswer>

/** https://developers.freshdesk.com/api/#conversations */
const conversation = z.object({
  id,
  body: tolerant(z.string()),
  body_text: tolerant(z.string()),
  incoming: tolerant(z.boolean()),
  private: tolerant(z.boolean()),
  user_id: orNone(id),
  source: tolerant(z.number()),
  support_email: tolerant(z.string()),
  from_email: tolerant(z.string()),
  to_emails: orNone(addresses),
  cc_emails: orNone(addresses),
  bcc_emails: orNone(addresses),
  attachments,
  created_at: z.string(),
})
export type FreshdeskConversation = z.infer<typeof conversation>
export const conversationsAnswer = z.array(conversation)

/** https://developers.freshdesk.com/api/#contact_attributes */
export const contactAnswer = z.object({
  id,
  name: tolerant(z.string()),
  email: tolerant(z.string()),
  other_emails: tolerant(addresses),
})
export type FreshdeskContact = z.infer<typeof contactAnswer>

/** https://developers.freshdesk.com/api/#list_all_tickets */
export const listedTickets = z.array(
  z.object({
    id: id.pipe(vendorId),
    status: tolerant(z.number()),
    created_at: tolerant(z.string()),
    updated_at: z.string(),
    stats: tolerant(z.object({ requester_responded_at: orNone(z.string()) })),
  }),
)

/** https://developers.freshdesk.com/api/#reply_ticket: where the mail went. */
export const replyAnswer = z.object({
  id,
  replied_to: tolerant(addresses),
  cc_emails: orNone(addresses),
  bcc_emails: orNone(addresses),
})
export type FreshdeskReply = z.infer<typeof replyAnswer>
export const noteAnswer = z.object({ id })

/** https://developers.freshdesk.com/api/#me: `ticket_scope` 1 sees every ticket, 2 its groups', 3 its own. */
export const agentAnswer = z.object({ id, ticket_scope: tolerant(z.number()) })
