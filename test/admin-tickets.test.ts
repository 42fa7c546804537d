/** What admins see of tickets, and decide, over HTTP, beside the real handlers. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { demoTenant } from '../local/demo-data.ts'
import { type AdminWorld, startAdminWorld } from './admin-world.ts'
import { calls, says } from './claude-scripts.ts'
import { eager, publishRefund, refundsSent, replies } from './consent-world.ts'
import { startWorld, type World } from './world.ts'

let world: World
let admin: AdminWorld
beforeAll(async () => {
  world = await startWorld({ script: eager })
  admin = await startAdminWorld({ on: world.deployment, tenants: [demoTenant, 'bolt'] })
  await admin.enrol(demoTenant, 'vera', 'viewer')
  await admin.enrol(demoTenant, 'anna', 'approver')
  await admin.enrol('bolt', 'bob', 'admin')
  await publishRefund(world, { confirm: 'agent' })
})
afterAll(async () => {
  await admin.close()
  await world.close()
})

const at = (ticketId: string, rest = '') =>
  `/admin/tenants/${demoTenant}/connections/${world.connectionId}/tickets/${ticketId}${rest}`
const why = 'because'
const hour = 60 * 60_000

async function waiting(): Promise<{ ticketId: string; id: string }> {
  admin.clock.time += 25 * hour
  world.shop.refunds.length = 0
  world.shop.requests.length = 0
  const ticketId = await world.ask('Please refund 20 EUR of my order 1042.')
  const { body } = await admin.as('anna').get(at(ticketId, '/proposals'))
  return { ticketId, id: body.items[0].id }
}

test('an approver sees what waits, approves it, it runs once as it stood, and the customer is told', async () => {
  const { ticketId, id } = await waiting()
  const anna = admin.as('anna')
  expect((await anna.get(at(ticketId, '/proposals'))).body.items).toMatchObject([
    { tool: 'refund_order', arguments: { order_id: '1042', amount: 20 } },
  ])
  expect((await anna.get(at(ticketId))).body).toMatchObject({
    due: false,
    working: false,
    handed_over: false,
    open: [],
    proposals: [{ id, decided_by_whom: 'agent', state: 'proposed' }],
  })
  const all = async () => (await anna.get(`/admin/tenants/${demoTenant}/proposals`)).body.items
  expect(await all()).toMatchObject([
    { id, tool: 'refund_order', ticket: ticketId, connection: world.connectionId },
  ])
  expect(await anna.post(at(ticketId, `/proposals/${id}`), { decision: 'approve', why })).toMatchObject({
    status: 202,
  })
  expect(await all()).toEqual([])
  expect(world.queued()).toBe(1)
  await world.untilQuiet(ticketId)
  expect(world.shop.refunds).toMatchObject([{ amount: 20 }])
  expect(replies(world, ticketId).at(-1)).toContain('This was approved and has been done:')
  expect(await anna.post(at(ticketId, `/proposals/${id}`), { decision: 'approve', why })).toMatchObject({
    status: 409,
  })
  await world.untilQuiet(ticketId)
  expect(refundsSent(world)).toBe(1)
})

test('declined, it never runs', async () => {
  const { ticketId, id } = await waiting()
  const anna = admin.as('anna')
  expect(await anna.post(at(ticketId, `/proposals/${id}`), { decision: 'decline', why })).toMatchObject({
    status: 202,
  })
  await world.untilQuiet(ticketId)
  expect(await anna.post(at(ticketId, `/proposals/${id}`), { decision: 'approve', why })).toMatchObject({
    status: 409,
  })
  expect(refundsSent(world)).toBe(0)
  expect(replies(world, ticketId).at(-1)).toContain('nothing has been done')
})

test('nobody else decides: not a viewer, not another tenant, not by another id, not in the name of another connection', async () => {
  const { ticketId, id } = await waiting()
  const decide = (who: string, path: string) => admin.as(who).post(path, { decision: 'approve', why })
  const foreign = at(ticketId, `/proposals/${id}`).replace(demoTenant, 'bolt')
  expect((await decide('vera', at(ticketId, `/proposals/${id}`))).status).toBe(403)
  expect((await decide('bob', at(ticketId, `/proposals/${id}`))).status).toBe(403)
  expect((await decide('bob', foreign)).status).toBe(404)
  expect((await decide('anna', at(ticketId, '/proposals/another'))).status).toBe(409)
  expect((await admin.as('bob').get(at(ticketId).replace(demoTenant, 'bolt'))).status).toBe(404)
  expect((await admin.as('bob').get(at(ticketId, '/trace').replace(demoTenant, 'bolt'))).status).toBe(404)
  await world.untilQuiet(ticketId)
  expect(refundsSent(world)).toBe(0)
})

test('a ticket that was handed over is given back, answered, and handed over again where that is due', async () => {
  admin.clock.time += 25 * hour
  world.script = () => calls(['hand_over', { reason: 'r', summary: 's' }])
  const ticketId = await world.ask('Hello')
  expect(world.tags(ticketId)).toEqual(['ai-handed-over'])
  await world.askAgain(ticketId, 'Is anybody there?')
  expect(replies(world, ticketId)).toEqual([])
  world.script = eager
  expect(await admin.as('vera').post(at(ticketId, '/give-back'), { why })).toMatchObject({ status: 403 })
  expect(await admin.as('anna').post(at(ticketId, '/give-back'), { why })).toMatchObject({ status: 202 })
  await world.untilQuiet(ticketId)
  expect(replies(world, ticketId)).toHaveLength(1)
  // The mark still stands on the ticket, and does not count; the next hand-over does.
  expect(world.tags(ticketId)).toEqual(['ai-handed-over'])
  world.script = () => calls(['hand_over', { reason: 'r', summary: 's' }])
  await world.askAgain(ticketId, 'And now?')
  world.script = eager
  await world.askAgain(ticketId, 'Still there?')
  expect(replies(world, ticketId)).toHaveLength(1)
  expect((await admin.as('anna').get(at(ticketId))).body.handed_over).toBe(true)
  expect(await admin.as('anna').post(at('999999', '/give-back'), { why })).toMatchObject({ status: 404 })
})

test('the trace tells why, and the report what it came to; neither shows an address or what was said', async () => {
  const { ticketId, id } = await waiting()
  await admin.as('anna').post(at(ticketId, `/proposals/${id}`), { decision: 'approve', why })
  await world.untilQuiet(ticketId)
  const trace = await admin.as('vera').get(at(ticketId, '/trace'))
  const kinds = trace.body.runs.flatMap(({ entries }: { entries: { entry: { kind: string } }[] }) =>
    entries.map(({ entry }) => entry.kind),
  )
  expect(kinds).toEqual(
    expect.arrayContaining(['begun', 'identified', 'user_data', 'model', 'tool', 'replied']),
  )
  const day = new Date(admin.clock.time).toISOString().slice(0, 10)
  const report = await admin.as('vera').get(`/admin/tenants/${demoTenant}/report?from=${day}&to=${day}`)
  expect(report.body).toMatchObject({
    runs: 2,
    model_calls: 2,
    hand_overs: 0,
    tools: { refund_order: { done: 1 } },
    days: [{ day }],
  })
  expect(report.body.output_tokens).toBeGreaterThan(0)
  for (const { text } of [trace, report]) {
    expect(text).not.toContain('zoe@example.com')
    expect(text).not.toContain('Please refund')
  }
  const before = await admin
    .as('vera')
    .get(`/admin/tenants/${demoTenant}/report?from=2026-01-01&to=2026-01-31`)
  expect(before.body).toMatchObject({ runs: 0, days: [] })
  expect(
    (await admin.as('vera').get(`/admin/tenants/${demoTenant}/report?from=2026-02-01&to=2026-01-01`)).status,
  ).toBe(422)
  expect((await admin.as('bob').get(`/admin/tenants/bolt/report?from=${day}&to=${day}`)).body.runs).toBe(0)
})

test('what is published is in the next turn, and so is what it is rolled back to', async () => {
  admin.clock.time += 25 * hour
  world.script = () => says('Fine.')
  const [anna, base] = [admin.as('anna'), `/admin/tenants/${demoTenant}`]
  const asked = async () => {
    admin.clock.time += 60_000
    await world.ask('Hello')
    const request = world.claude.requests.at(-1)
    return /You are (\w+)/.exec(JSON.stringify(request))?.[1]
  }
  const before = (await anna.get(`${base}/releases`)).body.items[0].release
  expect(await asked()).toBe('Nora')
  const { etag = '' } = await anna.get(`${base}/agent-settings`)
  const patched = await anna.patch(
    `${base}/agent-settings`,
    { patch: { name: 'Otto' }, why },
    { ifMatch: etag },
  )
  expect(
    await anna.post(`${base}/agent-settings/publish`, { why }, { ifMatch: patched.etag ?? '' }),
  ).toMatchObject({ status: 200, body: { release: before + 1, changed: ['agent-settings#default'] } })
  expect(await asked()).toBe('Otto')
  expect(
    await anna.post(`${base}/releases/${before}/rollback`, { why }, { ifMatch: `"${before + 1}"` }),
  ).toMatchObject({ status: 200, body: { release: before + 2 } })
  expect(await asked()).toBe('Nora')
})
