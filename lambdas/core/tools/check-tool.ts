/** Is a tool definition one that we can keep our word on? Asked when it is saved, published and tried. */

import { headerNamePattern, reservedHeader } from '../../../schemas/header-names.ts'
import { type Assurance, atLeast } from '../../../schemas/names.ts'
import {
  type Parameter,
  type ParameterSchema,
  type ToolDefinition,
  toolDefinition,
} from '../../../schemas/tenant-apis.ts'
import { previousOf } from '../../../schemas/tool-rules.ts'
import { stringsInBody } from './body-template.ts'
import { checkEffect } from './check-write.ts'
import { linearPattern } from './linear-pattern.ts'
import { type Json, placeholder, placeholdersIn } from './placeholder.ts'
import { parseRedaction } from './redact.ts'
import { selectProblem } from './tool-answer.ts'
import { fits } from './tool-arguments.ts'
import { hasBody, unplaced } from './tool-request.ts'

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
    ...checkUrl(tool, context),
    ...checkPlaces(tool),
    ...checkHeaders(tool),
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

function* checkUrl(tool: ToolDefinition, context: CheckContext): Generator<Problem> {
  const path = 'request.url'
  const { url } = tool.request
  const parts = /^https?:\/\/(?<host>[^/?#]*)(?<path>[^?#]*)(?<query>\?[^#]*)?$/.exec(url)?.groups
  if (parts === undefined) {
    yield { path, message: 'must be https://host/path, without a fragment (#)' }
    return
  }
  if (!/^[A-Za-z0-9.:-]+$/.test(parts.host ?? '')) {
    yield { path, message: 'scheme, host and port are fixed text: no placeholder, user or password in them' }
    return
  }
  if (/[\\\s]/.test(url)) yield { path, message: 'must not hold a backslash or space' }
  if (/[{}]/.test(parts.query ?? ''))
    yield { path, message: 'name parameters of the query under request.query' }
  for (const name of placeholdersIn(parts.path ?? '')) {
    if (Object.hasOwn(tool.parameters.properties, name) && !tool.parameters.required.includes(name)) {
      yield { path: 'parameters.required', message: `${name} stands in the path, so it must be required` }
    }
  }
  const problem = context.urlCheck(url.replace(placeholder, 'x'))
  if (problem !== undefined) yield { path, message: problem }
}

/** Placeholders name parameters; what is not sent as JSON is a single value. */
function* checkPlaces(tool: ToolDefinition): Generator<Problem> {
  const { url, query, headers, method } = tool.request
  const templates: [string, string][] = [
    ['request.url', url],
    ...Object.entries(query).map(([name, value]): [string, string] => [`request.query.${name}`, value]),
    ...Object.entries(headers).map(([name, value]): [string, string] => [`request.headers.${name}`, value]),
  ]
  for (const [path, template] of templates) {
    if (/[{}]/.test(template.replace(placeholder, ''))) {
      yield { path, message: 'braces hold the name of a parameter: {name}' }
    }
    for (const name of placeholdersIn(template)) yield* checkPlace(tool, name, path)
  }
  yield* checkBody(tool)
  if (hasBody(method)) return
  for (const name of unplaced(tool)) yield* checkPlace(tool, name, `parameters.properties.${name}`)
}

/** A string of the body that is one placeholder may stand for anything; text around it makes a single value of it. */
function* checkBody(tool: ToolDefinition): Generator<Problem> {
  const { body, method } = tool.request
  if (body === undefined) return
  if (!hasBody(method)) {
    yield { path: 'request.body', message: `a ${method} has no body: use POST, PUT or PATCH, or remove it` }
    return
  }
  for (const [path, text] of stringsInBody(body as Json, 'request.body')) {
    if (/[{}]/.test(text.replace(placeholder, ''))) {
      yield { path, message: 'braces hold the name of a parameter: {name}' }
    }
    for (const name of placeholdersIn(text)) {
      const isAlone = text === `{${name}}` && parameterOf(tool, name) !== undefined
      if (!isAlone) yield* checkPlace(tool, name, path)
    }
  }
  for (const name of unplaced(tool)) {
    yield {
      path: `parameters.properties.${name}`,
      message: 'is sent nowhere: name it in url, query, headers or body, or remove it',
    }
  }
}

function* checkPlace(tool: ToolDefinition, name: string, path: string): Generator<Problem> {
  const parameter = parameterOf(tool, name)
  if (parameter === undefined) {
    yield { path, message: `{${name}} is not a parameter: add it under parameters.properties` }
  } else if (parameter.type === 'array' || parameter.type === 'object') {
    yield { path, message: `${name} is an ${parameter.type}: it can be sent in the JSON body only` }
  }
}

const parameterOf = (tool: ToolDefinition, name: string): Parameter | undefined =>
  Object.hasOwn(tool.parameters.properties, name) ? tool.parameters.properties[name] : undefined

/** The credential's header belongs to the authorization. */
const reserved = (name: string): boolean => name === 'authorization' || reservedHeader.test(name)

/** What a tool may set: headers of an API's own, and the few of HTTP that say what is wanted. */
const admitted =
  /^(?:x-[a-z0-9._-]+|[a-z0-9-]+-(?:id|version|source|channel|region|locale|account|client|store|shop|brand|environment|mode)|accept|accept-language|if-match|if-none-match|prefer)$/

function* checkHeaders(tool: ToolDefinition): Generator<Problem> {
  const seen = new Set<string>()
  for (const [name, value] of Object.entries(tool.request.headers)) {
    const path = `request.headers.${name}`
    const lower = name.toLowerCase()
    if (!headerNamePattern.test(lower)) yield { path, message: 'is not a header name' }
    else if (reserved(lower)) yield { path, message: 'is set by Deskhand or the network: remove it' }
    else if (!admitted.test(lower)) {
      yield {
        path,
        message:
          'is not among the headers a tool may set: X-..., ...-Id, ...-Version and their like, Accept-Language, If-Match, Prefer',
      }
    }
    if (seen.has(lower)) yield { path, message: 'is there twice: header names ignore case' }
    seen.add(lower)
    if (!/^[\x20-\x7e]*$/.test(value)) yield { path, message: 'must be printable ASCII' }
  }
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
