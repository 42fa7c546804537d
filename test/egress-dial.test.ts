import { once } from 'node:events'
import { Socket } from 'node:net'
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import {
  egress,
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

const pem = selfSigned(['api.acme.com', '*.acme.com'])
const stranger = selfSigned(['api.acme.com'])
const trusted = getCACertificates('default')
let requests = 0
let named: unknown
let port: number

beforeAll(async () => {
  setDefaultCACertificates([...trusted, pem.cert])
  port = await serveHttps(pem, (incoming, response) => {
    requests++
    named = (incoming.socket as TLSSocket & { servername?: unknown }).servername
    response.end(incoming.headers.host)
  })
})
afterAll(async () => {
  setDefaultCACertificates(trusted)
  await stopServers()
})

const acme = request('https://api.acme.com')
const resolvingTo = (...addresses: string[]) => ({ resolve: async () => addresses })

describe('a public name', () => {
  test('is dialled at its own addresses on port 443, and named to the server', async () => {
    const wire = wireTo(port)
    const addresses = ['93.184.215.14', '2606:4700::1111']
    const answer = await egress({ ...resolvingTo(...addresses), ...wire })(acme)
    expect(answer).toMatchObject({ ok: true, text: 'api.acme.com' })
    expect(named).toBe('api.acme.com')
    expect(wire.dialled).toEqual(['93.184.215.14:443', '2606:4700::1111:443'])
  })

  test('must be proven by the certificate', async () => {
    const before = requests
    const other = await serveHttps(stranger, (_, response) => {
      requests++
      response.end()
    })
    for (const [url, to] of [
      ['https://api.other.com', port],
      ['https://a.b.acme.com', port],
      ['https://acme.com', port],
      ['https://api.acme.com', other],
    ] as const) {
      const answer = await egress({ ...resolvingTo('93.184.215.14'), ...wireTo(to) })(request(url))
      expect(outcome(answer)).toBe('connect, not sent')
    }
    expect(requests).toBe(before)
  })

  test('that speaks no TLS gets nothing', async () => {
    const seen: string[] = []
    const plain = await serveTcp((socket) => {
      socket.on('data', (bytes) => {
        seen.push(bytes.toString('latin1'))
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
      })
    })
    const answer = await egress({ ...resolvingTo('93.184.215.14'), ...wireTo(plain) })(acme)
    expect(outcome(answer)).toBe('connect, not sent')
    expect(seen.join('')).not.toContain('planted')
  })

  test('that does not resolve is not dialled', async () => {
    const wire = wireTo(port)
    const failing = [
      async () => [],
      async () => {
        throw Object.assign(new Error('getaddrinfo ENOTFOUND planted'), { code: 'ENOTFOUND' })
      },
    ]
    for (const resolve of failing)
      expect(outcome(await egress({ resolve, ...wire })(acme))).toBe('dns, not sent')
    expect(wire.dialled).toEqual([])
  })

  test('is given up when TCP or TLS is not up in time, well before a long deadline', async () => {
    const silent = await serveTcp(() => {})
    const connects = [() => new Socket(), wireTo(silent).connect]
    const answers = connects.map((connect) => egress({ ...resolvingTo('93.184.215.14'), connect })(acme))
    for (const answer of await Promise.all(answers)) {
      expect(outcome(answer)).toBe('connect, not sent')
      expect(answer).toMatchObject({ message: 'api.acme.com: no connection within 2000 ms' })
    }
  })

  test('is given up at the deadline, in the middle of TLS', async () => {
    let closed: Promise<unknown> | undefined
    const silent = await serveTcp((socket) => {
      closed = once(socket.resume(), 'close')
    })
    const http = egress({ ...resolvingTo('93.184.215.14'), ...wireTo(silent) })
    expect(outcome(await http({ ...acme, timeoutMs: 100 }))).toBe('timeout, not sent')
    await closed
  })
})

describe('an internal address', () => {
  test.each([
    '127.0.0.1',
    '10.0.0.1',
    '169.254.169.254',
    '168.63.129.16',
    '100.64.0.1',
    '0.0.0.0',
    '::1',
    '::7f00:1',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '64:ff9b::a9fe:a9fe',
    '2002:7f00:1::',
    'fd00:ec2::254',
    'fe80::1%eth0',
    'not an address',
  ])('%s is never dialled, alone or among public ones', async (address) => {
    const wire = wireTo(port)
    for (const answers of [[address], [address, '93.184.215.14'], ['93.184.215.14', address]])
      expect(outcome(await egress({ ...resolvingTo(...answers), ...wire })(acme))).toBe(
        'url_refused, not sent',
      )
    expect(wire.dialled).toEqual([])
  })

  test('is never dialled for a name that changes its answer', async () => {
    for (const honest of [1, 2, 5]) {
      const wire = wireTo(port)
      const checked: string[] = []
      let asked = 0
      const http = egress({
        ...wire,
        resolve: async () => {
          asked++
          const address = asked <= honest ? `93.184.215.${asked}` : '169.254.169.254'
          checked.push(`${address}:443`)
          return [address]
        },
      })
      const outcomes = []
      for (let call = 0; call < 7; call++) outcomes.push(outcome(await http(acme)))
      expect(outcomes).toEqual([
        ...Array(honest).fill('ok 200'),
        ...Array(7 - honest).fill('url_refused, not sent'),
      ])
      expect(asked).toBe(7)
      expect(wire.dialled).toEqual(checked.slice(0, honest))
    }
  })

  test('stays refused when the list that was checked is changed afterwards', async () => {
    const wire = wireTo(port)
    const addresses = ['93.184.215.14']
    const http = egress({
      resolve: async () => addresses,
      connect(options) {
        addresses[0] = '169.254.169.254'
        return wire.connect(options)
      },
    })
    await http(acme)
    expect(wire.dialled).toEqual(['93.184.215.14:443'])
  })

  test('is not hidden among more addresses than an ordinary name has', async () => {
    const wire = wireTo(port)
    const many = (count: number) => Array.from({ length: count }, (_, n) => `93.184.215.${n}`)
    expect(outcome(await egress({ ...resolvingTo(...many(32)), ...wire })(acme))).toBe('ok 200')
    expect(outcome(await egress({ ...resolvingTo(...many(33)), ...wire })(acme))).toBe(
      'url_refused, not sent',
    )
    expect(wire.dialled).toHaveLength(32)
  })

  test('in the URL itself is refused without look-up or I/O', async () => {
    const done: string[] = []
    const http = egress({
      io: (name, call) => {
        done.push(name)
        return call()
      },
      resolve: async (host) => {
        done.push(host)
        return ['93.184.215.14']
      },
      ownHosts: ['hooks.acme.com'],
      ...wireTo(port),
    })
    for (const url of [
      'http://api.acme.com',
      'https://127.0.0.1',
      'https://0x7f.1',
      'https://[::1]',
      'https://localhost',
      'https://hooks.acme.com',
    ])
      expect(outcome(await http(request(url)))).toBe('url_refused, not sent')
    expect(done).toEqual([])
  })
})

describe('the allowance', () => {
  test('opens its host and port alone, on this machine alone', async () => {
    let reached = 0
    const answer = (_: unknown, response: { end(): void }) => {
      reached++
      response.end()
    }
    const allowed = await serveHttp(answer)
    const beside = await serveHttp(answer)
    expect(outcome(await local(allowed)(request(allowed)))).toBe('ok 200')
    expect(outcome(await local(allowed)(request(beside)))).toBe('url_refused, not sent')
    expect(outcome(await egress()(request(allowed)))).toBe('url_refused, not sent')

    const allowance = { hosts: new Set([`shop.acme.com:${allowed}`]) }
    const shop = request(`http://shop.acme.com:${allowed}`)
    for (const [addresses, expected] of [
      [['127.0.0.1'], 'ok 200'],
      [['10.0.0.1'], 'url_refused, not sent'],
      [['127.0.0.1', '169.254.169.254'], 'url_refused, not sent'],
      [['93.184.215.14'], 'url_refused, not sent'],
    ] as const)
      expect(outcome(await egress({ allowance, ...resolvingTo(...addresses) })(shop))).toBe(expected)
    expect(reached).toBe(2)
  })

  test('does not let an ordinary name lead to this machine', async () => {
    const allowance = { hosts: new Set(['127.0.0.1:443', 'api.acme.com:443']) }
    const wire = wireTo(port)
    expect(outcome(await egress({ allowance, ...resolvingTo('127.0.0.1'), ...wire })(acme))).toBe(
      'url_refused, not sent',
    )
    expect(wire.dialled).toEqual([])
  })
})
