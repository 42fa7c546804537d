/**
 * What Gorgias sends, lenient: unknown fields are ignored, and what is missing stays missing, so that code can tell
 * "Gorgias said no" from "Gorgias did not say".
 */
import * as z from 'zod'
import { vendorId } from './names.ts'

/** REST answers carry ids as numbers, webhooks as text; a number past 2^53 arrives here as its digits. */
const id = z.union([z.string().min(1), z.number().refine(Number.isSafeInteger)]).transform(String)

/** A field of which Gorgias does not promise the shape: another shape is as good as absent. */
const tolerant = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined)

// ---- Webhooks -------------------------------------------------------------------------------------------

/** A value of the form: text, whatever it stands for. A placeholder may come back empty or as it was written. */
const formValue = tolerant(
  z
    .union([z.string(), z.number().refine(Number.isSafeInteger), z.boolean()])
    .transform((value) => String(value).trim()),
)

/**
 * The body that an admin gives to the HTTP integration: ids and marks only.
 * https://developers.gorgias.com/reference/the-tickethttpintegration-object
 */
export const webhookForm = z.object({
  ticket_id: id.pipe(vendorId),
  message_id: formValue,
  /** `True` or `False`. */
  from_agent: formValue,
  sender_id: formValue,
  via: formValue,
  event: formValue,
})
export type GorgiasForm = z.infer<typeof webhookForm>

// ---- REST answers ---------------------------------------------------------------------------------------

const person = z.object({ id, email: tolerant(z.string()), name: tolerant(z.string()) })

/** https://developers.gorgias.com/reference/tickets */
export const ticketAnswer = z.object({
  id,
  subject: tolerant(z.string()),
  status: tolerant(z.string()),
  channel: tolerant(z.string()),
  via: tolerant(z.string()),
  spam: tolerant(z.boolean()),
  /** `null` for a ticket of nobody. */
  customer: tolerant(person.nullable()),
  /** `null`: nobody. What is neither `null` nor readable is somebody. */
  assignee_user: z
    .object({ id: tolerant(id) })
    .nullish()
    .catch({}),
  tags: tolerant(z.array(z.object({ name: tolerant(z.string()) }))),
  meta: tolerant(z.object({ chat: tolerant(z.object({ conversation_id: tolerant(id) })) })),
  updated_datetime: tolerant(z.string()),
  trashed_datetime: tolerant(z.string()),
})
export type GorgiasTicket = z.infer<typeof ticketAnswer>

const contact = z.object({ address: tolerant(z.string()), name: tolerant(z.string()) })

/** https://developers.gorgias.com/reference/ticket-messages */
const message = z.object({
  id,
  ticket_id: tolerant(id),
  channel: tolerant(z.string()),
  via: tolerant(z.string()),
  from_agent: tolerant(z.boolean()),
  public: tolerant(z.boolean()),
  integration_id: tolerant(id),
  /** `null`: no rule. */
  rule_id: tolerant(id.nullable()),
  sender: tolerant(person.nullable()),
  subject: tolerant(z.string()),
  /** What routes it. A list that is not said is not an empty one. */
  source: tolerant(
    z.object({
      type: tolerant(z.string()),
      from: tolerant(contact),
      to: tolerant(z.array(contact)),
      cc: tolerant(z.array(contact)),
      bcc: tolerant(z.array(contact)),
    }),
  ),
  body_text: tolerant(z.string()),
  body_html: tolerant(z.string()),
  stripped_text: tolerant(z.string()),
  stripped_html: tolerant(z.string()),
  /** Of email: the header's own names, in any case. */
  headers: tolerant(z.record(z.string(), z.unknown())),
  /** `null`: whoever made it gave none, as where it was typed. */
  external_id: tolerant(id.nullable()),
  attachments: tolerant(z.array(z.object({ name: tolerant(z.string()) }))),
  meta: tolerant(z.record(z.string(), z.unknown())),
  created_datetime: z.string(),
  failed_datetime: tolerant(z.string()),
})
export type GorgiasMessage = z.infer<typeof message>
export const messagesAnswer = z.object({
  data: z.array(message),
  meta: tolerant(z.object({ next_cursor: tolerant(z.string()) })),
})

/** https://developers.gorgias.com/reference/create-ticket-message */
export const createdAnswer = z.object({ id })

/** https://developers.gorgias.com/reference/customers: a customer's addresses on every channel. */
export const customerAnswer = z.object({
  channels: tolerant(z.array(z.object({ type: tolerant(z.string()), address: tolerant(id) }))),
})

/** `GET /api/users/0`: whoever calls. */
export const userAnswer = z.object({
  id,
  active: tolerant(z.boolean()),
  role: tolerant(z.object({ name: tolerant(z.string()) })),
})

const pageMeta = tolerant(z.object({ next_cursor: tolerant(z.string()) }))
export const teamsAnswer = z.object({
  data: z.array(z.object({ id, name: tolerant(z.string()) })),
  meta: pageMeta,
})

/** https://developers.gorgias.com/reference/integrations */
export const integrationsAnswer = z.object({
  data: z.array(
    z.object({
      id,
      name: tolerant(z.string()),
      deactivated_datetime: tolerant(z.string()),
      http: tolerant(
        z.object({
          url: tolerant(z.string()),
          triggers: tolerant(z.record(z.string(), z.unknown())),
        }),
      ),
    }),
  ),
  meta: pageMeta,
})
export type GorgiasIntegration = z.infer<typeof integrationsAnswer>['data'][number]
