import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createEgress } from '../lambdas/core/egress/egress.ts'
import type { Http, Secrets } from '../lambdas/core/ports.ts'
import type { Sender } from '../lambdas/core/tools/send-authorized.ts'

/** One request as a tenant's API received it. */
export interface Received {
  method: string
  path: string
  headers: IncomingMessage['headers']
  body: string
}

export type Respond = (response: ServerResponse, request: Received, nth: number) => void

/** A tenant's API on this machine, and the guarded way to it. */
export interface TenantApi {
  url: string
  host: string
  http: Http
  received: Received[]
  respond(how: Respond): void
  close(): Promise<void>
}

export async function startTenantApi(): Promise<TenantApi> {
  const received: Received[] = []
  let how: Respond = json(200, {})
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const one = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString('utf8'),
    }
    received.push(one)
    how(response, one, received.length)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `http://${host}`,
    host,
    received,
    http: createEgress({
      tenant: 'acme',
      io: (_, call) => call(),
      allowance: { hosts: new Set([host]) },
    }),
    respond: (next) => {
      received.length = 0
      how = next
    },
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

export const json =
  (status: number, value: unknown): Respond =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  }

export const raw =
  (status: number, headers: Record<string, string>, body: string | Buffer): Respond =>
  (response) => {
    response.writeHead(status, headers).end(body)
  }

/** Reads the request, then closes the connection without an answer. */
export const reset: Respond = (response) => {
  response.destroy()
}

/** Never answers. */
export const hang: Respond = () => {}

/** Secrets whose value can be rotated: what is cached, and what is stored. */
export const rotatingSecrets = (hosts: string[], cached: string, stored = cached): Secrets => ({
  read: async (_, options) => ({ value: options?.fresh ? stored : cached, hosts }),
})

/** For calls that need neither an access token nor a signature: asking for one is an error. */
export const neitherTokenNorSignature: Pick<Sender, 'tokens' | 'identify'> = {
  tokens: { get: () => Promise.reject(new Error('an access token was asked for')) },
  identify: () => Promise.reject(new Error('a signature was asked for')),
}

/** Answers 401 at once; after that, only when the caller gives up. */
export function slowAfter401(): Http {
  let asked = 0
  return ({ signal }) => {
    if (++asked === 1) return Promise.resolve({ ok: true, status: 401, headers: {}, text: '' })
    return new Promise((resolve) => {
      signal?.addEventListener('abort', () =>
        resolve({ ok: false, cause: 'aborted', sent: true, message: 'stopped' }),
      )
    })
  }
}
