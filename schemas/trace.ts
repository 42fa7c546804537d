/**
 * The trace of a ticket: what an admin reads to answer "why did it do that?". One record for each run that looked at the
 * ticket, its entries in the order things happened. Texts are there only where the tenant keeps content in the trace.
 */
import * as z from 'zod'
import { decider } from './consent.ts'
import { assurance } from './names.ts'

/** Milliseconds that it took. */
const ms = z.number()
const bytes = z.number().int()
/** A text that the tenant wants kept, cut to size, without secrets. */
const content = z.string().optional()

const begun = z.object({
  kind: z.literal('begun'),
  messageId: z.string(),
  channel: z.string(),
  release: z.number().int(),
  mode: z.enum(['note', 'reply']),
  /** The task that goes on. */
  task: z.string().optional(),
  message: content,
})

const identified = z.object({
  kind: z.literal('identified'),
  level: assurance,
  /** Why it is not more, or `proven`. */
  why: z.string(),
  suspicious: z.boolean(),
  /** What the helpdesk told of the message, without any address: names of what it affirmed. */
  evidence: z.array(z.string()),
  /** How many receive the answer or read the ticket, or `unknown`. */
  audience: z.union([z.number().int(), z.literal('unknown')]),
})

const userData = z.object({
  kind: z.literal('user_data'),
  code: z.enum(['data', 'none', 'mismatch', 'unavailable', 'not_asked']),
  /** Why it was not available. */
  cause: z.string().optional(),
  bytes: bytes.optional(),
  cut: z.boolean().optional(),
  /** As the turn began, before it was cut off and gone on with. */
  stored: z.boolean().default(false),
  text: content,
})

const model = z.object({
  kind: z.literal('model'),
  step: z.number().int(),
  model: z.string(),
  /** How the answer ended, or the code of the error that came instead. */
  stop: z.string(),
  tokens: z
    .object({ input: z.number(), output: z.number(), cacheRead: z.number(), cacheWrite: z.number() })
    .optional(),
  /** US dollars; absent where nobody has said what the model costs. */
  cost: z.number().optional(),
  ms: ms.optional(),
  /** From an earlier run that was cut off: it was not asked, nor paid for, again. */
  stored: z.boolean().default(false),
})

const toolCall = z.object({
  kind: z.literal('tool'),
  /** `unknown` for a name that is no tool. */
  name: z.string(),
  /** Version of the definition, and the release that had it. */
  version: z.number().int().optional(),
  release: z.number().int(),
  effect: z.enum(['read', 'write', 'own']).optional(),
  /** As the model gave them; what is not a number, a choice or an id is told by its size alone, unless content is kept. */
  arguments: z.unknown(),
  outcome: z.enum(['done', 'failed', 'refused', 'ended_turn']),
  /** Of the closed set of failures, or why the turn ended. */
  cause: z.string().optional(),
  /** Whose consent it ran on: it is the proposal of an earlier message, as it stood. */
  consent: decider.optional(),
  /** Our own words, where a rule refused it. */
  why: z.string().optional(),
  bytes,
  ms: ms.optional(),
  stored: z.boolean().default(false),
  result: content,
})

/** What became of a proposal. */
const decided = z.object({
  kind: z.literal('decided'),
  tool: z.string(),
  proposal: z.string(),
  by: decider,
  state: z.enum(['confirmed', 'approved', 'declined', 'expired']),
  /** Id of the approver, or of the customer's message; of what expired nobody's. */
  decidedBy: z.string().optional(),
})

const settled = z.object({
  kind: z.literal('settled'),
  effectId: z.string(),
  tool: z.string().optional(),
  state: z.string(),
})

const silent = z.object({ kind: z.literal('silent'), cause: z.string() })

const replied = z.object({
  kind: z.literal('replied'),
  as: z.enum(['reply', 'note']),
  personal: z.boolean(),
  bytes,
  /** What the checks took out. */
  removed: z.array(z.string()),
  /** It tells what became of this proposal. */
  proposal: z.string().optional(),
  text: content,
})

const replyRefused = z.object({ kind: z.literal('reply_refused'), cause: z.string() })

const handedOver = z.object({
  kind: z.literal('handed_over'),
  cause: z.string(),
  /** In the words of the model. */
  summary: content,
})

const postponed = z.object({
  kind: z.literal('postponed'),
  /** Code of what went wrong, or why it waits. */
  code: z.string(),
})

const cut = z.object({ kind: z.literal('cut'), leftOut: z.number().int() })

export const traceEntry = z.discriminatedUnion('kind', [
  begun,
  identified,
  userData,
  model,
  toolCall,
  decided,
  settled,
  silent,
  replied,
  replyRefused,
  handedOver,
  postponed,
  cut,
])
export type TraceEntry = z.infer<typeof traceEntry>
/** What is recorded: an entry and when, ms since the epoch. */
const timed = z.object({ at: z.number(), entry: traceEntry })

export const traceRecord = z.object({
  v: z.literal(1),
  /** When the run claimed the ticket, and its fence. */
  at: z.number(),
  fence: z.number().int(),
  /** Of the whole run. */
  ms,
  /** How it ended. */
  code: z.string(),
  /** US dollars that this run spent on the model. */
  cost: z.number(),
  entries: z.array(timed),
})
export type TraceRecord = z.infer<typeof traceRecord>
