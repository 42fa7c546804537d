import { createHash, createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import type { Signature } from '../lambdas/core/helpdesk.ts'
import { verify } from '../lambdas/core/signature.ts'
import { inbound } from '../lambdas/zendesk/inbound.ts'
import { signZendesk } from '../local/zendesk/sign.ts'

type Hmac = Extract<Signature, { scheme: 'hmac' }>
const zendesk = inbound.signatures[0] as Hmac
/** Zendesk's rule without its list of published secrets: the vendor's vectors are signed with one. */
const { published: _, ...unlisted } = zendesk

// https://developer.zendesk.com/documentation/webhooks/verifying/ names this secret for test deliveries
const publishedSecret = 'dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=='
const timestamp = '2026-11-21T08:00:00Z'
const now = Date.parse(timestamp)
const secret = 'a signing secret of this connection'
const body = '{"say":"hello"}'

const headersOf = (signature: string, at = timestamp): Map<string, string[]> =>
  new Map([
    [zendesk.header, [signature]],
    ['x-zendesk-webhook-signature-timestamp', [at]],
  ])
const requestOf = (headers: Map<string, string[]>, rawBody: string | Buffer = body) => ({
  method: 'POST',
  url: 'https://hooks.deskhand.example/webhooks/any/acme.AAAAAAAAAAAAAAAAAAAAAA',
  headers,
  rawBody: Buffer.from(rawBody),
})
const check = (
  signature: string,
  options: { body?: string | Buffer; at?: string; secrets?: string[]; now?: number; rule?: Signature } = {},
) =>
  verify(
    [options.rule ?? zendesk],
    requestOf(headersOf(signature, options.at), options.body),
    options.secrets ?? [secret],
    options.now ?? now,
  )
const good = signZendesk(secret, timestamp, body)

describe("Zendesk's vectors", () => {
  const vector = (signature: string, rawBody = body) =>
    check(signature, { body: rawBody, secrets: [publishedSecret], rule: unlisted }).ok

  test.each([
    ['Z1', body, '6f/So7XLAdYMjXyovyU2P2vl1IjiamSAEbV7g+3fk0k='],
    [
      'Z3',
      '{"v":1,"ticket_id":"5158","updated_at":"2026-11-21T07:59:58Z"}',
      'Xxjutgqjl5P3jNg1M8BJzK4PEqzAbaq7d+zudWxbZnI=',
    ],
  ])('%s is accepted', (_name, rawBody, signature) => {
    expect(vector(signature, rawBody)).toBe(true)
  })

  test.each([
    ['N1, body before timestamp', 'FU7WwoALGp0jKGoeIOcI/10ozg2BXN+lIK3Tueqjbu8='],
    ['N2, hex', 'e9ffd2a3b5cb01d60c8d7ca8bf25363f6be5d488e26a648011b57b83eddf9349'],
    ['N3, secret decoded from base64', 'nRylFc7UtT8Pb5H/bFbWUHb0xKToJvWHnOe8PMx8QTU='],
    ['N4, dot between timestamp and body', '5lwUY+fDoJoLYFe52GUYQAHHidn7kikqefpF18ZeOhY='],
  ])('%s is refused', (_name, signature) => {
    expect(vector(signature)).toBe(false)
  })

  test('the published secret is refused even where it is configured', () => {
    const signature = '6f/So7XLAdYMjXyovyU2P2vl1IjiamSAEbV7g+3fk0k='
    expect(check(signature, { secrets: [publishedSecret] })).toEqual({ ok: false, cause: 'no_active_secret' })
    expect(check(signature, { secrets: [publishedSecret, secret] }).ok).toBe(false)
  })
})

describe('a forged or altered webhook is refused', () => {
  const flips = (bytes: Buffer): Buffer[] =>
    Array.from({ length: bytes.length * 8 }, (_, bit) => {
      const copy = Buffer.from(bytes)
      copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      return copy
    })

  test('the untouched one is accepted', () => {
    expect(check(good)).toEqual({ ok: true })
  })
  test('any one bit of the body flipped', () => {
    expect(flips(Buffer.from(body)).filter((flipped) => check(good, { body: flipped }).ok)).toEqual([])
  })
  test('any one bit of the timestamp flipped', () => {
    const texts = flips(Buffer.from(timestamp)).map((flipped) => flipped.toString('latin1'))
    expect(texts.filter((at) => check(good, { at }).ok)).toEqual([])
  })
  test('any one bit of the signature flipped', () => {
    const texts = flips(Buffer.from(good)).map((flipped) => flipped.toString('latin1'))
    expect(texts.filter((signature) => check(signature).ok)).toEqual([])
  })
  test('any one bit of the secret flipped', () => {
    const texts = flips(Buffer.from(secret)).map((flipped) => flipped.toString('latin1'))
    expect(texts.filter((other) => check(good, { secrets: [other] }).ok)).toEqual([])
  })

  test.each([
    ['empty', ''],
    ['truncated', good.slice(0, -2)],
    ['without its padding', good.slice(0, -1)],
    ['extended', `${good}A`],
    ['followed by a line', `${good}\n`],
    ['surrounded by spaces', ` ${good} `],
    ['in base64url', good.replaceAll('+', '-').replaceAll('/', '_').replace('=', '')],
    ['in upper-case hex', Buffer.from(good, 'base64').toString('hex').toUpperCase()],
    ['with another prefix', `sha256=${good}`],
    ['two in one header', `${good},${good}`],
  ])('a signature that is %s', (_name, signature) => {
    expect(check(signature)).toEqual({ ok: false, cause: 'signature_malformed' })
  })
  test('a base64 text that decodes to the right digest and is not how it is written', () => {
    const last = good.charAt(42)
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
    const twin = `${good.slice(0, 42)}${alphabet.charAt(alphabet.indexOf(last) + 1)}=`
    expect(Buffer.from(twin, 'base64')).toEqual(Buffer.from(good, 'base64'))
    expect(check(twin).ok).toBe(false)
  })
  test('no signature, and a header given twice', () => {
    const timestamps: [string, string[]] = ['x-zendesk-webhook-signature-timestamp', [timestamp]]
    const run = (entries: [string, string[]][]) =>
      verify([zendesk], requestOf(new Map(entries)), [secret], now)
    expect(run([timestamps])).toEqual({ ok: false, cause: 'signature_missing' })
    expect(run([timestamps, [zendesk.header, [good, good]]])).toEqual({
      ok: false,
      cause: 'signature_repeated',
    })
    expect(
      run([
        [timestamps[0], [timestamp, timestamp]],
        [zendesk.header, [good]],
      ]),
    ).toEqual({ ok: false, cause: 'signature_repeated' })
    expect(run([[zendesk.header, [good]]])).toEqual({ ok: false, cause: 'timestamp_malformed' })
  })
})

describe('the signed timestamp', () => {
  test.each([
    [-301, false],
    [-300, true],
    [0, true],
    [300, true],
    [301, false],
  ])('%i s from now: accepted is %s', (seconds, accepted) => {
    expect(check(good, { now: now - seconds * 1000 }).ok).toBe(accepted)
  })

  test.each([
    '',
    'now',
    '1795248000',
    '2026-11-21',
    '2026-11-21 08:00:00Z',
    '2026-11-21T08:00:00',
    'Sat, 21 Nov 2026 08:00:00 GMT',
    '2026-13-21T08:00:00Z',
    '2026-11-21T08:00:00Z,2026-11-21T08:00:00Z',
  ])('%p is refused however it is signed', (at) => {
    expect(check(signZendesk(secret, at, body), { at })).toEqual({ ok: false, cause: 'timestamp_malformed' })
  })
  test('a fraction and an offset are read', () => {
    for (const at of ['2026-11-21T08:00:00.412345678Z', '2026-11-21T09:00:00+01:00']) {
      expect(check(signZendesk(secret, at, body), { at }).ok).toBe(true)
    }
  })
})

describe('secrets', () => {
  test('either of two is accepted, in either order, and a third is not', () => {
    const other = 'the previous signing secret'
    for (const secrets of [
      [secret, other],
      [other, secret],
    ]) {
      expect(check(signZendesk(secret, timestamp, body), { secrets }).ok).toBe(true)
      expect(check(signZendesk(other, timestamp, body), { secrets }).ok).toBe(true)
      expect(check(signZendesk('a third secret', timestamp, body), { secrets }).ok).toBe(false)
    }
  })
  test('none, or an empty one, verifies nothing', () => {
    const signedWithNothing = createHmac('sha256', '').update(timestamp).update(body).digest('base64')
    expect(check(good, { secrets: [] })).toEqual({ ok: false, cause: 'no_active_secret' })
    expect(check(signedWithNothing, { secrets: [''] })).toEqual({ ok: false, cause: 'no_active_secret' })
  })
  test('the stand-in key that is used without a secret opens nothing', () => {
    const source = readFileSync('lambdas/core/signature.ts', 'utf8')
    const standIn = /: \['([^']+)'\]/.exec(source)?.[1] ?? ''
    expect(standIn).not.toBe('')
    expect(check(signZendesk(standIn, timestamp, body), { secrets: [] }).ok).toBe(false)
  })
})

describe('other ways to sign', () => {
  const raw = Buffer.from(body)

  test('sha1 in lower-case hex after a prefix, over the body alone', () => {
    const rule: Signature = {
      scheme: 'hmac',
      algorithm: 'sha1',
      header: 'x-hub-signature',
      prefix: 'sha1=',
      encoding: 'hex',
      covers: ['body'],
    }
    const digest = createHmac('sha1', secret).update(raw).digest('hex')
    const run = (value: string) =>
      verify([rule], requestOf(new Map([['x-hub-signature', [value]]]), raw), [secret], now)
    expect(run(`sha1=${digest}`)).toEqual({ ok: true })
    for (const wrong of [digest, `sha1=${digest.toUpperCase()}`, `sha256=${digest}`, `sha1=${digest}00`]) {
      expect(run(wrong)).toEqual({ ok: false, cause: 'signature_malformed' })
    }
  })

  test('a secret in a header: the whole of it and nothing else', () => {
    const rule: Signature = { scheme: 'shared_secret', header: 'x-deskhand-secret' }
    const run = (...values: string[]) =>
      verify([rule], requestOf(new Map([['x-deskhand-secret', values]]), raw), [secret], now).ok
    expect(run(secret)).toBe(true)
    for (const wrong of ['', secret.slice(0, -1), `${secret}x`, secret.toUpperCase()]) {
      expect(run(wrong)).toBe(false)
    }
    expect(run(secret, secret)).toBe(false)
    expect(run()).toBe(false)
  })
})

describe('several schemes', () => {
  const strong: Signature = {
    scheme: 'hmac',
    algorithm: 'sha256',
    header: 'x-signature-v3',
    encoding: 'base64',
    timestamp: { header: 'x-timestamp', format: 'epoch_ms' },
    covers: ['method', 'url', 'body', 'timestamp'],
    spelled: (url) => url.replaceAll('%2F', '/'),
  }
  const weak: Signature = {
    scheme: 'hash',
    algorithm: 'sha256',
    header: 'x-signature',
    encoding: 'hex',
    version: { header: 'x-signature-version', value: 'v1' },
  }
  const basic: Signature = { scheme: 'basic', user: 'helpdesk' }
  const url = 'https://hooks.deskhand.example/webhooks/any/x?next=%2Fa%20b'
  const run = (
    signatures: [Signature, ...Signature[]],
    headers: Record<string, string | string[]>,
    change: { method?: string; url?: string; body?: string } = {},
  ) =>
    verify(
      signatures,
      {
        method: change.method ?? 'POST',
        url: change.url ?? url,
        headers: new Map(Object.entries(headers).map(([name, value]) => [name, [value].flat()])),
        rawBody: Buffer.from(change.body ?? body),
      },
      [secret],
      now,
    )
  const v3 = (text: string) => createHmac('sha256', secret).update(text).digest('base64')
  const spelled = 'https://hooks.deskhand.example/webhooks/any/x?next=/a%20b'
  const strongly = { 'x-signature-v3': v3(`POST${spelled}${body}${now}`), 'x-timestamp': String(now) }
  const weakly = {
    'x-signature': createHash('sha256').update(secret).update(body).digest('hex'),
    'x-signature-version': 'v1',
  }

  test('method, URL as the vendor spells it, body and time are all covered', () => {
    expect(run([strong], strongly)).toEqual({ ok: true })
    for (const change of [
      { method: 'PUT' },
      { url: `${url}x` },
      { url: url.replace('any', 'all') },
      { body: `${body} ` },
    ])
      expect(run([strong], strongly, change)).toEqual({ ok: false, cause: 'signature_wrong' })
    expect(run([strong], { ...strongly, 'x-timestamp': String(now + 1) }).ok).toBe(false)
    expect(run([strong], { ...strongly, 'x-signature-v3': v3(`POST${url}${body}${now}`) }).ok).toBe(false)
  })

  test('a plain hash needs its version, and nothing else beside it', () => {
    expect(run([weak], weakly)).toEqual({ ok: true })
    expect(run([weak], { 'x-signature': weakly['x-signature'] })).toMatchObject({
      cause: 'signature_malformed',
    })
    expect(run([weak], { ...weakly, 'x-signature-version': 'v2' }).ok).toBe(false)
    expect(run([weak], { ...weakly, 'x-signature-version': ['v1', 'v1'] })).toMatchObject({
      cause: 'signature_repeated',
    })
    expect(run([weak], { ...weakly, 'x-signature': weakly['x-signature'].toUpperCase() }).ok).toBe(false)
    expect(run([weak], weakly, { body: `${body} ` })).toMatchObject({ cause: 'signature_wrong' })
  })

  test('a password is the whole header: user, secret, spelling', () => {
    const header = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
    expect(run([basic], { authorization: header(`helpdesk:${secret}`) })).toEqual({ ok: true })
    for (const wrong of [`other:${secret}`, `helpdesk:${secret}x`, 'helpdesk:', secret])
      expect(run([basic], { authorization: header(wrong) }).ok).toBe(false)
    const good = header(`helpdesk:${secret}`)
    for (const wrong of [good.toLowerCase(), ` ${good}`, `${good},${good}`, good.replace('Basic', 'Bearer')])
      expect(run([basic], { authorization: wrong }).ok).toBe(false)
  })

  test('the first that is there must hold: a spoiled strong one never falls back to a weak one', () => {
    const both: [Signature, Signature] = [strong, weak]
    expect(run(both, weakly)).toEqual({ ok: true })
    expect(run(both, { ...strongly, ...weakly })).toEqual({ ok: true })
    for (const spoiled of [
      { ...weakly, ...strongly, 'x-signature-v3': 'spoiled' },
      { ...weakly, 'x-signature-v3': '' },
      { ...weakly, 'x-timestamp': String(now) },
      { ...weakly, ...strongly, 'x-timestamp': String(now - 400_000) },
    ])
      expect(run(both, spoiled).ok).toBe(false)
  })

  test('without any header it is a missing signature', () => {
    expect(run([strong, weak, basic], {})).toEqual({ ok: false, cause: 'signature_missing' })
  })
})

test('digests are compared in constant time only', () => {
  const lines = readFileSync('lambdas/core/signature.ts', 'utf8').split('\n')
  const comparing = lines.filter((line) => /[=!]==|indexOf|localeCompare|\.equals\(|\.compare\(/.test(line))
  expect(
    comparing.filter((line) => /digest\b(?! ===? undefined)|expected|given(?! === undefined)/.test(line)),
  ).toEqual([])
  expect(lines.filter((line) => line.includes('timingSafeEqual(')).length).toBe(1)
})
