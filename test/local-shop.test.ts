import { afterEach, describe, expect, test } from '@jest/globals'
import {
  demoAgentSettings,
  demoAuthorization,
  demoShopSecret,
  demoShopToken,
  demoTask,
  demoTenant,
  demoTools,
  demoUserDataApi,
  demoWriteTools,
  refundTool,
} from '../local/demo-data.ts'
import { type ShopOptions, type ShopStandIn, startShop } from '../local/shop.ts'
import { demoConnection, demoConnectionId, zendeskDemo } from '../local/zendesk/demo.ts'
import { tenantOf } from '../schemas/names.ts'
import { task } from '../schemas/task.ts'
import {
  agentSettings,
  authorization,
  inboundSecret,
  outboundSecret,
  toolDefinition,
  userDataApi,
} from '../schemas/tenant-apis.ts'
import { zendeskConnection } from '../schemas/zendesk.ts'

const open: ShopStandIn[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})
async function shop(options: ShopOptions = {}): Promise<ShopStandIn> {
  const standIn = await startShop({ now: () => Date.parse('2026-11-21T08:00:00Z'), ...options })
  open.push(standIn)
  return standIn
}

async function call(url: string, body?: unknown, headers: Record<string, string> = {}, method?: string) {
  const response = await fetch(url, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { authorization: `Bearer ${demoShopToken}`, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

test('what the demo’s admin configured is what the schemas accept', () => {
  const [zendesk, store] = ['http://127.0.0.1:8788', 'http://127.0.0.1:8789']
  expect(zendeskConnection.parse(demoConnection(zendesk)).mode).toBe('reply')
  expect(tenantOf(demoConnectionId)).toBe(demoTenant)
  authorization.parse(demoAuthorization)
  userDataApi.parse(demoUserDataApi(store))
  agentSettings.parse(demoAgentSettings)
  const tools = [...demoTools(store), ...demoWriteTools(store), refundTool(store, 'key')]
  for (const tool of tools) toolDefinition.parse(tool)
  task.parse(demoTask)
  const { inbound, outbound } = zendeskDemo.secrets(zendesk)
  for (const value of Object.values(inbound)) inboundSecret.parse(value)
  for (const value of Object.values({ ...outbound, ...demoShopSecret(store) })) outboundSecret.parse(value)
})

describe('the User Data API', () => {
  test('answers each customer’s own data and echoes the identifier', async () => {
    const { url } = await shop()
    const zoe = await call(`${url}/user-data`, { identifier: 'zoe@example.com' })
    expect(zoe.body).toMatchObject({
      identifier: 'zoe@example.com',
      user_info: expect.stringContaining('Gold'),
    })
    const ben = await call(`${url}/user-data`, { identifier: 'ben@example.org' })
    expect(ben.body.user_info).toContain('2077')
    expect(ben.body.user_info).not.toContain('1042')
  })

  test('answers 404 for a stranger and 401 without the token', async () => {
    const { url } = await shop()
    expect((await call(`${url}/user-data`, { identifier: 'kim@example.net' })).status).toBe(404)
    const wrong = await call(
      `${url}/user-data`,
      { identifier: 'zoe@example.com' },
      { authorization: 'Bearer x' },
    )
    expect(wrong.status).toBe(401)
  })
})

test('an order is shown to its owner only', async () => {
  const { url } = await shop()
  const own = await call(`${url}/orders/1042?email=zoe@example.com`)
  expect(own.body.order).toMatchObject({ id: '1042', state: 'in_transit', delivery_date: '2026-11-23' })
  expect((await call(`${url}/orders/1042?email=ben@example.org`)).status).toBe(404)
  expect((await call(`${url}/orders/1042`)).status).toBe(404)
  const list = await call(`${url}/orders?email=zoe@example.com`)
  expect((list.body.orders as { id: string }[]).map(({ id }) => id)).toEqual(['1042', '1017'])
})

describe('an order that was not sent', () => {
  const ben = { email: 'ben@example.org' }
  const key = { 'idempotency-key': 'k1' }

  test('is cancelled once for its owner, and then it is', async () => {
    const { url, cancellations } = await shop()
    const path = `${url}/orders/2077/cancellation`
    expect((await call(path, { email: 'zoe@example.com' }, key)).status).toBe(404)
    const [first, second] = [await call(path, ben, key), await call(path, ben, key)]
    expect(first).toMatchObject({ status: 201, body: { order: { id: '2077', state: 'cancelled' } } })
    expect(second).toEqual(first)
    expect(cancellations).toEqual([{ orderId: '2077', key: 'k1' }])
    expect((await call(path, ben, { 'idempotency-key': 'k2' })).status).toBe(409)
    const checked = await call(`${path}?email=ben@example.org`)
    expect(checked.body.cancellation).toMatchObject({ possible: false, why: 'it is cancelled' })
  })

  test('goes to another address once; one that was sent does not, nor is it cancelled', async () => {
    const { url, addressChanges, cancellations } = await shop()
    const address = '7 Park Row, Leeds'
    const move = (id: string, email: string) =>
      call(`${url}/orders/${id}/address`, { email, address }, key, 'PUT')
    expect((await move('1042', 'zoe@example.com')).status).toBe(409)
    expect(await move('2077', ben.email)).toEqual(await move('2077', ben.email))
    expect(addressChanges).toEqual([{ orderId: '2077', address, key: 'k1' }])
    const sent = await call(`${url}/orders/1042/cancellation`, { email: 'zoe@example.com' })
    expect([sent.status, cancellations]).toEqual([409, []])
  })
})

describe('a refund sent twice with the same Idempotency-Key', () => {
  const refund = (url: string, amount = 10) =>
    call(`${url}/orders/1042/refunds`, { amount, email: 'zoe@example.com' }, { 'idempotency-key': 'k1' })

  test('is made once, and answered alike, where the shop honours keys', async () => {
    const standIn = await shop()
    const [first, second] = [await refund(standIn.url), await refund(standIn.url)]
    expect(second).toEqual(first)
    expect(standIn.refunds).toEqual([{ id: 'rf_1', orderId: '1042', amount: 10, key: 'k1' }])
    expect((await refund(standIn.url, 11)).status).toBe(422)
    expect(standIn.refunds).toHaveLength(1)
  })

  test('is made twice where it does not', async () => {
    const standIn = await shop({ honoursKeys: false })
    await refund(standIn.url)
    await refund(standIn.url)
    expect(standIn.refunds).toHaveLength(2)
  })

  test('is made although the answer was lost', async () => {
    const standIn = await shop()
    standIn.failNext({ when: 'after', answer: 'reset' })
    await expect(refund(standIn.url)).rejects.toThrow()
    expect(standIn.refunds).toHaveLength(1)
    expect(standIn.requests).toMatchObject([{ status: 0, headers: { idempotencyKey: 'k1' } }])
  })
})
