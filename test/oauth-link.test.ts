import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import {
  beginLink,
  callbackOfLink,
  type LinkContext,
  redeemLink,
  tenantOfLink,
} from '../lambdas/core/oauth/link.ts'
import type { Row } from '../lambdas/core/ports.ts'
import type { Authorization } from '../schemas/authorization.ts'
import { type OAuthWorld, redirectUri, starter, startOAuthWorld } from './oauth-world.ts'

const minute = 60_000

let world: OAuthWorld
let context: LinkContext
let live: Authorization | undefined
/** Every row that was written. */
const written: Row[] = []
beforeAll(async () => {
  world = await startOAuthWorld()
  live = world.delegated({ scope: 'orders offline_access', audience: 'https://api.acme.com' })
  const made = await world.link(async (name) => (name === 'shop' ? live : undefined))
  const { table } = made
  context = {
    ...made,
    table: {
      ...table,
      put: (call, row, condition) => {
        written.push(row)
        return table.put(call, row, condition)
      },
    },
  }
})
afterAll(() => world.close())

const begin = () => beginLink(context, { name: 'shop', starter, redirectUri })
const come = async () => await world.consent((await begin()).url)
const callback = (came: { state: string; code: string | undefined }, at = redirectUri) =>
  callbackOfLink(context, { ...came, redirectUri: at })
const refused = expect.objectContaining({ code: 'refused' })
const codesUsed = () =>
  world.oauth.asked.filter(({ form }) => form.grant_type === 'authorization_code').length

describe('a link', () => {
  test('begun, consented to and redeemed by one person stores what the provider gave', async () => {
    const { url } = await begin()
    expect(Object.fromEntries(new URL(url).searchParams)).toEqual({
      response_type: 'code',
      client_id: 'deskhand',
      redirect_uri: redirectUri,
      scope: 'orders offline_access',
      audience: 'https://api.acme.com',
      state: expect.stringMatching(/^acme\.[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    })
    const { result } = await callback(await world.consent(url))
    expect(world.grant()).toBeUndefined()
    expect(await redeemLink(context, { result, starter })).toEqual({ name: 'shop' })
    expect(world.grant()).toEqual({
      refreshToken: expect.stringMatching(/^refresh-/),
      tokenUrl: world.oauth.tokenUrl,
      clientId: 'deskhand',
    })
    expect((await world.call(await world.process(), world.delegated())).result.ok).toBe(true)
  })

  test('again replaces what was stored', async () => {
    const before = world.grant()
    const { result } = await callback(await come())
    await redeemLink(context, { result, starter })
    expect(world.grant()?.refreshToken).not.toBe(before?.refreshToken)
  })

  test('leaves neither state, verifier, code nor result in the table', async () => {
    written.length = 0
    const came = await come()
    const { result } = await callback(came)
    const rows = JSON.stringify(
      written.map((row) => ({ ...row, sealed: Buffer.from(row.sealed as Uint8Array) })),
    )
    const bytes = Buffer.concat(written.map((row) => Buffer.from(row.sealed as Uint8Array))).toString(
      'latin1',
    )
    for (const secret of [came.state, came.code, result]) {
      for (const text of [secret, secret.split('.').at(-1) ?? '']) {
        expect(rows).not.toContain(text)
        expect(bytes).not.toContain(text)
      }
    }
    expect(written).toHaveLength(2)
    for (const row of written) expect(row.expiresAt).toBeGreaterThan(world.clock.now() / 1000)
  })
})

describe('a link that was sent to somebody else', () => {
  test('links nothing: whose browser came back cannot redeem, and uses nothing up by trying', async () => {
    const before = world.grant()
    const { result } = await callback(await come())
    const used = codesUsed()
    await expect(redeemLink(context, { result, starter: 'user-2' })).rejects.toEqual(refused)
    expect(codesUsed()).toBe(used)
    expect(world.grant()).toEqual(before)
    await redeemLink(context, { result, starter })
    expect(world.grant()).not.toEqual(before)
  })

  test('does not help who started it: without the result of the callback there is nothing to redeem', async () => {
    const { state } = await come()
    await expect(redeemLink(context, { result: state, starter })).rejects.toEqual(refused)
  })
})

describe('a state', () => {
  test('is good once', async () => {
    const came = await come()
    await callback(came)
    await expect(callback(came)).rejects.toEqual(refused)
  })

  test('of two callbacks at once serves one', async () => {
    const came = await come()
    const ended = await Promise.allSettled([callback(came), callback(came)])
    expect(ended.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('is good for ten minutes', async () => {
    const [late, inTime] = [await come(), await come()]
    world.clock.time += 10 * minute - 1
    await callback(inTime)
    world.clock.time += 1
    await expect(callback(late)).rejects.toEqual(refused)
  })

  test('that was never given, or of another tenant, is refused', async () => {
    const { state, code } = await come()
    const guessed = `acme.${'A'.repeat(43)}`
    await expect(callback({ state: guessed, code })).rejects.toEqual(refused)
    const other = { ...context, tenant: 'acme2' }
    await expect(callbackOfLink(other, { state, code, redirectUri })).rejects.toEqual(refused)
    expect([state, guessed, 'a#b.x', '', 'x'].map(tenantOfLink)).toEqual([
      'acme',
      'acme',
      undefined,
      undefined,
      undefined,
    ])
  })

  test('is good at the address it was begun for', async () => {
    await expect(callback(await come(), 'https://evil.com/oauth/callback')).rejects.toEqual(refused)
  })

  test('is used up by a refusal', async () => {
    const { state, code } = await come()
    await expect(callback({ state, code: undefined })).rejects.toThrow(/consent/)
    await expect(callback({ state, code })).rejects.toEqual(refused)
  })
})

describe('a result', () => {
  test('is good once, and for two minutes', async () => {
    const { result } = await callback(await come())
    await redeemLink(context, { result, starter })
    await expect(redeemLink(context, { result, starter })).rejects.toEqual(refused)
    const late = await callback(await come())
    world.clock.time += 2 * minute
    await expect(redeemLink(context, { result: late.result, starter })).rejects.toEqual(refused)
  })

  test('does not send a code to a token URL that was put in meanwhile', async () => {
    const before = live
    const came = await come()
    const { result } = await callback(await come())
    const used = codesUsed()
    live = world.delegated({ tokenUrl: 'https://login.evil.com/token' })
    await expect(callback(came)).rejects.toThrow(/changed meanwhile/)
    await expect(redeemLink(context, { result, starter })).rejects.toThrow(/changed meanwhile/)
    live = before
    expect(codesUsed()).toBe(used)
  })

  test("needs the verifier that was made for it: another link's code is refused", async () => {
    const [mine, theirs] = [await come(), await come()]
    const { result } = await callback({ state: mine.state, code: theirs.code })
    await expect(redeemLink(context, { result, starter })).rejects.toEqual(refused)
  })

  test('says where the provider gives no refresh token', async () => {
    const { result } = await callback(await come())
    const json = { access_token: 'x', token_type: 'bearer' }
    world.oauth.failNext({ when: 'before', answer: { status: 200, json } })
    await expect(redeemLink(context, { result, starter })).rejects.toThrow(/offline_access/)
  })

  test('is exchanged with a client secret that is bound to the token host only', async () => {
    const { result } = await callback(await come())
    world.bindSecret(['api.acme.com'])
    const used = codesUsed()
    await expect(redeemLink(context, { result, starter })).rejects.toThrow(/not bound/)
    expect(codesUsed()).toBe(used)
    world.bindSecret()
  })
})

test('only a delegated authorization can be linked', async () => {
  const before = live
  live = world.clientCredentials()
  await expect(begin()).rejects.toMatchObject({ code: 'bad_configuration' })
  live = before
  await expect(beginLink(context, { name: 'other', starter, redirectUri })).rejects.toMatchObject({
    code: 'bad_configuration',
  })
})
