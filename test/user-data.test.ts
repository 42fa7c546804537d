import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { VerifiedEmail } from '../lambdas/core/identify.ts'
import { fetchUserData, type UserDataCall } from '../lambdas/core/user-data.ts'
import { userDataApi } from '../schemas/tenant-apis.ts'
import {
  hang,
  json,
  neitherTokenNorSignature,
  type Respond,
  raw,
  reset,
  rotatingSecrets,
  slowAfter401,
  startTenantApi,
  type TenantApi,
} from './tenant-api.ts'

let api: TenantApi
beforeAll(async () => {
  api = await startTenantApi()
})
afterAll(() => api.close())

const email = 'ann@example.com' as VerifiedEmail
const authorization = { name: 'shop', type: 'bearer', secret: 'shop-token' } as const

function fetchFrom(respond: Respond, over: Partial<UserDataCall> & { maxBytes?: number } = {}) {
  api.respond(respond)
  const { maxBytes = 1000, ...call } = over
  return fetchUserData({
    api: userDataApi.parse({ url: `${api.url}/customers`, authorization: 'shop', maxBytes }),
    authorizations: new Map([['shop', authorization]]),
    email,
    http: api.http,
    secrets: rotatingSecrets([api.host], 'old-token', 'new-token'),
    ...neitherTokenNorSignature,
    signal: new AbortController().signal,
    ...call,
  })
}

const answer = (user_info: unknown, identifier: unknown = email) => json(200, { user_info, identifier })

describe('the User Data API', () => {
  test('is asked for exactly the verified address, with the credential', async () => {
    expect(await fetchFrom(answer('Ann, gold customer'))).toEqual({
      kind: 'data',
      text: 'Ann, gold customer',
      bytes: 18,
      cut: false,
    })
    expect(api.received).toMatchObject([
      {
        method: 'POST',
        path: '/customers',
        body: '{"identifier":"ann@example.com"}',
        headers: { authorization: 'Bearer old-token', 'content-type': 'application/json' },
      },
    ])
  })

  test('may answer with an object, whose long ids stay whole', async () => {
    const body = `{"user_info":{"id":12345678901234567890},"identifier":"${email}"}`
    expect(await fetchFrom(raw(200, {}, body))).toMatchObject({
      kind: 'data',
      text: '{"id":"12345678901234567890"}',
    })
  })

  test('that echoes its credential loses it', async () => {
    const data = await fetchFrom((response, request, nth) =>
      json(200, { identifier: email, user_info: String(request.headers.authorization) })(
        response,
        request,
        nth,
      ),
    )
    expect(data).toMatchObject({ kind: 'data', text: 'Bearer [credential]' })
  })

  test('is cut visibly', async () => {
    expect(await fetchFrom(answer('é'.repeat(200)), { maxBytes: 301 })).toEqual({
      kind: 'data',
      text: `${'é'.repeat(150)}…[cut: 300 of 400 bytes shown]`,
      bytes: 400,
      cut: true,
    })
  })

  test.each([
    ['somebody else', 'bob@example.com'],
    ['the same in capitals', 'ANN@example.com'],
    ['the same with a space', 'ann@example.com '],
    ['nobody', ''],
  ])('is not believed when it answers for %s', async (_, identifier) => {
    expect(await fetchFrom(answer('Bob, card 4111', identifier))).toEqual({ kind: 'mismatch' })
  })

  test('may know nobody of that address', async () => {
    expect(await fetchFrom(json(404, {}))).toEqual({ kind: 'none' })
  })

  test.each<[string, Respond, string]>([
    ['500', json(500, {}), 'status_500'],
    ['403', json(403, {}), 'status_403'],
    ['204', raw(204, {}, ''), 'status_204'],
    ['a redirect', raw(302, { location: 'https://evil.com/' }, ''), 'redirect'],
    ['a page', raw(200, { 'content-type': 'text/html' }, '<p>Hi</p>'), 'bad_answer'],
    ['text', raw(200, { 'content-type': 'text/plain' }, 'Ann'), 'bad_answer'],
    ['an empty body', raw(200, {}, ''), 'bad_answer'],
    ['a number as user_info', answer(7), 'bad_answer'],
    ['a list as user_info', answer(['a']), 'bad_answer'],
    ['no user_info', json(200, { identifier: email }), 'bad_answer'],
    ['no identifier', json(200, { user_info: 'Bob, card 4111' }), 'bad_answer'],
    ['a list of identifiers', answer('x', [email]), 'bad_answer'],
    ['too much', raw(200, {}, 'x'.repeat(1_100_000)), 'too_large'],
  ])('that answers %s leaves the turn without data', async (_, respond, cause) => {
    expect(await fetchFrom(respond)).toEqual({ kind: 'unavailable', cause })
  })

  test('that resets leaves the turn without data', async () => {
    expect(await fetchFrom(reset)).toEqual({ kind: 'unavailable', cause: 'reset' })
  })

  test('gets a fresh credential after a 401', async () => {
    const respond: Respond = (response, request, nth) =>
      (request.headers.authorization === 'Bearer new-token' ? answer('Ann') : json(401, {}))(
        response,
        request,
        nth,
      )
    expect(await fetchFrom(respond)).toMatchObject({ kind: 'data', text: 'Ann' })
    expect(api.received).toHaveLength(2)
  })

  test('gets a fresh credential once', async () => {
    expect(await fetchFrom(json(401, {}))).toEqual({ kind: 'unavailable', cause: 'status_401' })
    expect(api.received).toHaveLength(2)
  })

  test('has one time limit for everything, the repeat after a 401 included', async () => {
    const data = await fetchFrom(json(200, {}), { timeoutMs: 100, http: slowAfter401() })
    expect(data).toEqual({ kind: 'unavailable', cause: 'aborted' })
  })

  test('that never answers leaves the turn without data', async () => {
    expect(await fetchFrom(hang, { timeoutMs: 100 })).toEqual({
      kind: 'unavailable',
      cause: expect.stringMatching(/^(?:timeout|aborted)$/),
    })
  })

  test('ends with the turn', async () => {
    expect(await fetchFrom(hang, { signal: AbortSignal.timeout(50) })).toEqual({
      kind: 'unavailable',
      cause: 'aborted',
    })
  })

  test('is not asked with a credential that is missing or bound to another host', async () => {
    expect(await fetchFrom(answer('x'), { authorizations: new Map() })).toEqual({
      kind: 'unavailable',
      cause: 'authorization_missing',
    })
    expect(await fetchFrom(answer('x'), { secrets: rotatingSecrets(['api.acme.com'], 'a-token') })).toEqual({
      kind: 'unavailable',
      cause: 'secret_host',
    })
    expect(api.received).toHaveLength(0)
  })
})
