import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request to a stand-in, read whole. */
export interface Asked {
  method: string
  url: URL
  headers: IncomingHttpHeaders
  body: string
}

/** An answer: JSON, a page, a connection that is cut, or nothing until the other side gives up. */
export type Answered =
  | { status: number; headers?: Record<string, string>; json?: unknown; html?: string }
  | 'reset'
  | 'hang'

export interface Served {
  /** `http://127.0.0.1:<port>` */
  url: string
  /** Cuts what is open and stops listening. */
  close(): Promise<void>
}

/**
 * Serves on loopback only, on `preferredPort` or, where that is taken, on any free one. A handler that throws answers
 * 500 and says so on stderr.
 */
export async function serve(
  answer: (asked: Asked) => Answered | Promise<Answered>,
  preferredPort = 0,
): Promise<Served> {
  const server = createServer((req, res) => {
    const reply = async () => {
      const chunks: Buffer[] = []
      for await (const chunk of req) chunks.push(chunk as Buffer)
      const answered = await answer({
        method: req.method ?? 'GET',
        url: new URL(req.url ?? '/', 'http://127.0.0.1'),
        headers: req.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      })
      if (answered === 'hang') return
      if (answered === 'reset') {
        req.socket.destroy()
        return
      }
      const [type, text] =
        answered.html !== undefined
          ? ['text/html; charset=utf-8', answered.html]
          : ['application/json; charset=utf-8', JSON.stringify(answered.json ?? {})]
      res.writeHead(answered.status, { 'content-type': type, ...answered.headers })
      res.end(answered.status === 204 ? undefined : text)
    }
    reply().catch((error: unknown) => {
      if (req.socket.destroyed) return
      process.stderr.write(`stand-in failed on ${req.method} ${req.url}: ${String(error)}\n`)
      res.writeHead(500).end()
    })
  })
  await listen(server, preferredPort).catch(() => listen(server, 0))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Listens on loopback. Rejects when the port is taken. */
export const listen = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })

/** The JSON object in a body; `{}` when there is none. */
export function jsonObject(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body)
    return isObject(value) ? value : {}
  } catch {
    return {}
  }
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
