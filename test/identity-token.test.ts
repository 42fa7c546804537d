import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { KMSClient, SignCommand } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Context } from 'aws-lambda'
import fc from 'fast-check'
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose'
import { publicKeysRuntime } from '../lambdas/core/aws/public-keys-runtime.ts'
import { createSigner } from '../lambdas/core/aws/signer.ts'
import type { VerifiedEmail } from '../lambdas/core/identify.ts'
import { joseSignature } from '../lambdas/core/identity/jose-signature.ts'
import { type Asker, createSignIdentity, type SignedRequest } from '../lambdas/core/identity/sign-identity.ts'
import { createPublicKeys } from '../lambdas/core/serve-public-keys.ts'
import { type AwsEndpoint, startAwsEndpoint } from '../local/aws-endpoint.ts'
import { demoShopToken } from '../local/demo-data.ts'
import { openFrontDoor } from '../local/front-door.ts'
import { type ShopStandIn, startShop } from '../local/shop.ts'

// The same cases in every run.
fc.configureGlobal({ seed: 1 })

const clock = { time: Date.parse('2026-11-21T09:00:00Z'), now: () => clock.time }
const zoe = 'zoe@example.com' as VerifiedEmail
const ben = 'ben@example.org' as VerifiedEmail

let aws: AwsEndpoint
let kms: KMSClient
let keyArns: string[]
let door: Awaited<ReturnType<typeof openFrontDoor>>
let shop: ShopStandIn
const kmsAt = () => ({ endpoint: aws.url, region: 'local', credentials: aws.credentials })
const handler = () => createPublicKeys(publicKeysRuntime({ aws: kmsAt(), keyArns }))
const ask = (tenant?: string) => handler()({ pathParameters: { tenant } }, {} as Context)

beforeAll(async () => {
  aws = await startAwsEndpoint({ clock })
  kms = new KMSClient({ ...kmsAt(), maxAttempts: 1 })
  keyArns = [aws.createSigningKey('first'), aws.createSigningKey('second')]
  const publicKeys = handler()
  door = await openFrontDoor(
    {
      webhooks: {},
      publicKeys: (event) => publicKeys(event as Parameters<typeof publicKeys>[0], {} as Context),
      message: () => ({ statusCode: 404, headers: {}, body: '' }),
      hello: () => '',
    },
    0,
  )
  shop = await startShop({ now: clock.now, identityFrom: issuerOf('nordlicht') })
})
afterAll(async () => {
  kms.destroy()
  await Promise.all([aws, door, shop].map((each) => each.close()))
})
beforeEach(() => {
  clock.time += 3_600_000
})

const issuerOf = (tenant: string) => `${door.url}/t/${tenant}`
const signerWith = (keyArn: string) => createSigner({ kms, keyArn, io: (_port, call) => call() })
const signing = (issuer: string, keyArn = keyArns[0] ?? '') =>
  createSignIdentity({ issuer, signer: signerWith(keyArn), now: clock.now })

const asker: Asker = {
  effect: 'effect-1',
  fence: 3,
  ticket: '42',
  tool: 'get_order',
  email: zoe,
  assurance: 'mailbox',
  mode: 'live',
}
const getOrder = (): SignedRequest => ({
  method: 'GET',
  url: `${shop.url}/orders/1042?email=zoe%40example.com`,
})
const refund = (): SignedRequest => ({
  method: 'POST',
  url: `${shop.url}/orders/1042/refunds`,
  body: JSON.stringify({ amount: 5, email: zoe }),
})
/** The status that the shop answers. */
async function send({ method, url, body }: SignedRequest, token?: string): Promise<number> {
  const answer = await fetch(url, {
    method,
    ...(body === undefined ? {} : { body }),
    headers: {
      authorization: `Bearer ${demoShopToken}`,
      ...(token === undefined ? {} : { 'deskhand-identity': token }),
    },
  })
  return answer.status
}

describe('a signed identity', () => {
  test('is accepted by the demo shop, for a read and for a write', async () => {
    const sign = signing(issuerOf('nordlicht'))
    expect(await send(getOrder(), await sign(asker, getOrder()))).toBe(200)
    expect(await send(refund(), await sign({ ...asker, tool: 'refund_order' }, refund()))).toBe(201)
  })

  test('says who asks for what, and nothing more', async () => {
    const sign = signing(issuerOf('nordlicht'))
    const token = await sign(asker, refund())
    const iat = clock.time / 1000
    expect(decodeJwt(token)).toEqual({
      iss: issuerOf('nordlicht'),
      aud: shop.url,
      iat,
      exp: iat + 60,
      jti: 'effect-1.3.1',
      ticket: '42',
      tool: 'get_order',
      method: 'POST',
      url: `${shop.url}/orders/1042/refunds`,
      body_sha256: expect.stringMatching(/^[\w-]{43}$/),
      email: 'zoe@example.com',
      assurance: 'mailbox',
      mode: 'live',
    })
    const nobody = decodeJwt(await sign({ ...asker, email: undefined, assurance: 'claimed' }, getOrder()))
    expect(nobody).not.toHaveProperty('email')
    expect(nobody).toMatchObject({ jti: 'effect-1.3.2', assurance: 'claimed' })
  })

  test('that is too long for KMS is not sent unsigned', async () => {
    const long = { method: 'GET', url: `${shop.url}/${'a'.repeat(4000)}` }
    await expect(signing('https://x.com')(asker, long)).rejects.toMatchObject({ code: 'bad_configuration' })
  })
})

describe('the demo shop refuses', () => {
  const refused = async (token: string | undefined, request = getOrder()) =>
    expect(await send(request, token)).toBe(403)

  test('a request without one', async () => {
    await refused(undefined)
    await refused('')
  })

  test('one that is replayed', async () => {
    const token = await signing(issuerOf('nordlicht'))(asker, getOrder())
    expect(await send(getOrder(), token)).toBe(200)
    await refused(token)
  })

  test("another tenant's, though it is signed by the same key", async () => {
    await refused(await signing(issuerOf('suedwind'))(asker, getOrder()))
  })

  test('one for another API of the same tenant', async () => {
    const elsewhere = { ...getOrder(), url: getOrder().url.replace(shop.url, 'https://api.nordlicht.com') }
    await refused(await signing(issuerOf('nordlicht'))(asker, elsewhere))
  })

  test.each([
    ['over', 66_000],
    ['from the future', -120_000],
  ])('one that is %s', async (_, later) => {
    const token = await signing(issuerOf('nordlicht'))(asker, getOrder())
    clock.time += later
    await refused(token)
  })

  test('a body, method or address that is not the one that was signed', async () => {
    const sign = signing(issuerOf('nordlicht'))
    await refused(await sign(asker, refund()), {
      ...refund(),
      body: JSON.stringify({ amount: 99, email: zoe }),
    })
    await refused(await sign(asker, { ...getOrder(), method: 'POST' }))
    await refused(
      await sign(asker, { ...getOrder(), url: `${shop.url}/orders/1017?email=zoe%40example.com` }),
    )
  })

  test('one that is signed for somebody else than the request names', async () => {
    await refused(await signing(issuerOf('nordlicht'))({ ...asker, email: ben }, getOrder()))
    await refused(await signing(issuerOf('nordlicht'))({ ...asker, email: undefined }, getOrder()))
  })

  test('claims that were changed, and a signature of nobody or of another key', async () => {
    const token = await signing(issuerOf('nordlicht'))({ ...asker, email: ben }, getOrder())
    const [head = '', claims = '', signature = ''] = token.split('.')
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const forged = encode({ ...decodeJwt(token), email: zoe })
    await refused(`${head}.${forged}.${signature}`)
    await refused(`${encode({ alg: 'none', typ: 'JWT' })}.${forged}.`)
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const other = sign('sha256', Buffer.from(`${head}.${forged}`), {
      key: privateKey,
      dsaEncoding: 'ieee-p1363',
    })
    await refused(`${head}.${forged}.${other.toString('base64url')}`)
    await refused(`${head}.${claims}.`)
  })
})

describe('the public keys', () => {
  test('are published with the key that signs next, and each verifies its own', async () => {
    const set = JSON.parse((await ask('nordlicht')).body) as JSONWebKeySet
    expect(set.keys.map(({ kid }) => kid)).toEqual(['first', 'second'])
    for (const keyArn of keyArns) {
      const token = await signing(issuerOf('nordlicht'), keyArn)(asker, getOrder())
      const { protectedHeader } = await jwtVerify(token, createLocalJWKSet(set), {
        currentDate: new Date(clock.time),
      })
      expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'JWT', kid: keyArn.split('/').at(-1) })
    }
    expect(await send(getOrder(), await signing(issuerOf('nordlicht'), keyArns[1])(asker, getOrder()))).toBe(
      200,
    )
  })

  test('hold no private part and may be kept for ten minutes', async () => {
    const { headers, body } = await ask('nordlicht')
    expect(headers).toEqual({ 'content-type': 'application/json', 'cache-control': 'public, max-age=600' })
    for (const key of JSON.parse(body).keys)
      expect(new Set(Object.keys(key))).toEqual(new Set(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']))
    expect(body).not.toContain('000000000000')
  })

  test('are read from KMS once', async () => {
    const serve = handler()
    const before = aws.calls.length
    for (let n = 0; n < 5; n++) await serve({ pathParameters: { tenant: 'acme' } }, {} as Context)
    expect(aws.calls.slice(before)).toEqual(['kms.GetPublicKey', 'kms.GetPublicKey'])
  })

  test.each(['ACME', 'a', '../acme', 'acme#x', undefined])('are not served for %j', async (tenant) => {
    expect((await ask(tenant)).statusCode).toBe(404)
  })

  test('are asked for again when KMS did not answer, and nobody may keep that', async () => {
    let isDown = true
    const serve = createPublicKeys(
      publicKeysRuntime({
        aws: kmsAt(),
        keyArns,
        log: { info() {}, warn() {}, alarm() {}, with: () => expect.anything() as never },
        io: (_port, call) => (isDown ? Promise.reject(new Error('connect ECONNREFUSED')) : call()),
      }),
    )
    const event = { pathParameters: { tenant: 'acme' } }
    expect(await serve(event, {} as Context)).toMatchObject({
      statusCode: 503,
      headers: { 'cache-control': 'no-store' },
    })
    isDown = false
    expect((await serve(event, {} as Context)).statusCode).toBe(200)
  })
})

describe("KMS's signature in JOSE's form", () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

  test('verifies, for signatures of every length', () => {
    const lengths = new Set<number>()
    for (let n = 0; n < 600; n++) {
      const message = Buffer.from(`message ${n}`)
      const der = sign('sha256', message, privateKey)
      lengths.add(der.length)
      const raw = joseSignature(der)
      expect(raw).toHaveLength(64)
      expect(verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, raw)).toBe(true)
    }
    expect(lengths.size).toBeGreaterThan(2)
  })

  test('is made of nothing else', () => {
    const der = sign('sha256', Buffer.from('x'), privateKey)
    for (let length = 0; length < der.length; length++)
      expect(() => joseSignature(der.subarray(0, length))).toThrow(/no P-256 signature/)
    expect(() => joseSignature(Buffer.concat([der, Buffer.from([0])]))).toThrow(/no P-256 signature/)
    const tooLong = Buffer.from(`3026${'0221'}${'01'.repeat(33)}${'0201'}01`, 'hex')
    expect(() => joseSignature(tooLong)).toThrow(/no P-256 signature/)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        try {
          return joseSignature(bytes).length === 64
        } catch (error) {
          return /no P-256 signature/.test(String(error))
        }
      }),
    )
  })

  test('comes from a key that signs, and from no other', async () => {
    const command = (KeyId: string) =>
      new SignCommand({
        KeyId,
        Message: Buffer.from('x'),
        SigningAlgorithm: 'ECDSA_SHA_256',
        MessageType: 'RAW',
      })
    await expect(kms.send(command(aws.createKey('data')))).rejects.toMatchObject({
      name: 'InvalidKeyUsageException',
    })
    await expect(kms.send(command('key/none'))).rejects.toMatchObject({ name: 'NotFoundException' })
    expect(createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })).asymmetricKeyType).toBe('ec')
  })
})

test('the page for developers shows the code that the demo shop runs', () => {
  const root = `${__dirname}/..`
  const [, ...lines] = readFileSync(`${root}/local/verify-identity.ts`, 'utf8').split('\n')
  expect(readFileSync(`${root}/docs/verify-identity.md`, 'utf8')).toContain(lines.join('\n').trim())
})
