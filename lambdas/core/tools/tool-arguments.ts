/** A tool's parameters: what Claude sees of them, whether its arguments fit, and what code adds to them. */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import type { Assurance } from '../../../schemas/names.ts'
import type { Parameter, ParameterSchema, ToolDefinition } from '../../../schemas/tenant-apis.ts'
import { type FixedSource, type ParameterSource, previousOf } from '../../../schemas/tool-rules.ts'
import { createBoundedCache } from '../bounded-cache.ts'
import { linearPattern, noPattern } from './linear-pattern.ts'
import type { ToolFailure } from './tool-answer.ts'
import type { Json } from './tool-request.ts'

type Parameters = Pick<ToolDefinition, 'parameters'>
/** A JSON Schema, as it goes to Claude or to the validator. */
export type JsonSchema = { [key: string]: unknown }

/** What code knows and a parameter may take as its source. Absent: not known or not proven. */
export interface Facts {
  customer: { email?: string | undefined; assurance: Assurance; name?: string | undefined }
  ticket: { id: string; channel: string; subject?: string | undefined; language?: string | undefined }
  tenant: { id: string }
  /** The write under way, or the one that is looked up. */
  effect?: { id: string } | undefined
  /** What an earlier result of the tool holds at the JMESPath, for this very customer and level; `undefined`: nothing. */
  previous?: ((tool: string, path: string) => unknown) | undefined
}

const maxInputBytes = 32_768
const maxProblems = 5
/** As JSON.stringify writes it: the escape, not a backslash that is itself escaped. */
const loneSurrogate = /(?<!\\)(?:\\\\)*\\ud[89a-f]/

/**
 * The `input_schema` of a strict tool: only what the model may choose. Every property is required, an optional one
 * may be null instead, and what strict tools do not take stands in the description; our own validation keeps it all.
 * https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
 */
export const modelSchema = (tool: Parameters): JsonSchema => strict(chosenByModel(tool))

/**
 * Do the model's arguments fit the tool's own schema? Nothing is sent before. A parameter with another source is
 * refused like any unknown name. Null for an optional parameter means that it is left out.
 */
export function validateArguments(
  tool: Parameters,
  input: unknown,
): { ok: true; args: Record<string, Json> } | { ok: false; message: string } {
  const text = JSON.stringify(input) ?? ''
  if (Buffer.byteLength(text) > maxInputBytes) return { ok: false, message: 'the arguments are too long' }
  if (loneSurrogate.test(text)) return { ok: false, message: 'the arguments are not valid Unicode' }
  const schema = chosenByModel(tool)
  const args = withoutNulls(schema, input)
  const validate = validator(schema)
  if (validate(args)) return { ok: true, args: args as Record<string, Json> }
  return { ok: false, message: describe(validate.errors ?? [], Object.keys(schema.properties ?? {})) }
}

/** Adds what code knows, last: a value from the model never stands where the tool names another source. */
export function bindArguments(
  tool: Parameters,
  args: Readonly<Record<string, Json>>,
  facts: Facts,
): { ok: true; values: Record<string, Json> } | { ok: false; failure: ToolFailure; message: string } {
  const values = new Map(Object.entries(args))
  for (const [name, parameter] of Object.entries(tool.parameters.properties)) {
    if (parameter.source === 'model') continue
    const value = sourcedValue(parameter, facts)
    if (value !== undefined) {
      values.set(name, value)
      continue
    }
    values.delete(name)
    const isPrevious = previousOf(parameter.source) !== undefined
    if (isPrevious || tool.parameters.required.includes(name)) return missing(parameter.source)
  }
  return { ok: true, values: Object.fromEntries(values) }
}

function sourcedValue(parameter: Parameter, facts: Facts): Json | undefined {
  const { source, value: constant, ...schema } = parameter
  if (source === 'constant') return constant
  const previous = previousOf(source)
  if (previous === undefined) return known(source as Exclude<FixedSource, 'model' | 'constant'>, facts)
  const found = facts.previous?.(previous.tool, previous.path)
  // An API's word is checked like a model's: it goes into another request.
  return found !== undefined && found !== null && fits(schema, found) ? (found as Json) : undefined
}

function missing(source: ParameterSource): { ok: false; failure: ToolFailure; message: string } {
  const previous = previousOf(source)
  if (previous !== undefined) {
    const message = `this needs a value that no earlier result of ${previous.tool} for this customer holds; call ${previous.tool} in a step before`
    return { ok: false, failure: 'not_allowed', message }
  }
  return source.startsWith('customer.')
    ? {
        ok: false,
        failure: 'needs_identity',
        message: `this needs ${source}, which is not proven for this message`,
      }
    : {
        ok: false,
        failure: 'not_allowed',
        message: `this needs ${source}, which this ticket does not have`,
      }
}

/** Does `value` fit the parameter's schema? For constants, when a tool is saved. */
export const fits = (schema: ParameterSchema, value: unknown): boolean => validator(schema)(value)

function known(source: Exclude<FixedSource, 'model' | 'constant'>, facts: Facts): string | undefined {
  switch (source) {
    case 'customer.email':
      return facts.customer.email
    case 'customer.assurance':
      return facts.customer.assurance
    case 'customer.name':
      return facts.customer.name
    case 'ticket.id':
      return facts.ticket.id
    case 'ticket.channel':
      return facts.ticket.channel
    case 'ticket.subject':
      return facts.ticket.subject
    case 'ticket.language':
      return facts.ticket.language
    case 'tenant.id':
      return facts.tenant.id
    case 'effect.id':
      return facts.effect?.id
  }
}

function chosenByModel(tool: Parameters): ParameterSchema {
  const { properties, required } = tool.parameters
  const chosen = Object.entries(properties).filter(([, { source }]) => source === 'model')
  const names = new Set(chosen.map(([name]) => name))
  return {
    type: 'object',
    properties: Object.fromEntries(
      chosen.map(([name, { source: _, value: __, ...schema }]) => [name, schema]),
    ),
    required: required.filter((name) => names.has(name)),
  }
}

// ---- for Claude -----------------------------------------------------------------------------------------

/** Keywords strict tools refuse (`pattern` in part), and how they read in a description. */
const inWords = {
  pattern: 'matches the regular expression',
  minLength: 'characters at least',
  maxLength: 'characters at most',
  minimum: 'at least',
  maximum: 'at most',
  maxItems: 'items at most',
} as const

function strict(schema: ParameterSchema, optional = false): JsonSchema {
  const { type, enum: values, items, properties, required = [] } = schema
  const description = describeLimits(schema)
  return {
    // An enum says it all, and unlike a list of types it does not count towards the limit of unions.
    ...(values === undefined
      ? { type: optional ? [type, 'null'] : type }
      : { enum: optional && !values.includes(null) ? [...values, null] : values }),
    ...(description === '' ? {} : { description }),
    ...(items === undefined ? {} : { items: strict(items) }),
    ...(type === 'object'
      ? {
          properties: mapValues(properties ?? {}, (property, name) =>
            strict(property, !required.includes(name)),
          ),
          required: Object.keys(properties ?? {}),
          additionalProperties: false,
        }
      : {}),
  }
}

function describeLimits(schema: ParameterSchema): string {
  const limits = (Object.keys(inWords) as (keyof typeof inWords)[]).flatMap((keyword) =>
    schema[keyword] === undefined ? [] : [`${inWords[keyword]}: ${schema[keyword]}`],
  )
  const words = limits.length === 0 ? [] : [`(${limits.join('; ')})`]
  return [...(schema.description === undefined ? [] : [schema.description]), ...words].join(' ')
}

/** Takes out the nulls that stand for "left out", at every depth. */
function withoutNulls(schema: ParameterSchema, value: unknown): unknown {
  if (Array.isArray(value)) {
    const { items } = schema
    return items === undefined ? value : value.map((item) => withoutNulls(items, item))
  }
  if (typeof value !== 'object' || value === null) return value
  const { properties = {}, required = [] } = schema
  const entries = Object.entries(value).flatMap(([name, inner]) => {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (property === undefined) return [[name, inner]]
    return inner === null && !required.includes(name) ? [] : [[name, withoutNulls(property, inner)]]
  })
  return Object.fromEntries(entries)
}

// ---- for the validator ----------------------------------------------------------------------------------

/** `code` would name it in generated source, of which there is none. */
const linear = Object.assign((pattern: string) => linearPattern(pattern) ?? noPattern(pattern), {
  code: 'linearPattern',
})
const ajv = new Ajv2020({
  strict: true,
  allErrors: true,
  addUsedSchema: false,
  logger: false,
  code: { regExp: linear },
})
/** Compiled once per schema: it holds no tenant's data, so tenants may share it. */
const validators = createBoundedCache<ValidateFunction>(200)

function validator(schema: ParameterSchema): ValidateFunction {
  const complete = ours(schema)
  const key = JSON.stringify(complete)
  const compiled = validators.get(key)
  if (compiled !== undefined) return compiled
  const validate = ajv.compile(complete)
  // Or it would keep every schema for ever.
  ajv.removeSchema(complete)
  validators.set(key, validate)
  return validate
}

/** The parameter's schema with every object closed. */
function ours(schema: ParameterSchema): JsonSchema {
  const { description: _, items, properties, required, ...rest } = schema
  return {
    ...rest,
    ...(items === undefined ? {} : { items: ours(items) }),
    ...(schema.type === 'object'
      ? {
          properties: mapValues(properties ?? {}, ours),
          required: required ?? [],
          additionalProperties: false,
        }
      : {}),
  }
}

const mapValues = <V, R>(record: Record<string, V>, map: (value: V, name: string) => R): Record<string, R> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value, name)]))

// ---- what went wrong, for the model ---------------------------------------------------------------------

/** Names the parameter and the rule, never the value. */
function describe(errors: readonly ErrorObject[], names: readonly string[]): string {
  const lines = errors.slice(0, maxProblems).map((error) => {
    const at = error.instancePath.slice(1).replaceAll('/', '.') || 'the arguments'
    const { missingProperty, additionalProperty, allowedValues } = error.params
    if (typeof missingProperty === 'string') return `${missingProperty} is missing`
    if (typeof additionalProperty === 'string') {
      return `there is no parameter ${JSON.stringify(additionalProperty.slice(0, 64))}; there are: ${names.join(', ') || 'none'}`
    }
    if (Array.isArray(allowedValues)) return `${at} must be one of ${JSON.stringify(allowedValues)}`
    return `${at} ${error.message ?? 'is not valid'}`
  })
  return lines.join('; ')
}
