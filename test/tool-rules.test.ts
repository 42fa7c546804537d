/** What is refused when a tenant's tools are saved: the rules on whose record, how often, and how tools fit together. */
import { describe, expect, test } from '@jest/globals'
import { checkConfiguration } from '../lambdas/core/check-configuration.ts'
import { checkTool } from '../lambdas/core/tools/check-tool.ts'
import { parseRedaction, redact } from '../lambdas/core/tools/redact.ts'
import { prepareRequest } from '../lambdas/core/tools/tool-request.ts'
import { toolDefinition } from '../schemas/tenant-apis.ts'
import { anyOrder, anyRefund, withPostcode } from './tools-of-old-api.ts'

const url = 'https://api.acme.com'
const read = anyOrder(url)
const write = anyRefund(url)
type Definition = typeof write
const amountAtLeast = (minimum: number | undefined) => ({
  ...write.parameters,
  properties: { ...write.parameters.properties, amount: { type: 'number' as const, minimum } },
})
const property = (name: string, parameter: object): Pick<Definition, 'parameters'> =>
  ({
    parameters: {
      ...write.parameters,
      required: [...(write.parameters.required ?? []), name],
      properties: { ...write.parameters.properties, [name]: parameter },
    },
  }) as Pick<Definition, 'parameters'>

const context = {
  urlCheck: () => undefined,
  authorizations: new Set(['shop', 'signed']),
  identityAuthorizations: new Set(['signed']),
}
const problems = (definition: unknown) => {
  const checked = checkTool(definition, context)
  return checked.ok ? [] : checked.problems.map(({ path }) => path)
}

describe('a tool by itself', () => {
  test.each<[string, object]>([
    ['ownership by check', {}],
    ['ownership by knowledge', withPostcode],
    [
      'ownership by api, with a signed call',
      { authorization: 'signed', ownership: { by: 'api', attestedBy: 'ann', attestedAt: '2026-11-01' } },
    ],
    ['limits', { limits: { perTicket: 2, perCustomerPerDay: 3, amount: { parameter: 'amount', max: 5 } } }],
    [
      'a body',
      { request: { ...write.request, body: { refund: { value: '{amount}', why: 'for {order_id}' } } } },
    ],
    ['an earlier value', property('id', { type: 'string', source: 'previous.any_order.id' })],
  ])('with %s is accepted', (_, change) => {
    expect(problems({ ...write, ...change })).toEqual([])
  })

  test.each<[string, object, string]>([
    [
      'api without a signed call',
      { ownership: { by: 'api', attestedBy: 'ann', attestedAt: '2026-11-01' } },
      'ownership.by',
    ],
    [
      'api that nobody attests',
      { ownership: { by: 'api', attestedAt: '2026-11-01' } },
      'ownership.attestedBy',
    ],
    [
      'check of a parameter that is none',
      { ownership: { by: 'check', tool: 'any_order', match: { x: 'y' } } },
      'ownership.match.x',
    ],
    [
      'knowledge of a parameter that is none',
      { ownership: { by: 'knowledge', facts: ['x'] } },
      'ownership.facts',
    ],
    [
      'an earlier value and no ownership',
      {
        ownership: undefined,
        parameters: {
          type: 'object',
          required: ['order_id'],
          properties: { order_id: { type: 'string', source: 'previous.any_order.id' } },
        },
      },
      'ownership',
    ],
    [
      'a subject and no ownership',
      {
        ownership: undefined,
        parameters: {
          type: 'object',
          required: ['order_id'],
          properties: { order_id: { type: 'string', source: 'ticket.subject' } },
        },
      },
      'ownership',
    ],
    [
      'a record that may be left out',
      {
        request: { method: 'POST', url: `${url}/refunds` },
        parameters: { ...write.parameters, required: ['amount'] },
      },
      'ownership.match.order_id',
    ],
    ['an owner that is checked for nobody proven', { identity: 'none' }, 'identity'],
    ['a look-up that is not named', { idempotency: 'lookup' }, 'lookup'],
    ['a look-up that is not used', { lookup: { tool: 'any_order', found: 'x' } }, 'lookup'],
    [
      'a look-up that does not parse',
      { idempotency: 'lookup', lookup: { tool: 'a_b', found: 'x[' } },
      'lookup.found',
    ],
    [
      'a limit of an amount that is none',
      { limits: { amount: { parameter: 'order_id', max: 5 } } },
      'limits.amount.parameter',
    ],
    [
      'a limit of an amount that may be negative',
      { parameters: amountAtLeast(undefined), limits: { amount: { parameter: 'amount', max: 5 } } },
      'parameters.properties.amount.minimum',
    ],
    [
      'a day below one call',
      { limits: { amount: { parameter: 'amount', max: 5, perCustomerPerDay: 4 } } },
      'limits.amount.perCustomerPerDay',
    ],
    ['a redaction that is no path', { response: { redact: ['a..b'] } }, 'response.redact.0'],
    ['an owner that does not parse', { response: { owner: 'a[' } }, 'response.owner'],
    [
      'a source that is none',
      property('id', { type: 'string', source: 'previous.any_order' }),
      'parameters.properties.id.source',
    ],
    [
      'an earlier value that does not parse',
      property('id', { type: 'string', source: 'previous.any_order.a[' }),
      'parameters.properties.id.source',
    ],
    [
      'a body with an unknown name',
      { request: { ...write.request, body: { a: '{x}', b: '{amount}' } } },
      'request.body.a',
    ],
    [
      'a parameter that is sent nowhere',
      { request: { ...write.request, body: {} } },
      'parameters.properties.amount',
    ],
    [
      'a body of a DELETE',
      { request: { ...write.request, method: 'DELETE', body: { a: '{amount}' } } },
      'request.body',
    ],
    [
      'a header that is not admitted',
      { request: { ...write.request, headers: { Trailers: 'x' } } },
      'request.headers.Trailers',
    ],
  ])('with %s is refused, and says where', (_, change, path) => {
    expect(problems({ ...write, ...change })).toEqual([path])
  })

  test.each<[string, object]>([
    ['an owner', { response: { owner: 'email' }, identity: 'claimed' }],
    [
      'a day’s limit',
      {
        limits: { perCustomerPerDay: 1 },
        identity: 'claimed',
        ownership: withPostcode.ownership,
        parameters: withPostcode.parameters,
      },
    ],
  ])('with %s cannot be for somebody who is not proven', (_, change) => {
    expect(problems({ ...write, ...change })).toContain('identity')
  })
})

describe('tools together', () => {
  const findRefund = anyOrder(url, {
    name: 'find_refund',
    request: { method: 'GET', url: `${url}/refunds` },
    parameters: {
      type: 'object',
      required: ['reference'],
      properties: { reference: { type: 'string', source: 'effect.id' } },
    },
    response: {},
  })
  const lookedUp = anyRefund(url, {
    idempotency: 'lookup',
    lookup: { tool: 'find_refund', found: 'refunds[0]' },
    ...property('reference', { type: 'string', source: 'effect.id' }),
  })
  const together = (...tools: object[]) => {
    const authorizations = [{ name: 'shop', type: 'bearer', secret: 'shop-token' }]
    const checked = checkConfiguration('acme', { tools, authorizations }, {})
    return checked.ok ? [] : checked.problems.map(({ path }) => path)
  }

  test('that fit are accepted', () => {
    expect(together(read, write, lookedUp.name === write.name ? findRefund : lookedUp)).toEqual([])
    expect(together(read, lookedUp, findRefund)).toEqual([])
  })

  test.each<[string, object[], string]>([
    ['a check by a tool that is not there', [write], 'tools.0.ownership.tool'],
    ['a check by a tool without owner', [write, anyOrder(url, { response: {} })], 'tools.0.ownership.tool'],
    [
      'a check by a tool that needs more',
      [
        write,
        anyOrder(url, {
          parameters: {
            type: 'object',
            required: ['order_id', 'shop_no'],
            properties: { order_id: { type: 'string' }, shop_no: { type: 'string' } },
          },
        }),
      ],
      'tools.0.ownership.match',
    ],
    [
      'a check that gives what the tool does not take',
      [
        anyRefund(url, { ownership: { by: 'check', tool: 'any_order', match: { order_id: 'email' } } }),
        anyOrder(url, { parameters: { type: 'object', properties: {} }, request: { url } }),
      ],
      'tools.0.ownership.match',
    ],
    ['a look-up by a tool that is not there', [lookedUp, read], 'tools.0.lookup.tool'],
    [
      'a look-up with an owner',
      [lookedUp, read, { ...findRefund, response: { owner: 'x' } }],
      'tools.0.lookup.tool',
    ],
    [
      'a look-up that cannot name the write',
      [lookedUp, read, { ...findRefund, parameters: { type: 'object', properties: {} } }],
      'tools.0.lookup.tool',
    ],
    [
      'a write with an earlier value of a tool that may show strangers’ records',
      [
        anyRefund(url, { ...property('id', { type: 'string', source: 'previous.other_read.id' }) }),
        read,
        anyOrder(url, { name: 'other_read', response: {} }),
      ],
      'tools.0.parameters.properties.id.source',
    ],
    [
      'ownership by what a tool showed that may show strangers’ records',
      [
        anyRefund(url, { ownership: { by: 'seen', match: { order_id: ['x', 'previous.other_read.id'] } } }),
        anyOrder(url, { name: 'other_read', response: {} }),
      ],
      'tools.0.ownership.match.order_id',
    ],
    [
      'ownership by what a tool showed that is not there',
      [anyRefund(url, { ownership: { by: 'seen', match: { order_id: 'previous.gone.id' } } })],
      'tools.0.ownership.match.order_id',
    ],
    [
      'an earlier value of a tool that is not there',
      [
        anyOrder(url, {
          parameters: {
            type: 'object',
            required: ['order_id'],
            properties: { order_id: { type: 'string', source: 'previous.gone.id' } },
          },
        }),
      ],
      'tools.0.parameters.properties.order_id.source',
    ],
  ])('%s is refused, and says where', (_, tools, path) => {
    expect(together(...tools)).toEqual([path])
  })
})

describe('a redaction', () => {
  const value = {
    card: 1,
    order: { card: { no: 2 }, items: [{ card: [3], sku: 'a' }, { sku: 'b' }], '@id': 4 },
  }
  const mark = '[redacted]'
  test.each<[string, unknown]>([
    [
      'card',
      { card: mark, order: { card: mark, items: [{ card: mark, sku: 'a' }, { sku: 'b' }], '@id': 4 } },
    ],
    [
      'order.items[].sku',
      { ...value, order: { ...value.order, items: [{ card: [3], sku: mark }, { sku: mark }] } },
    ],
    ['order.items[*]', { ...value, order: { ...value.order, items: [mark, mark] } }],
    ['order.*', { card: 1, order: { card: mark, items: mark, '@id': mark } }],
    ['order."@id"', { ...value, order: { ...value.order, '@id': mark } }],
    ['nothing.here', value],
  ])('of %s takes out just that', (path, expected) => {
    expect(redact(value, [path])).toEqual(expected)
  })

  test.each(['', '.', 'a.', 'a..b', 'a b', 'a[0', 'a[?x]', '"a"b', 'a.b-"'])('%j is none', (text) => {
    const steps = parseRedaction(text)
    expect(steps === undefined || steps.length === 0).toBe(true)
  })

  test('that cannot be kept shows nothing at all', () => {
    expect(redact(value, ['a..b'])).toBe(mark)
  })
})

describe('a body', () => {
  const body = {
    refund: { value: '{amount}', lines: ['{first}', 'for {order_id}'], fixed: 1 },
    note: '{note}',
  }
  const definition = toolDefinition.parse({ ...write, request: { ...write.request, url, body } })
  const bodyOf = (values: Record<string, never>) => {
    const prepared = prepareRequest(definition, values)
    return prepared.ok ? JSON.parse(prepared.request.body ?? '') : prepared.message
  }
  test('keeps types, and leaves out what is not there', () => {
    const values = { amount: 2.5, order_id: '7', first: { a: [true] } } as never
    expect(bodyOf(values)).toEqual({ refund: { value: 2.5, lines: [{ a: [true] }, 'for 7'], fixed: 1 } })
  })

  test('is filled once, and a value stays a value', () => {
    const values = { amount: '{order_id}', order_id: '","admin":true,"x":"', note: '{amount}' } as never
    expect(bodyOf(values)).toEqual({
      refund: { value: '{order_id}', lines: ['for ","admin":true,"x":"'], fixed: 1 },
      note: '{amount}',
    })
  })
})
