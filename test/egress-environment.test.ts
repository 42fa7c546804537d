import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { afterAll, expect, test } from '@jest/globals'
import { serveHttp, serveHttps, stopServers } from './egress-servers.ts'
import { selfSigned } from './self-signed.ts'

afterAll(stopServers)

/** Runs in its own process, because Node reads these variables when it starts. */
const script = (allowed: number, secure: number) => `
import { get } from 'node:http'
import { connect } from 'node:net'
import { createEgress } from ${JSON.stringify(`${import.meta.dirname}/../lambdas/core/egress/egress.ts`)}
const io = (_port, call) => call()
const call = { port: 'tool', method: 'GET', timeoutMs: 5000, repeatable: true }
const outcome = (answer) => (answer.ok ? 'ok ' + answer.text : answer.cause)
const local = createEgress({ tenant: 'acme', io, allowance: { hosts: new Set(['127.0.0.1:${allowed}']) } })
const wired = createEgress({
  tenant: 'acme', io, resolve: async () => ['93.184.215.14'],
  connect: (options) => connect({ ...options, port: ${secure}, lookup: (_h, _o, done) => done(null, [{ address: '127.0.0.1', family: 4 }]) }),
})
const closed = createEgress({ tenant: 'acme', io })
const control = await new Promise((resolve) =>
  get('http://127.0.0.1:${allowed}/', async (response) => resolve((await response.toArray()).join(''))))
console.log(JSON.stringify({
  control,
  local: outcome(await local({ ...call, url: 'http://127.0.0.1:${allowed}/' })),
  secure: outcome(await wired({ ...call, url: 'https://api.acme.com/' })),
  closed: outcome(await closed({ ...call, url: 'http://127.0.0.1:${allowed}/' })),
}))
`

test('no variable of the environment leads egress elsewhere, opens it, or lets a false certificate pass', async () => {
  const proxied: string[] = []
  const proxy = createServer((incoming, response) => {
    proxied.push(`${incoming.method} ${incoming.url}`)
    response.end('from the proxy')
  })
  proxy.on('connect', (incoming, socket) => {
    proxied.push(`CONNECT ${incoming.url}`)
    socket.destroy()
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const allowed = await serveHttp((_, response) => response.end('direct'))
  const secure = await serveHttps(selfSigned(['api.acme.com']), (_, response) =>
    response.end('false certificate'),
  )

  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', script(allowed, secure)],
    {
      env: {
        NODE_USE_ENV_PROXY: '1',
        HTTP_PROXY: url,
        HTTPS_PROXY: url,
        http_proxy: url,
        https_proxy: url,
        ALL_PROXY: url,
        NO_PROXY: '',
        NODE_TLS_REJECT_UNAUTHORIZED: '0',
        ALLOW_HOST: `127.0.0.1:${allowed}`,
      },
    },
  )
  proxy.close()
  // The control shows that the environment does lead Node's own agent to the proxy.
  expect(JSON.parse(stdout)).toEqual({
    control: 'from the proxy',
    local: 'ok direct',
    secure: 'connect',
    closed: 'url_refused',
  })
  expect(proxied).toEqual([`GET http://127.0.0.1:${allowed}/`])
})
