/** A demo shop: the tenant's own User Data API and the order API behind its tools. */
import { demoShopToken, type Order, shopCustomers, shopOrders } from './demo-data.ts'
import { createFaults, type Faults } from './faults.ts'
import { type Answered, type Asked, jsonObject, serve } from './serve.ts'

export interface ShopOptions {
  port?: number
  now?: () => number
  /** Does it honour `Idempotency-Key`? Default true. */
  honoursKeys?: boolean
  onRequest?: (request: ShopRequest) => void
}

export interface ShopRequest {
  method: string
  /** With its query. */
  path: string
  headers: { authorization?: string; idempotencyKey?: string }
  body: string
  /** 0 when the connection was cut or left hanging. */
  status: number
}

/** A refund that was really made. */
export interface Refund {
  id: string
  orderId: string
  amount: number
  key: string | undefined
  /** What the request said it is. */
  reference?: string
}

export interface ShopStandIn {
  url: string
  close(): Promise<void>
  /** Everything asked, oldest first. */
  requests: ShopRequest[]
  /** What was done to the world, oldest first. */
  refunds: Refund[]
  failNext: Faults['failNext']
}

/** Starts on loopback with the demo's customers and orders. */
export async function startShop(options: ShopOptions = {}): Promise<ShopStandIn> {
  const now = options.now ?? Date.now
  const honoursKeys = options.honoursKeys ?? true
  const faults = createFaults()
  const requests: ShopRequest[] = []
  const refunds: Refund[] = []
  const answeredByKey = new Map<string, { asked: string; answered: Answered }>()

  const refund = (order: Order, asked: Asked, key: string | undefined): Answered => {
    const { amount, reference } = jsonObject(asked.body)
    if (typeof amount !== 'number' || amount <= 0 || amount > order.total.amount)
      return { status: 422, json: { error: 'amount must be above 0 and at most the order total' } }
    const fingerprint = `${asked.url.pathname} ${asked.body}`
    const earlier = honoursKeys && key !== undefined ? answeredByKey.get(key) : undefined
    if (earlier)
      return earlier.asked === fingerprint
        ? earlier.answered
        : { status: 422, json: { error: 'this Idempotency-Key was used for another request' } }
    const made: Refund = {
      id: `rf_${refunds.length + 1}`,
      orderId: order.id,
      amount,
      key,
      ...(typeof reference === 'string' ? { reference } : {}),
    }
    refunds.push(made)
    const answered: Answered = { status: 201, json: { refund: { id: made.id, order_id: order.id, amount } } }
    if (key !== undefined) answeredByKey.set(key, { asked: fingerprint, answered })
    return answered
  }

  /** The shop's older API believes whoever holds its token: it asks for no customer, at most for a postcode. */
  const answerAny = (asked: Asked, orders: Order[], id: string, refunding: boolean): Answered => {
    const order = orders.find((candidate) => candidate.id === id)
    if (order === undefined) return { status: 404, json: { error: 'no such order' } }
    const postcode = asked.url.searchParams.get('postcode') ?? jsonObject(asked.body).postcode
    const { address = '' } = shopCustomers.find(({ email }) => email === order.email) ?? {}
    const fits = typeof postcode === 'string' && address.includes(postcode) && postcode.length >= 5
    if (postcode !== undefined && postcode !== null && !fits)
      return { status: 403, json: { error: 'the postcode does not fit' } }
    const key = asked.headers['idempotency-key']
    if (refunding) return refund(order, asked, typeof key === 'string' ? key : undefined)
    return { status: 200, json: { order } }
  }

  const answer = (asked: Asked): Answered => {
    if (asked.headers.authorization !== `Bearer ${demoShopToken}`)
      return { status: 401, json: { error: 'a bearer token is needed' } }
    const { method, url } = asked
    const orders = shopOrders(now())
    const body = jsonObject(asked.body)
    if (method === 'POST' && url.pathname === '/user-data') return userData(body.identifier, orders)
    if (method === 'GET' && url.pathname === '/refunds') {
      const reference = url.searchParams.get('reference')
      return { status: 200, json: { refunds: refunds.filter((made) => made.reference === reference) } }
    }
    const [, anyId, refunding] = /^\/any\/orders\/([^/]+)(\/refunds)?$/.exec(url.pathname) ?? []
    if (anyId !== undefined) return answerAny(asked, orders, anyId, refunding !== undefined)
    const email = url.searchParams.get('email') ?? body.email
    if (method === 'GET' && url.pathname === '/orders')
      return { status: 200, json: { orders: orders.filter((order) => order.email === email) } }
    const [, id, more] = /^\/orders\/([^/]+)(\/refunds)?$/.exec(url.pathname) ?? []
    const order = orders.find((candidate) => candidate.id === id && candidate.email === email)
    if (order === undefined) return { status: 404, json: { error: 'no such order of this customer' } }
    if (method === 'GET' && more === undefined) return { status: 200, json: { order } }
    const key = asked.headers['idempotency-key']
    if (method === 'POST' && more) return refund(order, asked, typeof key === 'string' ? key : undefined)
    return { status: 405, json: { error: 'not a thing this API does' } }
  }

  const served = await serve(async (asked) => {
    const answered = await faults.around(asked, () => answer(asked))
    const key = asked.headers['idempotency-key']
    const request: ShopRequest = {
      method: asked.method,
      path: asked.url.pathname + asked.url.search,
      headers: {
        ...(asked.headers.authorization ? { authorization: asked.headers.authorization } : {}),
        ...(typeof key === 'string' ? { idempotencyKey: key } : {}),
      },
      body: asked.body,
      status: typeof answered === 'string' ? 0 : answered.status,
    }
    requests.push(request)
    options.onRequest?.(request)
    return answered
  }, options.port)

  return { url: served.url, close: served.close, requests, refunds, failNext: faults.failNext }
}

/** What a person at the shop would want to know about a customer: JSON, so that a write can be held against it. */
function userData(identifier: unknown, orders: Order[]): Answered {
  const customer = shopCustomers.find((candidate) => candidate.email === identifier)
  if (customer === undefined) return { status: 404, json: { error: 'no such customer' } }
  const own = orders.filter((order) => order.email === customer.email)
  const record = {
    name: customer.name,
    customer_since: customer.since,
    loyalty_level: customer.loyalty,
    delivery_address: customer.address,
    orders: own.map(({ id, state }) => ({ id, state })),
  }
  return { status: 200, json: { user_info: JSON.stringify(record, null, 1), identifier } }
}
