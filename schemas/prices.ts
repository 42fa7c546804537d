/**
 * What Claude costs, US dollars for a million tokens: https://platform.claude.com/docs/en/about-claude/pricing and the
 * page of each model (https://platform.claude.com/docs/en/models/<model>/overview), as read in November 2026. A write
 * to the cache for 5 minutes costs 1.25 times the input, a read 0.1 times where the page does not name another price. A
 * tenant's own `price` goes before this table.
 */
import type { ModelPrice } from './agent-rules.ts'

interface Listed extends ModelPrice {
  /** A prompt of more tokens costs `above`. */
  upTo?: number
  above?: ModelPrice
}

const price = (input: number, output: number, cacheRead: number): ModelPrice => ({
  input,
  output,
  cacheRead,
  cacheWrite: 1.25 * input,
})

const prices: Record<string, Listed> = {
  'claude-haiku-5-5': { ...price(0.1, 0.5, 0.01), upTo: 100_000, above: price(0.5, 2.5, 0.05) },
  // A lower price for cache reads has been reported, not confirmed: the higher one overstates.
  'claude-sonnet-5-5': price(2, 10, 0.2),
  'claude-opus-5-5': price(4, 20, 0.2),
  'claude-opus-5': price(5, 25, 0.5),
  'claude-sonnet-5': price(2, 10, 0.2),
  'claude-haiku-4-5': price(1, 5, 0.1),
}

/** Tokens of one answer, as the Messages API counts them: the four do not overlap. */
export interface TokenCounts {
  input: number
  output: number
  cacheRead: number
  cacheWrite: number
}

/** A model as the table names it: Amazon Bedrock puts region and vendor before the id, some ids end in a date or version. */
const listed = (model: string): Listed | undefined =>
  prices[
    model
      .replace(/^.*(?=claude-)/, '')
      .replace(/-v\d+(?::\d+)?$/, '')
      .replace(/-\d{8}$/, '')
  ]

/** Is the price of this model known? */
export const hasPrice = (model: string): boolean => listed(model) !== undefined

/** US dollars for one answer; `undefined` where nobody has said what the model costs. */
export function costOf(model: string, tokens: TokenCounts, own?: ModelPrice): number | undefined {
  const known = listed(model)
  const prompt = tokens.input + tokens.cacheRead + tokens.cacheWrite
  const long = known?.upTo !== undefined && prompt > known.upTo ? known.above : undefined
  const each = own ?? long ?? known
  if (each === undefined) return undefined
  const sum =
    tokens.input * each.input +
    tokens.output * each.output +
    tokens.cacheRead * each.cacheRead +
    tokens.cacheWrite * each.cacheWrite
  return sum / 1_000_000
}
