/** What API Gateway is in the cloud: takes HTTP requests and hands them to handlers as events of payload version 2. */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { IdentityProvider } from './identity-provider.ts'
import { listen } from './serve.ts'

export interface FrontDoorAnswer {
  statusCode: number
  headers: Record<string, string>
  body: string
}
/** Who answers which path. */
export interface FrontDoorRoutes {
  /** By helpdesk: `POST` (or `HEAD`) `/webhooks/<helpdesk>/{connectionId}`. */
  webhooks: Record<string, (event: unknown) => Promise<FrontDoorAnswer>>
  /** `GET /t/{tenant}/.well-known/jwks.json`. */
  publicKeys(event: unknown): Promise<FrontDoorAnswer>
  /** The admin API, and whose tokens it takes. */
  admin?: { handle(event: unknown): Promise<FrontDoorAnswer>; identityProvider: IdentityProvider }
  /** `POST /demo/token`, JSON. */
  token?(authorization: string | undefined, body: Buffer): Promise<FrontDoorAnswer>
  /** `POST /demo/message`, JSON. */
  message(body: Buffer): FrontDoorAnswer
  /** What `GET /` says. */
  hello(): string
  onWebhook?(webhook: { helpdesk: string; bytes: number }): void
}

/** API Gateway takes no more than this. */
const maxBytes = 10 * 1024 * 1024

const plain = (statusCode: number, body: string): FrontDoorAnswer => ({
  statusCode,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body,
})

/** Serves on loopback. Rejects when the port is taken. */
export async function openFrontDoor(routes: FrontDoorRoutes, port: number) {
  const server = createServer((request, response) => {
    answer(request).then(
      ({ statusCode, headers, body }) => response.writeHead(statusCode, headers).end(body),
      (error: unknown) => {
        process.stderr.write(`front door: ${String(error)}\n`)
        response.writeHead(500).end()
      },
    )
  })

  async function answer(request: IncomingMessage): Promise<FrontDoorAnswer> {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (request.method === 'GET' && url.pathname === '/') return plain(200, routes.hello())
    const [, tenant] = /^\/t\/([^/]+)\/\.well-known\/jwks\.json$/.exec(url.pathname) ?? []
    if (request.method === 'GET' && tenant !== undefined) {
      const routeKey = 'GET /t/{tenant}/.well-known/jwks.json'
      return await routes.publicKeys(eventOf(request, url, routeKey, { tenant }, Buffer.alloc(0)))
    }
    if (routes.admin !== undefined && isAdmin(url.pathname))
      return await answerAdmin(routes.admin, request, url)
    if (request.method !== 'POST' && request.method !== 'HEAD')
      return plain(405, 'webhooks and /demo/message are sent by POST')
    const body = await bytesOf(request)
    if (body === undefined) return plain(413, 'too large')
    if (url.pathname === '/demo/message' && request.method === 'POST') {
      // A page in a browser cannot send this type to another origin unasked.
      const isJson = request.headers['content-type']?.startsWith('application/json')
      return isJson ? routes.message(body) : plain(415, 'send content-type: application/json')
    }
    if (url.pathname === '/demo/token' && routes.token !== undefined)
      return await routes.token(request.headers.authorization, body)
    const [, helpdesk = '', connectionId = ''] = /^\/webhooks\/([a-z]+)\/([^/]+)$/.exec(url.pathname) ?? []
    const webhook = Object.hasOwn(routes.webhooks, helpdesk) ? routes.webhooks[helpdesk] : undefined
    if (webhook === undefined) return plain(404, 'not found')
    if (request.method === 'POST') routes.onWebhook?.({ helpdesk, bytes: body.length })
    return await webhook(
      eventOf(request, url, `${request.method} /webhooks/${helpdesk}/{connectionId}`, { connectionId }, body),
    )
  }

  await listen(server, port)
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const isAdmin = (path: string): boolean => /^\/admin(\/|$)/.test(path) || path === '/oauth/callback'
/** Those that API Gateway serves without an authorizer. */
const isForAnyone = (path: string): boolean => ['/admin/openapi.json', '/oauth/callback'].includes(path)

/** Plays API Gateway with a JWT authorizer: what it has verified stands in the event, and nothing that a caller says. */
async function answerAdmin(
  { handle, identityProvider }: NonNullable<FrontDoorRoutes['admin']>,
  request: IncomingMessage,
  url: URL,
): Promise<FrontDoorAnswer> {
  const body = await bytesOf(request)
  if (body === undefined) return plain(413, 'too large')
  const routeKey = isForAnyone(url.pathname) ? `GET ${url.pathname}` : 'ANY /admin/{proxy+}'
  const event = eventOf(request, url, routeKey, {}, body)
  const requestContext = { ...event.requestContext, requestId: randomUUID() }
  if (isForAnyone(url.pathname)) return await handle({ ...event, requestContext })
  const [, token = ''] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? []
  const claims = await identityProvider.verify(token)
  if (claims === undefined)
    return {
      statusCode: 401,
      headers: { 'content-type': 'application/json' },
      body: '{"message":"Unauthorized"}',
    }
  return await handle({
    ...event,
    requestContext: { ...requestContext, authorizer: { jwt: { claims, scopes: null } } },
  })
}

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html */
function eventOf(
  request: IncomingMessage,
  url: URL,
  routeKey: string,
  pathParameters: Record<string, string>,
  body: Buffer,
) {
  const headers = Object.entries(request.headersDistinct).map(([name, values]) => [name, values?.join(',')])
  const text = body.toString('utf8')
  const isText = Buffer.from(text, 'utf8').equals(body)
  return {
    version: '2.0',
    routeKey,
    rawPath: url.pathname,
    rawQueryString: url.search.slice(1),
    headers: Object.fromEntries(headers),
    requestContext: { http: { method: request.method, path: url.pathname, sourceIp: '127.0.0.1' } },
    pathParameters,
    body: isText ? text : body.toString('base64'),
    isBase64Encoded: !isText,
  }
}

async function bytesOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request) {
    length += (chunk as Buffer).length
    if (length <= maxBytes) chunks.push(chunk as Buffer)
  }
  return length > maxBytes ? undefined : Buffer.concat(chunks)
}
