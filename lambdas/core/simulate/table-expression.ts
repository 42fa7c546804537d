/**
 * The part of DynamoDB's expressions that our rows need, over plain objects.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
 */
import { isDeepStrictEqual } from 'node:util'
import { DeskhandError } from '../errors.ts'
import type { Expression } from '../ports.ts'
import { copyOf } from './copy.ts'

export type Item = Record<string, unknown>
type Known = Pick<Expression, 'names' | 'values'>
type Path = readonly string[]

/** Does the condition hold for the item? */
export function holds(item: Item, { condition = '', ...known }: Omit<Expression, 'update'>): boolean {
  const reader = createReader(condition, known)
  const held = either(reader, item)
  reader.end()
  return held
}

/** The item after the update. Everything on the right of a `=` is read from the item as it was. */
export function changed(item: Item, { update, ...known }: Expression): Item {
  const reader = createReader(update, known)
  const after = copyOf(item)
  while (!reader.done()) {
    const clause = reader.next()
    do change(clause, reader, item, after)
    while (reader.take(','))
  }
  return after
}

function change(clause: string, reader: Reader, before: Item, after: Item): void {
  const path = reader.path()
  const value = changedValue(clause, reader, before, path)
  if (value === undefined) remove(after, path)
  else put(after, path, value)
}

/** What stands at the path afterwards; `undefined`: nothing. */
function changedValue(clause: string, reader: Reader, before: Item, path: Path): unknown {
  const now = at(before, path)
  switch (clause) {
    case 'SET':
      reader.expect('=')
      return sum(reader, before)
    case 'REMOVE':
      return undefined
    case 'ADD':
      return added(now, reader.value())
    case 'DELETE': {
      const less = reader.value() as Set<unknown>
      const left = now instanceof Set ? now.difference(less) : undefined
      // DynamoDB keeps no empty set.
      return left?.size === 0 ? undefined : left
    }
    default:
      throw unknown(clause)
  }
}

function sum(reader: Reader, item: Item): unknown {
  const first = operand(reader, item)
  if (reader.take('+')) return Number(first) + Number(operand(reader, item))
  if (reader.take('-')) return Number(first) - Number(operand(reader, item))
  return first
}

const added = (now: unknown, more: unknown): unknown =>
  more instanceof Set
    ? ((now as Set<unknown> | undefined) ?? new Set()).union(more)
    : Number(now ?? 0) + Number(more)

// ---- conditions -----------------------------------------------------------------------------------------

/** Both sides are always read to their end, so that the reader stands behind them. */
function either(reader: Reader, item: Item): boolean {
  let held = both(reader, item)
  while (reader.take('OR')) held = both(reader, item) || held
  return held
}

function both(reader: Reader, item: Item): boolean {
  let held = single(reader, item)
  while (reader.take('AND')) held = single(reader, item) && held
  return held
}

function single(reader: Reader, item: Item): boolean {
  if (reader.take('NOT')) return !single(reader, item)
  if (reader.take('(')) {
    const held = either(reader, item)
    reader.expect(')')
    return held
  }
  if (reader.take('attribute_exists')) return reader.within(() => at(item, reader.path())) !== undefined
  if (reader.take('attribute_not_exists')) return reader.within(() => at(item, reader.path())) === undefined
  if (reader.take('contains')) {
    return reader.within(() => {
      const all = at(item, reader.path())
      reader.expect(',')
      const wanted = operand(reader, item)
      return all instanceof Set && all.has(wanted)
    })
  }
  const left = operand(reader, item)
  return compare(left, reader.next(), operand(reader, item))
}

/** What is not there is different from everything, and neither above nor below it. */
function compare(left: unknown, how: string, right: unknown): boolean {
  if (how === '=') return left !== undefined && isDeepStrictEqual(left, right)
  if (how === '<>') return !isDeepStrictEqual(left, right)
  const isOrdered = typeof left === typeof right && (typeof left === 'number' || typeof left === 'string')
  const [a, b] = [left as number, right as number]
  switch (how) {
    case '<':
      return isOrdered && a < b
    case '<=':
      return isOrdered && a <= b
    case '>':
      return isOrdered && a > b
    case '>=':
      return isOrdered && a >= b
    default:
      throw unknown(how)
  }
}

function operand(reader: Reader, item: Item): unknown {
  if (reader.take('size')) return reader.within(() => sizeOf(at(item, reader.path())))
  if (reader.take('if_not_exists')) {
    return reader.within(() => {
      const there = at(item, reader.path())
      reader.expect(',')
      const otherwise = operand(reader, item)
      return there === undefined ? otherwise : there
    })
  }
  return reader.isValue() ? reader.value() : at(item, reader.path())
}

function sizeOf(value: unknown): number | undefined {
  if (value instanceof Set) return value.size
  if (typeof value === 'string' || value instanceof Uint8Array) return Buffer.from(value).length
  return typeof value === 'object' && value !== null ? Object.keys(value).length : undefined
}

// ---- paths ----------------------------------------------------------------------------------------------

const isMap = (value: unknown): value is Item =>
  typeof value === 'object' && value !== null && !(value instanceof Set) && !(value instanceof Uint8Array)

const at = (item: Item, path: Path): unknown =>
  path.reduce<unknown>(
    (value, name) => (isMap(value) && Object.hasOwn(value, name) ? value[name] : undefined),
    item,
  )

function put(item: Item, path: Path, value: unknown): void {
  const parent = at(item, path.slice(0, -1))
  // DynamoDB makes no map on the way either.
  if (!isMap(parent))
    throw new DeskhandError('bad_configuration', `there is no ${path.slice(0, -1).join('.')}`)
  parent[path.at(-1) ?? ''] = copyOf(value)
}

function remove(item: Item, path: Path): void {
  const parent = at(item, path.slice(0, -1))
  if (isMap(parent)) delete parent[path.at(-1) ?? '']
}

// ---- words ----------------------------------------------------------------------------------------------

type Reader = ReturnType<typeof createReader>

/** Reads an expression word by word, with its names and values filled in. */
function createReader(text: string, { names = {}, values = {} }: Known) {
  const words = text.match(/<>|<=|>=|[=<>(),+-]|[#:\w.]+/g) ?? []
  let position = 0
  const reader = {
    done: (): boolean => position >= words.length,
    next: (): string => words[position++] ?? '',
    take(word: string): boolean {
      if (words[position] !== word) return false
      position++
      return true
    },
    expect(word: string): void {
      if (!reader.take(word)) throw unknown(`${words[position]} where ${word} is due`)
    },
    end(): void {
      if (!reader.done()) throw unknown(words[position] ?? '')
    },
    within<T>(read: () => T): T {
      reader.expect('(')
      const value = read()
      reader.expect(')')
      return value
    },
    isValue: (): boolean => words[position]?.startsWith(':') === true,
    value(): unknown {
      const name = reader.next()
      if (!Object.hasOwn(values, name)) throw unknown(name)
      return values[name]
    },
    /** A name may hold dots, so it is filled in after the path was taken apart. */
    path: (): Path =>
      reader
        .next()
        .split('.')
        .map((part) => {
          if (!part.startsWith('#')) return part
          const name = names[part]
          if (name === undefined) throw unknown(part)
          return name
        }),
  }
  return reader
}

const unknown = (what: string): DeskhandError =>
  new DeskhandError('bad_configuration', `an expression of a table cannot be read at ${what}`)
