/** A table that is gone with the process: what a simulation writes, it writes here. */
import { DeskhandError } from '../errors.ts'
import type { Key, Row, Table } from '../ports.ts'
import { copyOf } from './copy.ts'
import { changed, holds, type Item } from './table-expression.ts'

/**
 * Keeps rows in memory under the same conditions and updates as DynamoDB (`table-expression.ts` says which). Throws
 * `condition_failed` with the row as it stands, and `bad_configuration` for an expression that it does not know.
 */
export function createMemoryTable(): Table {
  const rows = new Map<string, Row>()
  const idOf = ({ pk, sk }: Key): string => JSON.stringify([pk, sk])
  const read = (key: Key): Row | undefined => {
    const row = rows.get(idOf(key))
    return row && copyOf(row)
  }
  const check = (key: Key, condition: Parameters<Table['put']>[2]): void => {
    if (condition?.condition === undefined || holds(rows.get(idOf(key)) ?? {}, condition)) return
    throw new DeskhandError('condition_failed', 'a row of a simulation is not as expected', {
      cause: read(key),
    })
  }

  return {
    get: async (_call, key) => read(key),
    batchGet: async (_call, keys) => keys.flatMap((key) => read(key) ?? []),
    put: async (_call, row, condition) => {
      check(row, condition)
      rows.set(idOf(row), copyOf(row) as Row)
    },
    update: async (_call, { pk, sk }, expression) => {
      const key = { pk, sk }
      check(key, expression)
      const before: Item = rows.get(idOf(key)) ?? key
      const after = copyOf(changed(before, expression)) as Row
      rows.set(idOf(key), after)
      return copyOf(after)
    },
    delete: async (_call, key, condition) => {
      check(key, condition)
      rows.delete(idOf(key))
    },
    query: async (_call, { pk, skPrefix = '', after, descending, limit }) => {
      const isAfter = ({ sk }: Row): boolean => {
        const order = after === undefined ? 1 : Buffer.compare(Buffer.from(sk), Buffer.from(after))
        return descending && after !== undefined ? order < 0 : order > 0
      }
      const found = [...rows.values()]
        .filter((row) => row.pk === pk && row.sk.startsWith(skPrefix) && isAfter(row))
        // By bytes, as DynamoDB sorts.
        .sort((a, b) => Buffer.compare(Buffer.from(a.sk), Buffer.from(b.sk)))
      if (descending) found.reverse()
      return found.slice(0, limit).map((row) => copyOf(row))
    },
  }
}
