/** Who may call what: every route, as everybody, in the own tenant and in another. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { generateKeyPair, SignJWT } from 'jose'
import { allows, type Rank } from '../lambdas/admin/access.ts'
import { principalOf } from '../lambdas/admin/principal.ts'
import type { Route } from '../lambdas/admin/route.ts'
import { limits } from '../lambdas/admin/route.ts'
import { routesOf } from '../lambdas/admin/routes.ts'
import { helpdesks } from '../lambdas/helpdesks.ts'
import { roles } from '../schemas/admin.ts'
import { type AdminWorld, startAdminWorld } from './admin-world.ts'

let world: AdminWorld
beforeAll(async () => {
  world = await startAdminWorld()
  for (const role of roles) await world.enrol('acme', role, role)
})
afterAll(() => world.close())

const routes = routesOf(helpdesks)
const pathOf = (route: Route, tenant: string) =>
  route.path.replace('{tenant}', tenant).replaceAll(/\{[a-z]+\}/gi, 'x')

/** Past the gate a call is read, and this one says nothing that any route could do something with. */
const passes = (status: number) => status !== 401 && status !== 403

const everybody: (Rank | 'nobody' | 'stranger')[] = ['nobody', 'stranger', ...roles, 'operator']
const callers: Record<string, string | undefined> = { operator: 'olga', nobody: undefined }

function may(route: Route, who: (typeof everybody)[number], tenant: string): boolean {
  if (route.permission === 'anyone') return true
  if (who === 'nobody' || who === 'stranger') return false
  if (who === 'operator') return true
  return tenant === 'acme' && route.path.includes('{tenant}') && allows(who, route.permission)
}

async function call(route: Route, who: (typeof everybody)[number], tenant: string) {
  const subject = who in callers ? callers[who] : who
  const token = subject === undefined ? undefined : await world.identityProvider.token(subject)
  return await world.send(route.method, pathOf(route, tenant), {
    ...(token === undefined ? {} : { token }),
    ...(route.body === undefined ? {} : { body: '{"nothing": true}' }),
  })
}

describe('the matrix of routes, roles and tenants', () => {
  const counted = { calls: 0, passed: 0, refused: 0 }
  test.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))(
    '%s',
    async (_name, route) => {
      // The limits of a minute are another test's.
      world.clock.time += 60_000
      for (const tenant of ['acme', 'bolt'])
        for (const who of everybody) {
          const { status, type } = await call(route, who, tenant)
          const expected = may(route, who, tenant)
          counted.calls += 1
          counted[expected ? 'passed' : 'refused'] += 1
          expect({ who, tenant, passes: passes(status) }).toEqual({ who, tenant, passes: expected })
          expect(status).toBeLessThan(500)
          if (status === 403) expect(type).toBe('application/problem+json')
        }
    },
  )
  test('covers every route, and refuses more than it lets pass', () => {
    expect(counted.calls).toBe(routes.length * 2 * everybody.length)
    expect(counted.refused).toBeGreaterThan(counted.passed / 2)
    process.stdout.write(
      `role matrix: ${routes.length} routes x ${everybody.length} callers x 2 tenants = ${counted.calls} calls, ${counted.passed} let through, ${counted.refused} refused\n`,
    )
  })
})

test('a refused call makes no other I/O than finding out who calls', async () => {
  world.ports.length = 0
  await world.as('viewer').post('/admin/tenants/acme/tools', { definition: {}, why: 'because' })
  expect(world.ports).toEqual(['own.operator', 'own.tenant', 'configuration.member'])
})

test('the tenant of another looks like one that is not there', async () => {
  const answers = await Promise.all(
    ['bolt', 'nowhere', 'NOT-AN-ID', '..', 'acme%2f..%2fbolt', 'T%23acme'].map((tenant) =>
      world.as('admin').get(`/admin/tenants/${tenant}/tools`),
    ),
  )
  const told = answers.map(({ status, body }) => ({
    status,
    ...(body?.instance ? { ...body, instance: '' } : {}),
  }))
  expect(told.filter(({ status }) => status === 403)).toHaveLength(
    told.filter(({ status }) => status !== 404).length,
  )
  expect(new Set(told.filter(({ status }) => status === 403).map((one) => JSON.stringify(one))).size).toBe(1)
})

test('a tenant that was erased is filled by nobody again, and can still be read', async () => {
  const key = { pk: 'T#bolt#erased', sk: 'tenant' }
  await world.table.put('erased', { ...key, by: 'test' })
  const olga = world.as('olga')
  const body = { definition: { id: 'a', title: 'A', text: 'T' }, why: 'because' }
  const refused = await olga.post('/admin/tenants/bolt/articles', body)
  expect(refused).toMatchObject({ status: 409, body: { detail: expect.stringContaining('was erased') } })
  expect((await olga.get('/admin/tenants/bolt/jobs')).status).toBe(200)
  expect(JSON.stringify(await world.table.query('look', { pk: 'T#bolt#index#article' }))).toBe('[]')
  await world.table.delete('erased', key)
})

test('a role that was taken away is gone with the next call', async () => {
  await world.enrol('acme', 'rita', 'editor')
  const rita = world.as('rita')
  expect((await rita.get('/admin/tenants/acme/tools')).status).toBe(200)
  const members = (await world.as('admin').get('/admin/tenants/acme/members')).body.items
  const { id } = members.find(({ subject }: { subject: string }) => subject === 'rita')
  expect((await world.as('editor').delete(`/admin/tenants/acme/members/${id}?why=left`)).status).toBe(403)
  expect((await world.as('admin').delete(`/admin/tenants/acme/members/${id}?why=left`)).status).toBe(204)
  expect((await rita.get('/admin/tenants/acme/tools')).status).toBe(403)
})

describe('a token', () => {
  const get = (token: string) => world.send('GET', '/admin/tenants/acme/tools', { token })
  const good = () => world.identityProvider.token('viewer')
  test('of ours opens the door', async () => expect((await get(await good())).status).toBe(200))
  test('without a signature, of another key, for another audience or issuer, or that is over, does not', async () => {
    const [head = '', body = '', signature = ''] = (await good()).split('.')
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    const { privateKey } = await generateKeyPair('ES256')
    const forged = (claims: object, issuer = world.issuer, audience = 'deskhand-admin', exp = '1h') =>
      new SignJWT({ sub: 'olga', ...claims })
        .setProtectedHeader({ alg: 'ES256' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setExpirationTime(exp)
        .sign(privateKey)
    const tokens = [
      '',
      'x',
      `${none}.${body}.`,
      `${head}.${body}.${signature.slice(0, -4)}AAAA`,
      `${head}.${Buffer.from(JSON.stringify({ iss: world.issuer, aud: 'deskhand-admin', sub: 'olga' })).toString('base64url')}.${signature}`,
      await forged({}),
      await forged({}, 'https://elsewhere.example'),
    ]
    for (const token of tokens) expect((await get(token)).status).toBe(401)
  })
  test('whose claims say that they are an admin gives no rights: those are in our table', async () => {
    const event = (claims: object) => ({
      version: '2.0',
      rawPath: '/admin/tenants/acme/tools',
      rawQueryString: '',
      headers: { 'x-role': 'operator' },
      requestContext: {
        http: { method: 'GET', path: '/admin/tenants/acme/tools' },
        authorizer: { jwt: { claims } },
      },
      pathParameters: { tenant: 'acme', proxy: 'tenants/acme/tools' },
      isBase64Encoded: false,
    })
    const claims = {
      iss: 'https://elsewhere.example',
      sub: 'olga',
      role: 'operator',
      'cognito:groups': '[admin]',
    }
    expect((await world.handle(event(claims), {} as never)).statusCode).toBe(403)
    // The same subject at another provider is somebody else.
    expect(
      (await world.handle(event({ iss: 'https://elsewhere.example', sub: 'viewer' }), {} as never))
        .statusCode,
    ).toBe(403)
    expect((await world.handle(event({ iss: world.issuer, sub: 'viewer' }), {} as never)).statusCode).toBe(
      200,
    )
  })
})

describe('who is calling', () => {
  test('is a role of AWS, whatever its session is called', () => {
    const of = (userArn: string) => principalOf({ authorizer: { iam: { userArn } } })?.id
    expect(of('arn:aws:sts::123456789012:assumed-role/Deploy/run-17')).toBe(
      'iam|arn:aws:iam::123456789012:role/Deploy',
    )
    expect(of('arn:aws:iam::123456789012:user/ci')).toBe('iam|arn:aws:iam::123456789012:user/ci')
  })
  test('is nobody where no authorizer has vouched, or two have', () => {
    const jwt = { claims: { iss: 'i', sub: 's' } }
    expect(principalOf({})).toBeUndefined()
    expect(principalOf({ authorizer: {} })).toBeUndefined()
    expect(principalOf({ authorizer: { jwt: { claims: { iss: 'i' } } } })).toBeUndefined()
    expect(principalOf({ authorizer: { jwt: { claims: { iss: 'i', sub: '' } } } })).toBeUndefined()
    expect(principalOf({ authorizer: { jwt, iam: { userArn: 'a' } } })).toBeUndefined()
    expect(principalOf({ authorizer: { jwt } })?.id).toBe('i|s')
  })
  test('by AWS comes by a path of its own, to the same routes', async () => {
    const event = {
      version: '2.0',
      requestContext: {
        http: { method: 'GET', path: '/iam/admin/tenants/acme/tools' },
        authorizer: { iam: { userArn: 'arn:aws:sts::123456789012:assumed-role/Deploy/run-17' } },
      },
      isBase64Encoded: false,
    }
    expect((await world.handle(event, {} as never)).statusCode).toBe(403)
    await world.as('admin').post('/admin/tenants/acme/members', {
      issuer: 'iam',
      subject: 'arn:aws:iam::123456789012:role/Deploy',
      name: 'CI',
      role: 'viewer',
      why: 'deploys',
    })
    expect((await world.handle(event, {} as never)).statusCode).toBe(200)
  })
})

test('a tenant that calls too often waits, and no other with it', async () => {
  world.clock.time += 60_000
  const key = { pk: 'T#acme#rate', sk: `calls#${Math.floor(world.clock.time / 60_000)}` }
  await world.conversations.put('full', { ...key, calls: limits.calls })
  const refused = await world.as('viewer').get('/admin/tenants/acme/tools')
  expect(refused).toMatchObject({ status: 429 })
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect((await world.as('olga').get('/admin/tenants/bolt/tools')).status).toBe(200)
  world.clock.time += 60_000
  expect((await world.as('viewer').get('/admin/tenants/acme/tools')).status).toBe(200)
})

describe('a body', () => {
  const post = (body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
    world.identityProvider
      .token('editor')
      .then((token) => world.send('POST', '/admin/tenants/acme/articles', { token, body, headers }))
  test.each([
    ['not JSON', '{', 400],
    ['nothing', '', 400],
    ['too deep', `${'['.repeat(40)}${']'.repeat(40)}`, 400],
    ['too large', `"${'x'.repeat(1_100_000)}"`, 413],
    ['a list', '[]', 422],
    ['null', 'null', 422],
    ['a prototype', '{"__proto__": {"definition": {}}, "why": "because"}', 422],
    [
      'more than is asked',
      '{"definition": {"id": "a", "title": "A", "text": "T"}, "why": "because", "by": "olga"}',
      422,
    ],
    ['no reason', '{"definition": {"id": "a", "title": "A", "text": "T"}}', 422],
  ])('that is %s is refused', async (_what, body, status) => {
    const { status: got, type } = await post(body)
    expect([got, type]).toEqual([status, 'application/problem+json'])
  })
  test('that a page of another origin could send unasked is refused', async () => {
    expect((await post('{}', { 'content-type': 'text/plain' })).status).toBe(415)
  })
})

test('when our store fails, the caller is told to try again and the operator why', async () => {
  world.trouble(async (port, call) => {
    if (port === 'configuration.release')
      throw Object.assign(new Error('secret detail'), { name: 'InternalServerError' })
    return await call()
  })
  const { status, text } = await world.as('viewer').get('/admin/tenants/acme/releases')
  world.trouble(undefined)
  expect([500, 503]).toContain(status)
  expect(text).not.toContain('secret detail')
  expect(world.lines.some(({ event, alarm }) => event === 'admin_failed' && alarm === true)).toBe(true)
})

test('a save that is cut off after any of its steps leaves nothing half true', async () => {
  const why = 'because'
  const article = (id: string) => ({ definition: { id, title: 'A', text: 'T' }, why })
  world.ports.length = 0
  await world.as('editor').post('/admin/tenants/acme/articles', article('whole'))
  const steps = world.ports.length
  expect(steps).toBeGreaterThan(8)
  for (let n = 0; n < steps; n += 1)
    for (const when of ['before', 'after'] as const) {
      let step = 0
      world.clock.time += 60_000
      world.trouble(async (_port, call) => {
        const dies = step++ >= n
        if (dies && when === 'before') throw new Error('killed')
        const result = await call()
        if (dies) throw new Error('killed')
        return result
      })
      const id = `cut-${n}-${when}`
      await world.as('editor').post('/admin/tenants/acme/articles', article(id))
      world.trouble(undefined)
      const found = await world.as('editor').get(`/admin/tenants/acme/articles/${id}`)
      const listed = (await world.as('editor').get('/admin/tenants/acme/articles?limit=100')).body.items
      // What can be read is in the list, and what is in neither can be saved again.
      expect(listed.some((one: { id: string }) => one.id === id)).toBe(found.status === 200)
      const audited = (await world.as('editor').get('/admin/tenants/acme/audit?limit=100')).body.items
      if (found.status === 200) {
        expect(found.body.by).toBe(`${world.issuer}|editor`)
        expect(audited.some(({ action }: { action: string }) => action === 'createArticle')).toBe(true)
      } else
        expect((await world.as('editor').post('/admin/tenants/acme/articles', article(id))).status).toBe(201)
    }
})
