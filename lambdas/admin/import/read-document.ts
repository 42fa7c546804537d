/** An OpenAPI document out of its text: checked, brought to 3.1, its references followed. Nothing is fetched or read. */
import { dereference, upgrade } from '@scalar/openapi-parser'
import { isMap, isScalar, parseDocument, visit } from 'yaml'
import { type Problem, pointer, refused } from './import-result.ts'
import { isNode, type Node, textOf } from './json-node.ts'

const mostBytes = 1_048_576
const mostDepth = 100
const mostNodes = 300_000
/** Of YAML: `maxAliasCount` of the library, which counts what an alias of aliases stands for. */
const mostAliases = 50

type Read = { ok: true; document: Node } | { ok: false; problems: Problem[] }
const problem = (message: string, path = 'document') => refused({ path, message })

/** Never throws. A `$ref` that was followed may lead back to where it stands: whoever walks has to look out. */
export function readDocument(text: string): Read {
  if (Buffer.byteLength(text) > mostBytes) return problem('is over 1 MiB: keep only the paths you want')
  const parsed = /^\s*\{/.test(text) ? parseJsonText(text) : parseYaml(text)
  if (!parsed.ok) return parsed
  if (!isNode(parsed.value)) return problem('must be an OpenAPI document in JSON or YAML')
  const document = parsed.value
  if (document.swagger !== undefined) {
    return problem('is Swagger 2.0: convert it to OpenAPI 3 first', '/swagger')
  }
  if (!/^3\.[01](?:\.|$)/.test(textOf(document.openapi))) return problem('must be 3.0 or 3.1', '/openapi')
  const problems = scan(document)
  return problems.length > 0 ? refused(...problems) : followed(document)
}

type Parsed = { ok: true; value: unknown } | { ok: false; problems: Problem[] }

function parseJsonText(text: string): Parsed {
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch {
    return problem('begins like JSON and is not: check it with a JSON parser')
  }
}

/** YAML 1.2 without tags of its own, merge keys and duplicate keys, and with few aliases. */
function parseYaml(text: string): Parsed {
  try {
    // The library compares each key with all before it; the set below does not.
    const document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      merge: false,
      uniqueKeys: false,
      // At `silent` a second document is passed over.
      logLevel: 'error',
    })
    const [first] = [...document.errors, ...document.warnings]
    if (first !== undefined) {
      const line = first.linePos?.[0].line
      return problem(`is not YAML that can be read${line === undefined ? '' : `: see line ${line}`}`)
    }
    let wrong: string | undefined
    visit(document, {
      Map(_, map) {
        const keys = new Set<unknown>()
        for (const { key } of map.items) {
          const name = isScalar(key) ? String(key.value) : undefined
          if (name === undefined) wrong = 'has a key that is not a word'
          else if (name === '<<') wrong = 'has a merge key (<<): write the members out'
          else if (keys.has(name)) wrong = 'has a key twice in one mapping'
          keys.add(name)
        }
        return wrong === undefined ? undefined : visit.BREAK
      },
    })
    if (wrong !== undefined) return problem(wrong)
    if (!isMap(document.contents)) return problem('must be an OpenAPI document in JSON or YAML')
    return { ok: true, value: document.toJS({ maxAliasCount: mostAliases }) }
  } catch {
    return problem('cannot be read: it is nested too deeply, or has too many aliases (*name)')
  }
}

/** Depth, size, and references that lead out of the document. */
function scan(document: Node): Problem[] {
  const problems: Problem[] = []
  const stack: { value: unknown; path: string; depth: number }[] = [{ value: document, path: '', depth: 0 }]
  for (let seen = 0; stack.length > 0; seen++) {
    const { value, path, depth } = stack.pop() ?? { value: undefined, path: '', depth: 0 }
    if (depth > mostDepth) return [{ path: 'document', message: `is nested over ${mostDepth} levels deep` }]
    if (seen > mostNodes) return [{ path: 'document', message: 'holds too many values' }]
    if (typeof value !== 'object' || value === null) continue
    for (const [name, inner] of Object.entries(value)) {
      const at = `${path}${pointer(name)}`
      if (name === '__proto__') problems.push({ path: at, message: 'is no name for a member' })
      if (name === '$ref' && typeof inner === 'string' && !/^#(?:\/|$)/.test(inner)) {
        problems.push({
          path: at,
          message: 'leads out of this document, and nothing is fetched: bundle it into one document first',
        })
      }
      stack.push({ value: inner, path: at, depth: depth + 1 })
    }
    if (problems.length >= 20) return problems
  }
  return problems
}

/** The library takes the document by value and has no way to load another: loading is a plugin, and none is given. */
function followed(document: Node): Read {
  try {
    const { specification } = upgrade(document)
    const { schema, errors = [] } = dereference({ ...specification })
    if (errors.length > 0) {
      return refused(
        ...errors.slice(0, 20).map(({ message }) => ({ path: '$ref', message: message.slice(0, 300) })),
      )
    }
    return isNode(schema) ? { ok: true, document: schema } : problem('cannot be read as OpenAPI 3')
  } catch {
    return problem(
      'cannot be read as OpenAPI 3: check it with a validator, its references may be nested too deeply',
    )
  }
}
