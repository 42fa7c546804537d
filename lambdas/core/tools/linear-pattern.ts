/**
 * A tenant's `pattern`, run in time that grows with the text alone. JavaScript's own engine tries every way to match:
 * `(a+)+$` on forty letters would hold up every ticket of the process for hours.
 */
import { RE2JS } from 're2js'

/** A longer text fits no pattern: what a parameter takes is short, and a large pattern takes its time by each letter. */
const longestText = 4096

export interface LinearPattern {
  test(text: string): boolean
  /** ajv keeps patterns by this: two that read the same would be one. */
  toString(): string
}

/** `undefined` for what needs more than linear time (lookaround, back-references), is too large, or is no pattern. */
export function linearPattern(pattern: string): LinearPattern | undefined {
  const compiled = compile(pattern)
  if (compiled === undefined) return undefined
  return {
    test: (text) => text.length <= longestText && compiled.test(text),
    toString: () => pattern,
  }
}

/** Fits nothing: a definition that came into the table unchecked lets nothing pass. */
export const noPattern = (pattern: string): LinearPattern => ({ test: () => false, toString: () => pattern })

function compile(pattern: string): RE2JS | undefined {
  try {
    // What both engines read, so that it means what JSON Schema says.
    new RegExp(pattern, 'u')
    return RE2JS.compile(RE2JS.translateRegExp(pattern))
  } catch {
    return undefined
  }
}
