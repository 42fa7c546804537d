import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from '@jest/globals'
import { local, outcome, request, serveHttp, serveTcp, stopServers } from './egress-servers.ts'

afterAll(stopServers)

const answering = (headers: Record<string, string>, body: Buffer | string, status = 200) =>
  serveHttp((_, response) => response.writeHead(status, headers).end(body))

/** Writes `chunk` again and again, as fast as it is read, until the other side has had enough. */
const forever = (response: ServerResponse, chunk: Buffer): void => {
  while (response.writable && response.write(chunk)) {}
  response.once('drain', () => forever(response, chunk))
}

describe('a request', () => {
  test('arrives as it was given, and its answer comes back', async () => {
    const seen: unknown[] = []
    const port = await serveHttp(async (incoming, response) => {
      const body = (await incoming.toArray()).join('')
      seen.push(incoming.method, incoming.url, incoming.headers, body)
      response
        .writeHead(201, { 'content-type': 'application/json', 'set-cookie': ['a=1', 'b=2'] })
        .end('{"ä":"✓"}')
    })
    const answer = await local(port)(request(port, { body: '{"ü":1}', headers: { 'X-Source': 'support' } }))
    expect(answer).toMatchObject({ ok: true, status: 201, text: '{"ä":"✓"}' })
    expect(answer).toMatchObject({ headers: { 'content-type': 'application/json', 'set-cookie': 'a=1,b=2' } })
    expect(seen).toEqual([
      'POST',
      '/planted?token=planted',
      {
        host: `127.0.0.1:${port}`,
        connection: 'close',
        'accept-encoding': 'identity',
        'content-length': '8',
        'x-source': 'support',
      },
      '{"ü":1}',
    ])
  })

  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const)(
    'by %s carries a body of known length or none',
    async (method) => {
      const seen: unknown[] = []
      const port = await serveHttp(async (incoming, response) => {
        seen.push((await incoming.toArray()).join(''), incoming.headers['transfer-encoding'])
        response.writeHead(204).end()
      })
      const { body: _, ...bare } = request(port, { method })
      expect(await local(port)(bare)).toMatchObject({ ok: true, status: 204, text: '' })
      expect(await local(port)({ ...bare, body: 'x=1' })).toMatchObject({ ok: true, status: 204 })
      expect(seen).toEqual(['', undefined, 'x=1', undefined])
    },
  )

  test('goes through the port wrapper under its name', async () => {
    const port = await answering({}, '')
    const names: string[] = []
    const http = local(port, {
      io: (name, call) => {
        names.push(name)
        return call()
      },
    })
    await http(request(port, { port: 'user_data' }))
    await http(request('https://10.0.0.1'))
    expect(names).toEqual(['http.user_data'])
  })

  test.each([
    ['Host', 'internal'],
    ['Transfer-Encoding', 'chunked'],
    ['X-Aws-Ec2-Metadata-Token', 'x'],
    ['X-Source', 'a\r\nHost: internal'],
    ['X-Source\r\nHost', 'internal'],
  ])('with the header %j: %j is not sent', async (name, value) => {
    let requests = 0
    const port = await serveHttp((_, response) => {
      requests++
      response.end()
    })
    expect(outcome(await local(port)(request(port, { headers: { [name]: value } })))).toBe(
      'url_refused, not sent',
    )
    expect(requests).toBe(0)
  })
})

describe('a redirect', () => {
  test.each([300, 301, 302, 303, 304, 305, 307, 308, 399])(
    '%i is a failure, and nobody follows it',
    async (status) => {
      let followed = 0
      const elsewhere = await serveHttp((_, response) => {
        followed++
        response.end()
      })
      const port = await answering({ location: `http://127.0.0.1:${elsewhere}/` }, '', status)
      const hosts = new Set([`127.0.0.1:${port}`, `127.0.0.1:${elsewhere}`])
      for (const repeatable of [true, false])
        expect(outcome(await local(port, { allowance: { hosts } })(request(port, { repeatable })))).toBe(
          'redirect, sent',
        )
      expect(followed).toBe(0)
    },
  )
})

describe('an answer', () => {
  test('of any other status is an answer', async () => {
    for (const status of [200, 204, 400, 401, 404, 429, 500, 503, 599]) {
      const port = await answering({}, '', status)
      expect(await local(port)(request(port))).toMatchObject({ ok: true, status })
    }
  })

  test.each([
    ['gzip', gzipSync('hello')],
    ['x-gzip', gzipSync('hello')],
    ['deflate', deflateSync('hello')],
    ['br', brotliCompressSync('hello')],
    ['GZIP', gzipSync('hello')],
    ['identity', Buffer.from('hello')],
    ['identity, gzip', gzipSync('hello')],
    ['', Buffer.from('hello')],
  ])('with the content coding %j is read', async (coding, body) => {
    const port = await answering({ 'content-encoding': coding }, body)
    expect(await local(port)(request(port))).toMatchObject({ ok: true, text: 'hello' })
  })

  test('with a content coding and no content is empty', async () => {
    for (const [status, headers] of [
      [204, {}],
      [200, { 'content-length': '0' }],
    ] as const) {
      const port = await answering({ 'content-encoding': 'gzip', ...headers }, '', status)
      expect(await local(port)(request(port))).toMatchObject({ ok: true, status, text: '' })
    }
  })

  test.each([
    ['two codings', 'gzip, gzip', gzipSync(gzipSync('hello'))],
    ['two different codings', 'gzip, br', brotliCompressSync(gzipSync('hello'))],
    ['a thousand codings', Array(1000).fill('gzip').join(), gzipSync('hello')],
    ['a coding we do not know', 'zstd', Buffer.from('hello')],
    ['a coding named like a property of every object', 'constructor', Buffer.from('hello')],
    ['gzip in name only', 'gzip', Buffer.from('hello')],
    ['gzip cut short', 'gzip', gzipSync('hello').subarray(0, 15)],
    ['brotli in name only', 'br', Buffer.from('hello, this is no brotli')],
    ['deflate in name only', 'deflate', Buffer.from('hello')],
    ['gzip that is not named', 'identity', gzipSync('hello')],
    ['bytes that are not UTF-8', 'identity', Buffer.from([0xc3, 0x28])],
    ['UTF-16', 'identity', Buffer.from('"\ud83d"', 'utf16le')],
    ['Latin-1', 'identity', Buffer.from('Müller', 'latin1')],
    ['compressed bytes that are not UTF-8', 'gzip', gzipSync(Buffer.from([0xff]))],
  ])('in %s is refused', async (_, coding, body) => {
    const port = await answering({ 'content-encoding': coding }, body)
    expect(outcome(await local(port)(request(port)))).toBe('bad_encoding, sent')
  })

  test('of exactly the cap is read, and one byte more is not', async () => {
    const mebibyte = 1024 * 1024
    for (const [size, maxBytes, expected] of [
      [mebibyte, undefined, 'ok 200'],
      [mebibyte + 1, undefined, 'too_large, sent'],
      [100, 100, 'ok 200'],
      [101, 100, 'too_large, sent'],
    ] as const) {
      for (const compress of [(body: Buffer) => body, gzipSync]) {
        const coding = compress === gzipSync ? 'gzip' : 'identity'
        const port = await answering({ 'content-encoding': coding }, compress(Buffer.alloc(size, 'x')))
        const answer = await local(port)(request(port, maxBytes === undefined ? {} : { maxBytes }))
        expect(outcome(answer)).toBe(expected)
      }
    }
  })

  // Endless, so that a guard which counts only after it has read everything would end at the deadline instead.
  test.each([
    ['text', 'identity', Buffer.alloc(64 * 1024, 'x')],
    ['a gzip bomb', 'gzip', gzipSync(Buffer.alloc(8 * 1024 * 1024))],
  ])('that never ends is cut off at the cap: %s', async (_, coding, chunk) => {
    let closed: Promise<unknown> | undefined
    const port = await serveHttp((_request, response) => {
      closed = once(response, 'close')
      response.writeHead(200, { 'content-encoding': coding })
      forever(response, chunk)
    })
    expect(outcome(await local(port)(request(port)))).toBe('too_large, sent')
    await closed
  })

  test('with a header larger than 16 KiB is refused', async () => {
    const port = await answering({ 'x-large': 'x'.repeat(17 * 1024) }, '')
    expect(outcome(await local(port)(request(port)))).toBe('too_large, sent')
  })

  test.each([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
    [
      'a length and chunks',
      'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['half a body', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'],
    ['half a chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\nhalf'],
    ['half a header', 'HTTP/1.1 200 OK\r\ncontent-le'],
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'],
    ['nothing', ''],
  ])('that is %s counts as a reset', async (_, bytes) => {
    const port = await serveTcp((socket) => socket.once('data', () => socket.end(bytes)))
    expect(outcome(await local(port)(request(port)))).toBe('reset, sent')
  })
})

describe('the deadline', () => {
  const trickle = (socket: Socket, head: string, byte: string): void => {
    socket.write(head)
    const timer = setInterval(() => socket.write(byte), 10)
    socket.on('close', () => clearInterval(timer))
  }

  test.each([
    ['a server that never answers', () => {}],
    ['a header that trickles', (socket: Socket) => trickle(socket, 'HTTP/1.1 200 OK\r\nx-slow: ', 'x')],
    [
      'interim answers without end',
      (socket: Socket) => trickle(socket, '', 'HTTP/1.1 103 Early Hints\r\n\r\n'),
    ],
    [
      'a body that trickles',
      (socket: Socket) => trickle(socket, 'HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n', 'x'),
    ],
    [
      'chunks that trickle',
      (socket: Socket) =>
        trickle(socket, 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', '1\r\nx\r\n'),
    ],
  ])('ends %s, and closes the connection', async (_, speak) => {
    const closed: Promise<unknown>[] = []
    const port = await serveTcp((socket) => {
      closed.push(once(socket, 'close'))
      socket.once('data', () => speak(socket))
    })
    for (const repeatable of [true, false])
      expect(outcome(await local(port)(request(port, { timeoutMs: 200, repeatable })))).toBe('timeout, sent')
    expect(await Promise.all(closed)).toHaveLength(2)
  })

  test('ends a request that is never read, and a look-up that never ends', async () => {
    const port = await serveTcp((socket) => socket.pause())
    const large = request(port, { timeoutMs: 200, body: 'x'.repeat(20 * 1024 * 1024) })
    expect(outcome(await local(port)(large))).toBe('timeout, sent')

    const http = local(port, { resolve: () => new Promise<string[]>(() => {}) })
    expect(outcome(await http(request('https://api.acme.com', { timeoutMs: 50 })))).toBe('timeout, not sent')
  })

  test('is not the only end: the caller stops a request before, while and after it is sent', async () => {
    const port = await serveTcp((socket) => {
      socket.on('data', () => stopping.abort())
    })
    const stopping = new AbortController()
    const { signal } = stopping
    expect(outcome(await local(port)(request(port, { signal })))).toBe('aborted, sent')
    expect(outcome(await local(port)(request(port, { signal })))).toBe('aborted, not sent')

    const body = new AbortController()
    const half = await serveTcp((socket) => {
      socket.once('data', () =>
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf', () => body.abort()),
      )
    })
    expect(outcome(await local(half)(request(half, { signal: body.signal })))).toBe('aborted, sent')
  })
})

describe('a broken connection', () => {
  test('counts as not sent when nothing listens', async () => {
    const port = await serveTcp(() => {})
    await stopServers()
    for (const repeatable of [true, false])
      expect(outcome(await local(port)(request(port, { repeatable })))).toBe('connect, not sent')
  })

  test('counts as sent when it breaks after the request was written', async () => {
    for (const end of [(s: Socket) => s.destroy(), (s: Socket) => s.resetAndDestroy()]) {
      let requests = 0
      const port = await serveTcp((socket) =>
        socket.once('data', () => {
          requests++
          end(socket)
        }),
      )
      for (const repeatable of [true, false])
        expect(outcome(await local(port)(request(port, { repeatable })))).toBe('reset, sent')
      expect(requests).toBe(2)
    }
  })
})
