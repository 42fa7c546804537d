/** Tools on the demo shop's older API, which believes whoever holds its token: only Deskhand's own rules protect it. */
import type * as z from 'zod'
import type { toolDefinition } from '../schemas/tenant-apis.ts'

type Definition = z.input<typeof toolDefinition>

const orderId = { type: 'string', description: 'The order number', pattern: '^[0-9]{1,12}$' } as const

/** Reads any order; by default only what is the customer's own is shown. */
export const anyOrder = (shopUrl: string, change: Partial<Definition> = {}): Definition => ({
  name: 'any_order',
  description: 'One order, by its number.',
  effect: 'read',
  request: { method: 'GET', url: `${shopUrl}/any/orders/{order_id}` },
  parameters: { type: 'object', required: ['order_id'], properties: { order_id: orderId } },
  authorization: 'shop',
  response: { select: 'order.{id: id, total: total}', owner: 'order.email' },
  ...change,
})

/** Refunds any order; by default one that `any_order` says is the customer's. */
export const anyRefund = (shopUrl: string, change: Partial<Definition> = {}): Definition => ({
  name: 'any_refund',
  description: 'Refunds an amount of one order.',
  effect: 'write',
  request: { method: 'POST', url: `${shopUrl}/any/orders/{order_id}/refunds` },
  parameters: {
    type: 'object',
    required: ['order_id', 'amount'],
    properties: { order_id: orderId, amount: { type: 'number', minimum: 0 } },
  },
  authorization: 'shop',
  identity: 'mailbox',
  confirm: 'never',
  idempotency: 'key',
  ownership: { by: 'check', tool: 'any_order', match: { order_id: 'order_id' } },
  ...change,
})

/** The parameters of `any_refund` with a postcode, which the API compares. */
export const withPostcode: Pick<Definition, 'parameters' | 'ownership'> = {
  parameters: {
    type: 'object',
    required: ['order_id', 'amount', 'postcode'],
    properties: { order_id: orderId, amount: { type: 'number' }, postcode: { type: 'string' } },
  },
  ownership: { by: 'knowledge', facts: ['postcode'] },
}
