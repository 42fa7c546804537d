/** JSON with ids that may pass 2^53: such a number is read as its digits and written as a number again. */

type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown
// Node 24 hands the source text to the reviver; the language's library does not describe that yet.
const parse = JSON.parse as (text: string, reviver: Reviver) => unknown
const { rawJSON } = JSON as unknown as { rawJSON(digits: string): unknown }

/** Throws SyntaxError. */
export const parseLossless = (text: string): unknown =>
  parse(text, (_key, value, { source }) =>
    typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) ? source : value,
  )

/** An id for a request body: a number where it is one. */
export const idForJson = (id: string): unknown => (/^[1-9]\d*$/.test(id) ? rawJSON(id) : id)
