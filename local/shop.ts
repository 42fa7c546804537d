/** A demo shop: the tenant's own User Data API and the order API behind its tools. */
import { demoShopToken, type Order, shopCustomers, shopOrders } from './demo-data.ts'
import { createFaults, type Faults } from './faults.ts'
import { type Answered, type Asked, jsonObject, serve } from './serve.ts'
import { identityVerifier } from './verify-identity.ts'

export interface ShopOptions {
  port?: number
  now?: () => number
  /** Does it honour `Idempotency-Key`? Default true. */
  honoursKeys?: boolean
  /** Does it want `Deskhand-Identity`, from this issuer, and go by the address in it? Default: it trusts the request. */
  identityFrom?: string
  onRequest?: (request: ShopRequest) => void
}

export interface ShopRequest {
  method: string
  /** With its query. */
  path: string
  headers: { authorization?: string; idempotencyKey?: string; identity?: string }
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

/** An order that was really cancelled. */
export interface Cancellation {
  orderId: string
  key: string | undefined
}

/** A delivery address that was really changed. */
export interface AddressChange {
  orderId: string
  address: string
  key: string | undefined
}

export interface ShopStandIn {
  url: string
  close(): Promise<void>
  /** Everything asked, oldest first. */
  requests: ShopRequest[]
  /** What was done to the world, oldest first. */
  refunds: Refund[]
  cancellations: Cancellation[]
  addressChanges: AddressChange[]
  failNext: Faults['failNext']
}

/** Starts on loopback with the demo's customers and orders. */
export async function startShop(options: ShopOptions = {}): Promise<ShopStandIn> {
  const now = options.now ?? Date.now
  const honoursKeys = options.honoursKeys ?? true
  const faults = createFaults()
  const requests: ShopRequest[] = []
  const refunds: Refund[] = []
  const cancellations: Cancellation[] = []
  const addressChanges: AddressChange[] = []
  const answeredByKey = new Map<string, { asked: string; answered: Answered }>()

  /** The same key is the same request, answered as before and not done again. */
  const once = (asked: Asked, done: (key: string | undefined) => Answered): Answered => {
    const header = asked.headers['idempotency-key']
    const key = typeof header === 'string' ? header : undefined
    const fingerprint = `${asked.method} ${asked.url.pathname} ${asked.body}`
    const earlier = honoursKeys && key !== undefined ? answeredByKey.get(key) : undefined
    if (earlier)
      return earlier.asked === fingerprint
        ? earlier.answered
        : { status: 422, json: { error: 'this Idempotency-Key was used for another request' } }
    const answered = done(key)
    if (key !== undefined && typeof answered !== 'string' && answered.status < 300)
      answeredByKey.set(key, { asked: fingerprint, answered })
    return answered
  }

  const refund = (order: Order, asked: Asked): Answered => {
    const { amount, reference } = jsonObject(asked.body)
    if (typeof amount !== 'number' || amount <= 0 || amount > order.total.amount)
      return { status: 422, json: { error: 'amount must be above 0 and at most the order total' } }
    return once(asked, (key) => {
      const made: Refund = {
        id: `rf_${refunds.length + 1}`,
        orderId: order.id,
        amount,
        key,
        ...(typeof reference === 'string' ? { reference } : {}),
      }
      refunds.push(made)
      return { status: 201, json: { refund: { id: made.id, order_id: order.id, amount } } }
    })
  }

  const cancel = (order: Order, asked: Asked): Answered =>
    once(asked, (key) => {
      if (order.state !== 'processing') return tooLate(order)
      cancellations.push({ orderId: order.id, key })
      return { status: 201, json: { order: { id: order.id, state: 'cancelled' } } }
    })

  const changeAddress = (order: Order, asked: Asked): Answered => {
    const { address } = jsonObject(asked.body)
    if (typeof address !== 'string' || address.length < 10)
      return { status: 422, json: { error: 'address must be a whole address' } }
    return once(asked, (key) => {
      if (order.state !== 'processing') return tooLate(order)
      addressChanges.push({ orderId: order.id, address, key })
      return { status: 200, json: { order: { id: order.id, delivery_address: address } } }
    })
  }

  /** The orders as they are after what was done to them. */
  const ordersNow = (): Order[] =>
    shopOrders(now()).map((order) =>
      cancellations.some(({ orderId }) => orderId === order.id) ? { ...order, state: 'cancelled' } : order,
    )

  /** What one may do with a customer's own order. */
  const answerOwn = (asked: Asked, order: Order, part: string | undefined): Answered => {
    const actions: Record<string, (order: Order, asked: Asked) => Answered> = {
      'GET ': () => ({ status: 200, json: { order } }),
      'GET cancellation': () => ({ status: 200, json: { cancellation: cancellationOf(order) } }),
      'POST cancellation': cancel,
      'PUT address': changeAddress,
      'POST refunds': refund,
    }
    const action = actions[`${asked.method} ${part ?? ''}`]
    return action?.(order, asked) ?? { status: 405, json: { error: 'not a thing this API does' } }
  }

  /** Who it is signed to be for; `undefined` where nothing is signed, or not for this request. */
  const signedFor = async (asked: Asked): Promise<{ email: unknown } | undefined> => {
    const token = asked.headers['deskhand-identity']
    if (verify === undefined || typeof token !== 'string') return undefined
    const url = `${served.url}${asked.url.pathname}${asked.url.search}`
    return await verify(token, { method: asked.method, url, body: asked.body }).then(
      ({ email }) => ({ email }),
      () => undefined,
    )
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
    return refunding ? refund(order, asked) : { status: 200, json: { order } }
  }

  const answer = async (asked: Asked): Promise<Answered> => {
    if (asked.headers.authorization !== `Bearer ${demoShopToken}`)
      return { status: 401, json: { error: 'a bearer token is needed' } }
    const { method, url } = asked
    const orders = ordersNow()
    const body = jsonObject(asked.body)
    if (verify !== undefined) {
      const signed = await signedFor(asked)
      const named = body.identifier ?? url.searchParams.get('email') ?? body.email
      if (signed === undefined)
        return { status: 403, json: { error: 'Deskhand-Identity is missing or wrong' } }
      if (signed.email !== named) return { status: 403, json: { error: 'it is signed for somebody else' } }
    }
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
    const [, id, part] = /^\/orders\/([^/]+)(?:\/([a-z]+))?$/.exec(url.pathname) ?? []
    const order = orders.find((candidate) => candidate.id === id && candidate.email === email)
    if (order === undefined) return { status: 404, json: { error: 'no such order of this customer' } }
    return answerOwn(asked, order, part)
  }

  const served = await serve(async (asked) => {
    const answered = await faults.around(asked, () => answer(asked))
    const key = asked.headers['idempotency-key']
    const identity = asked.headers['deskhand-identity']
    const request: ShopRequest = {
      method: asked.method,
      path: asked.url.pathname + asked.url.search,
      headers: {
        ...(asked.headers.authorization ? { authorization: asked.headers.authorization } : {}),
        ...(typeof key === 'string' ? { idempotencyKey: key } : {}),
        ...(typeof identity === 'string' ? { identity } : {}),
      },
      body: asked.body,
      status: typeof answered === 'string' ? 0 : answered.status,
    }
    requests.push(request)
    options.onRequest?.(request)
    return answered
  }, options.port)

  const { identityFrom } = options
  const verify = identityFrom === undefined ? undefined : identityVerifier(identityFrom, served.url, now)
  return {
    url: served.url,
    close: served.close,
    requests,
    refunds,
    cancellations,
    addressChanges,
    failNext: faults.failNext,
  }
}

const tooLate = ({ state }: Order): Answered => ({
  status: 409,
  json: { error: `the order is ${state.replaceAll('_', ' ')}` },
})

/** May it still be cancelled, and whose is it? */
const cancellationOf = ({ id, email, state }: Order) => ({
  order_id: id,
  customer: email,
  possible: state === 'processing',
  why: state === 'processing' ? 'it was not sent yet' : `it is ${state.replaceAll('_', ' ')}`,
})

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
