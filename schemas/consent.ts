import * as z from 'zod'

/** Who decides on a proposal: the customer by a token, the customer by a one-time code, an approver of the tenant. */
export const decider = z.enum(['customer', 'code', 'agent'])
export type Decider = z.infer<typeof decider>

/**
 * What the ticket row keeps of a proposal, one per tool: the newest, so that what it replaced is dead at once. The
 * content is in the row `proposal#<id>`. From `confirmed` and `approved` on its effect row says what came of it.
 */
export const proposalMark = z.object({
  /** Of the proposal: of this message and these arguments. */
  id: z.string(),
  /** Of the effect that it becomes: the same for the same write on this ticket, so that no two proposals do it twice. */
  effect: z.string(),
  by: decider,
  state: z.enum(['proposed', 'confirmed', 'approved', 'declined', 'expired']),
  at: z.number(),
  /** ms: from then on it counts as expired, and the ticket is due to close it. */
  until: z.number(),
  /** The customer message that led to it, and the one whose answer shows it. */
  messageId: z.string(),
  askedFor: z.string(),
  /** Helpdesk id of its author, and HMAC of the address it was made for. */
  author: z.string(),
  address: z.string(),
  /** The customer's message that decided it, or the approver: an id of the helpdesk or of the admin API. */
  decidedBy: z.string().optional(),
  decidedAt: z.number().optional(),
  /** An approver decided or let it expire, it was carried out as far as it could be, and the customer or a colleague was told. */
  told: z.boolean().optional(),
})
export type ProposalMark = z.infer<typeof proposalMark>

/** A one-time code that was sent. The code itself is kept as an HMAC only. */
export const oneTimeCode = z.object({
  hmac: z.string(),
  /** ms */
  until: z.number(),
  /** Where it may stand: in the first line of a mail, or anywhere in a chat message. */
  channel: z.enum(['email', 'chat']),
  author: z.string(),
  /** HMAC of the address it was sent to. */
  address: z.string(),
  messageId: z.string(),
  /** The tool whose proposal it decides, and that proposal. */
  tool: z.string().optional(),
  proposal: z.string().optional(),
  /** The mail was taken. Without it nobody knows. */
  sent: z.boolean().optional(),
})
export type OneTimeCode = z.infer<typeof oneTimeCode>

/** What a code proved: for one message (email), or until a time (chat). */
export const grant = z.object({
  author: z.string(),
  /** HMAC of the address. */
  address: z.string(),
  messageId: z.string(),
  /** ms; absent: that message alone. */
  until: z.number().optional(),
})
export type Grant = z.infer<typeof grant>

/** Languages that fixed texts exist in. */
export const fixedLanguages = ['en', 'de', 'fr', 'es', 'it', 'nl'] as const
export type FixedLanguage = (typeof fixedLanguages)[number]
