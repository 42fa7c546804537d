/** A map in memory that forgets the entry used longest ago once it holds more than `max`. */
export interface BoundedCache<V> {
  get(key: string): V | undefined
  set(key: string, value: V): void
  /** All of them; looking counts as no use. */
  all(): [key: string, value: V][]
}

export function createBoundedCache<V>(max: number): BoundedCache<V> {
  const entries = new Map<string, V>()
  return {
    all: () => [...entries],
    get: (key) => {
      const value = entries.get(key)
      if (value === undefined) return undefined
      entries.delete(key)
      entries.set(key, value)
      return value
    },
    set: (key, value) => {
      entries.delete(key)
      entries.set(key, value)
      for (const oldest of entries.keys()) {
        if (entries.size <= max) break
        entries.delete(oldest)
      }
    },
  }
}
