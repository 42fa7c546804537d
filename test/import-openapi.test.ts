import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { importOpenApi, type OpenApiOptions } from '../lambdas/admin/import/import-openapi.ts'
import type { Imported, ImportResult } from '../lambdas/admin/import/import-result.ts'
import { checkTool } from '../lambdas/core/tools/check-tool.ts'
import './same-realm.ts'

type Json = Record<string, unknown>

const document = (more: Json = {}): Json => ({
  openapi: '3.1.0',
  info: { title: 'Acme', version: '1' },
  servers: [{ url: 'https://api.acme.com/v1' }],
  paths: { '/orders': { get: { operationId: 'listOrders', summary: 'Lists the orders' } } },
  ...more,
})
const withBody = (schema: unknown, components: Json = {}): Json =>
  document({
    components,
    paths: {
      '/orders': {
        post: {
          operationId: 'createOrder',
          requestBody: { required: true, content: { 'application/json': { schema } } },
        },
      },
    },
  })

function imported(value: Json | string, options?: OpenApiOptions): Imported {
  const result = importOpenApi(typeof value === 'string' ? value : JSON.stringify(value), options)
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return result
}
const problemsOf = (value: Json | string, options?: OpenApiOptions) => {
  const result = importOpenApi(typeof value === 'string' ? value : JSON.stringify(value), options)
  return result.ok ? [] : result.problems
}
/** The schema of `field`, and the paths of what is said about it. */
function mapped(schema: Json, components: Json = {}) {
  const { tools, findings } = imported(
    withBody(
      { type: 'object', required: ['field', 'x'], properties: { field: schema, x: { type: 'string' } } },
      components,
    ),
  )
  const { source: _, ...parameter } = tools[0]?.parameters.properties?.field ?? { source: '' }
  const base = '/paths/~1orders/post/requestBody/content/application~1json/schema/properties/field'
  return {
    schema: parameter,
    isRequired: tools[0]?.parameters.required?.includes('field'),
    said: findings.filter(({ path }) => path.startsWith(base)).map(({ path }) => path.slice(base.length)),
  }
}

describe('a document', () => {
  const acme = document({
    openapi: '3.0.3',
    security: [{ key: [] }],
    components: {
      parameters: {
        Limit: {
          name: 'page[size]',
          in: 'query',
          schema: { type: 'integer', minimum: 0, exclusiveMinimum: true },
        },
      },
      schemas: {
        Base: {
          type: 'object',
          required: ['id', 'reason'],
          properties: { id: { type: 'string', readOnly: true }, reason: { type: 'string', nullable: true } },
        },
        Refund: {
          allOf: [
            { $ref: '#/components/schemas/Base' },
            {
              type: 'object',
              required: ['amount'],
              properties: { amount: { type: 'number' }, order_id: { type: 'string' } },
            },
          ],
        },
      },
      securitySchemes: {
        key: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
        oauth: {
          type: 'oauth2',
          flows: { clientCredentials: { tokenUrl: 'https://login.acme.com/token', scopes: {} } },
        },
      },
    },
    paths: {
      '/orders/{order_id}/refunds': {
        parameters: [
          { name: 'order_id', in: 'path', required: true, schema: { type: 'string' } },
          { name: 'X-Shop', in: 'header', schema: { type: 'string' } },
          { name: 'sid', in: 'cookie', schema: { type: 'string' } },
        ],
        get: {
          summary: 'Lists <b>refunds</b>\n of an [order](https://x.y)',
          parameters: [{ $ref: '#/components/parameters/Limit' }],
        },
        post: {
          operationId: 'createRefund',
          security: [{ oauth: ['refunds'] }],
          requestBody: {
            required: true,
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Refund' } } },
          },
        },
      },
    },
  })

  test.each([
    ['JSON', JSON.stringify(acme)],
    ['YAML', stringify(acme)],
  ])('in %s: shared parameters, references, allOf, bodies and security become drafts', (_, text) => {
    const { tools, authorizations, secrets, findings } = imported(text)
    expect(tools).toEqual([
      {
        name: 'get_orders_order_id_refunds',
        description: 'Lists refunds of an order',
        effect: 'read',
        request: {
          method: 'GET',
          url: 'https://api.acme.com/v1/orders/{order_id}/refunds',
          query: { 'page[size]': '{page_size}' },
          headers: { 'X-Shop': '{X_Shop}' },
        },
        parameters: {
          type: 'object',
          required: ['order_id'],
          properties: {
            page_size: { type: 'integer', minimum: 1, source: 'model' },
            order_id: { type: 'string', source: 'model' },
            X_Shop: { type: 'string', source: 'model' },
          },
        },
        authorization: 'key',
      },
      {
        name: 'create_refund',
        description: 'POST /orders/{order_id}/refunds, out of an OpenAPI document',
        effect: 'write',
        confirm: 'customer',
        request: {
          method: 'POST',
          url: 'https://api.acme.com/v1/orders/{order_id}/refunds',
          query: {},
          headers: { 'X-Shop': '{X_Shop}' },
          body: { reason: '{reason}', amount: '{amount}', order_id: '{order_id_2}' },
        },
        parameters: {
          type: 'object',
          required: ['order_id', 'amount'],
          properties: {
            order_id: { type: 'string', source: 'model' },
            X_Shop: { type: 'string', source: 'model' },
            reason: { type: 'string', source: 'model' },
            amount: { type: 'number', source: 'model' },
            order_id_2: { type: 'string', source: 'model' },
          },
        },
        authorization: 'oauth',
      },
    ])
    expect(authorizations).toEqual([
      { type: 'api_key', name: 'key', secret: 'key', header: 'X-Api-Key' },
      {
        type: 'oauth_client_credentials',
        name: 'oauth',
        secret: 'oauth',
        tokenUrl: 'https://login.acme.com/token',
        scope: 'refunds',
      },
    ])
    expect(secrets).toEqual([])
    expect(findings.map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        '/paths/~1orders~1{order_id}~1refunds/parameters/2',
        '/authorizations/1/clientId',
        '/tools/1/ownership',
      ]),
    )
  })

  test('is imported in part: by operationId, or by method and path', () => {
    expect(imported(acme, { operations: ['createRefund'] }).tools.map(({ name }) => name)).toEqual([
      'create_refund',
    ])
    const one = imported(acme, { operations: ['get /orders/{order_id}/refunds'] })
    expect(one.tools).toHaveLength(1)
    expect(problemsOf(acme, { operations: ['nothing'] })).toEqual([
      { path: 'operations', message: expect.stringContaining('there is no operation "nothing"') },
    ])
  })

  test('names its server, or the caller does', () => {
    const servers = (...list: Json[]) => document({ servers: list })
    const urlOf = (value: Json, options?: OpenApiOptions) => imported(value, options).tools[0]?.request.url
    const variables = { region: { default: 'eu' } }
    expect(urlOf(servers({ url: 'https://{region}.acme.com/', variables }))).toBe(
      'https://eu.acme.com/orders',
    )
    expect(urlOf(servers({ url: '/v2' }), { server: 'https://api.acme.com' })).toBe(
      'https://api.acme.com/v2/orders',
    )
    expect(urlOf(servers({ url: 'http://localhost' }), { server: 'https://api.acme.com/x' })).toBe(
      'https://api.acme.com/x/orders',
    )
    expect(problemsOf(servers({ url: '/v2' }))[0]?.path).toBe('/servers/0/url')
  })
})

describe('schemas', () => {
  test('what a tool can say is taken over exactly', () => {
    expect(mapped({ type: ['string', 'null'] })).toMatchObject({
      schema: { type: 'string' },
      isRequired: false,
      said: [],
    })
    expect(mapped({ const: 'a' })).toMatchObject({
      schema: { type: 'string', enum: ['a'] },
      isRequired: true,
    })
    expect(mapped({ type: 'integer', exclusiveMinimum: 0, maximum: 9 }).schema).toEqual({
      type: 'integer',
      minimum: 1,
      maximum: 9,
    })
    expect(mapped({ anyOf: [{ type: 'null' }, { type: 'boolean' }] })).toMatchObject({
      schema: { type: 'boolean' },
      isRequired: false,
    })
    expect(mapped({ oneOf: [{ const: 'a' }, { const: 'b' }] }).schema).toEqual({
      type: 'string',
      enum: ['a', 'b'],
    })
    expect(
      mapped({
        type: 'array',
        maxItems: 3,
        items: { type: 'object', required: ['a'], properties: { a: { type: 'number' } } },
      }).schema,
    ).toEqual({
      type: 'array',
      maxItems: 3,
      items: { type: 'object', required: ['a'], properties: { a: { type: 'number' } } },
    })
    expect(
      mapped({
        allOf: [
          { type: 'string', minLength: 2 },
          { minLength: 5, maxLength: 9 },
        ],
      }).schema,
    ).toEqual({
      type: 'string',
      minLength: 5,
      maxLength: 9,
    })
  })

  const said: [string, Json, string[]][] = [
    ['a choice', { oneOf: [{ type: 'string' }, { type: 'integer' }] }, ['/oneOf', '']],
    ['not', { type: 'string', not: { const: 'a' } }, ['/not']],
    ['a format', { type: 'string', format: 'date' }, ['/format']],
    ['multipleOf', { type: 'number', multipleOf: 2 }, ['/multipleOf']],
    ['several types', { type: ['string', 'integer'] }, ['', '']],
    ['no type', {}, ['', '']],
    ['an open bound', { type: 'number', exclusiveMinimum: 0 }, ['/exclusiveMinimum']],
    ['a bad pattern', { type: 'string', pattern: '(' }, ['/pattern']],
    ['types that differ', { allOf: [{ type: 'string' }, { type: 'boolean' }] }, ['/type']],
    [
      'free properties',
      { type: 'object', additionalProperties: true, properties: { a: { type: 'string' } } },
      ['/additionalProperties'],
    ],
  ]
  test.each(said)('%s is a finding', (_, schema, paths) => {
    expect(mapped(schema).said).toEqual(paths)
  })
})

describe('security schemes', () => {
  const by = (scheme: Json) =>
    imported(document({ security: [{ a: ['s'] }], components: { securitySchemes: { a: scheme } } }))
  const flow = { tokenUrl: 'https://login.acme.com/t', authorizationUrl: 'https://login.acme.com/a' }

  const kept: [string, Json, string][] = [
    ['bearer', { type: 'http', scheme: 'bearer' }, 'bearer'],
    ['basic', { type: 'http', scheme: 'Basic' }, 'basic'],
    ['delegated OAuth', { type: 'oauth2', flows: { authorizationCode: flow } }, 'oauth_delegated'],
  ]
  test.each(kept)('%s becomes an authorization', (_, scheme, type) => {
    const { tools, authorizations, findings } = by(scheme)
    expect(authorizations).toMatchObject([{ name: 'a', type }])
    expect(tools[0]?.authorization).toBe('a')
    expect(findings).toContainEqual({
      path: '/authorizations/0/secret',
      message: expect.stringContaining('bound to'),
    })
  })

  const notKept: [string, Json][] = [
    ['a key in the query', { type: 'apiKey', in: 'query', name: 'k' }],
    ['a key in a cookie', { type: 'apiKey', in: 'cookie', name: 'k' }],
    ['a key in a header of ours', { type: 'apiKey', in: 'header', name: 'Host' }],
    ['OpenID Connect', { type: 'openIdConnect', openIdConnectUrl: 'https://x.acme.com' }],
    ['the implicit flow', { type: 'oauth2', flows: { implicit: flow } }],
    ['digest', { type: 'http', scheme: 'digest' }],
  ]
  test.each(notKept)('%s is a finding', (_, scheme) => {
    const { authorizations, findings, tools } = by(scheme)
    expect(authorizations).toEqual([])
    expect(tools[0]?.authorization).toBeUndefined()
    expect(findings.some(({ path }) => path === '/components/securitySchemes/a')).toBe(true)
  })

  test.each(['javascript:alert(1)', 'http://login.acme.com/a', 'https://localhost/a'])(
    'a consent page at %s is refused',
    (authorizationUrl) => {
      const flows = { authorizationCode: { ...flow, authorizationUrl } }
      const value = document({
        security: [{ a: [] }],
        components: { securitySchemes: { a: { type: 'oauth2', flows } } },
      })
      expect(problemsOf(value)[0]?.path).toMatch(/authorizationUrl$/)
    },
  )
})

describe('refused', () => {
  const ref = (to: string): Json => withBody({ $ref: to })
  const deep = (levels: number): string =>
    `{"openapi":"3.1.0","x":${'['.repeat(levels)}${']'.repeat(levels)}}`
  const laughs = ['openapi: 3.1.0', 'a0: &a0 [x, x, x, x]']
  for (let i = 1; i < 10; i++) laughs.push(`a${i}: &a${i} [${`*a${i - 1}, `.repeat(9)}*a${i - 1}]`)
  const cases: [string, Json | string, string][] = [
    ['a reference to a URL', ref('https://evil.com/x.json#/a'), '$ref'],
    ['a reference to a file', ref('./x.yaml#/a'), '$ref'],
    ['a reference that leads nowhere', ref('#/components/schemas/None'), '$ref'],
    ['aliases of aliases', laughs.join('\n'), 'document'],
    ['a key twice', 'openapi: 3.1.0\nopenapi: 3.0.0', 'document'],
    ['a tag', 'openapi: !!js/function x', 'document'],
    ['a merge key', 'openapi: 3.1.0\nx: &a {b: 1}\ny: {<<: *a}', 'document'],
    ['two documents', 'openapi: 3.1.0\n---\nopenapi: 3.1.0', 'document'],
    ['depth', deep(150), 'document'],
    ['great depth', deep(100_000), 'document'],
    ['great depth in YAML', `openapi: 3.1.0\nx: ${'['.repeat(50_000)}`, 'document'],
    ['size', `${JSON.stringify(document())}${' '.repeat(1_048_577)}`, 'document'],
    ['Swagger 2.0', { swagger: '2.0', paths: {} }, '/swagger'],
    ['OpenAPI 4', { openapi: '4.0.0' }, '/openapi'],
    ['a text', 'hello', 'document'],
    ['no operation', document({ paths: {} }), '/paths'],
    ['http', document({ servers: [{ url: 'http://api.acme.com' }] }), '/servers/0/url'],
    ['an internal server', document({ servers: [{ url: 'https://10.0.0.1' }] }), '/servers/0/url'],
    ['javascript', document({ servers: [{ url: 'javascript:alert(1)' }] }), '/servers/0/url'],
    ['a server that hides another', document({ servers: [{ url: '//evil.com' }] }), '/servers/0/url'],
    ['a prototype', `{"openapi":"3.1.0","__proto__":{"paths":{}}}`, '/__proto__'],
  ]
  test.each(cases)('%s', (_, value, path) => {
    const problems = problemsOf(value)
    expect(problems.length).toBeGreaterThan(0)
    expect(problems[0]?.path.endsWith(path)).toBe(true)
  })

  test('over 200 operations, until they are named', () => {
    const paths = Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`/a${i}`, { get: {} }]))
    expect(problemsOf(document({ paths }))).toMatchObject([{ path: 'operations' }])
    expect(imported(document({ paths }), { operations: ['GET /a7'] }).tools).toHaveLength(1)
  })

  test('a schema that stands in itself, where an operation needs it', () => {
    const Person = {
      type: 'object',
      properties: { name: { type: 'string' }, friend: { $ref: '#/components/schemas/Person' } },
    }
    const value = withBody({ $ref: '#/components/schemas/Person' }, { schemas: { Person } })
    expect(problemsOf(value)).toMatchObject([{ message: expect.stringContaining('circular') }])
    expect(imported(document({ components: { schemas: { Person } } })).tools).toHaveLength(1)
    const self = withBody(
      { $ref: '#/components/schemas/A' },
      { schemas: { A: { $ref: '#/components/schemas/A' } } },
    )
    expect(problemsOf(self).length).toBeGreaterThan(0)
  })

  test('a small document that stands for a huge one', () => {
    const levels = Array.from({ length: 25 }, (_, i) => {
      const next = i === 24 ? { type: 'string' } : { $ref: `#/components/schemas/L${i + 1}` }
      return [`L${i}`, { type: 'object', properties: { a: next, b: next, c: next } }]
    })
    const value = withBody({ $ref: '#/components/schemas/L0' }, { schemas: Object.fromEntries(levels) })
    expect(problemsOf(value)).toMatchObject([{ message: expect.stringContaining('expands to over') }])
  })

  test('nothing is fetched and no file is read', async () => {
    let asked = 0
    const server = createServer((_, response) => {
      asked++
      response.end('{"type":"object","properties":{"stolen":{"type":"string"}}}')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const file = join(mkdtempSync(join(tmpdir(), 'import-')), 'stolen.json')
    writeFileSync(file, '{"type":"object","properties":{"stolen":{"type":"string"}}}')
    try {
      for (const to of [`http://127.0.0.1:${port}/a.json`, file, `file://${file}`, `${file}#/properties`]) {
        for (const value of [ref(to), document({ paths: { '/a': { $ref: to } } })]) {
          const text = JSON.stringify(importOpenApi(JSON.stringify(value)))
          expect(text).not.toContain('stolen"')
          expect(problemsOf(value)).toMatchObject([
            { message: expect.stringContaining('nothing is fetched') },
          ])
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 200))
      expect(asked).toBe(0)
    } finally {
      server.close()
    }
  })
})

/** Every tool passes the check, or each of its problems is among the findings and is the admin's to say. */
function expectKept(result: ImportResult): void {
  if (!result.ok) {
    expect(result.problems.length).toBeGreaterThan(0)
    return
  }
  const authorizations = new Set(result.authorizations.map(({ name }) => name))
  const said = new Set(result.findings.map(({ message }) => message))
  for (const tool of result.tools) {
    const checked = checkTool(tool, { urlCheck: () => undefined, authorizations })
    for (const problem of checked.ok ? [] : checked.problems) {
      expect(said).toContain(problem.message)
      expect(problem.message).toMatch(/name the record/)
    }
  }
}

describe('documents of real APIs', () => {
  const cases: [string, number, number][] = [
    ['blockfrost', 129, 127],
    ['shipengine', 76, 72],
  ]
  test.each(cases)('%s: of %d operations %d become tools, and the rest is listed', (file, all, tools) => {
    const text = readFileSync(join(__dirname, `fixtures/openapi/${file}.json`), 'utf8')
    const result = importOpenApi(text)
    expectKept(result)
    if (!result.ok) throw new Error('refused')
    expect(result.tools).toHaveLength(tools)
    expect(new Set(result.tools.map(({ name }) => name)).size).toBe(tools)
    const left = result.findings.filter(({ message }) => /the operation is left out/.test(message))
    expect(left).toHaveLength(all - tools)
    expect(result.authorizations).toHaveLength(1)
  })
})

describe('whatever is sent', () => {
  const seeded = { seed: 20_261_125, numRuns: 60 }

  test('no text throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
        importOpenApi(text)
        importOpenApi(`openapi: 3.1.0\npaths:\n  /a: ${text}`)
      }),
      seeded,
    )
  })

  const { schema } = fc.letrec((tie) => ({
    schema: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(
        {},
        true,
        null,
        7,
        { $ref: '#/components/schemas/A' },
        { $ref: '#/paths' },
        { type: 'null' },
      ),
      fc.record(
        {
          type: fc.constantFrom(
            'string',
            'integer',
            'number',
            'boolean',
            'array',
            'object',
            ['string', 'null'],
            'x',
            5,
          ),
          enum: fc.array(fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.constant({}))),
          const: fc.oneof(fc.integer(), fc.string()),
          minimum: fc.oneof(fc.double(), fc.string()),
          exclusiveMinimum: fc.oneof(fc.integer(), fc.boolean()),
          minLength: fc.oneof(fc.integer(), fc.double()),
          pattern: fc.string(),
          format: fc.string(),
          description: fc.string({ unit: 'binary' }),
          nullable: fc.boolean(),
          readOnly: fc.boolean(),
          required: fc.array(fc.constantFrom('a', 'b-c', '__proto__', 7)),
        },
        { requiredKeys: [] },
      ),
      fc.record(
        {
          type: fc.constantFrom('object', 'array'),
          properties: fc.dictionary(fc.constantFrom('a', 'b-c', '1', '', 'x{y}'), tie('schema')),
          items: tie('schema'),
          allOf: fc.array(tie('schema'), { maxLength: 3 }),
          anyOf: fc.array(tie('schema'), { maxLength: 3 }),
          additionalProperties: tie('schema'),
        },
        { requiredKeys: [] },
      ),
    ),
  }))

  test('nothing throws, and every tool passes the check or says what is missing', () => {
    const parameter = fc.record(
      {
        name: fc.oneof(fc.constantFrom('id', 'X-Id', 'Host', '', 'a{b}'), fc.string()),
        in: fc.constantFrom('path', 'query', 'header', 'cookie', 'body', 3),
        required: fc.boolean(),
        style: fc.constantFrom('form', 'simple', 'deepObject'),
        schema,
      },
      { requiredKeys: ['name', 'in'] },
    )
    const operation = fc.record(
      {
        operationId: fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('hand_over', 'a', 'A')),
        summary: fc.string({ unit: 'binary' }),
        parameters: fc.array(parameter, { maxLength: 4 }),
        requestBody: fc.record({
          required: fc.boolean(),
          content: fc.dictionary(fc.constantFrom('application/json', 'text/plain'), fc.record({ schema })),
        }),
        security: fc.array(fc.dictionary(fc.constantFrom('a', 'b'), fc.array(fc.string()))),
      },
      { requiredKeys: [] },
    )
    const item = fc.dictionary(fc.constantFrom('get', 'post', 'delete', 'head'), operation)
    const any = fc.record({
      openapi: fc.constantFrom('3.0.0', '3.1.0'),
      servers: fc.constant([{ url: 'https://api.acme.com' }]),
      paths: fc.dictionary(fc.constantFrom('/a', '/a/{id}', '/{id}/{x-y}', '/b?c', 'c', '/{}'), item),
      components: fc.record({
        schemas: fc.record({ A: schema }),
        securitySchemes: fc.record({
          a: fc.record({
            type: fc.constantFrom('http', 'apiKey', 'oauth2', 'x'),
            scheme: fc.constantFrom('bearer', 'basic'),
            in: fc.constant('header'),
            name: fc.string(),
          }),
        }),
      }),
    })
    let passed = 0
    fc.assert(
      fc.property(any, (value) => {
        const result = importOpenApi(JSON.stringify(value))
        expectKept(result)
        if (result.ok) passed += result.tools.length
      }),
      seeded,
    )
    // A generator whose documents are all refused would prove nothing.
    expect(passed).toBeGreaterThan(20)
  })
})
