/** `allOf`: schemas that hold together as one. */
import { listOf, memberOf, type Node, nodeOf } from './json-node.ts'

/** Keywords whose stricter value holds. */
const stricter: Record<string, (a: number, b: number) => number> = {
  minimum: Math.max,
  exclusiveMinimum: Math.max,
  minLength: Math.max,
  minItems: Math.max,
  maximum: Math.min,
  exclusiveMaximum: Math.min,
  maxLength: Math.min,
  maxItems: Math.min,
}
/** They say something to people: the first one holds. */
const annotations = new Set(['title', 'description', 'example', 'examples', 'default', 'deprecated', 'xml'])

/**
 * `b` merged into `a`. `conflict` is called with the keywords that cannot be merged; of those `a`'s holds. Schemas of
 * the same property are put under `allOf` again, so nothing is walked further than it has to be.
 */
export function mergeSchemas(a: Node, b: Node, conflict: (keyword: string) => void): Node {
  const merged: Node = { ...a }
  for (const [keyword, theirs] of Object.entries(b)) {
    const mine = memberOf(a, keyword)
    if (mine === undefined) merged[keyword] = theirs
    else merged[keyword] = mergeKeyword(keyword, mine, theirs, conflict)
  }
  return merged
}

function mergeKeyword(
  keyword: string,
  mine: unknown,
  theirs: unknown,
  conflict: (keyword: string) => void,
): unknown {
  const pick = stricter[keyword]
  if (pick !== undefined && typeof mine === 'number' && typeof theirs === 'number') return pick(mine, theirs)
  if (annotations.has(keyword) || keyword.startsWith('x-') || mine === theirs) return mine
  switch (keyword) {
    case 'readOnly':
    case 'writeOnly':
      return mine === true || theirs === true
    case 'required':
      return [...new Set([...listOf(mine), ...listOf(theirs)])]
    case 'allOf':
      return [...listOf(mine), ...listOf(theirs)]
    case 'items':
      return { allOf: [mine, theirs] }
    case 'properties':
      return mergeProperties(nodeOf(mine), nodeOf(theirs))
    case 'type':
      return mergeTypes(mine, theirs, conflict)
    case 'enum': {
      const others = new Set(listOf(theirs))
      const both = listOf(mine).filter((value) => others.has(value))
      if (both.length === 0) conflict(keyword)
      return both.length === 0 ? mine : both
    }
    default:
      conflict(keyword)
      return mine
  }
}

function mergeProperties(mine: Node, theirs: Node): Node {
  const merged: Node = { ...mine }
  for (const [name, schema] of Object.entries(theirs)) {
    const own = memberOf(mine, name)
    merged[name] = own === undefined || own === schema ? schema : { allOf: [own, schema] }
  }
  return merged
}

/** An integer is a number, too. */
function mergeTypes(mine: unknown, theirs: unknown, conflict: (keyword: string) => void): unknown {
  const [a, b] = [mine, theirs].map((type) => (Array.isArray(type) ? type : [type])) as [unknown[], unknown[]]
  const narrowed = (types: unknown[], others: unknown[]) =>
    types.filter((type) => others.includes(type) || (type === 'integer' && others.includes('number')))
  const both = [...new Set([...narrowed(a, b), ...narrowed(b, a)])]
  if (both.length === 0) {
    conflict('type')
    return mine
  }
  return both.length === 1 ? both[0] : both
}
