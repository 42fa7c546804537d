import { describe, expect, test } from '@jest/globals'
import { checkUrl } from '../lambdas/core/egress/url-policy.ts'
import { checkTool } from '../lambdas/core/tools/check-tool.ts'

const context = {
  urlCheck: (url: string) => {
    const verdict = checkUrl(url)
    return verdict.ok ? undefined : verdict.reason
  },
  authorizations: new Set(['order-api']),
}

const write = {
  name: 'refund_order',
  description: 'Refunds an order of this customer',
  effect: 'write',
  request: { url: 'https://api.acme.com/orders/{order_id}/refunds', headers: { 'X-Source': 'support' } },
  parameters: {
    type: 'object',
    required: ['order_id', 'amount', 'email'],
    properties: {
      order_id: { type: 'string', pattern: '^[A-Z0-9-]+$' },
      amount: { type: 'number', minimum: 0 },
      email: { type: 'string', source: 'customer.email' },
      actor: { type: 'string', source: 'constant', value: 'ai' },
    },
  },
  authorization: 'order-api',
  confirm: 'never',
  idempotency: 'key',
  ownership: { by: 'seen', match: { order_id: 'orders[].id' } },
  response: { select: 'order.{id: id, state: state}' },
}
const read = {
  name: 'get_order',
  description: 'Looks up an order',
  effect: 'read',
  request: { method: 'GET', url: 'https://api.acme.com/orders/{order_id}' },
  parameters: { type: 'object', required: ['order_id'], properties: { order_id: { type: 'string' } } },
}

type Definition = Record<string, unknown> & {
  request: object
  parameters: typeof write.parameters | typeof read.parameters
}
const withRequest = (definition: Definition, request: object) => ({
  ...definition,
  request: { ...definition.request, ...request },
})
const withProperty = (definition: Definition, name: string, property: object) => ({
  ...definition,
  parameters: {
    ...definition.parameters,
    properties: { ...definition.parameters.properties, [name]: property },
  },
})

const paths = (definition: unknown): string[] => {
  const checked = checkTool(definition, context)
  return checked.ok ? [] : checked.problems.map(({ path }) => path)
}

describe('a tool definition', () => {
  test('that is right is accepted with its defaults', () => {
    expect(checkTool(write, context)).toMatchObject({
      ok: true,
      tool: {
        request: { method: 'POST', query: {} },
        identity: 'signed_in',
        timeoutMs: 10_000,
        enabled: true,
      },
    })
  })

  test.each([
    ['a read of anything', read, 'none'],
    [
      'a read that receives something of the customer',
      withProperty(read, 'name', { type: 'string', source: 'customer.name' }),
      'mailbox',
    ],
    ['a write', write, 'signed_in'],
    ['a write that says so', { ...write, identity: 'confirmed' }, 'confirmed'],
  ])('%s asks for the identity it needs', (_, definition, identity) => {
    expect(checkTool(definition, context)).toMatchObject({ ok: true, tool: { identity } })
  })

  test.each([
    [
      'something that nothing honours',
      { ...write, limits: { perTicket: 1, perCustomerPerWeek: 3 } },
      'limits',
    ],
    ['a consent that there is not', { ...write, confirm: 'sometimes' }, 'confirm'],
    ['the name of a built-in tool', { ...write, name: 'hand_over' }, 'name'],
    ['a URL without https', withRequest(read, { url: 'http://api.acme.com/{order_id}' }), 'request.url'],
    ['a URL of an internal host', withRequest(read, { url: 'https://localhost/{order_id}' }), 'request.url'],
    ['a placeholder as the host', withRequest(read, { url: 'https://{order_id}/x' }), 'request.url'],
    ['a placeholder in the host', withRequest(read, { url: 'https://{order_id}.acme.com/x' }), 'request.url'],
    [
      'a placeholder as the port',
      withRequest(read, { url: 'https://api.acme.com:{order_id}/x' }),
      'request.url',
    ],
    ['a placeholder as the scheme', withRequest(read, { url: '{order_id}://api.acme.com/x' }), 'request.url'],
    ['a user in the URL', withRequest(read, { url: 'https://a:b@api.acme.com/{order_id}' }), 'request.url'],
    ['a backslash in the URL', withRequest(read, { url: 'https://api.acme.com\\{order_id}' }), 'request.url'],
    ['a fragment', withRequest(read, { url: 'https://api.acme.com/{order_id}#x' }), 'request.url'],
    [
      'a placeholder in the query of the URL',
      withRequest(read, { url: 'https://api.acme.com/?id={order_id}' }),
      'request.url',
    ],
    [
      'an unknown placeholder in the path',
      withRequest(read, { url: 'https://api.acme.com/{order}' }),
      'request.url',
    ],
    [
      'an unknown placeholder in the query',
      withRequest(read, { query: { a: '{order}' } }),
      'request.query.a',
    ],
    [
      'an inherited name as a placeholder',
      withRequest(read, { query: { a: '{constructor}' } }),
      'request.query.a',
    ],
    [
      'an unknown placeholder in a header',
      withRequest(read, { headers: { 'X-A': '{order}' } }),
      'request.headers.X-A',
    ],
    ['a stray brace', withRequest(read, { query: { a: '{order_id' } }), 'request.query.a'],
    [
      'an optional parameter in the path',
      { ...read, parameters: { ...read.parameters, required: [] } },
      'parameters.required',
    ],
    [
      'a required name that is no parameter',
      { ...read, parameters: { ...read.parameters, required: ['order_id', 'x'] } },
      'parameters.required',
    ],
    [
      'a constant without a value',
      withProperty(read, 'a', { type: 'string', source: 'constant' }),
      'parameters.properties.a.value',
    ],
    [
      'a constant of another type',
      withProperty(read, 'a', { type: 'string', source: 'constant', value: 1 }),
      'parameters.properties.a.value',
    ],
    [
      'a value without source constant',
      withProperty(read, 'a', { type: 'string', value: 'x' }),
      'parameters.properties.a.value',
    ],
    [
      'a sourced number',
      withProperty(read, 'a', { type: 'number', source: 'ticket.id' }),
      'parameters.properties.a.type',
    ],
    [
      'a limit on a sourced value',
      withProperty(read, 'a', { type: 'string', source: 'customer.name', pattern: 'x' }),
      'parameters.properties.a.pattern',
    ],
    [
      'a pattern that does not compile',
      withProperty(read, 'a', { type: 'string', pattern: '(' }),
      'parameters.properties.a.pattern',
    ],
    ...['(?=x)a', '(?<!x)a', '(a)\\1', '(x{1,1000}){1,1000}', '(?i)a'].map(
      (pattern): [string, object, string] => [
        `the pattern ${JSON.stringify(pattern)}`,
        withProperty(read, 'a', { type: 'string', pattern }),
        'parameters.properties.a.pattern',
      ],
    ),
    [
      'a pattern on a number',
      withProperty(read, 'a', { type: 'number', pattern: 'x' }),
      'parameters.properties.a.pattern',
    ],
    [
      'an enum of another type',
      withProperty(read, 'a', { type: 'string', enum: ['x', 1] }),
      'parameters.properties.a.enum',
    ],
    ['an array of anything', withProperty(write, 'a', { type: 'array' }), 'parameters.properties.a.items'],
    [
      'an object of anything',
      withProperty(write, 'a', { type: 'object' }),
      'parameters.properties.a.properties',
    ],
    [
      'a fault inside an object',
      withProperty(write, 'a', { type: 'object', properties: { b: { type: 'string', pattern: '(' } } }),
      'parameters.properties.a.properties.b.pattern',
    ],
    [
      'an object in a query',
      withProperty(read, 'a', { type: 'object', properties: {} }),
      'parameters.properties.a',
    ],
    [
      'a text for consent that names no parameter',
      { ...write, confirmText: { en: 'Refund {sum}' } },
      'confirmText.en',
    ],
    [
      'a text for consent in an unknown language',
      { ...write, confirmText: { xx: 'Refund it' } },
      'confirmText',
    ],
    ['a text for consent of a read', { ...read, confirmText: { en: 'Read it' } }, 'confirmText'],
    ['a write on a record of nobody', { ...write, ownership: undefined }, 'ownership'],
    [
      'ownership by an unknown parameter',
      { ...write, ownership: { by: 'seen', match: { x: 'orders[].id' } } },
      'ownership.match.x',
    ],
    [
      'ownership by a parameter of ours',
      { ...write, ownership: { by: 'seen', match: { email: 'orders[].id' } } },
      'ownership.match.email',
    ],
    [
      'ownership that does not parse',
      { ...write, ownership: { by: 'seen', match: { order_id: 'orders[' } } },
      'ownership.match.order_id',
    ],
    ['a limit for a read', { ...read, limits: { perTicket: 2 } }, 'limits'],
    ['an address at a level that does not prove it', { ...write, identity: 'claimed' }, 'identity'],
    ['consent for a read', { ...read, confirm: 'never' }, 'confirm'],
    ['a header name that is none', withRequest(read, { headers: { 'X A': 'b' } }), 'request.headers.X A'],
    [
      'a header with a line break',
      withRequest(read, { headers: { 'X-A': 'b\r\nX-B: c' } }),
      'request.headers.X-A',
    ],
    ['a header twice', withRequest(read, { headers: { 'X-A': 'b', 'x-a': 'c' } }), 'request.headers.x-a'],
    ['a select that does not parse', { ...read, response: { select: 'order.[' } }, 'response.select'],
    ['a select with an unknown function', { ...read, response: { select: 'shout(@)' } }, 'response.select'],
    ['an unknown authorization', { ...read, authorization: 'other' }, 'authorization'],
  ])('with %s is refused, and says where', (_, definition, path) => {
    expect(paths(definition)).toEqual([path])
  })

  test.each([
    'Authorization',
    'host',
    'Content-Length',
    'content-type',
    'Cookie',
    'Idempotency-Key',
    'Deskhand-Identity',
    'Connection',
    'Transfer-Encoding',
    'X-Forwarded-For',
    'Forwarded',
    'X-Aws-Ec2-Metadata-Token',
    'Metadata-Flavor',
    'Proxy-Authorization',
    'X-HTTP-Method-Override',
  ])('cannot set the header %s', (name) => {
    expect(paths(withRequest(read, { headers: { [name]: 'x' } }))).toEqual([`request.headers.${name}`])
  })

  test('names every problem at once', () => {
    const definition = withRequest(
      { ...write, confirmText: { en: '{sum}' }, authorization: 'other' },
      { headers: { Host: 'x' } },
    )
    expect(paths(definition)).toEqual(['request.headers.Host', 'confirmText.en', 'authorization'])
  })

  test('may select with a function that finds nothing in nothing', () => {
    expect(paths({ ...read, response: { select: 'length(items)' } })).toEqual([])
  })
})
