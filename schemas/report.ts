/** What a tenant's agent did, counted by day and connection: row `T#<tenant>#report`, sort key `<day>#<connectionId>`. */
import * as z from 'zod'

export const reportPk = (tenant: string): string => `T#${tenant}#report`
/** `2026-11-25`, UTC. */
export const reportDay = (at: number): string => new Date(at).toISOString().slice(0, 10)

/** What counts a cause or a tool is named `<prefix>#<name>`. */
export const countPrefixes = ['handed_over', 'refused', 'silent', 'postponed', 'tool'] as const
export type CountPrefix = (typeof countPrefixes)[number]

const count = z.number().default(0)
/** The sums that every row may have. */
export const reportSums = {
  /** Runs that looked at a ticket and had something to tell. */
  runs: count,
  replies: count,
  notes: count,
  hand_overs: count,
  model_calls: count,
  input_tokens: count,
  output_tokens: count,
  cache_read_tokens: count,
  cache_write_tokens: count,
  /** Millionths of a US dollar, where a price is known: whole, so that sums are exact. */
  micro_dollars: count,
} as const
export const reportRow = z.looseObject(reportSums)
export type ReportSum = keyof typeof reportSums
