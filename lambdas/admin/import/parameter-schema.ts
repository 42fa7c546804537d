/** A JSON Schema of OpenAPI 3.1 as the subset that tools keep. What the subset cannot say is a finding. */
import type { ParameterSchema } from '../../../schemas/tenant-apis.ts'
import { isParameterName } from './draft-names.ts'
import { type Finding, type Problem, pointer } from './import-result.ts'
import { isNode, listOf, memberOf, type Node, nodeOf, textOf } from './json-node.ts'
import { mergeSchemas } from './merge-schemas.ts'
import { plainText } from './plain-text.ts'

/** What is gathered, and how far it may go: references make a small document as large as they like. */
export interface Walk {
  findings: Finding[]
  /** They end the import. */
  problems: Problem[]
  /** Schemas on the way from the root: one that stands in itself has no end. */
  within: Set<unknown>
  /** Schemas that may still be looked at; a large one counts more than once. */
  left: number
}
export const mostSchemas = 20_000
const mostDepth = 30
const mostEnum = 100

export interface Mapped {
  schema: ParameterSchema
  /** Null is also a value: to a tool, the parameter may be left out. */
  nullable: boolean
}
/** A property of an object, with the name that the API gives it. */
export interface Member extends Mapped {
  name: string
  required: boolean
  path: string
}

/** The schema for a tool, or `undefined` with a finding at `path`. */
export function toParameterSchema(value: unknown, path: string, walk: Walk): Mapped | undefined {
  return entered(value, path, walk, (schema, nullable) => {
    const mapped = mapSchema(schema, path, walk)
    return mapped === undefined ? undefined : { ...mapped, nullable: nullable || mapped.nullable }
  })
}

/** The members of an object, or `undefined` with a finding where it is none. */
export function membersOf(value: unknown, path: string, walk: Walk): Member[] | undefined {
  return entered(value, path, walk, (schema) => {
    if (!isNode(memberOf(schema, 'properties'))) {
      return leftOut(walk, path, 'names no properties')
    }
    return mapMembers(schema, path, walk)
  })
}

/** Resolves `allOf` and the like, and guards against schemas without an end. */
function entered<T>(
  value: unknown,
  path: string,
  walk: Walk,
  map: (schema: Node, nullable: boolean) => T | undefined,
): T | undefined {
  walk.left -= weightOf(value)
  if (walk.problems.length > 0) return undefined
  if (walk.left < 0) {
    walk.problems.push({ path, message: `expands to over ${mostSchemas} schemas: import fewer operations` })
    return undefined
  }
  if (walk.within.has(value)) {
    walk.problems.push({
      path,
      message: 'stands in itself (a circular $ref), which a tool cannot say: leave this operation out',
    })
    return undefined
  }
  if (walk.within.size >= mostDepth) {
    walk.problems.push({
      path,
      message: `is nested over ${mostDepth} schemas deep: leave this operation out`,
    })
    return undefined
  }
  if (!isNode(value)) return leftOut(walk, path, 'allows any value')
  if (isUnfollowed(value)) {
    walk.problems.push({ path, message: unfollowed })
    return undefined
  }
  walk.within.add(value)
  try {
    const one = resolved(value, path, walk)
    return one === undefined ? undefined : map(one.schema, one.nullable)
  } finally {
    walk.within.delete(value)
  }
}

/** What it costs to look at a schema: one shared list of a megabyte must not be gone through a thousand times. */
function weightOf(value: unknown): number {
  const { properties, enum: values, required, allOf, description } = nodeOf(value)
  const lists = [values, required, allOf].reduce((sum: number, list) => sum + listOf(list).length, 0)
  const size = lists + Object.keys(nodeOf(properties)).length + textOf(description).length / 10
  return 1 + Math.floor(size / 100)
}

/** All references were followed before. One that is left would be read as a schema that allows anything. */
export const isUnfollowed = (node: Node): boolean => typeof memberOf(node, '$ref') === 'string'
export const unfollowed = 'is a reference that could not be followed: write out what it stands for'

function leftOut(walk: Walk, path: string, message: string): undefined {
  walk.findings.push({ path, message: `${message}: left out, add it by hand if the call needs it` })
  return undefined
}

// ---- allOf, oneOf, anyOf --------------------------------------------------------------------------------

/** One schema without `allOf`, and without a choice where only null is the other. */
function resolved(value: Node, path: string, walk: Walk): { schema: Node; nullable: boolean } | undefined {
  const { allOf, oneOf, anyOf, ...own } = value
  const conflict = (keyword: string): void => {
    walk.findings.push({
      path: `${path}${pointer(keyword)}`,
      message: 'differs among the schemas of allOf: the first is kept',
    })
  }
  let schema: Node = own
  let nullable = false
  const take = (other: unknown, at: string): boolean => {
    const inner = entered(other, at, walk, (node, isNullable) => ({ node, isNullable }))
    if (inner === undefined) return false
    schema = mergeSchemas(schema, inner.node, conflict)
    nullable ||= inner.isNullable
    return true
  }
  for (const [i, part] of listOf(allOf).entries()) {
    // `allOf: [{}]` adds nothing.
    if (isNode(part) && Object.keys(part).length > 0) take(part, `${path}/allOf/${i}`)
  }
  for (const [keyword, branches] of Object.entries({ oneOf, anyOf })) {
    if (branches === undefined) continue
    const at = `${path}${pointer(keyword)}`
    const choices = listOf(branches).map((branch, i) => [branch, `${at}/${i}`] as const)
    const others = choices.filter(([branch]) => nodeOf(branch).type !== 'null')
    const values = others.map(([branch]) => valuesOf(nodeOf(branch)))
    const [only] = others
    if (others.length === 1 && only !== undefined) {
      if (take(only[0], only[1])) nullable ||= others.length < choices.length
    } else if (others.length > 0 && values.every((list) => list !== undefined)) {
      schema = mergeSchemas(schema, { enum: [...new Set(values.flat())] }, conflict)
      nullable ||= others.length < choices.length
    } else if (memberOf(schema, 'type') !== undefined || isNode(memberOf(schema, 'properties'))) {
      walk.findings.push({ path: at, message: 'is not carried over: the API has to check it' })
    } else return leftOut(walk, at, 'is a choice of several shapes, of which a tool can have one')
  }
  if (walk.problems.length > 0) return undefined
  return { schema, nullable }
}

const valuesOf = (branch: Node): unknown[] | undefined =>
  branch.const !== undefined ? [branch.const] : Array.isArray(branch.enum) ? branch.enum : undefined

// ---- one schema -----------------------------------------------------------------------------------------

/** What a tool cannot say, and the API has to check. */
const notKept = [
  'not',
  'if',
  'then',
  'else',
  'dependentRequired',
  'dependentSchemas',
  'patternProperties',
  'propertyNames',
  'contains',
  'minContains',
  'maxContains',
  'prefixItems',
  'minItems',
  'uniqueItems',
  'minProperties',
  'maxProperties',
  'multipleOf',
  'unevaluatedItems',
  'unevaluatedProperties',
  'contentEncoding',
  'contentMediaType',
  'contentSchema',
  'discriminator',
  '$dynamicRef',
]
const types = ['string', 'number', 'integer', 'boolean', 'array', 'object'] as const
type Type = (typeof types)[number]

function mapSchema(node: Node, path: string, walk: Walk): Mapped | undefined {
  const typed = typeOf(node)
  if (typed === undefined) return leftOut(walk, path, 'has no single type')
  const { type, isNullable } = typed
  const note = (keyword: string, message = 'is not carried over: the API has to check it'): void => {
    walk.findings.push({ path: `${path}${pointer(keyword)}`, message })
  }
  for (const keyword of notKept) {
    const value = memberOf(node, keyword)
    if (value !== undefined && value !== false) note(keyword)
  }
  if (memberOf(node, 'deprecated') === true) note('deprecated', 'the API will drop this one')
  const schema: ParameterSchema = { type }
  const text = textOf(node.description) || textOf(node.title)
  const format = textOf(node.format)
  if (format !== '') note('format', 'is said in the description, and for the API to check')
  const description = plainText(`${text}${format === '' ? '' : ` (format: ${format})`}`, 1000)
  if (description !== '') schema.description = description
  const values = enumOf(node, type, note)
  if (values !== undefined) schema.enum = values
  addLimits(schema, node, note)
  if (type === 'array') {
    const items = toParameterSchema(memberOf(node, 'items'), `${path}/items`, walk)
    if (items === undefined) return leftOut(walk, path, 'is a list of which the items cannot be said')
    if (items.nullable) note('items', 'null is not sent in a list')
    schema.items = items.schema
  }
  if (type === 'object') {
    const members = mapMembers(node, path, walk)
    const named = members.filter(({ name, path: at }) => isParameterName(name) || leftOut(walk, at, noName))
    if (named.length === 0) return leftOut(walk, path, 'names no properties that can be sent')
    schema.properties = Object.fromEntries(named.map((member) => [member.name, member.schema]))
    schema.required = named.filter(({ required }) => required).map(({ name }) => name)
  }
  return walk.problems.length > 0 ? undefined : { schema, nullable: isNullable }
}

const noName = 'has a name that a parameter cannot have'

/** The type as it is said, or as the other keywords say it. */
function typeOf(node: Node): { type: Type; isNullable: boolean } | undefined {
  const named = Array.isArray(node.type) ? node.type : node.type === undefined ? [] : [node.type]
  const isNullable = named.includes('null') || listOf(node.enum).includes(null)
  const others = named.filter((type) => type !== 'null')
  const said = others.length === 0 ? impliedType(node) : others
  const [only, ...more] = said
  const type = types.find((one) => one === only)
  return type === undefined || more.length > 0 ? undefined : { type, isNullable }
}

function impliedType(node: Node): unknown[] {
  if (isNode(node.properties)) return ['object']
  if (node.items !== undefined) return ['array']
  const values = (valuesOf(node) ?? []).filter((value) => value !== null)
  const kinds = new Set(values.map((value) => typeof value))
  return [...kinds].filter((kind) => kind === 'string' || kind === 'number' || kind === 'boolean')
}

function enumOf(
  node: Node,
  type: Type,
  note: (keyword: string, message?: string) => void,
): ParameterSchema['enum'] | undefined {
  const values = valuesOf(node)
  if (values === undefined) return undefined
  const keyword = node.const === undefined ? 'enum' : 'const'
  const fitting = [...new Set(values)].filter((value) => isOf(value, type))
  if (fitting.length < new Set(values.filter((value) => value !== null)).size) {
    note(keyword, `not all of its values are of type ${type}: the others are left out`)
  }
  if (fitting.length === 0 || fitting.length > mostEnum) {
    note(keyword, `has none or over ${mostEnum} values: it is for the API to check`)
    return undefined
  }
  return fitting as (string | number | boolean)[]
}

function isOf(value: unknown, type: Type): boolean {
  if (type === 'integer') return Number.isInteger(value)
  return (type === 'string' || type === 'number' || type === 'boolean') && typeof value === type
}

function addLimits(
  schema: ParameterSchema,
  node: Node,
  note: (keyword: string, message?: string) => void,
): void {
  const { type } = schema
  if (type === 'string') {
    for (const keyword of ['minLength', 'maxLength'] as const) addCount(schema, node, keyword, note)
    const { pattern } = node
    if (typeof pattern === 'string' && pattern.length <= 200 && isPattern(pattern)) schema.pattern = pattern
    else if (pattern !== undefined) note('pattern')
  }
  if (type === 'array') addCount(schema, node, 'maxItems', note)
  if (type !== 'number' && type !== 'integer') return
  for (const keyword of ['minimum', 'maximum'] as const) {
    const value = node[keyword]
    if (typeof value === 'number' && Number.isFinite(value)) schema[keyword] = value
    else if (value !== undefined) note(keyword)
  }
  addExclusive(schema, node, note)
}

/** Of whole numbers, above 0 is 1 or more; of others it cannot be said. */
function addExclusive(
  schema: ParameterSchema,
  { exclusiveMinimum: above, exclusiveMaximum: below }: Node,
  note: (keyword: string, message?: string) => void,
): void {
  const isWhole = schema.type === 'integer'
  const loose = 'the bound itself is for the API to refuse'
  if (typeof above === 'number') {
    const least = isWhole ? Math.floor(above) + 1 : above
    schema.minimum = Math.max(least, schema.minimum ?? least)
    if (!isWhole) note('exclusiveMinimum', loose)
  }
  if (typeof below === 'number') {
    const most = isWhole ? Math.ceil(below) - 1 : below
    schema.maximum = Math.min(most, schema.maximum ?? most)
    if (!isWhole) note('exclusiveMaximum', loose)
  }
}

function addCount(
  schema: ParameterSchema,
  node: Node,
  keyword: 'minLength' | 'maxLength' | 'maxItems',
  note: (keyword: string) => void,
): void {
  const value = node[keyword]
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) schema[keyword] = value
  else if (value !== undefined) note(keyword)
}

function isPattern(pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u').source !== ''
  } catch {
    return false
  }
}

/** Properties that a caller sends: what is read only is not. */
function mapMembers(node: Node, path: string, walk: Walk): Member[] {
  const { additionalProperties } = node
  if (additionalProperties === true || isNode(additionalProperties)) {
    walk.findings.push({
      path: `${path}/additionalProperties`,
      message: 'only properties with a name are sent',
    })
  }
  const wanted = new Set(listOf(node.required))
  return Object.entries(nodeOf(node.properties)).flatMap(([name, value]) => {
    const at = `${path}/properties${pointer(name)}`
    if (isReadOnly(value, 0)) return []
    const mapped = toParameterSchema(value, at, walk)
    if (mapped !== undefined) {
      return [{ ...mapped, name, path: at, required: wanted.has(name) && !mapped.nullable }]
    }
    if (wanted.has(name)) {
      walk.findings.push({ path: at, message: 'is required by the API: the call fails without it' })
    }
    return []
  })
}

/** Also where the property is an `allOf` of something read only. */
const isReadOnly = (value: unknown, depth: number): boolean =>
  isNode(value) &&
  (value.readOnly === true ||
    (depth < 2 &&
      listOf(value.allOf)
        .slice(0, 20)
        .some((part) => isReadOnly(part, depth + 1))))
