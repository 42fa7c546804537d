import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { changesBetween, mergePatch } from '../lambdas/admin/changes.ts'
import { kinds, readDefinition } from '../lambdas/admin/kinds.ts'
import { type LiveBefore, risksOf } from '../lambdas/admin/risks.ts'
import { helpdesks } from '../lambdas/helpdesks.ts'
import type { ConfigKind } from '../schemas/configuration.ts'
import { readTool, writeTool } from './admin-world.ts'

fc.configureGlobal({ seed: 1 })

const live: LiveBefore = {
  hosts: new Set(['api.acme.com']),
  linkHosts: new Set(['*.acme.com', 'acme.com']),
  reliedOn: new Set(['get_order']),
}

/** As it would be stored. */
function stored(kind: ConfigKind, definition: object): object {
  const found = kinds.find((one) => one.kind === kind)
  if (found === undefined) throw new Error(kind)
  const read = readDefinition({ ...found, check: () => [] }, definition, {
    tenant: 'acme',
    policy: {},
    helpdesks,
  })
  if (!read.ok) throw new Error(JSON.stringify(read.mistakes))
  return read.definition as object
}
const risks = (kind: ConfigKind, before: object | undefined, after: object | undefined) =>
  risksOf(kind, before && stored(kind, before), after && stored(kind, after), live)

describe('publishing is a risk', () => {
  const owned = { ...readTool, response: { owner: 'parcel.email', redact: ['card'] } }
  const task = {
    name: 'find_parcel',
    description: 'The customer asks where a parcel is.',
    examples: ['Where is it?', 'Not here yet'],
    steps: ['Look.'],
    tools: ['get_parcel'],
    identity: 'mailbox',
  }
  const connection = {
    id: 'acme.Jk3vT0s9bQ2mXw7LrZ5eYA',
    helpdesk: 'zendesk',
    inbound: [{ secret: 'w' }],
    subdomain: 'acme',
    accountId: '1',
    botUserId: '2',
    auth: { type: 'oauth_client_credentials', clientId: 'c', secret: 's' },
    mode: 'reply',
  }
  const settings = { linkHosts: ['acme.com'], writesEnabled: false }
  const userData = { url: 'https://api.acme.com/user', identity: 'signed_in' }
  const article = { id: 'a', title: 'A', text: 'T' }

  test.each<[string, ConfigKind, object | undefined, object | undefined]>([
    ['a new write tool', 'tool', undefined, writeTool],
    ['a write tool with another limit', 'tool', writeTool, { ...writeTool, limits: { perTicket: 2 } }],
    [
      'a read that becomes a write',
      'tool',
      { ...writeTool, effect: 'read', ownership: undefined },
      writeTool,
    ],
    ['a write tool that is switched on', 'tool', { ...writeTool, enabled: false }, writeTool],
    ['a lower identity of a tool', 'tool', { ...readTool, identity: 'mailbox' }, readTool],
    ['an identity that fell to its default', 'tool', { ...owned, identity: 'signed_in' }, owned],
    [
      'an owner that is not compared',
      'tool',
      owned,
      { ...owned, response: { redact: ['card'] }, identity: 'mailbox' },
    ],
    ['another owner', 'tool', owned, { ...owned, response: { owner: 'asked.email', redact: ['card'] } }],
    ['what was taken out before', 'tool', owned, { ...owned, response: { owner: 'parcel.email' } }],
    [
      'a write that is called a read',
      'tool',
      { ...writeTool, identity: 'signed_in' },
      { ...writeTool, effect: 'read', identity: 'signed_in', ownership: undefined },
    ],
    [
      'a read that is no GET',
      'tool',
      undefined,
      { ...readTool, request: { method: 'POST', url: 'https://api.acme.com/refunds' } },
    ],
    ['a credential whose answers name no owner', 'tool', undefined, { ...readTool, authorization: 'orders' }],
    [
      'another credential',
      'tool',
      { ...owned, authorization: 'orders' },
      { ...owned, authorization: 'admin' },
    ],
    [
      'a tool that is off, with more changed',
      'tool',
      owned,
      { ...owned, enabled: false, response: { redact: ['card'] }, identity: 'mailbox' },
    ],
    [
      'a tool that a write relies on',
      'tool',
      { ...readTool, name: 'get_order' },
      { ...readTool, name: 'get_order', timeoutMs: 5000 },
    ],
    [
      'a changed authorization',
      'authorization',
      { name: 'shop', type: 'bearer', secret: 's' },
      { name: 'shop', type: 'bearer', secret: 'admin' },
    ],
    ['user data that was not asked before', 'user-data-api', undefined, userData],
    ['user data at another path', 'user-data-api', userData, { ...userData, url: 'https://api.acme.com/me' }],
    ['user data by another credential', 'user-data-api', userData, { ...userData, authorization: 'admin' }],
    [
      'a new host',
      'tool',
      undefined,
      { ...readTool, request: { method: 'GET', url: 'https://api.evil.com/{number}' } },
    ],
    ['user data of a lower identity', 'user-data-api', userData, { ...userData, identity: 'mailbox' }],
    ['user data of another host', 'user-data-api', userData, { ...userData, url: 'https://evil.com/user' }],
    ['a task of a lower identity', 'task', task, { ...task, identity: 'none' }],
    ['a tool out of its task', 'task', task, { ...task, tools: [] }],
    ['a task that held a tool', 'task', task, undefined],
    [
      'one more host to link to',
      'agent-settings',
      settings,
      { ...settings, linkHosts: ['acme.com', 'evil.com'] },
    ],
    ['writes on again', 'agent-settings', settings, { ...settings, writesEnabled: true }],
    ['settings taken away that kept writes off', 'agent-settings', settings, undefined],
    ['content in the trace', 'agent-settings', settings, { ...settings, traceContent: true }],
    ['an article elsewhere', 'article', article, { ...article, url: 'https://evil.com/a' }],
    ['a connection that replies', 'connection', { ...connection, mode: 'note' }, connection],
    ['a new connection that replies', 'connection', undefined, connection],
    ['an attestation', 'connection', connection, { ...connection, attestations: { ccsOff: true } }],
    ['an approver', 'connection', connection, { ...connection, approvers: ['9'] }],
    ['another bot', 'connection', connection, { ...connection, botUserId: '3' }],
    ['another account', 'connection', connection, { ...connection, subdomain: 'evil' }],
    ['another webhook secret', 'connection', connection, { ...connection, inbound: [{ secret: 'mine' }] }],
    ['what is read as clean', 'connection', connection, { ...connection, cleanCommentsOmitFlags: true }],
    ['one that was off, with all it has', 'connection', { ...connection, enabled: false }, connection],
    ['another server', 'connection', connection, { ...connection, baseUrl: 'https://evil.zendesk.com' }],
  ])('with %s', (_what, kind, before, after) => {
    expect(risks(kind, before, after)).not.toEqual([])
  })

  test.each<[string, ConfigKind, object | undefined, object | undefined]>([
    ['a write tool that is switched off', 'tool', writeTool, { ...writeTool, enabled: false }],
    ['a write tool that is taken away', 'tool', writeTool, undefined],
    ['a read of a known host', 'tool', undefined, readTool],
    ['a higher identity', 'tool', readTool, { ...readTool, identity: 'signed_in' }],
    ['writes off', 'agent-settings', { ...settings, writesEnabled: true }, settings],
    ['fewer hosts to link to', 'agent-settings', settings, { ...settings, linkHosts: [] }],
    ['note mode', 'connection', connection, { ...connection, mode: 'note' }],
    ['a connection that is off', 'connection', connection, { ...connection, enabled: false }],
    ['a new connection in note mode', 'connection', undefined, { ...connection, mode: 'note' }],
    ['fewer approvers', 'connection', { ...connection, approvers: ['9'] }, { ...connection, approvers: [] }],
    ['another team', 'connection', connection, { ...connection, handOver: { groupId: '4' } }],
    ['an article of ours', 'article', article, { ...article, url: 'https://help.acme.com/a' }],
    ['what is as it was', 'tool', writeTool, writeTool],
  ])('not with %s', (_what, kind, before, after) => {
    expect(risks(kind, before, after)).toEqual([])
  })
})

describe('a merge patch', () => {
  // https://www.rfc-editor.org/rfc/rfc7396#appendix-A
  test.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('of %j by %j is %j', (target, patch, result) => {
    expect(mergePatch(target, patch)).toEqual(result)
  })
  test('changes no prototype', () => {
    const merged = mergePatch(
      {},
      JSON.parse('{"__proto__": {"admin": true}, "constructor": {"prototype": {"x": 1}}}'),
    )
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
    expect(Object.keys(merged as object)).toEqual(['__proto__', 'constructor'])
  })
  test('is needed exactly where two values differ, and every difference has a pointer', () => {
    const value = fc.letrec((tie) => ({
      json: fc.oneof(
        { depthSize: 'small' },
        fc.integer(),
        fc.string(),
        tie('object'),
        fc.array(fc.integer()),
      ),
      object: fc.dictionary(fc.string({ maxLength: 3 }), tie('json'), { maxKeys: 4 }),
    })).object
    fc.assert(
      fc.property(value, value, (before, after) => {
        const changes = changesBetween(before, after)
        expect(changes.length === 0).toBe(JSON.stringify(sorted(before)) === JSON.stringify(sorted(after)))
        for (const { pointer } of changes) expect(pointer).toMatch(/^#(\/[^/]*)*$/)
      }),
    )
  })
})

const sorted = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(
        Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, each]) => [name, sorted(each)]),
      )
    : value
