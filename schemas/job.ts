import * as z from 'zod'
import { tenantId } from './names.ts'

/** What a tenant may ask for of one customer, by an address, or of itself. */
export const jobKinds = ['export-customer', 'erase-customer', 'export-tenant', 'erase-tenant'] as const
export const jobKind = z.enum(jobKinds)
export type JobKind = z.infer<typeof jobKind>

/** When it was started, ms, and 128 random bits: ids sort by time. */
export const jobId = z.string().regex(/^\d{13}-[A-Za-z0-9_-]{22}$/, 'not the id of a job')

/** A hint that a job is due. Its row is the truth. */
export const jobCall = z.strictObject({ tenant: tenantId, job: jobId })
export type JobCall = z.infer<typeof jobCall>

/** How many rows there are of each kind (`lambdas/core/jobs/row-kinds.ts`); `sealed` counts sealed values in them. */
export const rowCounts = z.record(z.string(), z.number())
export type RowCounts = z.infer<typeof rowCounts>

/** One job: row `T#<tenant>#job`, sort key its id. It is the audit of itself, and outlives what it erased. */
export const jobRow = z.object({
  pk: z.string(),
  sk: jobId,
  kind: jobKind,
  state: z.enum(['queued', 'running', 'done', 'failed']),
  /** Who asked for it, when (ms) and why. */
  by: z.string(),
  at: z.number(),
  why: z.string(),
  /** HMAC of the customer's address. */
  customer: z.string().optional(),
  /** The address itself, sealed: only until the job ends. */
  address: z.instanceof(Uint8Array).optional(),
  /** Where the job stands: a step of its kind, and how far within it. */
  step: z.string().optional(),
  cursor: z.record(z.string(), z.string()).optional(),
  /** A step that waits goes on at this time, ms. */
  waitUntil: z.number().optional(),
  /** How often a tenant was gone through. */
  rounds: z.number().default(0),
  /** Tickets, rows or definitions worked on in this step; those that were under way and are waited for. */
  done: z.number().default(0),
  waiting: z.number().default(0),
  before: rowCounts.optional(),
  after: rowCounts.optional(),
  /** Pages of the export, and until when they are kept, ms. */
  pages: z.number().default(0),
  pagesUntil: z.number().optional(),
  fence: z.number().default(0),
  leaseUntil: z.number().optional(),
  /** Runs in a row that came no further. */
  attempts: z.number().default(0),
  waits: z.number().default(0),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  endedAt: z.number().optional(),
})
export type JobRow = z.infer<typeof jobRow>
