/** Servers to aim the egress guard at, and wires that lead public addresses to them. */
import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import {
  type AddressInfo,
  connect,
  createServer,
  type Server,
  type Socket,
  type TcpNetConnectOpts,
} from 'node:net'
import { createEgress, type EgressOptions } from '../lambdas/core/egress/egress.ts'
import type { HttpAnswer, HttpRequest } from '../lambdas/core/ports.ts'

const running: { server: Server; sockets: Set<Socket> }[] = []

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  running.push({ server, sockets })
  return (server.address() as AddressInfo).port
}

/** Each answers the port it listens on. */
export const serveHttp = (answer: RequestListener): Promise<number> =>
  listen(createHttpServer({ keepAliveTimeout: 60_000 }, answer))
export const serveHttps = (pem: { key: string; cert: string }, answer: RequestListener): Promise<number> =>
  listen(createHttpsServer({ ...pem, keepAliveTimeout: 60_000 }, answer))
export const serveTcp = (speak: (socket: Socket) => void): Promise<number> => listen(createServer(speak))

export async function stopServers(): Promise<void> {
  for (const { server, sockets } of running.splice(0)) {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  }
}

/** Records what would be dialled, and leads it to a port of this machine instead. */
export function wireTo(port: number) {
  const dialled: string[] = []
  return {
    dialled,
    connect(options: TcpNetConnectOpts): Socket {
      return connect({
        ...options,
        port,
        lookup: (host, how, done) =>
          options.lookup?.(host, how, (error, addresses) => {
            for (const each of [addresses].flat())
              dialled.push(`${typeof each === 'string' ? each : each.address}:${options.port}`)
            done(error, [{ address: '127.0.0.1', family: 4 }])
          }),
      })
    },
  }
}

let tenants = 0
/** Egress of a tenant that nobody had before, so that no test finds another's connections. */
export function egress(options: Partial<EgressOptions> = {}) {
  tenants++
  return createEgress({ tenant: `tenant-${tenants}`, io: (_port, call) => call(), ...options })
}

/** Egress that may call a server of this machine over http, and a request to it. */
export const local = (port: number, options: Partial<EgressOptions> = {}) =>
  egress({ allowance: { hosts: new Set([`127.0.0.1:${port}`]) }, ...options })

/** What must never be in a message is planted everywhere a message could take it from. */
export const request = (target: number | string, more: Partial<HttpRequest> = {}): HttpRequest => ({
  port: 'tool',
  method: 'POST',
  url: `${typeof target === 'number' ? `http://127.0.0.1:${target}` : target}/planted?token=planted`,
  headers: { authorization: 'Bearer planted' },
  body: '{"card":"planted"}',
  timeoutMs: 10_000,
  repeatable: false,
  ...more,
})

/** Cause and sent of a failure; throws when its message holds what was planted. */
export function outcome(answer: HttpAnswer): string {
  if (answer.ok) return `ok ${answer.status}`
  if (/planted|bearer|\?/i.test(answer.message))
    throw new Error(`the message tells too much: ${answer.message}`)
  return `${answer.cause}, ${answer.sent ? 'sent' : 'not sent'}`
}
