import * as z from 'zod'
import { maxBodyBytes } from './parse-json.ts'

/** A request as it was sent: the bytes that are signed, and every value of every header. */
export interface WebhookRequest {
  method: 'POST' | 'HEAD'
  /** As it stands in the path; not checked. */
  connectionId: string
  /** Lower-case name -> values. A header sent twice has two values, or one joined by a comma in payload v2. */
  headers: Map<string, string[]>
  /** As it was sent, without the `?`; empty where the event does not hold it (payload version 1). */
  query: string
  rawBody: Buffer
}

export type DecodedRequest =
  | { ok: true; request: WebhookRequest }
  | {
      ok: false
      status: 400 | 405 | 413 | 415
      cause: 'not_a_request' | 'method' | 'too_large' | 'content_encoding'
    }

const pathParameters = z.object({ connectionId: z.string().optional() }).nullish()

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html */
const payloadV2 = z.object({
  version: z.literal('2.0'),
  requestContext: z.object({ http: z.object({ method: z.string() }) }),
  rawQueryString: z.string().default(''),
  headers: z.record(z.string(), z.string()).default({}),
  pathParameters,
  body: z.string().nullish(),
  isBase64Encoded: z.boolean(),
})

const payloadV1 = z.object({
  version: z.literal('1.0').optional(),
  resource: z.string(),
  httpMethod: z.string(),
  multiValueHeaders: z.record(z.string(), z.array(z.string())).nullish(),
  pathParameters,
  body: z.string().nullish(),
  isBase64Encoded: z.boolean(),
})

/** Decodes an event of API Gateway, payload version 1 or 2, and nothing else. Does no I/O and never throws. */
export function decodeRequest(event: unknown): DecodedRequest {
  const decoded = decodeV2(event) ?? decodeV1(event)
  if (decoded === undefined) return { ok: false, status: 400, cause: 'not_a_request' }
  const { method, request } = decoded
  if (method === 'HEAD') return { ok: true, request: { ...request, method } }
  if (method !== 'POST') return { ok: false, status: 405, cause: 'method' }
  if (request.rawBody.byteLength > maxBodyBytes) return { ok: false, status: 413, cause: 'too_large' }
  // What is signed is what was sent: bytes that somebody else would have to unpack first are not taken.
  const encodings = request.headers.get('content-encoding') ?? []
  if (encodings.some((encoding) => encoding.trim().toLowerCase() !== 'identity'))
    return { ok: false, status: 415, cause: 'content_encoding' }
  return { ok: true, request: { ...request, method } }
}

type Decoded = { method: string; request: Omit<WebhookRequest, 'method'> } | undefined

function decodeV2(event: unknown): Decoded {
  const parsed = payloadV2.safeParse(event)
  if (!parsed.success) return undefined
  const { requestContext, headers, rawQueryString, ...rest } = parsed.data
  const values = Object.entries(headers).map(([name, value]): [string, string[]] => [name, [value]])
  return { method: requestContext.http.method, request: requestOf(rest, rawQueryString, values) }
}

function decodeV1(event: unknown): Decoded {
  const parsed = payloadV1.safeParse(event)
  if (!parsed.success) return undefined
  const { httpMethod, multiValueHeaders, ...rest } = parsed.data
  return { method: httpMethod, request: requestOf(rest, '', Object.entries(multiValueHeaders ?? {})) }
}

function requestOf(
  from: Pick<z.infer<typeof payloadV2>, 'pathParameters' | 'body' | 'isBase64Encoded'>,
  query: string,
  values: [string, string[]][],
): Omit<WebhookRequest, 'method'> {
  const headers = new Map<string, string[]>()
  for (const [name, more] of values) {
    const key = name.toLowerCase()
    headers.set(key, [...(headers.get(key) ?? []), ...more])
  }
  return {
    connectionId: from.pathParameters?.connectionId ?? '',
    headers,
    query,
    rawBody: Buffer.from(from.body ?? '', from.isBase64Encoded ? 'base64' : 'utf8'),
  }
}
