import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { createEgress } from '../lambdas/core/egress/egress.ts'
import { createAccessTokens } from '../lambdas/core/oauth/access-tokens.ts'
import { grantLeaseMs } from '../lambdas/core/oauth/grant-lease.ts'
import { beginLink, callbackOfLink, redeemLink } from '../lambdas/core/oauth/link.ts'
import type { TenantRuntime } from '../lambdas/core/ports.ts'
import { type OAuthWorld, redirectUri, starter, startOAuthWorld } from './oauth-world.ts'

const minute = 60_000
const never = new AbortController().signal

let world: OAuthWorld
let tenant: TenantRuntime
beforeEach(async () => {
  world = await startOAuthWorld()
  tenant = await world.process()
})
afterEach(() => world.close())

describe('client credentials', () => {
  test('become a token that the API takes, asked for once until shortly before it ends', async () => {
    const one = world.clientCredentials({ scope: 'orders:read orders:write', audience: 'orders' })
    expect((await world.call(tenant, one)).result.ok).toBe(true)
    world.clock.time += 58 * minute
    expect((await world.call(tenant, one)).result.ok).toBe(true)
    expect(world.oauth.asked).toEqual([
      {
        clientAuth: 'basic',
        form: { grant_type: 'client_credentials', scope: 'orders:read orders:write', audience: 'orders' },
      },
    ])
    // A minute before the end a new one is asked for: no 401 is needed for that.
    world.clock.time += 1.5 * minute
    expect((await world.call(tenant, one)).result.ok).toBe(true)
    expect(world.oauth.asked).toHaveLength(2)
    expect(world.api.received).toHaveLength(3)
  })

  test('go in the form where the definition says so', async () => {
    expect((await world.call(tenant, world.clientCredentials({ clientAuth: 'body' }))).result.ok).toBe(true)
    expect(world.oauth.asked).toMatchObject([{ clientAuth: 'body', form: { client_id: 'deskhand' } }])
  })

  test('are asked for once by many calls at a time', async () => {
    const one = world.clientCredentials()
    const sent = await Promise.all(Array.from({ length: 8 }, () => world.call(tenant, one)))
    expect(sent.every(({ result }) => result.ok)).toBe(true)
    expect(world.oauth.asked).toHaveLength(1)
  })

  test('are asked for again once after a 401, and the call is sent once more', async () => {
    const one = world.clientCredentials()
    await world.call(tenant, one)
    world.oauth.revokeAccess()
    expect((await world.call(tenant, one, { effect: 'write' })).result.ok).toBe(true)
    expect(world.oauth.asked).toHaveLength(2)
    expect(world.api.received.map(({ body }) => body)).toEqual(['{"n":1}', '{"n":1}', '{"n":1}'])
  })

  test('after a 401 to many calls at once are asked for once', async () => {
    const one = world.clientCredentials()
    await world.call(tenant, one)
    world.oauth.revokeAccess()
    const sent = await Promise.all(Array.from({ length: 5 }, () => world.call(tenant, one)))
    expect(sent.every(({ result }) => result.ok)).toBe(true)
    expect(world.oauth.asked).toHaveLength(2)
  })

  test('an API that says 401 to everything ends it after one more', async () => {
    world.api.respond((response) => response.writeHead(401).end())
    expect((await world.call(tenant, world.clientCredentials())).cause).toBe('status_401')
    expect(world.api.received).toHaveLength(2)
    expect(world.oauth.asked).toHaveLength(2)
  })

  test.each(['token host', 'API host'])('whose secret is not bound to the %s send nothing', async (host) => {
    const { oauth, api } = world
    world.bindSecret([host === 'API host' ? new URL(oauth.url).host : api.host])
    const sent = await world.call(tenant, world.clientCredentials(), { effect: 'write' })
    expect(sent).toMatchObject({ cause: 'secret_host', definite: true, result: { failure: 'unavailable' } })
    expect(oauth.asked).toEqual([])
    expect(api.received).toEqual([])
  })

  test('a token of the host before is not sent to a new one, nor one for an old definition', async () => {
    await world.call(tenant, world.clientCredentials())
    await world.call(tenant, world.clientCredentials({ scope: 'less' }))
    expect(world.oauth.asked).toHaveLength(2)
    world.bindSecret([new URL(world.oauth.url).host])
    world.clock.time += 6 * minute
    expect((await world.call(tenant, world.clientCredentials())).cause).toBe('secret_host')
  })

  test('what the API echoes of a token reaches nobody', async () => {
    const { result } = await world.call(tenant, world.clientCredentials())
    expect(result).toEqual({ ok: true, text: '{"token":"[credential]"}' })
  })

  test('of one tenant are not used for another with the same names', async () => {
    world.aws.putSecret('deskhand/acme2/outbound/shop-client', {
      value: 'another-secret',
      hosts: [new URL(world.oauth.url).host, world.api.host],
    })
    const other = await world.process(undefined, 'acme2')
    expect((await world.call(tenant, world.clientCredentials())).result.ok).toBe(true)
    expect(await world.call(other, world.clientCredentials())).toMatchObject({ cause: 'token_refused' })
    expect(world.api.received).toHaveLength(1)
  })
})

describe('a token URL', () => {
  test('passes the egress guard: an internal one is never called', async () => {
    const { oauth } = world
    const guarded = createAccessTokens({
      tenant: 'acme',
      // The same egress as in production: nothing on this machine is allowed.
      http: createEgress({ tenant: 'acme', io: (_port, call) => call() }),
      secrets: tenant.secrets,
      store: { write: async () => {} },
      table: tenant.conversations,
      clock: world.clock,
      random: Buffer.alloc,
    })
    for (const tokenUrl of [oauth.tokenUrl, 'https://169.254.169.254/token', 'https://localhost/token']) {
      const given = await guarded.get(world.clientCredentials({ tokenUrl }), 'secret', { signal: never })
      expect(given).toMatchObject({ ok: false, cause: 'token_url_refused' })
    }
    expect(oauth.asked).toEqual([])
  })

  const server = { status: 503, json: {} }
  test.each([
    ['503', server, 'token_unavailable'],
    ['429', { status: 429, json: {} }, 'token_unavailable'],
    ['a reset', 'reset' as const, 'token_unavailable'],
    ['a redirect', { status: 302, headers: { location: 'https://evil.com/' } }, 'token_unavailable'],
    ['a page', { status: 200, html: '<p>hello</p>' }, 'token_bad_answer'],
    ['no token', { status: 200, json: { token_type: 'bearer' } }, 'token_bad_answer'],
    [
      'another type of token',
      { status: 200, json: { access_token: 'x', token_type: 'dpop' } },
      'token_bad_answer',
    ],
    [
      'a token that breaks out of its header',
      { status: 200, json: { access_token: 'a\r\nX-Admin: 1', token_type: 'bearer' } },
      'token_bad_answer',
    ],
    ['invalid_scope', { status: 400, json: { error: 'invalid_scope' } }, 'token_refused'],
    [
      'a challenge',
      { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' }, json: {} },
      'token_refused',
    ],
  ])('that answers %s sends the tool nothing and tells the operator why', async (_, answer, cause) => {
    world.oauth.failNext({ when: 'before', answer })
    const sent = await world.call(tenant, world.clientCredentials(), { effect: 'write' })
    expect(sent).toMatchObject({ cause, definite: true, result: { ok: false, failure: 'unavailable' } })
    expect(sent.message).toContain('authorization shop')
    expect(world.api.received).toEqual([])
    // Nothing is kept of a failure.
    expect((await world.call(tenant, world.clientCredentials())).result.ok).toBe(true)
  })

  test("the server's words reach nobody", async () => {
    world.bindSecret(undefined, 'a-wrong-client-secret')
    const sent = await world.call(tenant, world.clientCredentials())
    expect(sent.cause).toBe('token_refused')
    expect(JSON.stringify(sent)).not.toMatch(/words of the server|a-wrong-client-secret/)
  })

  test('that hangs lets the caller go at its own deadline', async () => {
    world.oauth.failNext({ when: 'before', answer: 'hang' })
    const sent = await world.call(tenant, world.clientCredentials(), { timeoutMs: 100 })
    expect(sent.cause).toBe('token_timeout')
  })

  test('may give an id token, which is nobody to us', async () => {
    const json = { access_token: 'x', token_type: 'bearer', id_token: 'not.a.jwt', expires_in: 60 }
    world.oauth.failNext({ when: 'before', answer: { status: 200, json } })
    const given = await tenant.tokens.get(world.clientCredentials(), world.oauth.client.secret, {
      signal: never,
    })
    expect(given).toMatchObject({ ok: true, token: 'x' })
  })
})

describe('a delegated authorization', () => {
  const linked = async () => {
    const context = await world.link(async () => world.delegated())
    const { url } = await beginLink(context, { name: 'shop', starter, redirectUri })
    const { result } = await callbackOfLink(context, { ...(await world.consent(url)), redirectUri })
    await redeemLink(context, { result, starter })
  }
  const refreshes = () => world.oauth.asked.filter(({ form }) => form.grant_type === 'refresh_token')

  test('that nobody has linked sends nothing', async () => {
    expect(await world.call(tenant, world.delegated())).toMatchObject({ cause: 'grant_missing' })
    expect(world.api.received).toEqual([])
  })

  test('stores a rotated refresh token before its access token is used', async () => {
    await linked()
    const first = world.grant()?.refreshToken
    const order: string[] = []
    const watched = await world.process(async (port, call) => {
      order.push(port)
      return await call()
    })
    expect((await world.call(watched, world.delegated())).result.ok).toBe(true)
    expect(order.indexOf('secrets.write')).toBeGreaterThan(order.indexOf('http.token'))
    expect(order.indexOf('secrets.write')).toBeLessThan(order.indexOf('http.tool'))
    expect(world.grant()?.refreshToken).not.toBe(first)
  })

  test('whose rotated refresh token cannot be stored is not used', async () => {
    await linked()
    const broken = await world.process((port, call) => {
      if (port === 'secrets.write') throw new Error('connect ECONNREFUSED')
      return call()
    })
    expect(await world.call(broken, world.delegated())).toMatchObject({ cause: 'token_unavailable' })
    expect(world.api.received).toEqual([])
  })

  test('is refreshed once by five processes at once, and each gets to the API', async () => {
    await linked()
    const processes = await Promise.all(Array.from({ length: 5 }, () => world.process()))
    const sent = await Promise.all(processes.map((each) => world.call(each, world.delegated())))
    expect(sent.map(({ cause }) => cause)).toEqual(Array(5).fill('done'))
    expect(refreshes()).toHaveLength(1)
  })

  test('whose access token was revoked is refreshed once for all processes that hear a 401', async () => {
    await linked()
    const processes = await Promise.all(Array.from({ length: 3 }, () => world.process()))
    for (const each of processes) await world.call(each, world.delegated())
    world.oauth.revokeAccess()
    const sent = await Promise.all(processes.map((each) => world.call(each, world.delegated())))
    expect(sent.map(({ cause }) => cause)).toEqual(['done', 'done', 'done'])
    expect(refreshes()).toHaveLength(2)
  })

  test('whose refresher died is refreshed by the next when the lease has ended', async () => {
    await linked()
    let died: () => void = () => {}
    const death = new Promise<void>((resolve) => {
      died = resolve
    })
    const dying = await world.process((port, call) => {
      if (port !== 'http.token') return call()
      died()
      return new Promise(() => {})
    })
    void world.call(dying, world.delegated())
    await death
    const refused = await world.call(tenant, world.delegated(), { timeoutMs: 300 })
    expect(refused.cause).toBe('token_timeout')
    world.clock.time += grantLeaseMs + 1
    expect((await world.call(await world.process(), world.delegated())).result.ok).toBe(true)
  })

  test('whose lease was taken over while its server was slow stores nothing over the newer', async () => {
    await linked()
    let isSlow = true
    const slow = await world.process(async (port, call) => {
      const answer = await call()
      if (port === 'http.token' && isSlow) {
        isSlow = false
        world.clock.time += grantLeaseMs + 1
      }
      return answer
    })
    const before = world.grant()
    expect(await world.call(slow, world.delegated())).toMatchObject({ cause: 'grant_busy' })
    expect(world.grant()).toEqual(before)
  })

  test('whose consent has ended says so, and that it must be linked again', async () => {
    await linked()
    world.oauth.failNext({ when: 'before', answer: { status: 400, json: { error: 'invalid_grant' } } })
    const sent = await world.call(tenant, world.delegated())
    expect(sent).toMatchObject({ cause: 'grant_revoked' })
    expect(sent.message).toContain('link it again')
  })

  test.each([
    ['token URL', { tokenUrl: 'https://login.elsewhere.com/token' }],
    ['client', { clientId: 'another' }],
  ])('with another %s does not get the refresh token that was given for the first', async (_, change) => {
    await linked()
    world.bindSecret([new URL(world.oauth.url).host, world.api.host, 'login.elsewhere.com'])
    const before = world.oauth.asked.length
    expect(await world.call(tenant, world.delegated(change))).toMatchObject({ cause: 'grant_other_client' })
    expect(world.oauth.asked).toHaveLength(before)
  })
})

test('a refresh token that is not rotated stays, and nothing is written', async () => {
  const still = await startOAuthWorld({ rotates: false })
  const context = await still.link(async () => still.delegated())
  const { url } = await beginLink(context, { name: 'shop', starter, redirectUri })
  const { result } = await callbackOfLink(context, { ...(await still.consent(url)), redirectUri })
  await redeemLink(context, { result, starter })
  const before = still.grant()
  expect((await still.call(await still.process(), still.delegated())).result.ok).toBe(true)
  expect(still.grant()).toEqual(before)
  await still.close()
})
