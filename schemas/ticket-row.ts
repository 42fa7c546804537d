import * as z from 'zod'
import { decider, grant, oneTimeCode, proposalMark } from './consent.ts'

const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'bytes')

/** An effect whose INTENT is on the ticket row and whose outcome is not known yet. */
export const openEffect = z.object({
  kind: z.enum(['tool', 'reply', 'note', 'hand_over']),
  /** When the INTENT was written, ms. */
  at: z.number(),
  /** The customer message it belongs to. */
  messageId: z.string(),
  tool: z.string().optional(),
  /** The tool promises to honour `Idempotency-Key`: the same bytes may be sent again. */
  keyed: z.boolean().optional(),
  /** The authorization to send a keyed request again with. */
  authorization: z.string().optional(),
  /** Sealed JSON of a tool call: arguments and the prepared request, to send again or to show a human. */
  request: bytes.optional(),
  /** Rows that count this write, and which end of it gives that back. */
  counted: z
    .array(z.object({ pk: z.string(), sk: z.string(), units: z.number(), back: z.enum(['done', 'failed']) }))
    .optional(),
  /** Who it was for: see `EffectRow.about`. */
  about: z.string().optional(),
  /** The hand-over that is owed once it was posted, and why. */
  owes: z.string().optional(),
  /** Of a hand-over: the team it goes to, where it is not the connection's default. */
  team: z.string().optional(),
  /** Who consented to it; absent where the tool asked nobody. */
  consent: decider.optional(),
})
export type OpenEffect = z.infer<typeof openEffect>

/** The task that a call of the model started or ended on the ticket. */
export const taskMark = z.object({
  name: z.string(),
  state: z.enum(['started', 'completed', 'abandoned']),
  /** Id of the call. */
  call: z.string(),
  /** The helpdesk's id of who wrote the message it was for: the task is theirs alone. */
  author: z.string(),
  at: z.number(),
})
export type TaskMark = z.infer<typeof taskMark>

/** The ticket row: lease, what is due, what is open. Sort key `ticket`. Kept small. */
export const ticketRow = z.object({
  pk: z.string(),
  sk: z.literal('ticket'),
  /** Whose queue its wake-ups go through. */
  helpdesk: z.string().optional(),
  /** Counts doorbells. A release holds only while it has not moved. */
  rung: z.number().default(0),
  /** Delivery ids already rung. */
  seen: z.instanceof(Set).optional(),
  /** Message ids that doorbells named and the helpdesk must show before we believe its read. */
  wanted: z.instanceof(Set).optional(),
  /** A customer's doorbell rang since the last release. */
  customer: z.boolean().default(false),
  /** Shard of the sparse index; absent when nothing is due. Due without `dueSince`, it waits for its time. */
  due: z.string().optional(),
  dueAt: z.number().optional(),
  dueSince: z.number().optional(),
  fence: z.number().default(0),
  leaseUntil: z.number().optional(),
  /** Claims since the last settled release that were this ticket's own fault. */
  attempts: z.number().default(0),
  /** How often we waited for a message that the helpdesk did not show. */
  waits: z.number().default(0),
  /** Consecutive outages; sets the next delay. */
  outages: z.number().default(0),
  open: z.record(z.string(), openEffect).default({}),
  /** A hand-over that must come before anything else is said, and why. */
  mustHandOver: z.string().optional(),
  /** A human has the ticket; set by our hand-over. */
  handedOver: z.boolean().default(false),
  /** An admin gave it back: the mark that still stands on the ticket counts no more, until it was taken off once. */
  markIgnored: z.boolean().default(false),
  /** Since when the ticket is ours again; a human's replies before it no longer silence us. */
  givenBackAt: z.number().optional(),
  /** When the ticket is looked at again, to see whether the helpdesk really sent our reply. */
  checkAt: z.number().optional(),
  /** When the newest look that settled the ticket began, by our clock. */
  lookedAt: z.number().optional(),
  /**
   * HMAC of the address that got a personal reply: from then on nobody else may read along. `erased` once that was
   * erased: then it is nobody's, and a human answers.
   */
  personal: z.string().optional(),
  task: taskMark.optional(),
  /** The newest proposal of each tool. */
  proposals: z.record(z.string(), proposalMark).default({}),
  /** The newest one-time code, how many were made on this ticket, and HMACs of what was tried against the newest. */
  code: oneTimeCode.optional(),
  codes: z.number().default(0),
  tried: z.instanceof(Set).optional(),
  /** The customer message whose answer asks for a one-time code, whether or not one could be sent. */
  codeAsked: z.string().optional(),
  /** What a one-time code proved. */
  grant: grant.optional(),
  /** HMACs of the addresses that the ticket is found by, and when those index rows were last written. */
  customers: z.instanceof(Set).optional(),
  indexedAt: z.number().optional(),
  /** When what was stored of the ticket was last erased. */
  erasedAt: z.number().optional(),
})
export type TicketRow = z.infer<typeof ticketRow>

/** Outcome of one effect, row `effect#<id>`. Kept 400 days, longer than every possible replay. */
export const effectRow = z.object({
  pk: z.string(),
  sk: z.string(),
  kind: openEffect.shape.kind,
  state: z.enum(['done', 'failed', 'unknown']),
  at: z.number(),
  messageId: z.string(),
  tool: z.string().optional(),
  /** HMAC of (address, level) it was done for; its content enters no prompt built for another. */
  about: z.string().optional(),
  /** Sealed JSON: a tool's arguments and what the model was told. */
  content: bytes.optional(),
  /** Id of the message we posted. */
  posted: z.string().optional(),
})
export type EffectRow = z.infer<typeof effectRow>

/** When a connection's helpdesk is next asked what moved: row `T#<tenant>#reconcile#<connectionId>`. */
export const scheduleRow = z.object({
  /** Not asked before this time. */
  nextAt: z.number().optional(),
  /** What moved before, ms, was asked for already. */
  since: z.number(),
  /** While a list is read in several runs: customers' messages after this time count, ms. */
  wroteSince: z.number().optional(),
  due: z.string().optional(),
  dueAt: z.number().optional(),
  leaseUntil: z.number().optional(),
})
