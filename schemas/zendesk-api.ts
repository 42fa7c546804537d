/**
 * What Zendesk sends, lenient: unknown fields are ignored, and what is missing stays missing, so that code can tell
 * "Zendesk said no" from "Zendesk did not say".
 */
import * as z from 'zod'
import { vendorId } from './names.ts'

/** Events carry ids as strings, REST answers as numbers; a number past 2^53 arrives here as its digits. */
const id = z.union([z.string(), z.number().refine(Number.isSafeInteger)]).transform(String)
const ticketId = id.pipe(vendorId)

/** A field of which Zendesk does not promise the shape: another shape is as good as absent. */
const tolerant = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined)

// ---- Webhooks -------------------------------------------------------------------------------------------

/** The envelope of every event, https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events/ */
export const zendeskEvent = z.object({
  type: z.string(),
  account_id: id,
  /** Unique per event and part of what is signed. */
  id: tolerant(z.string().min(1).max(128)),
  time: tolerant(z.string()),
})

/** `detail` of a ticket event: the ticket after the change. */
const ticketDetail = z.object({
  id: ticketId,
  actor_id: tolerant(id),
  brand_id: tolerant(id),
  is_public: tolerant(z.boolean()),
  updated_at: tolerant(z.string()),
})
export const ticketCreated = z.object({ detail: ticketDetail })
export const commentAdded = z.object({
  detail: ticketDetail,
  event: z.object({
    comment: z.object({
      id: ticketId,
      is_public: tolerant(z.boolean()),
      author: z.object({ id: tolerant(id), is_staff: tolerant(z.boolean()) }),
    }),
  }),
})

/** The body an admin gives to a trigger: ids only. A placeholder may come back empty or as it was written. */
export const triggerBody = z.object({
  ticket_id: ticketId,
  updated_at: tolerant(z.string()),
  actor_role: tolerant(z.string()),
})

// ---- REST answers ---------------------------------------------------------------------------------------

const user = z.object({
  id,
  name: tolerant(z.string()),
  email: tolerant(z.string()),
  role: tolerant(z.string()),
  url: tolerant(z.string()),
})
export type ZendeskUser = z.infer<typeof user>
const users = z.array(user).default([]).catch([])

/** https://developer.zendesk.com/documentation/ticketing/reference-guides/via-object-reference/ */
const via = z.object({
  /** A name, or the number that stands for it. */
  channel: tolerant(z.union([z.string(), z.number()]).transform(String)),
  source: tolerant(
    z.object({
      from: tolerant(
        z.object({
          address: tolerant(z.string()),
          ticket_id: z.unknown().optional(),
          ticket_ids: z.unknown().optional(),
        }),
      ),
      /** `null` says: no special relation. Absent says nothing. */
      rel: tolerant(z.string().nullable()),
    }),
  ),
})
export type ZendeskVia = z.infer<typeof via>

/** https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#json-format */
const ticket = z.object({
  id,
  subject: tolerant(z.string()),
  status: tolerant(z.string()),
  requester_id: id,
  submitter_id: tolerant(id),
  assignee_id: tolerant(id),
  brand_id: tolerant(id),
  tags: z.array(z.string()).default([]).catch([]),
  collaborator_ids: tolerant(z.array(id)),
  follower_ids: tolerant(z.array(id)),
  email_cc_ids: tolerant(z.array(id)),
  sharing_agreement_ids: tolerant(z.array(id)),
  via: tolerant(via),
  updated_at: z.string(),
})
export type ZendeskTicket = z.infer<typeof ticket>
export const ticketAnswer = z.object({ ticket, users })

/** https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_comments/#comment-flags */
const metadata = z.object({
  /** Documented as left out where there are none. What cannot be read counts as a flag that nobody knows. */
  flags: z
    .array(z.union([z.string(), z.number()]).transform(String))
    .nullish()
    .catch(['unreadable']),
  flags_options: z
    .record(z.string(), z.object({ trusted: tolerant(z.boolean()) }))
    .nullish()
    .catch({ unreadable: {} }),
  trusted: z.boolean().nullish().catch(false),
  /** `null` says: it was never suspended. Absent says nothing. */
  suspension_type_id: z.unknown().optional(),
})
export type ZendeskMetadata = z.infer<typeof metadata>

const comment = z.object({
  id,
  author_id: id.nullish(),
  audit_id: tolerant(id),
  body: tolerant(z.string()),
  plain_body: tolerant(z.string()),
  public: tolerant(z.boolean()),
  created_at: z.string(),
  via: tolerant(via),
  metadata: tolerant(metadata),
  attachments: z
    .array(z.object({ file_name: tolerant(z.string()) }))
    .default([])
    .catch([]),
})
export type ZendeskComment = z.infer<typeof comment>
export const commentsAnswer = z.object({
  comments: z.array(comment),
  users,
  meta: tolerant(z.object({ has_more: tolerant(z.boolean()), after_cursor: tolerant(z.string()) })),
})

/** https://developer.zendesk.com/api-reference/ticketing/users/user_identities/ */
const userIdentity = z.object({
  user_id: tolerant(id),
  type: tolerant(z.string()),
  value: tolerant(z.string()),
  primary: tolerant(z.boolean()),
  verification_method: tolerant(z.string()),
})
export type ZendeskIdentity = z.infer<typeof userIdentity>
export const identitiesAnswer = z.object({ identities: z.array(userIdentity) })

/** https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_audits/: `author_id` is who acted. */
export const auditAnswer = z.object({ audit: z.object({ id, author_id: tolerant(id) }) })

/** https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/ */
export const incrementalAnswer = z.object({
  tickets: z.array(z.object({ id: ticketId, status: tolerant(z.string()), updated_at: z.string() })),
  after_cursor: tolerant(z.string()),
  end_of_stream: tolerant(z.boolean()),
})

export const userAnswer = z.object({ user })
export const updateAnswer = z.object({
  audit: z.object({
    events: z.array(z.object({ id, type: tolerant(z.string()), public: tolerant(z.boolean()) })),
  }),
})
export const tokenAnswer = z.object({
  access_token: z.string().min(1),
  /** Seconds. Documented for other grants; not confirmed for client credentials. */
  expires_in: tolerant(z.number().positive()),
})
/** `description` or `error` say why; both may be text or an object. */
export const errorAnswer = z.object({
  error: z.unknown().optional(),
  description: z.unknown().optional(),
  details: z.unknown().optional(),
})

// ---- Webhooks, as the API keeps them ------------------------------------------------------------------

/** https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/ */
const webhook = z.object({
  id: z.string().min(1),
  endpoint: tolerant(z.string()),
  status: tolerant(z.string()),
  subscriptions: tolerant(z.array(z.string())),
})
export type ZendeskWebhook = z.infer<typeof webhook>
export const webhookAnswer = z.object({ webhook })
export const webhooksAnswer = z.object({
  webhooks: z.array(webhook),
  meta: tolerant(z.object({ has_more: tolerant(z.boolean()), after_cursor: tolerant(z.string()) })),
})
export const signingSecretAnswer = z.object({ signing_secret: z.object({ secret: z.string().min(1) }) })
