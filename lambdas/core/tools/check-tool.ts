/** Is a tool definition one that we can keep our word on? Asked when it is saved, published and tried. */

import { type Assurance, atLeast } from '../../../schemas/names.ts'
import {
  type Parameter,
  type ParameterSchema,
  type ToolDefinition,
  toolDefinition,
} from '../../../schemas/tenant-apis.ts'
import { previousOf } from '../../../schemas/tool-rules.ts'
import { checkRequest } from './check-request.ts'
import { checkEffect } from './check-write.ts'
import { linearPattern } from './linear-pattern.ts'
import { parseRedaction } from './redact.ts'
import { selectProblem } from './tool-answer.ts'
import { fits } from './tool-arguments.ts'

/** A definition with its defaults resolved. */
export type Tool = Omit<ToolDefinition, 'identity'> & {
  /** Least assurance of the message it is called for. */
  identity: Assurance
}

/** Where in the definition, as a dotted path, and what would be right. */
export interface Problem {
  path: string
  message: string
}

export interface CheckContext {
  /** Why a URL may not be called, or `undefined`. */
  urlCheck(url: string): string | undefined
  /** Names of the tenant's authorizations. */
  authorizations: ReadonlySet<string>
  /** Those of them whose calls say whose they are: `Deskhand-Identity`. */
  identityAuthorizations?: ReadonlySet<string>
}

/** Tools of ours that a tenant's cannot be called like. */
const builtIns = new Set(['hand_over', 'start_task', 'finish_task', 'search_articles'])

/** Checks everything that can be wrong with a definition, so that one round mends it. */
export function checkTool(
  definition: unknown,
  context: CheckContext,
): { ok: true; tool: Tool } | { ok: false; problems: Problem[] } {
  const parsed = toolDefinition.safeParse(definition)
  if (!parsed.success) {
    return {
      ok: false,
      problems: parsed.error.issues.map((i) => ({ path: i.path.join('.'), message: i.message })),
    }
  }
  const tool = parsed.data
  const problems = [
    ...checkName(tool),
    ...checkRequest(tool, context),
    ...checkParameters(tool),
    ...checkAddress(tool),
    ...checkEffect(tool, context),
    ...checkAuthorization(tool, context),
    ...checkResponse(tool),
  ]
  return problems.length === 0 ? { ok: true, tool: resolveTool(tool) } : { ok: false, problems }
}

/** Resolves the default of `identity`: what writes or receives something about the customer asks for more. */
export function resolveTool(definition: ToolDefinition): Tool {
  const fallback =
    definition.effect === 'write' ? 'signed_in' : isAboutCustomer(definition) ? 'mailbox' : 'none'
  const identity = definition.identity ?? fallback
  // Without a proven address the call would go out without it, and answer about everybody.
  return {
    ...definition,
    identity: needsAddress(definition) && !atLeast(identity, 'mailbox') ? 'mailbox' : identity,
  }
}

/** Is the customer's proven address sent, compared with the record's owner, or counted by? */
export const needsAddress = (tool: ToolDefinition): boolean =>
  Object.values(tool.parameters.properties).some(({ source }) => source === 'customer.email') ||
  tool.response.owner !== undefined ||
  tool.ownership?.by === 'check' ||
  tool.limits.perCustomerPerDay !== undefined ||
  tool.limits.amount?.perCustomerPerDay !== undefined

/** Does the call say something about the customer? */
export const isAboutCustomer = ({ parameters, response }: ToolDefinition): boolean =>
  response.owner !== undefined ||
  Object.values(parameters.properties).some(({ source }) => source.startsWith('customer.'))

function* checkName(tool: ToolDefinition): Generator<Problem> {
  if (builtIns.has(tool.name))
    yield { path: 'name', message: `${tool.name} is a tool of Deskhand's own: choose another` }
}

function* checkParameters(tool: ToolDefinition): Generator<Problem> {
  const { properties, required } = tool.parameters
  yield* checkRequired(properties, required, 'parameters')
  for (const [name, parameter] of Object.entries(properties)) {
    const path = `parameters.properties.${name}`
    yield* parameter.source === 'model' ? checkSchema(parameter, path) : checkSourced(parameter, path)
    if (parameter.source !== 'constant' && parameter.value !== undefined) {
      yield { path: `${path}.value`, message: 'belongs to source constant only' }
    }
  }
}

function* checkRequired(
  properties: Readonly<Record<string, unknown>>,
  required: readonly string[],
  path: string,
): Generator<Problem> {
  for (const name of required) {
    if (!Object.hasOwn(properties, name)) {
      yield { path: `${path}.required`, message: `${name} is not among the properties` }
    }
  }
}

/** The customer's address is always proven, and never left out. */
function* checkAddress(tool: ToolDefinition): Generator<Problem> {
  if (!needsAddress(tool)) return
  if (tool.identity !== undefined && !atLeast(tool.identity, 'mailbox')) {
    yield {
      path: 'identity',
      message:
        'must be mailbox or above, because the address is sent, compared with an owner or counted by a limit',
    }
  }
  for (const [name, { source }] of Object.entries(tool.parameters.properties)) {
    if (source === 'customer.email' && !tool.parameters.required.includes(name)) {
      yield {
        path: 'parameters.required',
        message: `${name} is the customer's address, so it must be required`,
      }
    }
  }
}

/** What code fills in has no limits to check: only its type. */
function* checkSourced(parameter: Parameter, path: string): Generator<Problem> {
  const { source, value, type, description: _, ...limits } = parameter
  const extra = Object.entries(limits).find(([, limit]) => limit !== undefined)
  if (source === 'constant') {
    if (value === undefined) yield { path: `${path}.value`, message: 'a constant needs its value' }
    else yield* checkConstant(parameter, path)
    return
  }
  const previous = previousOf(source)
  if (previous !== undefined) {
    const problem = selectProblem(previous.path)
    if (problem !== undefined) yield { path: `${path}.source`, message: problem }
    yield* checkSchema({ ...limits, type }, path)
    return
  }
  if (type !== 'string') yield { path: `${path}.type`, message: `${source} is a string` }
  if (extra !== undefined) {
    yield { path: `${path}.${extra[0]}`, message: `is not checked for a value from ${source}: remove it` }
  }
}

function* checkConstant(parameter: Parameter, path: string): Generator<Problem> {
  const { source: _, value, ...schema } = parameter
  const problems = [...checkSchema(schema, path)]
  yield* problems
  if (problems.length === 0 && !fits(schema, value)) {
    yield { path: `${path}.value`, message: 'does not fit its own schema' }
  }
}

/** Which type each keyword speaks about. */
const keywordTypes: Partial<Record<keyof ParameterSchema, readonly ParameterSchema['type'][]>> = {
  pattern: ['string'],
  minLength: ['string'],
  maxLength: ['string'],
  minimum: ['number', 'integer'],
  maximum: ['number', 'integer'],
  items: ['array'],
  maxItems: ['array'],
  properties: ['object'],
  required: ['object'],
}

function* checkSchema(schema: ParameterSchema, path: string): Generator<Problem> {
  const { type } = schema
  for (const [keyword, types] of Object.entries(keywordTypes)) {
    if (schema[keyword as keyof ParameterSchema] !== undefined && !types.includes(type)) {
      yield { path: `${path}.${keyword}`, message: `belongs to ${types.join(' or ')}, not to ${type}` }
    }
  }
  if (schema.pattern !== undefined && linearPattern(schema.pattern) === undefined) {
    yield {
      path: `${path}.pattern`,
      message:
        'is not a regular expression that we run: JavaScript with the u flag, without lookaround, without back-references, repeats up to 1000',
    }
  }
  for (const value of schema.enum ?? []) {
    if (!fits({ type }, value))
      yield { path: `${path}.enum`, message: `${JSON.stringify(value)} is not a ${type}` }
  }
  if (type === 'array') {
    if (schema.items === undefined) yield { path: `${path}.items`, message: 'say what the items are' }
    else yield* checkSchema(schema.items, `${path}.items`)
  }
  if (type === 'object') {
    if (schema.properties === undefined) yield { path: `${path}.properties`, message: 'name the properties' }
    yield* checkRequired(schema.properties ?? {}, schema.required ?? [], path)
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      yield* checkSchema(property, `${path}.properties.${name}`)
    }
  }
}

function* checkAuthorization(tool: ToolDefinition, context: CheckContext): Generator<Problem> {
  if (tool.authorization !== undefined && !context.authorizations.has(tool.authorization)) {
    yield { path: 'authorization', message: `there is no authorization ${tool.authorization}: save it first` }
  }
}

function* checkResponse(tool: ToolDefinition): Generator<Problem> {
  const { select, owner, redact = [] } = tool.response
  for (const [name, expression] of Object.entries({ select, owner })) {
    const problem = expression === undefined ? undefined : selectProblem(expression)
    if (problem !== undefined) yield { path: `response.${name}`, message: problem }
  }
  for (const [i, text] of redact.entries()) {
    if (parseRedaction(text) === undefined) {
      yield {
        path: `response.redact.${i}`,
        message: 'must be the name of a field (card), or a path (order.payments[].card)',
      }
    }
  }
}
