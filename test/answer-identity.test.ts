import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Context } from 'aws-lambda'
import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose'
import { publicKeysRuntime } from '../lambdas/core/aws/public-keys-runtime.ts'
import { createPublicKeys } from '../lambdas/core/serve-public-keys.ts'
import { demoAuthorization, demoTenant, demoUserDataApi } from '../local/demo-data.ts'
import { startOAuthServer } from '../local/oauth-server.ts'
import { callsThenSays } from './claude-scripts.ts'
import { publicUrl, startWorld, type World } from './world.ts'

const asksOrder = callsThenSays([['get_order', { order_id: '1042' }]], 'It arrives soon.')
const refunds = callsThenSays([['refund_order', { order_id: '1042', amount: 20 }]], 'Done.')
const optIn = {
  kind: 'authorization' as const,
  id: 'shop',
  definition: { ...demoAuthorization, identity: true },
}

let world: World
let keys: JSONWebKeySet
beforeAll(async () => {
  world = await startWorld({ script: asksOrder })
  const { aws } = world
  const kmsAt = { endpoint: aws.url, region: 'local', credentials: aws.credentials }
  const serve = createPublicKeys(
    publicKeysRuntime({ aws: kmsAt, keyArns: [world.deployment.identityKeyArn] }),
  )
  keys = JSON.parse((await serve({ pathParameters: { tenant: demoTenant } }, {} as Context)).body)
})
afterAll(() => world.close())
beforeEach(() => {
  world.script = asksOrder
  world.clock.time += 24 * 3_600_000
  world.shop.requests.length = 0
  world.shop.refunds.length = 0
})

const signatures = () => world.aws.calls.filter((call) => call === 'kms.Sign').length
/** What was signed for the requests to the shop, oldest first. Throws where one is not signed, or not by us. */
const signed = (): Promise<JWTPayload[]> =>
  Promise.all(
    world.shop.requests.map(async ({ headers }) => {
      const { payload } = await jwtVerify(headers.identity ?? '', createLocalJWKSet(keys), {
        currentDate: new Date(world.clock.time),
        clockTolerance: '10 minutes',
        issuer: `${publicUrl}/t/${demoTenant}`,
        audience: world.shop.url,
      })
      return payload
    }),
  )

describe('a turn', () => {
  test('signs nothing where no authorization wants it', async () => {
    await world.publish()
    const before = signatures()
    await world.ask('Where is my order 1042?')
    expect(world.shop.requests.map(({ status }) => status)).toEqual([200, 200])
    expect(world.shop.requests.some(({ headers }) => headers.identity !== undefined)).toBe(false)
    expect(signatures()).toBe(before)
  })

  test('says to the User Data API and to a tool who asks, by one signature each', async () => {
    await world.publish([optIn])
    const before = signatures()
    const ticket = await world.ask('Where is my order 1042?')
    const about = { email: 'zoe@example.com', assurance: 'mailbox', ticket, mode: 'live' }
    expect(await signed()).toMatchObject([
      { ...about, tool: 'user-data-api', method: 'POST', url: `${world.shop.url}/user-data` },
      {
        ...about,
        tool: 'get_order',
        method: 'GET',
        url: `${world.shop.url}/orders/1042?email=zoe%40example.com`,
      },
    ])
    expect(signatures() - before).toBe(2)
  })

  test('shows no signed identity to the model', async () => {
    const seen = JSON.stringify(world.claude.requests)
    expect(seen.length).toBeGreaterThan(1000)
    expect(seen).not.toMatch(/eyJ[\w-]{20}/)
  })

  test('signs anew what it sends again after a 401', async () => {
    await world.publish([optIn])
    world.shop.failNext(
      { when: 'before', answer: { status: 401 } },
      { only: ({ method }) => method === 'GET' },
    )
    await world.ask('Where is my order 1042?')
    const ids = (await signed()).map(({ jti }) => jti)
    expect(ids).toHaveLength(3)
    expect(new Set(ids).size).toBe(3)
  })

  test('signs anew what it sends again after a crash, under the same key', async () => {
    await world.publish([optIn])
    world.script = refunds
    const ticketId = world.openTicket('Please refund 20 EUR of my order 1042.')
    await world.deliver(ticketId)
    await world.run(ticketId, world.process({ n: 1, port: 'http.tool', when: 'after' }))
    await world.untilQuiet(ticketId)
    expect(world.shop.refunds).toHaveLength(1)
    const writes = world.shop.requests.filter(({ path }) => path.endsWith('/refunds'))
    expect(writes).toHaveLength(2)
    expect(new Set(writes.map(({ headers }) => headers.idempotencyKey)).size).toBe(1)
    const ids = (await signed()).filter(({ tool }) => tool === 'refund_order').map(({ jti }) => jti ?? '')
    expect(new Set(ids).size).toBe(2)
    expect(new Set(ids.map((id) => id.split('.')[0])).size).toBe(1)
  })

  test('sends nothing unsigned when KMS does not sign', async () => {
    await world.publish([optIn])
    const ticketId = world.openTicket('Where is my order 1042?')
    await world.deliver(ticketId)
    const withoutKms = world.process(undefined, undefined, { fails: (port) => port === 'kms.sign' })
    await world.untilQuiet(ticketId, withoutKms)
    expect(withoutKms.ports.filter((port) => port === 'kms.sign')).toHaveLength(2)
    expect(world.shop.requests).toEqual([])
    for (const event of ['user_data_misconfigured', 'tool_misconfigured'])
      expect(world.lines).toContainEqual(
        expect.objectContaining({ event, cause: 'identity_unsigned', alarm: true }),
      )
  })
})

describe('a turn with OAuth', () => {
  test('reaches the API by a token, which no prompt, reply, note or row holds', async () => {
    const oauth = await startOAuthServer({ now: world.clock.now })
    const shopHost = new URL(world.shop.url).host
    world.deployment.allowance.hosts.add(new URL(oauth.url).host)
    world.aws.putSecret(`deskhand/${demoTenant}/outbound/shop-client`, {
      value: oauth.client.secret,
      hosts: [shopHost, new URL(oauth.url).host],
    })
    const definition = {
      name: 'shop',
      type: 'oauth_client_credentials',
      tokenUrl: oauth.tokenUrl,
      clientId: oauth.client.id,
      secret: 'shop-client',
    }
    await world.publish([
      { kind: 'authorization', id: 'shop', definition },
      { kind: 'user-data-api', id: 'default', definition: demoUserDataApi(world.shop.url) },
    ])
    const ticketId = await world.ask('Where is my order 1042?')
    const bearers = world.shop.requests.map(({ headers }) => headers.authorization?.replace('Bearer ', ''))
    expect(bearers.length).toBeGreaterThan(1)
    expect(bearers.every((token) => oauth.given.includes(token ?? ''))).toBe(true)
    const everywhere = JSON.stringify([
      world.claude.requests,
      world.comments(ticketId),
      world.lines,
      (await world.rows(ticketId)).map((row) => Object.values(row).map(String)),
    ])
    for (const secret of [...oauth.given, oauth.client.secret]) expect(everywhere).not.toContain(secret)
    await oauth.close()
  })
})
