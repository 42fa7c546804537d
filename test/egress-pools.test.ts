import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, describe, expect, test } from '@jest/globals'
import {
  local,
  outcome,
  request,
  serveHttp,
  serveHttps,
  serveTcp,
  stopServers,
  wireTo,
} from './egress-servers.ts'
import { selfSigned } from './self-signed.ts'

afterAll(stopServers)

/** A server that notes the number of the connection for each request. */
function numbering() {
  const sockets: Socket[] = []
  const seen: number[] = []
  const answer = (incoming: IncomingMessage, response: ServerResponse) => {
    if (!sockets.includes(incoming.socket)) sockets.push(incoming.socket)
    seen.push(sockets.indexOf(incoming.socket))
    response.end()
  }
  return { sockets, seen, answer }
}
const read = (port: number | string) => request(port, { repeatable: true })

describe('a kept connection', () => {
  test('is used again by the same tenant', async () => {
    const { seen, answer } = numbering()
    const port = await serveHttp(answer)
    const http = local(port, { tenant: 'acme' })
    for (let call = 0; call < 3; call++) await http(read(port))
    await local(port, { tenant: 'acme' })(read(port))
    expect(seen).toEqual([0, 0, 0, 0])
  })

  test('is never used by another tenant', async () => {
    const { seen, answer } = numbering()
    const port = await serveHttp(answer)
    for (const tenant of ['acme', 'acme2', 'acme', 'acme2', 'ac', 'acme'])
      await local(port, { tenant })(read(port))
    expect(seen).toEqual([0, 1, 0, 1, 2, 0])
  })

  test('is never used by another tenant over TLS, and belongs to one name', async () => {
    const trusted = getCACertificates('default')
    const pem = selfSigned(['*.acme.com'])
    setDefaultCACertificates([...trusted, pem.cert])
    const { seen, answer } = numbering()
    const wire = wireTo(await serveHttps(pem, answer))
    const call = (tenant: string, url: string) =>
      local(0, { tenant, resolve: async () => ['93.184.215.14'], ...wire })(read(url))
    for (const tenant of ['acme', 'other', 'acme', 'other']) await call(tenant, 'https://api.acme.com')
    await call('acme', 'https://www.acme.com')
    setDefaultCACertificates(trusted)
    expect(seen).toEqual([0, 1, 0, 1, 2])
  })

  test('is not used for what may not be repeated, and that leaves none behind', async () => {
    const { seen, answer, sockets } = numbering()
    const port = await serveHttp(answer)
    const http = local(port)
    await http(read(port))
    await http(request(port))
    await http(request(port))
    await http(read(port))
    expect(seen).toEqual([0, 1, 2, 0])
    expect(sockets.map((socket) => socket.destroyed)).toEqual([false, true, true])
  })

  test('is not kept after a request that was stopped, whose answer reaches nobody', async () => {
    let arrived = () => {}
    const port = await serveHttp((incoming, response) => {
      if (incoming.url === '/late') {
        arrived()
        setTimeout(() => response.end('the answer to another request'), 50)
      } else response.end('mine')
    })
    const http = local(port)
    await http(read(port))
    const stopping = new AbortController()
    arrived = () => stopping.abort()
    const url = `http://127.0.0.1:${port}/late`
    expect(outcome(await http({ ...read(port), url, signal: stopping.signal }))).toBe('aborted, sent')
    const answers = await Promise.all([http(read(port)), http(read(port))])
    for (const answer of answers) expect(answer).toMatchObject({ ok: true, text: 'mine' })
  })

  test('carries no request that was stopped before', async () => {
    const { seen, answer } = numbering()
    const port = await serveHttp(answer)
    const http = local(port)
    await http(read(port))
    expect(outcome(await http({ ...read(port), signal: AbortSignal.abort() }))).toBe('aborted, not sent')
    await http(read(port))
    expect(seen).toHaveLength(2)
  })

  test('is closed when the answer was refused', async () => {
    const { seen, answer } = numbering()
    const port = await serveHttp((incoming, response) => {
      response.writeHead(incoming.method === 'GET' ? 302 : 200, { location: '/' })
      answer(incoming, response)
    })
    const http = local(port)
    await http({ ...read(port), method: 'GET' })
    await http(read(port))
    expect(seen).toEqual([0, 1])
  })
})

test('an idle connection is closed before the server said it would', async () => {
  let closed: Promise<unknown> | undefined
  const port = await serveTcp((socket) => {
    closed = once(socket, 'close')
    socket.on('data', () => socket.write('HTTP/1.1 204 No Content\r\nkeep-alive: timeout=2\r\n\r\n'))
  })
  await local(port)(read(port))
  await closed
})

describe('a kept connection that died', () => {
  const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

  /** Answers the first request of the first connection. What it does with every later request is `then`. */
  async function dying(then: (socket: Socket, connection: number) => void) {
    const seen: number[] = []
    let connections = 0
    const port = await serveTcp((socket) => {
      const connection = connections++
      socket.on('data', () => {
        seen.push(connection)
        if (seen.length === 1) socket.write(answer)
        else then(socket, connection)
      })
    })
    return { port, seen }
  }
  const killOr = (other: (socket: Socket) => void) => (socket: Socket, connection: number) =>
    connection === 0 ? socket.resetAndDestroy() : other(socket)

  test('costs a repeatable request nothing: it is sent again on a new one', async () => {
    for (const kill of [(s: Socket) => s.resetAndDestroy(), (s: Socket) => s.end()]) {
      const { port, seen } = await dying((socket, connection) =>
        connection === 0 ? kill(socket) : socket.end(answer),
      )
      const http = local(port)
      expect(outcome(await http(read(port)))).toBe('ok 200')
      expect(outcome(await http(read(port)))).toBe('ok 200')
      expect(seen).toEqual([0, 0, 1])
    }
  })

  test('is not replaced by another that died as well', async () => {
    const { seen, answer, sockets } = numbering()
    const both: (() => void)[] = []
    const port = await serveHttp((incoming, response) => {
      if (both.length === 2 && sockets.includes(incoming.socket)) incoming.socket.resetAndDestroy()
      else if (both.length === 2) answer(incoming, response)
      else if (both.push(() => answer(incoming, response)) === 2) for (const end of both) end()
    })
    const http = local(port)
    await Promise.all([http(read(port)), http(read(port))])
    expect(outcome(await http(read(port)))).toBe('ok 200')
    expect(seen).toEqual([0, 1, 2])
  })

  test('costs nothing over TLS either, however it is closed', async () => {
    const trusted = getCACertificates('default')
    const pem = selfSigned(['api.acme.com'])
    setDefaultCACertificates([...trusted, pem.cert])
    for (const kill of [(s: Socket) => s.destroy(), (s: Socket) => s.end()]) {
      let requests = 0
      const port = await serveHttps(pem, (incoming, response) => {
        requests++
        if (requests === 2) kill(incoming.socket)
        else response.end()
      })
      const http = local(port, { resolve: async () => ['93.184.215.14'], ...wireTo(port) })
      expect(outcome(await http(read('https://api.acme.com')))).toBe('ok 200')
      expect(outcome(await http(read('https://api.acme.com')))).toBe('ok 200')
      expect(requests).toBe(3)
    }
    setDefaultCACertificates(trusted)
  })

  test('costs a request that is not repeatable nothing either: it was never on it', async () => {
    const { port, seen } = await dying(killOr((socket) => socket.end(answer)))
    const http = local(port)
    await http(read(port))
    expect(outcome(await http(request(port)))).toBe('ok 200')
    expect(seen).toEqual([0, 1])
  })

  test('is a reason to repeat once, and only once', async () => {
    const { port, seen } = await dying((socket) => socket.resetAndDestroy())
    const http = local(port)
    await http(read(port))
    expect(outcome(await http(read(port)))).toBe('reset, sent')
    expect(seen).toEqual([0, 0, 1])
  })

  test('leaves the request in doubt when the server is gone as well', async () => {
    const port = await serveTcp((socket) => {
      socket.once('data', () => {
        socket.write(answer)
        socket.once('data', () => socket.resetAndDestroy())
      })
    })
    const wire = wireTo(port)
    let calls = 0
    const http = local(port, {
      connect: (options) => {
        calls++
        if (calls > 1) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
        return wire.connect({
          ...options,
          lookup: (_h, _o, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
        })
      },
    })
    await http(read(port))
    expect(outcome(await http(read(port)))).toBe('connect, sent')
  })

  test('is no reason to repeat once a byte of the answer came', async () => {
    const { port, seen } = await dying((socket) => socket.write('HTTP/1.1 2', () => socket.resetAndDestroy()))
    const http = local(port)
    await http(read(port))
    expect(outcome(await http(read(port)))).toBe('reset, sent')
    expect(seen).toEqual([0, 0])
  })

  test('is no reason to repeat when the connection was new', async () => {
    let requests = 0
    const port = await serveTcp((socket) => {
      socket.once('data', () => {
        requests++
        socket.resetAndDestroy()
      })
    })
    expect(outcome(await local(port)(read(port)))).toBe('reset, sent')
    expect(requests).toBe(1)
  })

  test('is no reason to go beyond the deadline', async () => {
    const { port, seen } = await dying(killOr(() => {}))
    const http = local(port)
    await http(read(port))
    expect(outcome(await http({ ...read(port), timeoutMs: 100 }))).toBe('timeout, sent')
    expect(seen).toEqual([0, 0, 1])
  })
})

describe('the pools', () => {
  test('are bounded: the one used longest ago is closed, once its answer is read', async () => {
    const { sockets, answer } = numbering()
    const waiting: (() => void)[] = []
    const port = await serveHttp((incoming, response) => {
      if (incoming.url === '/wait') waiting.push(() => answer(incoming, response))
      else answer(incoming, response)
    })
    await local(port, { tenant: 'often' })(read(port))
    await local(port, { tenant: 'idle' })(read(port))
    const [often, idle] = sockets
    const busy = local(port, { tenant: 'busy' })({ ...read(port), url: `http://127.0.0.1:${port}/wait` })
    for (let n = 0; n < 63; n++) {
      await local(port, { tenant: `other-${n}` })(read(port))
      await local(port, { tenant: 'often' })(read(port))
    }

    if (idle?.destroyed === false) await once(idle, 'close')
    for (const end of waiting) end()
    expect(outcome(await busy)).toBe('ok 200')
    const last = sockets.at(-1)
    if (last?.destroyed === false) await once(last, 'close')
    expect(sockets.filter((socket) => !socket.destroyed)).toHaveLength(64)
    expect(often?.destroyed).toBe(false)
  })
})
