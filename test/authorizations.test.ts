import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { checkConfiguration } from '../lambdas/core/check-configuration.ts'
import { type Sending, sendRequest } from '../lambdas/core/tools/call-tool.ts'
import { type Authorization, authorization } from '../schemas/authorization.ts'
import { json, neitherTokenNorSignature, startTenantApi, type TenantApi } from './tenant-api.ts'

let api: TenantApi
beforeAll(async () => {
  api = await startTenantApi()
})
afterAll(() => api.close())

const basic = { name: 'crm', type: 'basic', username: 'deskhand', secret: 'crm-password' } as const
const apiKey = { name: 'crm', type: 'api_key', header: 'X-Api-Key', secret: 'crm-key' } as const
const oauth = {
  name: 'crm',
  type: 'oauth_client_credentials',
  tokenUrl: 'https://login.acme.com/token',
  clientId: 'deskhand',
  secret: 'crm-client',
} as const
const delegated = {
  ...oauth,
  type: 'oauth_delegated',
  authorizeUrl: 'https://login.acme.com/authorize',
} as const

const send = (
  definition: object,
  value: string,
  over: Partial<Sending> = {},
  headers: Record<string, string> = {},
) =>
  sendRequest(
    { method: 'GET', url: `${api.url}/customers`, headers },
    {
      effect: 'read',
      response: { maxBytes: 1000 },
      timeoutMs: 5000,
      keyed: false,
      again: false,
      authorization: authorization.parse(definition),
      http: api.http,
      secrets: { read: async () => ({ value, hosts: [api.host] }) },
      ...neitherTokenNorSignature,
      signal: new AbortController().signal,
      ...over,
    },
  )

describe('an API key', () => {
  test('goes in the header that is named, as it is', async () => {
    api.respond(json(200, {}))
    expect((await send(apiKey, 'key-1')).result.ok).toBe(true)
    expect(api.received[0]?.headers).toMatchObject({ 'x-api-key': 'key-1' })
    expect(api.received[0]?.headers).not.toHaveProperty('authorization')
  })

  test("is not replaced by a tool's own header of that name", async () => {
    api.respond(json(200, {}))
    await send(apiKey, 'key-1', {}, { 'x-api-key': 'forged' })
    expect(api.received[0]?.headers['x-api-key']).toBe('key-1')
  })

  test.each(['key\r\nX-Admin: 1', 'two words', 'schlüssel', ''])('of %j is not sent', async (value) => {
    api.respond(json(200, {}))
    expect(await send(apiKey, value)).toMatchObject({ cause: 'secret_unreadable' })
    expect(api.received).toEqual([])
  })
})

describe('a secret that is bound to a header', () => {
  const bound = (header: string) => ({
    secrets: { read: async () => ({ value: 'key-1', hosts: [api.host], header }) },
  })

  test('is sent in that one', async () => {
    api.respond(json(200, {}))
    expect((await send(apiKey, '', bound('x-api-key'))).result.ok).toBe(true)
    expect((await send(basic, '', bound('Authorization'))).result.ok).toBe(true)
    expect(api.received).toHaveLength(2)
  })

  test('is sent in no other that a definition names later', async () => {
    api.respond(json(200, {}))
    const moved = { ...apiKey, header: 'X-Debug' }
    expect(await send(moved, '', bound('x-api-key'))).toMatchObject({ cause: 'secret_header' })
    expect(await send(basic, '', bound('x-api-key'))).toMatchObject({ cause: 'secret_header' })
    expect(api.received).toEqual([])
  })
})

describe('a user name and password', () => {
  test('go as RFC 7617 says, in UTF-8', async () => {
    api.respond(json(200, {}))
    expect((await send(basic, 'pass: wörd')).result.ok).toBe(true)
    const pair = Buffer.from('deskhand:pass: wörd', 'utf8').toString('base64')
    expect(api.received[0]?.headers.authorization).toBe(`Basic ${pair}`)
  })

  test.each(['pass\nword', 'pass\u0000', '\ud800'])('with %j are not sent', async (value) => {
    api.respond(json(200, {}))
    expect(await send(basic, value)).toMatchObject({ cause: 'secret_unreadable' })
    expect(api.received).toEqual([])
  })
})

describe('what an API echoes', () => {
  test.each([
    ['of the pair', basic, 'p"ss\\word', (given: string) => given],
    ['of the password in JSON', basic, 'p"ss\\word', () => 'p"ss\\word'],
    [
      'of the password in a link',
      basic,
      'p ss/word',
      () => `https://x.com/?p=${encodeURIComponent('p ss/word')}`,
    ],
    ['of a key', apiKey, 'key-1', () => 'key-1'],
  ])('%s reaches nobody', async (_, definition, value, echo) => {
    api.respond((response, request, nth) =>
      json(200, { seen: echo(String(request.headers.authorization)) })(response, request, nth),
    )
    const { result } = await send(definition, value)
    expect(result).toMatchObject({ ok: true, text: expect.stringContaining('[credential]') })
    const pair = Buffer.from(`deskhand:${value}`).toString('base64')
    for (const secret of [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), pair])
      expect(JSON.stringify(result)).not.toContain(secret)
  })
})

describe('a definition', () => {
  const problems = (definition: object) => {
    const checked = checkConfiguration('acme', { authorizations: [definition] }, {})
    return checked.ok ? [] : checked.problems.map(({ path }) => path)
  }

  test.each<[string, object]>([
    ['bearer', { name: 'crm', type: 'bearer', secret: 'crm-token' }],
    ['an API key', apiKey],
    ['basic', basic],
    ['client credentials', { ...oauth, scope: 'a b', audience: 'https://api.acme.com', clientAuth: 'body' }],
    ['delegated', delegated],
    ['any with identity', { ...basic, identity: true }],
  ])('of %s is accepted', (_, definition) => {
    expect(problems(definition)).toEqual([])
  })

  test.each([
    'Host',
    'content-length',
    'Transfer-Encoding',
    'Connection',
    'X-Forwarded-For',
    'X-Aws-Ec2-Metadata-Token',
    'Metadata-Flavor',
    'Cookie',
    'Idempotency-Key',
    'Deskhand-Identity',
    'Accept',
    'X Key',
    'X-Key:',
    'X-Key\r\nHost',
    '',
  ])('does not name the header %j', (header) => {
    expect(problems({ ...apiKey, header })).toEqual(['authorizations.0.header'])
  })

  test.each([
    'http://login.acme.com/token',
    'https://169.254.169.254/latest',
    'https://localhost/token',
    'https://user:pass@login.acme.com/token',
    'https://login.acme.com:8443/token',
    'https://login.internal/token',
  ])('does not send a secret or an admin to %s', (url) => {
    expect(problems({ ...oauth, tokenUrl: url })).toEqual(['authorizations.0.tokenUrl'])
    expect(problems({ ...delegated, authorizeUrl: url })).toEqual(['authorizations.0.authorizeUrl'])
    expect(problems({ ...delegated, tokenUrl: url })).toEqual(['authorizations.0.tokenUrl'])
  })

  test.each<[string, object, string]>([
    ['a user name with a colon', { ...basic, username: 'a:b' }, 'username'],
    ['a scope with a quote', { ...oauth, scope: 'a"b' }, 'scope'],
    ['a scope with two spaces', { ...oauth, scope: 'a  b' }, 'scope'],
    ['a secret of ours', { ...basic, secret: 'grant-crm' }, 'secret'],
    ['a name too long for its secret', { ...delegated, name: 'a'.repeat(58) }, 'name'],
  ])('is refused with %s', (_, definition, field) => {
    expect(problems(definition)).toEqual([`authorizations.0.${field}`])
  })

  test('of a kind that there is not, or with what another kind has, is refused', () => {
    expect(authorization.safeParse({ ...basic, type: 'digest' }).success).toBe(false)
    expect(authorization.safeParse({ ...apiKey, username: 'x' }).success).toBe(false)
    const bearer: Authorization = authorization.parse({ name: 'crm', type: 'bearer', secret: 's' })
    expect(bearer).toEqual({ name: 'crm', type: 'bearer', secret: 's' })
  })
})
