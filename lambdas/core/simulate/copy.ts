/** A copy of a row or a part of it, as a table keeps it: nothing is undefined. */
export function copyOf<T>(value: T): T {
  return copied(value) as T
}

function copied(value: unknown): unknown {
  // There is one zero.
  if (value === 0) return 0
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Set) return new Set(value)
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (Array.isArray(value)) return value.map(copied)
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => (inner === undefined ? [] : [[name, copied(inner)]])),
  )
}
