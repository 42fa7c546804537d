/** What an admin tries before it is live: shown to the last byte but for secrets, marked as a test, and no write by accident. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { TryRuntime } from '../lambdas/admin/try/asker.ts'
import { tryAuthorization } from '../lambdas/admin/try/try-authorization.ts'
import { type ToolTry, type TriedWrite, tryTool } from '../lambdas/admin/try/try-tool.ts'
import { tryUserData } from '../lambdas/admin/try/try-user-data.ts'
import {
  demoAuthorization,
  demoShopToken,
  demoTools,
  demoUserDataApi,
  refundTool,
} from '../local/demo-data.ts'
import type { SimulatedCustomer } from '../schemas/simulation.ts'
import { type Authorization, authorization, userDataApi } from '../schemas/tenant-apis.ts'
import { says } from './claude-scripts.ts'
import { startWorld, type World } from './world.ts'

let world: World
let runtime: TryRuntime
beforeAll(async () => {
  world = await startWorld({ script: () => says('Hello!') })
  runtime = { ...(await world.answering().forTenant('nordlicht')), now: () => Date.now() }
})
afterAll(() => world.close())
beforeEach(() => {
  world.shop.requests.length = 0
  world.shop.refunds.length = 0
})

const signing = authorization.parse({ ...demoAuthorization, identity: true })
const authorizations = (one: Authorization = signing) => new Map([[one.name, one]])
const claimsOf = (token: string | undefined): unknown =>
  JSON.parse(Buffer.from(String(token).split('.')[1] ?? '', 'base64url').toString())
const zoe: SimulatedCustomer = { email: 'zoe@example.com', name: 'Zoë', level: 'signed_in' }

describe('a User Data API', () => {
  const asked = (email = 'zoe@example.com', change: object = {}) =>
    tryUserData(
      runtime,
      userDataApi.parse({ ...demoUserDataApi(world.shop.url), ...change }),
      authorizations(),
      email,
    )
  const answers = (json: object, status = 200) =>
    world.shop.failNext({ when: 'before', answer: { status, json } })

  test('tells what it said, how long it took, and is asked as a test', async () => {
    const tried = await asked()
    expect(tried).toMatchObject({ ok: true, code: 'data', status: 200, echoMatches: true })
    expect(tried.userInfo).toContain('Zoë')
    expect(tried.bytes).toBeGreaterThan(10)
    expect(claimsOf(world.shop.requests[0]?.headers.identity)).toMatchObject({
      mode: 'test',
      email: 'zoe@example.com',
      ticket: 'test',
      tool: 'user-data-api',
    })
  })

  test('that knows nobody of this address is right', async () => {
    expect(await asked('nobody@example.com')).toMatchObject({ ok: true, code: 'none', status: 404 })
  })

  test.each([
    [{ identifier: 'zoe@example.com', user_info: { a: 1 } }, true, /is an object, a string is expected/],
    [{ identifier: 'ben@example.org', user_info: 'x' }, false, /identifier is not the address/],
    [{ identifier: 'zoe@example.com', user_info: '' }, true, /is empty/],
    [{ identifier: 'zoe@example.com', user_info: 'x'.repeat(300) }, true, /300 bytes and is cut at 256/],
    [{ user: 'zoe' }, false, /expected \{"identifier"/],
  ])('that answers %j warns of it', async (json, ok, says) => {
    answers(json)
    const tried = await asked('zoe@example.com', { maxBytes: 256 })
    expect(tried.ok).toBe(ok)
    expect(tried.warnings.join('\n')).toMatch(says)
  })

  test('another customer’s data is not shown', async () => {
    answers({ identifier: 'ben@example.org', user_info: 'Ben lives in Leeds' })
    const tried = await asked()
    expect(tried).toMatchObject({ ok: false, code: 'mismatch', echoMatches: false })
    expect(JSON.stringify(tried)).not.toContain('Leeds')
  })

  test.each([
    [{ authorization: 'nothing' }, 'authorization_missing'],
    [{ url: 'https://elsewhere.example.com/user-data' }, 'secret_host'],
  ])('that cannot be asked (%j) says why', async (change, code) => {
    expect(await asked('zoe@example.com', change)).toMatchObject({ ok: false, code })
    expect(world.shop.requests).toEqual([])
  })

  test('is not asked for what is no address', async () => {
    expect(await asked('zoe')).toMatchObject({ ok: false, code: 'bad_email' })
    expect(world.shop.requests).toEqual([])
  })
})

describe('an authorization', () => {
  const host = () => new URL(world.shop.url).host
  // The stand-in's shop speaks http; a secret is bound to host and port alike.
  const url = () => `${world.shop.url}/orders?email=zoe@example.com`

  test('says where its credential goes and in which header, never what it is', async () => {
    const tried = await tryAuthorization(runtime, signing)
    expect(tried).toMatchObject({
      ok: true,
      hosts: [host()],
      header: 'authorization: Bearer ••••',
      signsIdentity: true,
    })
    expect(JSON.stringify(tried)).not.toContain(demoShopToken)
    expect(world.shop.requests).toEqual([])
  })

  test('is used for a real GET on a host that it is bound to', async () => {
    const tried = await tryAuthorization(runtime, signing, url())
    expect(tried).toMatchObject({ ok: true, get: { status: 200 } })
    expect(claimsOf(world.shop.requests[0]?.headers.identity)).toMatchObject({ mode: 'test', method: 'GET' })
    expect(JSON.stringify(tried)).not.toContain(demoShopToken)
    expect(JSON.stringify(tried)).not.toContain('1042')
  })

  test('goes to no other host, whoever asks', async () => {
    const calledHosts: string[] = []
    const watched: TryRuntime = {
      ...runtime,
      http: (request) => {
        calledHosts.push(request.url)
        return runtime.http(request)
      },
    }
    const tried = await tryAuthorization(watched, signing, 'https://attacker.example.com/collect')
    expect(tried).toMatchObject({ ok: false, cause: 'secret_host' })
    expect(calledHosts).toEqual([])
  })

  test('that the API refuses is not all right', async () => {
    for (const _ of [1, 2]) world.shop.failNext({ when: 'before', answer: { status: 401 } })
    expect(await tryAuthorization(runtime, signing, url())).toMatchObject({ ok: false, cause: 'status_401' })
  })

  test.each([
    [{ secret: 'nothing' }, undefined, 'secret_missing'],
    [{}, 'no url', 'url_refused'],
  ])('with %j and %j says what is wrong', async (change, target, cause) => {
    const tried = await tryAuthorization(runtime, { ...signing, ...change } as Authorization, target)
    expect(tried).toMatchObject({ ok: false, cause })
    expect(tried.message).toBeTruthy()
  })

  const clientOf = (clientId: string) =>
    authorization.parse({
      name: 'shop',
      type: 'oauth_client_credentials',
      secret: 'shop-token',
      clientId,
      tokenUrl: `${world.shop.url}/oauth/token`,
    })

  test('by a client of OAuth asks for a token, and shows it to nobody', async () => {
    const json = { access_token: 'token-that-nobody-sees', token_type: 'Bearer', expires_in: 3600 }
    world.shop.failNext({ when: 'before', answer: { status: 200, json } })
    const tried = await tryAuthorization(runtime, clientOf('given'))
    expect(tried).toMatchObject({ ok: true, header: 'authorization: Bearer ••••' })
    expect(world.shop.requests).toMatchObject([{ method: 'POST', path: '/oauth/token' }])
    expect(JSON.stringify(tried)).not.toContain('nobody-sees')
  })

  test('by a client of OAuth that gets no token says so', async () => {
    const client = clientOf('refused')
    const tried = await tryAuthorization(runtime, client)
    expect(tried.ok).toBe(false)
    expect(tried.cause).toMatch(/^token_/)
    expect(world.shop.requests).toMatchObject([{ method: 'POST', path: '/oauth/token' }])
    expect(JSON.stringify(tried)).not.toContain(demoShopToken)
  })
})

describe('a tool', () => {
  const audited: TriedWrite[] = []
  beforeEach(() => {
    audited.length = 0
  })
  const trial = (change: Partial<ToolTry> = {}, audit?: (write: TriedWrite) => Promise<void>) =>
    tryTool(
      {
        ...runtime,
        audit: audit ?? (async (write) => void audited.push(write)),
        allowance: world.deployment.allowance,
      },
      {
        definition: { ...refundTool(world.shop.url, 'key'), identity: 'mailbox' },
        authorizations: authorizations(),
        arguments: { order_id: '1042', amount: 20 },
        customer: zoe,
        send: 'no',
        ...change,
      },
    )
  const getOrder = () => demoTools(world.shop.url)[0]
  const read = { arguments: { order_id: '1042' }, send: 'call' as const }
  const tried = async (change: Partial<ToolTry> = {}) => {
    const result = await trial(change)
    if (!result.ok) throw new Error(JSON.stringify(result.problems))
    return result
  }

  test('shows the request as it would be sent, and sends nothing', async () => {
    const shown = await tried()
    expect(shown.request).toMatchObject({
      method: 'POST',
      url: `${world.shop.url}/orders/1042/refunds`,
      headers: {
        authorization: 'Bearer ••••',
        'deskhand-identity': '••••',
        'content-type': 'application/json',
      },
    })
    expect(shown.request.headers['idempotency-key']).toMatch(/^test-/)
    expect(JSON.parse(shown.request.body ?? '')).toMatchObject({ amount: 20, email: 'zoe@example.com' })
    expect(shown.identity).toMatchObject({
      mode: 'test',
      method: 'POST',
      url: shown.request.url,
      email: 'zoe@example.com',
      assurance: 'signed_in',
    })
    expect(shown.answer).toBeUndefined()
    expect(JSON.stringify(shown)).not.toContain(demoShopToken)
    expect(JSON.stringify(shown)).not.toContain('eyJ')
    expect(world.shop.requests).toEqual([])
  })

  test('what was shown is what is sent', async () => {
    const shown = await tried({ send: 'really_write' })
    const [sent] = world.shop.requests
    expect(sent).toMatchObject({ method: 'POST', body: shown.request.body, status: 201 })
    expect(sent?.headers.idempotencyKey).toBe(shown.request.headers['idempotency-key'])
    expect(claimsOf(sent?.headers.identity)).toMatchObject({ mode: 'test' })
    expect(audited).toEqual([
      {
        tool: 'refund_order',
        effect: sent?.headers.idempotencyKey,
        method: 'POST',
        url: `${world.shop.url}/orders/1042/refunds`,
      },
    ])
    expect(shown.findings.join()).toMatch(/really sent/)
    expect(JSON.stringify(shown)).not.toContain(demoShopToken)
  })

  test('that writes is not called like one that reads', async () => {
    expect(await trial({ send: 'call' })).toMatchObject({ ok: false, problems: [{ path: 'send' }] })
    expect(world.shop.requests).toEqual([])
    expect(audited).toEqual([])
  })

  test('that writes sends nothing where the audit does not take it', async () => {
    const failing = () => Promise.reject(new Error('no audit'))
    await expect(trial({ send: 'really_write' }, failing)).rejects.toThrow('no audit')
    expect(world.shop.requests).toEqual([])
  })

  test('that reads is called, and the answer is shown as the model would read it', async () => {
    const { answer } = await tried({ ...read, definition: getOrder() })
    expect(answer).toMatchObject({ ok: true, cause: 'done', status: 200 })
    expect(answer?.result).toContain('"state":"in_transit"')
    expect(answer?.result).not.toContain('total')
    expect(audited).toEqual([])
  })

  test.each<[string, object, RegExp]>([
    ['a select that finds nothing', { select: 'nothing' }, /finds nothing/],
    ['a select that does not fit', { select: 'length(order.id.x)' }, /does not fit/],
    ['an owner that is somebody else', { owner: 'order.id' }, /is not this customer/],
    ['an answer that is too long', { maxBytes: 256 }, /is cut at 256/],
  ])('finds %s', async (_, response, says) => {
    const shown = await tried({ ...read, definition: { ...getOrder(), response } })
    expect(shown.findings.join('\n')).toMatch(says)
  })

  test.each<[string, Partial<ToolTry>, string, RegExp]>([
    ['a definition', { definition: { name: 'x' } }, 'definition.description', /./],
    [
      'a place that is internal',
      { definition: { ...refundTool('https://10.0.0.1', 'key'), identity: 'mailbox' } },
      'definition.request.url',
      /./,
    ],
    ['an argument', { arguments: { order_id: '1042' } }, 'arguments', /amount is missing/],
    [
      'an argument that is not the model’s',
      { arguments: { order_id: '1042', amount: 1, email: 'ben@example.org' } },
      'arguments',
      /there is no parameter "email"/,
    ],
    ['a level', { customer: { ...zoe, level: 'claimed' } }, 'customer.level', /needs mailbox/],
  ])('that is wrong in %s says where', async (_, change, path, says) => {
    const result = await trial({ send: 'really_write', ...change })
    expect(result).toMatchObject({ ok: false })
    const problems = result.ok ? [] : result.problems
    expect(problems.map((problem) => problem.path)).toContain(path)
    expect(problems.find((problem) => problem.path === path)?.message).toMatch(says)
    expect(world.shop.requests).toEqual([])
  })

  test('whose secret is bound elsewhere sends nothing and says what to mend', async () => {
    const definition = {
      ...getOrder(),
      request: { method: 'GET', url: 'https://api.acme.com/orders/{order_id}' },
    }
    const { answer } = await tried({ ...read, definition })
    expect(answer).toMatchObject({ ok: false, cause: 'secret_host' })
    expect(answer?.message).toMatch(/not bound to api\.acme\.com/)
  })
})
