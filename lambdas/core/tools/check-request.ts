/** Is the request of a tool one whose places a value cannot leave? Where it goes, what stands where, which headers. */
import { headerNamePattern, reservedHeader } from '../../../schemas/header-names.ts'
import type { Parameter, ToolDefinition } from '../../../schemas/tenant-apis.ts'
import { stringsInBody } from './body-template.ts'
import type { CheckContext, Problem } from './check-tool.ts'
import { type Json, placeholder, placeholdersIn } from './placeholder.ts'
import { hasBody, unplaced } from './tool-request.ts'

export function* checkRequest(tool: ToolDefinition, context: CheckContext): Generator<Problem> {
  yield* checkUrl(tool, context)
  yield* checkPlaces(tool)
  yield* checkHeaders(tool)
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

/** The parameter of that name, and nothing that objects inherit. */
export const parameterOf = (tool: ToolDefinition, name: string): Parameter | undefined =>
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
