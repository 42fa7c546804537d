/** Takes out of an answer what neither the model nor the ledger shall have, before anything else reads it. */

/** Stands where a value was taken out. */
export const redactedMark = '[redacted]'

type Step = { member: string } | 'each' | 'any_depth'

const part = /^(?:\.?([A-Za-z_][A-Za-z0-9_-]*)|\.?"([^"\\]+)"|(\[\*?\]|\.\*))/

/**
 * A name alone (`card`) is a field at any depth; more (`order.payments[].card`) is a path from the top: members,
 * `[]` for every item, `.*` for every member. `undefined` where it is neither.
 */
export function parseRedaction(text: string): Step[] | undefined {
  const steps: Step[] = []
  for (let rest = text; rest !== ''; ) {
    const [matched, plain, quoted] = part.exec(rest) ?? []
    if (matched === undefined || (steps.length === 0 && matched.startsWith('.'))) return undefined
    // Two names need a dot between them.
    if (steps.length > 0 && !/^[.[]/.test(matched)) return undefined
    const member = plain ?? quoted
    steps.push(member === undefined ? 'each' : { member })
    rest = rest.slice(matched.length)
  }
  const [only] = steps
  return steps.length === 1 && typeof only === 'object' ? ['any_depth', only] : steps
}

/**
 * A copy of `value` without what the paths name. A path that finds nothing takes nothing out; a text has no paths, so
 * nothing of one is left.
 */
export function redact(value: unknown, redactions: readonly string[]): unknown {
  if (typeof value === 'string' && redactions.length > 0) return redactedMark
  return redactions.reduce((current, text) => {
    const steps = parseRedaction(text)
    // Nothing is shown where a rule cannot be kept, however the definition came into the table.
    return steps === undefined ? redactedMark : takeOut(current, steps)
  }, value)
}

function takeOut(value: unknown, steps: readonly Step[]): unknown {
  const [step, ...rest] = steps
  if (step === undefined) return redactedMark
  if (typeof value !== 'object' || value === null) return value
  if (step === 'any_depth') return takeOutEverywhere(value, rest)
  if (step === 'each') return mapInner(value, (inner) => takeOut(inner, rest))
  return Array.isArray(value)
    ? value
    : mapInner(value, (inner, name) => (name === step.member ? takeOut(inner, rest) : inner))
}

function takeOutEverywhere(value: unknown, steps: readonly Step[]): unknown {
  if (typeof value !== 'object' || value === null) return value
  const inner = mapInner(value, (each) => takeOutEverywhere(each, steps))
  return takeOut(inner, steps)
}

function mapInner(value: object, map: (inner: unknown, name: string) => unknown): unknown {
  if (Array.isArray(value)) return value.map((inner) => map(inner, ''))
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, map(inner, name)]))
}
