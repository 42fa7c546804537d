/** From an example to its schema. Types only: no value of a pasted command is kept, it may be anybody's. */
import type { ParameterSchema } from '../../../schemas/tenant-apis.ts'
import { isParameterName } from './draft-names.ts'
import type { Finding } from './import-result.ts'
import { isNode } from './json-node.ts'

/** The schema that `value` is an example of, or `undefined` with a finding at `path`. */
export function exampleSchema(
  value: unknown,
  path: string,
  findings: Finding[],
): ParameterSchema | undefined {
  const none = (message: string): undefined => {
    findings.push({ path, message: `${message}: left out, add it by hand` })
    return undefined
  }
  if (typeof value === 'string') return { type: 'string' }
  if (typeof value === 'boolean') return { type: 'boolean' }
  if (typeof value === 'number') return { type: Number.isSafeInteger(value) ? 'integer' : 'number' }
  if (Array.isArray(value)) {
    if (value.length === 0) return none('is an empty list, which does not say of what')
    const items = exampleSchema(value[0], `${path}/0`, findings)
    const isMixed = value.some((item) => kindOf(item) !== kindOf(value[0]))
    if (isMixed) return none('is a list of different kinds')
    return items === undefined ? undefined : { type: 'array', items: widened(items, value) }
  }
  if (!isNode(value)) return none('is null, which does not say of what type it is')
  const properties: Record<string, ParameterSchema> = {}
  for (const [name, inner] of Object.entries(value)) {
    const at = `${path}/${isParameterName(name) ? name : '?'}`
    if (!isParameterName(name)) {
      findings.push({ path: at, message: 'has a name that a parameter cannot have: left out' })
    } else if (isCredentialName(name)) findings.push({ path: at, message: credentialInBody })
    else {
      const schema = exampleSchema(inner, at, findings)
      if (schema !== undefined) properties[name] = schema
    }
  }
  const required = Object.keys(properties)
  return required.length === 0
    ? none('is an object without anything to fill in')
    : { type: 'object', properties, required }
}

export const credentialInBody =
  'looks like a credential, which can be sent in a header only: left out and not kept'

/** Does a header, query value or member by this name hold a credential? Rather once too often. */
export const isCredentialName = (name: string): boolean =>
  /auth|secret|token|passw|credential|signature|session|csrf|xsrf|jwt|api[-_]?key|access[-_]?key|private[-_]?key|^(?:x-)?key$|-key$|_key$|^sig$|^pin$/i.test(
    name,
  )

/** One item with a fraction makes numbers of them all. */
const widened = (items: ParameterSchema, values: readonly unknown[]): ParameterSchema =>
  items.type === 'integer' && values.some((value) => !Number.isSafeInteger(value))
    ? { type: 'number' }
    : items

const kindOf = (value: unknown): string =>
  Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value
