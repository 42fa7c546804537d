/**
 * What Intercom sends, lenient: unknown fields are ignored, and what is missing stays missing, so that code can tell
 * "Intercom said no" from "Intercom did not say". API version 2.16, https://github.com/intercom/Intercom-OpenAPI
 */
import * as z from 'zod'
import { vendorId } from './names.ts'

/** Ids come as strings or numbers; a number past 2^53 arrives here as its digits. */
const id = z.union([z.string(), z.number().refine(Number.isSafeInteger)]).transform(String)
const ticketId = id.pipe(vendorId)

/** A field of which Intercom does not promise the shape: another shape, or null, is as good as absent. */
const tolerant = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined)

const seconds = z.number().int().nonnegative()

const author = z.object({
  /** `user`, `lead`, `contact`, `admin`, `bot`, `team`, ... */
  type: tolerant(z.string()),
  id: tolerant(id.pipe(z.string().min(1))),
  name: tolerant(z.string()),
  email: tolerant(z.string()),
  from_ai_agent: tolerant(z.boolean()),
})
export type IntercomAuthor = z.infer<typeof author>

// ---- Webhooks -------------------------------------------------------------------------------------------

/** The envelope of every notification, https://developers.intercom.com/docs/webhooks/webhook-notifications */
export const notification = z.object({
  topic: z.string(),
  app_id: tolerant(id),
  /** Null in a ping. */
  id: tolerant(z.string().min(1).max(128)),
  created_at: tolerant(seconds),
  data: z.object({ item: z.unknown() }),
})

const webhookPart = z.object({
  id: tolerant(ticketId),
  part_type: tolerant(z.string()),
  created_at: tolerant(seconds),
  author: tolerant(author),
})
/** The conversation of a notification: only the new parts are in it. One part of another shape spoils no other. */
export const webhookConversation = z.object({
  id: ticketId,
  created_at: tolerant(seconds),
  source: tolerant(
    z.object({
      id: tolerant(ticketId),
      delivered_as: tolerant(z.string()),
      author: tolerant(author),
    }),
  ),
  conversation_parts: tolerant(z.object({ conversation_parts: z.array(tolerant(webhookPart)) })),
})

// ---- REST answers ---------------------------------------------------------------------------------------

/** `type` is `from`, `to`, `cc`, ... */
const header = z.object({ type: tolerant(z.string()), email_address: tolerant(z.string()) })
/** `null` says: not a mail. Absent says nothing; another shape is a mail of which nothing is known. */
const emailMetadata = z
  .object({ email_address_headers: tolerant(z.array(header)) })
  .nullish()
  .catch({})
export type IntercomEmail = z.infer<typeof emailMetadata>

const replyTo = tolerant(z.array(z.object({ email: tolerant(z.string()) })))
const attachments = z
  .array(z.object({ name: tolerant(z.string()) }))
  .default([])
  .catch([])

const source = z.object({
  id: tolerant(id),
  /** `conversation` is the Messenger; `email`, `whatsapp`, `sms`, ... */
  type: tolerant(z.string()),
  delivered_as: tolerant(z.string()),
  subject: tolerant(z.string()),
  body: tolerant(z.string()),
  author: tolerant(author),
  attachments,
  redacted: tolerant(z.boolean()),
  reply_to: replyTo,
  email_message_metadata: emailMetadata,
})
export type IntercomSource = z.infer<typeof source>

const part = z.object({
  id,
  part_type: tolerant(z.string()),
  body: tolerant(z.string()),
  created_at: seconds,
  author: tolerant(author),
  attachments,
  redacted: tolerant(z.boolean()),
  /** `null` says: no app wrote it. Absent says nothing. */
  app_package_code: z.unknown().optional(),
  reply_to: replyTo,
  email_message_metadata: emailMetadata,
})
export type IntercomPart = z.infer<typeof part>

export const conversationAnswer = z.object({
  id: ticketId,
  title: tolerant(z.string()),
  created_at: seconds,
  updated_at: tolerant(seconds),
  state: tolerant(z.string()),
  /** `0` and null are nobody. */
  admin_assignee_id: tolerant(id),
  team_assignee_id: tolerant(id),
  tags: tolerant(z.object({ tags: z.array(z.object({ name: tolerant(z.string()) })) })),
  source: tolerant(source),
  contacts: tolerant(z.object({ contacts: z.array(z.object({ id })) })),
  channel: tolerant(z.object({ current: tolerant(z.string()) })),
  ai_agent_participated: tolerant(z.boolean()),
  ai_agent: tolerant(z.object({ resolution_state: tolerant(z.string()) })),
  /** At most the 500 newest, oldest first; `total_count` tells whether there are more. */
  conversation_parts: z.object({ conversation_parts: z.array(part), total_count: tolerant(seconds) }),
})
export type IntercomConversation = z.infer<typeof conversationAnswer>

export const contactAnswer = z.object({
  id,
  role: tolerant(z.string()),
  email: tolerant(z.string().min(1)),
  name: tolerant(z.string()),
  external_id: tolerant(id.pipe(z.string().min(1))),
  /** Of users, where it is asked for: the leads that were merged into them. */
  merge_history: z.unknown().optional(),
})
export type IntercomContact = z.infer<typeof contactAnswer>

export const searchAnswer = z.object({
  conversations: z.array(
    z.object({
      id: ticketId,
      updated_at: seconds,
      statistics: tolerant(z.object({ last_contact_reply_at: tolerant(seconds) })),
    }),
  ),
  pages: tolerant(z.object({ next: tolerant(z.object({ starting_after: tolerant(z.string()) })) })),
})

export const meAnswer = z.object({
  app: tolerant(
    z.object({
      id_code: tolerant(z.string()),
      region: tolerant(z.string()),
      identity_verification: tolerant(z.boolean()),
    }),
  ),
})
export const adminsAnswer = z.object({
  admins: z.array(z.object({ id: tolerant(id), has_inbox_seat: tolerant(z.boolean()) })),
})
export const teamsAnswer = z.object({ teams: z.array(z.object({ id: tolerant(id) })) })
export const tagAnswer = z.object({ id: ticketId })
