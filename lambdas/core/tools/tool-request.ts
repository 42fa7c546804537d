/** From a tool's template and bound values to one HTTP request. Every value goes through a serialiser, once. */
import type { ToolDefinition } from '../../../schemas/tenant-apis.ts'
import { DeskhandError } from '../errors.ts'
import { fillBody, placeholdersInBody } from './body-template.ts'
import { type Json, placeholder, placeholdersIn } from './placeholder.ts'

export type { Json } from './placeholder.ts'

/** A request as it will be sent, credentials aside. It is plain JSON: stored, and sent again byte for byte. */
export interface PreparedRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  url: string
  /** Lower-case names. */
  headers: Record<string, string>
  body?: string
}

/** Does the request carry a JSON body? Otherwise parameters that are named nowhere become the query. */
export const hasBody = (method: PreparedRequest['method']): boolean => method !== 'GET' && method !== 'DELETE'

/** Parameters that neither url, query, headers nor body name. */
export function unplaced(tool: Pick<ToolDefinition, 'request' | 'parameters'>): string[] {
  const { url, query, headers, body } = tool.request
  const placed = new Set([
    ...[url, ...Object.values(query), ...Object.values(headers)].flatMap(placeholdersIn),
    ...placeholdersInBody(body as Json | undefined),
  ])
  return Object.keys(tool.parameters.properties).filter((name) => !placed.has(name))
}

/**
 * Fills the tool's template with `values` in one pass: braces inside a value stay text. A path segment that is empty
 * or dots after filling, a header value with anything but printable ASCII, and an origin that moved are refused.
 */
export function prepareRequest(
  tool: Pick<ToolDefinition, 'request' | 'parameters'>,
  values: Readonly<Record<string, Json>>,
): { ok: true; request: PreparedRequest } | { ok: false; message: string } {
  try {
    return { ok: true, request: build(tool, values) }
  } catch (error) {
    if (error instanceof DeskhandError && error.code === 'refused')
      return { ok: false, message: error.message }
    throw error
  }
}

/** Caught above: a value, outside this file. */
const refusal = (message: string): DeskhandError => new DeskhandError('refused', message)

function build(
  tool: Pick<ToolDefinition, 'request' | 'parameters'>,
  values: Readonly<Record<string, Json>>,
): PreparedRequest {
  const { method, query, headers: templates } = tool.request
  const url = fillUrl(tool.request.url, values)
  const headers: Record<string, string> = { accept: 'application/json' }

  for (const [name, template] of Object.entries(query)) {
    if (isComplete(template, values)) url.searchParams.append(name, fill(template, values, asText))
  }
  for (const [name, template] of Object.entries(templates)) {
    if (isComplete(template, values)) headers[name.toLowerCase()] = fill(template, values, asHeader)
  }
  const rest = unplaced(tool).filter((name) => Object.hasOwn(values, name))
  if (!hasBody(method)) {
    for (const name of rest) url.searchParams.append(name, asText(values[name], name))
    return { method, url: url.href, headers }
  }
  const template = tool.request.body as Json | undefined
  const members =
    template === undefined
      ? Object.fromEntries(rest.map((name) => [name, values[name]]))
      : fillBody(template, values, asText)
  const body = JSON.stringify(members)
  return { method, url: url.href, headers: { ...headers, 'content-type': 'application/json' }, body }
}

const isComplete = (template: string, values: Readonly<Record<string, Json>>): boolean =>
  placeholdersIn(template).every((name) => Object.hasOwn(values, name))

type Serialise = (value: Json | undefined, name: string) => string

const fill = (template: string, values: Readonly<Record<string, Json>>, serialise: Serialise): string =>
  template.replace(placeholder, (_, name: string) =>
    serialise(Object.hasOwn(values, name) ? values[name] : undefined, name),
  )

function fillUrl(template: string, values: Readonly<Record<string, Json>>): URL {
  const intended = new URL(fill(template, values, () => 'x'))
  const filled = fill(template, values, asSegment)
  const url = URL.canParse(filled) ? new URL(filled) : undefined
  if (url === undefined || url.origin !== intended.origin) throw refusal('the address cannot be built')
  // The parser drops segments of dots, also where two values or a value and the template make them up.
  if (
    url.pathname.split('/').length !== intended.pathname.split('/').length ||
    url.search !== intended.search
  ) {
    throw refusal('a value does not fit the path of the address')
  }
  return url
}

function asText(value: Json | undefined, name: string): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value !== 'string') throw refusal(`${name} must be text, a number or true or false here`)
  if (!value.isWellFormed()) throw refusal(`${name} is not valid Unicode`)
  return value
}

/** One path segment, or a part of one. A server that decodes twice must not find a way up either. */
function asSegment(value: Json | undefined, name: string): string {
  const text = asText(value, name)
  if (text === '') throw refusal(`${name} must not be empty`)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\u0000-\u001f\u007f]/.test(text)) throw refusal(`${name} must not hold control characters`)
  if (
    text
      .replace(/%2e/gi, '.')
      .split(/[/\\]|%2f|%5c/i)
      .some(isDots)
  ) {
    throw refusal(`${name} must not hold a path`)
  }
  return encodeURIComponent(text)
}
const isDots = (part: string): boolean => /^\.+$/.test(part)

/**
 * A value in a header: the characters of an HTTP token and those of an address. What parts or quotes the elements of a
 * header (space, comma, semicolon, quotes) is not among them, so a value cannot add an element of its own.
 */
function asHeader(value: Json | undefined, name: string): string {
  const text = asText(value, name)
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z@:/=]+$/.test(text)) {
    throw refusal(
      `${name} must be letters, digits and !#$%&'*+-.^_\`|~@:/= without spaces: it is sent in a header`,
    )
  }
  return text
}
