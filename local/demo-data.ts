/** The demo tenant: a small shop with two customers, and what its admin configured besides its helpdesks. */
import type * as z from 'zod'
import type { task } from '../schemas/task.ts'
import type { agentSettings, authorization, toolDefinition, userDataApi } from '../schemas/tenant-apis.ts'

export const demoTenant = 'nordlicht'
export const demoShopToken = 'demo-shop-api-token'

/** Demos of what may be done, by whom and with whose consent. */
export const demoStories = ['refund', 'cancel', 'approval', 'stranger'] as const
export type DemoStory = (typeof demoStories)[number]

/** Where one-time codes come from. */
export const demoCodeSender = 'codes@nordlicht.example'

export const demoMessage = {
  subject: 'Where is my order 1042?',
  text: 'Hello,\n\nmy order 1042 has still not arrived. Where is it, and when can I expect it?\n\nThanks\nZoë',
}

export interface ShopCustomer {
  name: string
  email: string
  since: string
  loyalty: string
  address: string
}
export interface Order {
  id: string
  email: string
  state: 'processing' | 'in_transit' | 'delivered' | 'cancelled'
  ordered_on: string
  /** Day of delivery: expected, or done. */
  delivery_date: string
  carrier: string
  tracking: string
  items: { name: string; quantity: number }[]
  total: { amount: number; currency: string }
}

export const shopCustomers: ShopCustomer[] = [
  {
    name: 'Zoë Müller',
    email: 'zoe@example.com',
    since: '2023-04-11',
    loyalty: 'Gold',
    address: 'Lindenweg 4, 50667 Köln',
  },
  {
    name: 'Ben Carter',
    email: 'ben@example.org',
    since: '2025-09-30',
    loyalty: 'Standard',
    address: '12 Mill Lane, Leeds LS1 4AB',
  },
]

/** The shop's orders, dated around `now` so that the demo never ages. */
export function shopOrders(now: number): Order[] {
  const day = (offset: number) => new Date(now + offset * 86_400_000).toISOString().slice(0, 10)
  return [
    {
      id: '1042',
      email: 'zoe@example.com',
      state: 'in_transit',
      ordered_on: day(-6),
      delivery_date: day(2),
      carrier: 'DHL',
      tracking: 'JD014600001042',
      items: [{ name: 'Fjell 30 rucksack, moss', quantity: 1 }],
      total: { amount: 129.9, currency: 'EUR' },
    },
    {
      id: '1017',
      email: 'zoe@example.com',
      state: 'delivered',
      ordered_on: day(-41),
      delivery_date: day(-37),
      carrier: 'DHL',
      tracking: 'JD014600001017',
      items: [{ name: 'Wool socks', quantity: 3 }],
      total: { amount: 38.7, currency: 'EUR' },
    },
    {
      id: '2077',
      email: 'ben@example.org',
      state: 'processing',
      ordered_on: day(-1),
      delivery_date: day(5),
      carrier: 'Royal Mail',
      tracking: '',
      items: [{ name: 'Storm tent, 2 persons', quantity: 1 }],
      total: { amount: 349, currency: 'GBP' },
    },
  ]
}

export const demoAuthorization: z.input<typeof authorization> = {
  name: 'shop',
  type: 'bearer',
  secret: 'shop-token',
}

export const demoUserDataApi = (shopUrl: string): z.input<typeof userDataApi> => ({
  url: `${shopUrl}/user-data`,
  authorization: 'shop',
})

/** The tools of the demo tenant. Both read, and both look up the customer by the address that code fills in. */
export const demoTools = (shopUrl: string): z.input<typeof toolDefinition>[] => [
  {
    name: 'get_order',
    description:
      'State, expected delivery date, carrier and items of one of the customer’s own orders, by its number.',
    effect: 'read',
    request: { method: 'GET', url: `${shopUrl}/orders/{order_id}` },
    parameters: {
      type: 'object',
      required: ['order_id', 'email'],
      properties: {
        order_id: {
          type: 'string',
          description: 'The order number, digits only, for example 1042',
          pattern: '^[0-9]{1,12}$',
        },
        email: { type: 'string', source: 'customer.email' },
      },
    },
    authorization: 'shop',
    identity: 'mailbox',
    response: {
      select:
        'order.{id: id, state: state, ordered_on: ordered_on, delivery_date: delivery_date, carrier: carrier, tracking: tracking, items: items}',
    },
  },
  {
    name: 'list_orders',
    description:
      'The numbers, states and delivery dates of all orders of the customer. For when no order number is named.',
    effect: 'read',
    request: { method: 'GET', url: `${shopUrl}/orders` },
    parameters: {
      type: 'object',
      required: ['email'],
      properties: { email: { type: 'string', source: 'customer.email' } },
    },
    authorization: 'shop',
    identity: 'mailbox',
    response: { select: 'orders[].{id: id, state: state, delivery_date: delivery_date}' },
  },
]

/** A write: not among the demo's live tools. `key`: the shop keeps the promise of `Idempotency-Key`. */
export const refundTool = (
  shopUrl: string,
  idempotency: 'key' | 'lookup' | 'none',
): z.input<typeof toolDefinition> => ({
  name: 'refund_order',
  description: 'Refunds an amount of one of the customer’s own orders. Only after the customer asked for it.',
  effect: 'write',
  request: { method: 'POST', url: `${shopUrl}/orders/{order_id}/refunds` },
  parameters: {
    type: 'object',
    required: ['order_id', 'amount', 'email'],
    properties: {
      order_id: { type: 'string', description: 'The order number, digits only', pattern: '^[0-9]{1,12}$' },
      amount: { type: 'number', description: 'In the currency of the order', minimum: 0.01 },
      email: { type: 'string', source: 'customer.email' },
      ...(idempotency === 'lookup' ? { reference: { type: 'string', source: 'effect.id' } } : {}),
    },
  },
  authorization: 'shop',
  identity: 'signed_in',
  confirm: 'never',
  idempotency,
  ...(idempotency === 'lookup' ? { lookup: { tool: 'find_refund', found: 'refunds[0]' } } : {}),
  ownership: { by: 'seen', match: { order_id: 'orders[].id' } },
})

const orderNumber = { type: 'string' as const, description: 'The order number', pattern: '^[0-9]{1,12}$' }
const customerEmail = { type: 'string' as const, source: 'customer.email' as const }

/**
 * What the demo tenant lets its agent do besides reading. A refund costs money: the customer has to be signed in, which
 * by mail means a one-time code, and it is capped. Cancelling what was not sent yet takes a token. Whoever moves a parcel
 * could be taking it: a colleague decides.
 */
export const demoWriteTools = (shopUrl: string): z.input<typeof toolDefinition>[] => [
  {
    ...refundTool(shopUrl, 'key'),
    confirm: 'customer',
    confirmText: {
      en: 'Refund {amount} of your order {order_id}',
      de: '{amount} Ihrer Bestellung {order_id} erstatten',
    },
    limits: {
      perTicket: 1,
      perCustomerPerDay: 2,
      amount: { parameter: 'amount', max: 150, perCustomerPerDay: 200 },
    },
    response: { select: 'refund' },
  },
  {
    name: 'check_cancellation',
    description: 'Whether one of the customer’s own orders can still be cancelled, and why.',
    effect: 'read',
    request: { method: 'GET', url: `${shopUrl}/orders/{order_id}/cancellation` },
    parameters: {
      type: 'object',
      required: ['order_id', 'email'],
      properties: { order_id: orderNumber, email: customerEmail },
    },
    authorization: 'shop',
    identity: 'mailbox',
    response: {
      owner: 'cancellation.customer',
      select: 'cancellation.{order_id: order_id, possible: possible, why: why}',
    },
  },
  {
    name: 'cancel_order',
    description: 'Cancels one of the customer’s own orders that was not sent yet.',
    effect: 'write',
    request: { method: 'POST', url: `${shopUrl}/orders/{order_id}/cancellation` },
    parameters: {
      type: 'object',
      required: ['order_id', 'email'],
      properties: { order_id: orderNumber, email: customerEmail },
    },
    authorization: 'shop',
    identity: 'mailbox',
    confirm: 'customer',
    confirmText: { en: 'Cancel your order {order_id}', de: 'Ihre Bestellung {order_id} stornieren' },
    idempotency: 'key',
    ownership: { by: 'check', tool: 'check_cancellation', match: { order_id: 'order_id' } },
    limits: { perTicket: 1, perCustomerPerDay: 2 },
    response: { select: 'order' },
  },
  {
    name: 'change_delivery_address',
    description: 'Sends an order of the customer that was not sent yet to another address.',
    effect: 'write',
    request: { method: 'PUT', url: `${shopUrl}/orders/{order_id}/address` },
    parameters: {
      type: 'object',
      required: ['order_id', 'address', 'email'],
      properties: {
        order_id: orderNumber,
        address: {
          type: 'string',
          description: 'The new address in one line',
          minLength: 10,
          maxLength: 200,
        },
        email: customerEmail,
      },
    },
    authorization: 'shop',
    identity: 'mailbox',
    confirm: 'agent',
    confirmText: {
      en: 'Send order {order_id} to {address}',
      de: 'Bestellung {order_id} an {address} schicken',
    },
    idempotency: 'key',
    ownership: { by: 'seen', match: { order_id: 'orders[].id' } },
    limits: { perTicket: 1, perCustomerPerDay: 1 },
    response: { select: 'order' },
  },
]

export const demoTask: z.input<typeof task> = {
  name: 'cancel_an_order',
  description: 'Cancels an order that was not sent yet, at the customer’s wish.',
  examples: ['Please cancel my order 2077', 'I do not want order 2077 any more'],
  negativeExamples: ['I want to send back what arrived', 'Please refund my order'],
  steps: [
    'Ask for the order number, unless it is known.',
    'Look with {{check_cancellation}} whether it can still be cancelled. If it cannot, say why and offer a return.',
    'Cancel it with {{cancel_order}}. The customer is asked to confirm.',
    'When it is done, say so. If anything else stands in the way, {{handover}}.',
  ],
  tools: ['cancel_order'],
  identity: 'mailbox',
}

/** Tells whether a refund was made, by the reference that it carried. */
export const findRefundTool = (shopUrl: string): z.input<typeof toolDefinition> => ({
  name: 'find_refund',
  description: 'Refunds that carry a reference. Deskhand asks it after a crash.',
  effect: 'read',
  request: { method: 'GET', url: `${shopUrl}/refunds` },
  parameters: {
    type: 'object',
    required: ['reference'],
    properties: { reference: { type: 'string', source: 'effect.id' } },
  },
  authorization: 'shop',
  identity: 'mailbox',
})

export const demoAgentSettings: z.input<typeof agentSettings> = {
  name: 'Nora',
  guidance:
    'Nordlicht sells outdoor gear. Be warm and concrete, use the customer’s first name. Parcels take up to 8 days. Returns are free within 30 days. Refunds and new delivery addresses go through their tools, which ask whoever has to agree.',
  timeZone: 'Europe/Berlin',
}

/** The shop's token, bound to the shop. */
export const demoShopSecret = (shopUrl: string) => ({
  'shop-token': { value: demoShopToken, hosts: [new URL(shopUrl).host] },
})
