import * as z from 'zod'
import { maxBodyBytes, parseJson } from '../../core/parse-json.ts'
import type { AdminParts } from '../create-admin.ts'
import { principalOf } from '../principal.ts'
import { Problem } from '../problem.ts'
import type { RawCall, Route } from '../route.ts'

/** An event once it was read: what middlewares and the route work on. */
export interface Requested {
  call: RawCall
}

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html */
const payload = z.object({
  version: z.literal('2.0'),
  rawQueryString: z.string().default(''),
  headers: z.record(z.string(), z.string()).default({}),
  pathParameters: z.record(z.string(), z.string()).default({}),
  requestContext: z.looseObject({
    http: z.object({ method: z.string(), path: z.string() }),
    requestId: z.string().default('unknown'),
  }),
  body: z.string().nullish(),
  isBase64Encoded: z.boolean().default(false),
})

/** Reads an event into a call: who is calling by the authorizer's word, what the path names, the body as JSON. */
export const readRequest = (route: Route, { runtime, helpdesks }: AdminParts) => ({
  before: ({ event }: { event: Requested }) => {
    const parsed = payload.safeParse(event)
    if (!parsed.success) throw new Problem('malformed', 'This is not a request of an HTTP API.')
    const { headers, requestContext, pathParameters, rawQueryString, body, isBase64Encoded } = parsed.data
    const bytes = Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8')
    event.call = {
      params: decoded(pathParameters),
      query: queryOf(rawQueryString),
      body: route.body === undefined ? undefined : jsonOf(bytes, headers['content-type']),
      ifMatch: tagsOf(headers['if-match']),
      requestId: requestContext.requestId,
      now: runtime.clock.now(),
      log: runtime.log,
      runtime,
      helpdesks,
      who: principalOf(requestContext),
      rank: undefined,
      tenant: undefined,
    }
  },
})

/** Once each: a name that comes twice could be read in two ways. */
function queryOf(raw: string): Record<string, string> {
  const query: Record<string, string> = {}
  for (const [name, value] of new URLSearchParams(raw)) {
    if (Object.hasOwn(query, name)) throw new Problem('malformed', `The query names ${name} twice.`)
    query[name] = value
  }
  return query
}

function decoded(params: Record<string, string>): Record<string, string> {
  try {
    return Object.fromEntries(
      Object.entries(params).map(([name, value]) => [name, decodeURIComponent(value)]),
    )
  } catch {
    throw new Problem('malformed', 'The path is not percent-encoded as it should be.')
  }
}

function jsonOf(bytes: Buffer, type = ''): unknown {
  // A page in a browser cannot send these types to another origin unasked.
  if (!/^application\/([a-z.-]+\+)?json\b/i.test(type.trim()))
    throw new Problem('not_json', 'Send content-type: application/json.')
  const parsed = parseJson(bytes)
  if (parsed.ok) return parsed.value
  if (parsed.cause === 'too_large')
    throw new Problem('too_large', `A body has at most ${maxBodyBytes} bytes.`)
  const why = {
    too_deep: 'It is nested more than 32 levels deep.',
    not_utf8: 'It is not UTF-8.',
    not_json: 'It is not JSON.',
  }
  throw new Problem('malformed', why[parsed.cause])
}

/** `"v1", "v2"` or `*`; a weak tag matches nothing here. https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1 */
function tagsOf(header: string | undefined): string[] | undefined {
  if (header === undefined) return undefined
  return header.split(',').map((part) => {
    const tag = part.trim()
    return tag === '*' ? tag : (/^"([^"]*)"$/.exec(tag)?.[1] ?? '')
  })
}
