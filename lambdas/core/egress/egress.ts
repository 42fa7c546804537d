/**
 * The one way out to a URL that somebody configured. What it holds against: internal addresses in any spelling,
 * names that change their answer, redirects that carry credentials along, answers that never end or blow up, and
 * sockets shared between tenants. See docs/adr/0003-own-egress-guard.md.
 */
import { lookup } from 'node:dns/promises'
import * as http from 'node:http'
import * as https from 'node:https'
import { connect, type Socket } from 'node:net'
import type { Http, HttpAnswer, HttpFailure, HttpRequest, Io } from '../ports.ts'
import { type Dialling, freshAgent, pooledAgent } from './connection-pools.ts'
import { dial, failure, type Network } from './dial.ts'
import { readBody } from './read-body.ts'
import { refusedHeader } from './request-headers.ts'
import { checkUrl, type UrlPolicy } from './url-policy.ts'

const defaultMaxBytes = 1024 * 1024
const maxHeaderBytes = 16 * 1024

/** `resolve` and `connect` replace the system's look-up and TCP in tests. */
export interface EgressOptions extends UrlPolicy, Partial<Network> {
  tenant: string
  io: Io
}

/** Sends requests of one tenant through the guard. It rejects only when `io` does. */
export function createEgress(options: EgressOptions): Http {
  const network: Network = {
    resolve:
      options.resolve ?? (async (host) => (await lookup(host, { all: true })).map((each) => each.address)),
    connect: options.connect ?? connect,
  }
  return async (request) => {
    const verdict = checkUrl(request.url, options)
    if (!verdict.ok) return refused(`the URL is refused: ${verdict.reason}`)
    for (const [name, value] of Object.entries(request.headers ?? {})) {
      const reason = refusedHeader(name, value)
      if (reason !== undefined) return refused(`${verdict.url.hostname}: ${reason}`)
    }
    const { url, local } = verdict
    return options.io(`http.${request.port}`, () =>
      send({ tenant: options.tenant, request, url, local, network }),
    )
  }
}

const refused = (message: string): HttpAnswer => ({ ok: false, cause: 'url_refused', sent: false, message })

interface Call {
  tenant: string
  request: HttpRequest
  url: URL
  local: boolean
  network: Network
}

/** One deadline over everything, a repetition included. */
async function send(call: Call): Promise<HttpAnswer> {
  const { request, url } = call
  const ending = new AbortController()
  const timer = setTimeout(() => ending.abort('timeout' satisfies HttpFailure), request.timeoutMs)
  const abort = () => ending.abort('aborted' satisfies HttpFailure)
  request.signal?.addEventListener('abort', abort, { once: true })
  if (request.signal?.aborted) abort()
  try {
    if (!request.repeatable) return (await exchange(call, freshAgent(url.origin), ending.signal)).answer
    // A kept connection may have died while the process was frozen. Only what may be repeated is sent on one, so
    // that no other request is ever in doubt for that reason.
    const first = await exchange(call, pooledAgent(call.tenant, url.origin), ending.signal)
    if (!first.stale) return first.answer
    const { answer } = await exchange(call, freshAgent(url.origin), ending.signal)
    return answer.ok ? answer : { ...answer, sent: true }
  } finally {
    clearTimeout(timer)
    request.signal?.removeEventListener('abort', abort)
  }
}

/** `stale`: a kept connection turned out to be dead before a byte of an answer came. */
interface Attempt {
  answer: HttpAnswer
  stale: boolean
}

async function exchange(call: Call, agent: http.Agent, signal: AbortSignal): Promise<Attempt> {
  const { request, url, local, network } = call
  const target = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || (local ? 80 : 443)),
    local,
  }
  let used: { socket: Socket; bytesRead: number } | undefined
  let outgoing: http.ClientRequest | undefined
  try {
    signal.throwIfAborted()
    const options: https.RequestOptions & Dialling = {
      agent,
      method: request.method,
      headers: headersOf(request),
      maxHeaderSize: maxHeaderBytes,
      insecureHTTPParser: false,
      dial: () => dial(target, signal, network),
    }
    outgoing = local ? http.request(url, options) : https.request(url, options)
    outgoing.on('socket', (socket) => {
      used = { socket, bytesRead: socket.bytesRead }
    })
    const response = await responseTo(outgoing, request.body, signal)
    return { answer: await answerOf(response, request, signal), stale: false }
  } catch (error) {
    outgoing?.destroy()
    const { cause, message } = explain(error, signal, used !== undefined)
    const silent = used !== undefined && used.socket.bytesRead === used.bytesRead
    return {
      answer: { ok: false, cause, sent: used !== undefined, message: `${url.hostname}: ${message}` },
      stale: cause === 'reset' && silent && outgoing?.reusedSocket === true,
    }
  }
}

/** Sends; answers with status and headers. Errors that come after them are heard here as well, and change nothing. */
const responseTo = (
  outgoing: http.ClientRequest,
  body: string | undefined,
  signal: AbortSignal,
): Promise<http.IncomingMessage> =>
  new Promise((resolve, reject) => {
    outgoing.on('response', resolve)
    outgoing.on('error', reject)
    outgoing.on('upgrade', (_response, socket) => {
      socket.destroy()
      reject(failure('reset', 'it changes to another protocol'))
    })
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    outgoing.end(body)
  })

async function answerOf(
  response: http.IncomingMessage,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const status = response.statusCode ?? 0
  if (status >= 300 && status < 400) throw failure('redirect', 'it redirects: configure the final URL')
  const text = await readBody(response, request.maxBytes ?? defaultMaxBytes, signal)
  const headers = Object.entries(response.headers).map(([name, value]) => [name, String(value)])
  return { ok: true, status, headers: Object.fromEntries(headers), text }
}

function headersOf(request: HttpRequest): Record<string, string> {
  const given = Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])
  return {
    ...Object.fromEntries(given),
    'accept-encoding': 'identity',
    ...(request.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(request.body)) }),
  }
}

const endings: Partial<Record<HttpFailure, string>> = { timeout: 'no answer in time', aborted: 'stopped' }

/** What an error means to the caller. Messages of others' errors are not passed on: they may quote the request. */
function explain(
  error: unknown,
  signal: AbortSignal,
  sent: boolean,
): { cause: HttpFailure; message: string } {
  if (signal.aborted) {
    const cause = signal.reason as 'timeout' | 'aborted'
    return { cause, message: endings[cause] ?? cause }
  }
  const { cause, message, code } = error as NodeJS.ErrnoException & { cause?: HttpFailure }
  if (typeof cause === 'string') return { cause, message }
  if (code === 'HPE_HEADER_OVERFLOW')
    return { cause: 'too_large', message: `its header is larger than ${maxHeaderBytes} bytes` }
  return {
    cause: sent ? 'reset' : 'connect',
    message: `the connection broke${code === undefined ? '' : ` (${code})`}`,
  }
}
