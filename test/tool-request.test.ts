import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { type Json, prepareRequest } from '../lambdas/core/tools/tool-request.ts'
import { toolDefinition } from '../schemas/tenant-apis.ts'

const define = (request: object, names: string[]) =>
  toolDefinition.parse({
    name: 'a_tool',
    description: 'For this test only',
    effect: 'read',
    request,
    parameters: {
      type: 'object',
      properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
    },
  })

const url = 'https://api.acme.com/orders/{id}/items/{item}.json?expand=lines'
const get = define({ method: 'GET', url, query: { q: 'say {text}' }, headers: { 'X-Ref': 'r-{ref}' } }, [
  'id',
  'item',
  'text',
  'ref',
  'page',
])
const post = define({ url: 'https://api.acme.com/orders' }, ['a', 'b', 'c', 'd'])

const fine: Record<string, Json> = { id: '1', item: '2' }
const urlOf = (values: Record<string, Json>) => {
  const prepared = prepareRequest(get, { ...fine, ...values })
  return prepared.ok ? prepared.request.url : `refused: ${prepared.message}`
}

describe('a prepared request', () => {
  test('has parameters where the template names them and the rest in the query of a GET', () => {
    expect(prepareRequest(get, { ...fine, text: 'hi', ref: 'x', page: 3 })).toEqual({
      ok: true,
      request: {
        method: 'GET',
        url: 'https://api.acme.com/orders/1/items/2.json?expand=lines&q=say+hi&page=3',
        headers: { accept: 'application/json', 'x-ref': 'r-x' },
      },
    })
  })

  test('leaves out a query value or header whose parameter is not there', () => {
    expect(urlOf({})).toBe('https://api.acme.com/orders/1/items/2.json?expand=lines')
  })

  test('keeps types in its JSON body', () => {
    const values = { a: '1', b: 1.5, c: true, d: [{ x: null }] }
    expect(prepareRequest(post, values)).toEqual({
      ok: true,
      request: {
        method: 'POST',
        url: 'https://api.acme.com/orders',
        headers: { accept: 'application/json', 'content-type': 'application/json' },
        body: '{"a":"1","b":1.5,"c":true,"d":[{"x":null}]}',
      },
    })
  })

  test.each([
    ['a slash', 'a/b', 'a%2Fb'],
    ['a question mark', 'a?admin=1', 'a%3Fadmin%3D1'],
    ['a fragment', 'a#b', 'a%23b'],
    ['an encoded slash', 'a%2fb', 'a%252fb'],
    ['a brace pair', '{item}', '%7Bitem%7D'],
    ['a host', '//evil.com', '%2F%2Fevil.com'],
    ['an at sign', '@evil.com', '%40evil.com'],
    ['a matrix parameter', 'a;admin=1', 'a%3Badmin%3D1'],
    ['another script', 'é', '%C3%A9'],
  ])('keeps %s inside its path segment', (_, id, segment) => {
    expect(urlOf({ id })).toBe(`https://api.acme.com/orders/${segment}/items/2.json?expand=lines`)
  })

  test.each([
    ['nothing', ''],
    ['a dot', '.'],
    ['two dots', '..'],
    ['dots only', '....'],
    ['encoded dots', '%2e%2E'],
    ['a way up', 'a/../../admin'],
    ['a way up with backslashes', '..\\admin'],
    ['an encoded way up', '..%2fadmin'],
    ['a line break', 'a\r\nHost: evil.com'],
    ['a zero byte', 'a\u0000'],
    ['half a character', 'a\ud800'],
    ['a list', ['a']],
    ['null', null],
  ])('refuses %s as a path segment', (_, id) => {
    expect(urlOf({ id: id as Json })).toMatch(/^refused: /)
  })

  test('refuses a segment of dots that two values make up', () => {
    const tool = define({ method: 'GET', url: 'https://api.acme.com/a/.{id}/b' }, ['id'])
    expect(prepareRequest(tool, { id: '.' }).ok).toBe(false)
    expect(prepareRequest(tool, { id: 'x' })).toMatchObject({
      request: { url: 'https://api.acme.com/a/.x/b' },
    })
  })

  test('keeps a query value one value', () => {
    expect(urlOf({ text: 'a&admin=1#x{id}' })).toBe(
      'https://api.acme.com/orders/1/items/2.json?expand=lines&q=say+a%26admin%3D1%23x%7Bid%7D',
    )
  })

  test.each([
    ['a line break', 'a\r\nX-Admin: 1'],
    ['a tab', 'a\tb'],
    ['a letter outside ASCII', 'é'],
  ])('refuses %s in a header', (_, ref) => {
    expect(urlOf({ ref })).toMatch(/^refused: ref /)
  })

  test('does not let a value end its JSON string or name another member', () => {
    const prepared = prepareRequest(post, { a: '","admin":true,"x":"{b}', b: 'B' })
    expect(prepared.ok && JSON.parse(prepared.request.body ?? '')).toEqual({
      a: '","admin":true,"x":"{b}',
      b: 'B',
    })
  })

  test('goes to the same origin and path shape whatever the values are', async () => {
    await fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        fc.string(),
        (id, item, text) => {
          const prepared = prepareRequest(get, { id, item, text })
          if (!prepared.ok) return
          const { origin, pathname, searchParams, hash, username } = new URL(prepared.request.url)
          expect([origin, hash, username]).toEqual(['https://api.acme.com', '', ''])
          expect(pathname.split('/').map(decodeURIComponent)).toEqual([
            '',
            'orders',
            id,
            'items',
            `${item}.json`,
          ])
          expect([...searchParams]).toEqual([
            ['expand', 'lines'],
            ['q', `say ${text}`],
          ])
        },
      ),
      { numRuns: 500, seed: 7 },
    )
  })
})
