/** What of a text or of a tool's arguments may stand in a trace. */
import { truncate } from './truncate.ts'

const contentBytes = 4096
const mostDepth = 6
const mostItems = 30

const address = /[^\s@<>"'()[\]{},;:]{1,64}(?:@|%40)[^\s@<>"'()[\]{},;:]{1,255}/gi
/** What credentials look like, wherever they stand. */
const secret =
  /\b(?:bearer|basic)\s+[\w.~+/=-]{8,}|\bsk-[\w-]{6,}|\bwhsec_\S+|\beyJ[\w-]{10,}[\w.-]*|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|-----BEGIN[\s\S]*?(?:-----END[^-]*-----|$)/gi

const withoutSecrets = (text: string): string => text.replace(secret, '[secret]')

/** A text that the tenant wants kept: cut, and without what looks like a credential. `undefined` where it does not. */
export const contentText = (text: string | undefined, keep: boolean): string | undefined =>
  keep && text !== undefined ? truncate(withoutSecrets(text), contentBytes).text : undefined

/** Our own words about a call. A name in them may be one that the model made up. */
export const ownWords = (text: string): string =>
  truncate(withoutSecrets(text).replace(address, '[address]'), 500).text

/**
 * A tool's arguments. Numbers, booleans, `choices` (what its schema lists) and ids stay, because they say what was
 * asked for; any other text is told by its size, unless content is kept.
 */
export function redacted(value: unknown, keep: boolean, choices: ReadonlySet<unknown>, depth = 0): unknown {
  if (typeof value === 'string') {
    if (choices.has(value)) return value
    if (keep) return contentText(value, true)
    return isId(value) ? value : `[${Buffer.byteLength(value)} bytes]`
  }
  if (typeof value !== 'object' || value === null) return value
  if (depth >= mostDepth) return '[deeper]'
  if (Array.isArray(value))
    return value.slice(0, mostItems).map((each) => redacted(each, keep, choices, depth + 1))
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, mostItems)
      .map(([name, each]) => [fieldName(name), redacted(each, keep, choices, depth + 1)]),
  )
}

/** A short word with a digit in it, and nothing that looks like a credential. */
const isId = (text: string): boolean =>
  /^[A-Za-z0-9#_.:/-]{1,40}$/.test(text) && /\d/.test(text) && withoutSecrets(text) === text

/** A parameter's name is the tenant's; any other is the model's own text. */
const fieldName = (name: string): string =>
  /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name) ? name : `[${Buffer.byteLength(name)} bytes]`
