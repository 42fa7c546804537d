/** Trying, simulating and importing over HTTP, against the demo's shop and a scripted Claude. */
import './same-realm.ts'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { demoTenant } from '../local/demo-data.ts'
import { type AdminWorld, startAdminWorld } from './admin-world.ts'
import { calls, results, says } from './claude-scripts.ts'
import { startWorld, type World } from './world.ts'

let world: World
let admin: AdminWorld
const base = `/admin/tenants/${demoTenant}`
const why = 'because'

beforeAll(async () => {
  world = await startWorld({
    script: (request) =>
      results(request).length > 0
        ? says(`It is: ${results(request).join()}`)
        : calls(['get_order', { order_id: '1042' }]),
  })
  admin = await startAdminWorld({ on: world.deployment, tenants: [demoTenant] })
  for (const [who, role] of [
    ['vera', 'viewer'],
    ['edda', 'editor'],
    ['anna', 'approver'],
    ['adam', 'admin'],
  ] as const)
    await admin.enrol(demoTenant, who, role)
})
afterAll(async () => {
  await admin.close()
  await world.close()
})

const zoe = { email: 'zoe@example.com', level: 'mailbox' }

describe('what is drafted', () => {
  test('the User Data API answers about an address, and nothing of it is kept', async () => {
    const tried = await admin.as('edda').post(`${base}/user-data-api/test`, { email: zoe.email })
    expect(tried).toMatchObject({ status: 200, body: { ok: true, code: 'data', echoMatches: true } })
    expect(tried.body.userInfo).toContain('Gold')
    const kept = JSON.stringify([await admin.rows(), admin.lines])
    expect(kept).not.toContain('Gold')
    expect(kept).not.toContain(zoe.email)
    expect((await admin.as('vera').post(`${base}/user-data-api/test`, { email: zoe.email })).status).toBe(403)
  })

  test('an authorization is tried without being shown', async () => {
    const { text, status } = await admin.as('edda').post(`${base}/authorizations/shop/test`, {})
    expect(status).toBe(200)
    expect(JSON.parse(text)).toMatchObject({ ok: true, header: 'authorization: Bearer ••••' })
    expect(text).not.toContain('demo-shop-api-token')
  })

  test('a tool shows its request, is called when it reads, and writes for an approver alone, after a mark in the audit', async () => {
    const about = { arguments: { order_id: '1042' }, customer: zoe }
    const before = world.shop.requests.length
    const shown = await admin.as('edda').post(`${base}/tools/get_order/test`, about)
    expect(shown).toMatchObject({ status: 200, body: { request: { method: 'GET' } } })
    expect(shown.text).not.toContain('demo-shop-api-token')
    expect(world.shop.requests.length).toBe(before)
    const called = await admin.as('edda').post(`${base}/tools/get_order/test`, { ...about, send: 'call' })
    expect(called.body.answer).toMatchObject({ ok: true, cause: 'done' })

    const refund = { arguments: { order_id: '1042', amount: 5 }, customer: { ...zoe, level: 'mailbox' } }
    const path = `${base}/tools/refund_order/test`
    expect((await admin.as('anna').post(path, { ...refund, send: 'call' })).status).toBe(422)
    expect((await admin.as('edda').post(path, { ...refund, send: 'really_write' })).status).toBe(403)
    expect(world.shop.refunds).toEqual([])
    const wrote = await admin.as('anna').post(path, { ...refund, send: 'really_write' })
    expect(wrote).toMatchObject({ status: 200, body: { answer: { ok: true } } })
    expect(world.shop.refunds).toMatchObject([{ amount: 5 }])
    const audit = (await admin.as('anna').get(`${base}/audit?limit=100`)).body.items
    expect(audit.filter(({ action }: { action: string }) => action === 'reallyWrite')).toMatchObject([
      { about: { tool: 'refund_order', method: 'POST' }, role: 'approver' },
    ])
  })

  test('what fits no tool is told by its place', async () => {
    const wrong = await admin
      .as('edda')
      .post(`${base}/tools/get_order/test`, { arguments: { order_id: 'x' }, customer: zoe })
    expect(wrong).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: expect.stringContaining('arguments') }] },
    })
    expect((await admin.as('edda').post(`${base}/tools/none/test`, { customer: zoe })).status).toBe(404)
  })
})

describe('a simulation', () => {
  test('answers as a turn would, with recorded results, and leaves nothing behind', async () => {
    const before = { rows: (await admin.rows()).length, shop: world.shop.requests.length }
    const simulated = await admin.as('edda').post(`${base}/simulate`, {
      message: 'Where is my order 1042?',
      customer: { ...zoe, name: 'Zoë' },
      toolResults: { get_order: { body: { order: { email: zoe.email, state: 'delayed' } } } },
      userData: 'A customer',
    })
    expect(simulated).toMatchObject({
      status: 200,
      body: { outcome: 'replied', reply: expect.stringContaining('delayed'), calls: [{ tool: 'get_order' }] },
    })
    expect(world.shop.requests.length).toBe(before.shop)
    // Two rows of the audit, and the minute's count.
    expect((await admin.rows()).length - before.rows).toBeLessThanOrEqual(3)
    expect(JSON.stringify(await admin.rows())).not.toContain('delayed')
  })

  test('of what is not right yet says what to mend', async () => {
    const wrong = await admin
      .as('edda')
      .post(`${base}/simulate`, { message: 'Hi', customer: { level: 'mailbox' } })
    expect(wrong).toMatchObject({ status: 422, body: { errors: [{ pointer: '#/customer/email' }] } })
  })
})

describe('an import', () => {
  const command = `curl -X POST https://api.acme.com/tickets/42/notes -H 'Authorization: Bearer canary-curl-8c1d-secret' -H 'Content-Type: application/json' -d '{"text": "Hello", "urgent": true}'`

  test('of a cURL command makes a draft; its secret is stored for an admin alone, and shown to nobody', async () => {
    const shown = await admin.as('edda').post(`${base}/import/curl`, { command, why })
    expect(shown).toMatchObject({
      status: 200,
      body: { saved: [], secrets: [{ stored: false, hosts: ['api.acme.com'] }] },
    })
    expect(shown.body.tools).toHaveLength(1)
    const saved = await admin.as('adam').post(`${base}/import/curl`, { command, why, save: true })
    const [secret] = saved.body.secrets
    expect(secret).toMatchObject({ stored: true })
    expect(admin.aws.secrets()[`deskhand/${demoTenant}/outbound/${secret.name}`]).toContain(
      'canary-curl-8c1d-secret',
    )
    expect(saved.body.saved).toMatchObject([{ kind: 'authorization' }])
    // A write that does not say whose record it is cannot be saved: what to add is said.
    expect(saved.body.to_mend).toMatchObject([
      { kind: 'tool', errors: [{ pointer: '#/definition/ownership' }] },
    ])
    // Another command of a host that gives the same name takes nothing away from what is there.
    const other = command.replace('canary-curl-8c1d-secret', 'canary-curl-another')
    const again = await admin.as('adam').post(`${base}/import/curl`, { command: other, why, save: true })
    expect(again.body.secrets).toMatchObject([{ name: secret.name, stored: false }])
    expect(admin.aws.secrets()[`deskhand/${demoTenant}/outbound/${secret.name}`]).toContain(
      'canary-curl-8c1d-secret',
    )
    const told = [shown.text, saved.text, again.text, JSON.stringify([await admin.rows(), admin.lines])]
    for (const text of told) expect(text).not.toContain('canary-curl')
  })

  test('of an OpenAPI document saves what is right as drafts, and lists what is not', async () => {
    const document = JSON.stringify({
      openapi: '3.0.3',
      info: { title: 'Parcels', version: '1' },
      servers: [{ url: 'https://parcels.acme.com/v1' }],
      paths: {
        '/parcels/{number}': {
          parameters: [{ name: 'number', in: 'path', required: true, schema: { type: 'string' } }],
          get: { operationId: 'getParcel', summary: 'Where a parcel is, by its number', responses: {} },
        },
      },
    })
    const saved = await admin.as('edda').post(`${base}/import/openapi`, { document, why, save: true })
    expect(saved).toMatchObject({
      status: 200,
      body: { saved: [{ kind: 'tool', id: 'get_parcel', version: 1 }], to_mend: [] },
    })
    expect((await admin.as('edda').get(`${base}/tools/get_parcel`)).status).toBe(200)
    const again = await admin.as('edda').post(`${base}/import/openapi`, { document, why, save: true })
    expect(again.body).toMatchObject({ saved: [], to_mend: [{ id: 'get_parcel' }] })
  })

  test.each([
    ['curl', { command: 'curl https://api.acme.com/x -d @/etc/passwd' }],
    ['curl', { command: 'curl https://api.acme.com/x; rm -rf /' }],
    ['curl', { command: 'curl http://169.254.169.254/latest' }],
    [
      'openapi',
      {
        document: 'openapi: 3.1.0\ninfo: {title: a, version: "1"}\npaths: {/x: {$ref: "file:///etc/passwd"}}',
      },
    ],
  ])('that would reach outside of its body is refused (%s %j)', async (kind, body) => {
    const refused = await admin.as('edda').post(`${base}/import/${kind}`, { ...body, why })
    expect([refused.status, refused.text.includes('root:')]).toEqual([422, false])
  })
})

describe('jobs', () => {
  test('are started by admins, listed, and erasing a tenant is for operators', async () => {
    const adam = admin.as('adam')
    const body = { kind: 'export-customer', email: zoe.email, why: 'request 17' }
    expect((await admin.as('anna').post(`${base}/jobs`, body)).status).toBe(403)
    const started = await adam.post(`${base}/jobs`, body)
    expect(started).toMatchObject({ status: 202 })
    const job = await adam.get(`${base}/jobs/${started.body.id}`)
    expect(job.body).toMatchObject({
      kind: 'export-customer',
      state: 'queued',
      by: expect.stringContaining('adam'),
    })
    expect(job.text).not.toContain(zoe.email)
    expect((await adam.get(`${base}/jobs`)).body.items).toHaveLength(1)
    expect((await adam.get(`${base}/jobs/${started.body.id}/pages/1`)).status).toBe(404)
    expect((await adam.post(`${base}/jobs`, { kind: 'erase-tenant', why })).status).toBe(403)
    expect((await admin.as('olga').post(`${base}/jobs`, { kind: 'erase-tenant', why })).status).toBe(409)
    expect(
      (await adam.post(`${base}/jobs`, { kind: 'erase-customer', email: 'no address', why })).status,
    ).toBe(409)
    expect(admin.aws.messages('jobs')).toHaveLength(1)
  })
})
