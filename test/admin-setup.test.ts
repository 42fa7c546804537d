/** A tenant from nothing, by the admin API alone: everything runs, and a customer is answered at the end. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { demoTools } from '../local/demo-data.ts'
import { demoHelpdesks } from '../local/demo-helpdesks.ts'
import { demoGorgias } from '../local/gorgias/demo-account.ts'
import { type Laptop, startLaptop } from '../local/laptop.ts'
import type { Line } from '../local/print.ts'
import type { SeenMessage } from '../local/stand-in.ts'
import { demoZendesk } from '../local/zendesk/demo.ts'
import { type HelpdeskName, helpdeskNames } from '../schemas/names.ts'

const why = 'Setting up'
const shopToken = 'demo-shop-api-token'

let laptop: Laptop
const lines: Line[] = []
/** Values that nobody may read again. */
const planted: string[] = [demoZendesk.clientSecret, demoGorgias.apiKey, shopToken]

beforeAll(async () => {
  laptop = await startLaptop({ port: 0, onLine: (line) => lines.push(line) })
  for (const id of ['fjord', 'gorge', 'every'])
    await expectStatus(201, post('/admin/tenants', { id, name: id }))
})
afterAll(() => laptop.close())

interface Answer {
  status: number
  etag: string
  headers: Headers
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it as they expect it to be
  body: any
}
interface More {
  token?: string
  ifMatch?: string
}

async function send(method: string, path: string, body?: unknown, more: More = {}): Promise<Answer> {
  const response = await fetch(`${laptop.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${more.token ?? laptop.operatorToken}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(more.ifMatch === undefined ? {} : { 'if-match': more.ifMatch }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return {
    status: response.status,
    etag: response.headers.get('etag') ?? '',
    headers: response.headers,
    text,
    body: text === '' ? undefined : JSON.parse(text),
  }
}
const get = (path: string) => send('GET', path)
const post = (path: string, body: unknown, more?: More) => send('POST', path, body, more)
async function expectStatus(status: number, answer: Promise<Answer>): Promise<Answer> {
  const got = await answer
  if (got.status !== status) throw new Error(`${got.status} instead of ${status}: ${got.text}`)
  return got
}

/** Somebody else than the operator, who approves. */
async function approver(tenant: string, subject: string): Promise<string> {
  const { body } = await expectStatus(200, post('/demo/token', { subject }))
  const member = { issuer: body.issuer, subject, name: subject, role: 'approver', why }
  await expectStatus(200, post(`/admin/tenants/${tenant}/members`, member))
  return body.token
}
const enter = (tenant: string, name: string, value: string, url: string) =>
  expectStatus(
    200,
    send('PUT', `/admin/tenants/${tenant}/secrets/outbound/${name}`, {
      value,
      hosts: [new URL(url).host],
      why,
    }),
  )
/** What an admin knows of the account on this machine, without id, secret and mode. */
function settingsOf(helpdesk: HelpdeskName): Record<string, unknown> {
  const {
    id: _,
    helpdesk: __,
    inbound: ___,
    mode: ____,
    ...settings
  } = demoHelpdesks[helpdesk].connection(laptop.standIns[helpdesk].url) as Record<string, unknown>
  return settings
}
const begin = (tenant: string, helpdesk: HelpdeskName, settings = settingsOf(helpdesk)) =>
  post(`/admin/tenants/${tenant}/connections/new`, { helpdesk, settings, why })
const failing = (check: Answer): string[] =>
  check.body.findings
    .filter(({ ok }: { ok: boolean }) => !ok)
    .map(({ what, message }: { what: string; message: string }) => `${what}: ${message}`)

/** What we said in a ticket, once we said so much. */
async function said(helpdesk: HelpdeskName, ticketId: string, times: number): Promise<SeenMessage[]> {
  for (;;) {
    const ours = (laptop.standIns[helpdesk].ticket(ticketId)?.messages ?? []).filter(({ by }) => by === 'us')
    if (ours.length >= times) return ours
    await sleep(20)
  }
}
async function customerWrites(helpdesk: HelpdeskName, text: string): Promise<string> {
  const answer = await expectStatus(202, post('/demo/message', { from: 'zoe', text, helpdesk }))
  return answer.body.ticket
}
/** Two tenants would answer the same ticket: the demo's own goes quiet, which needs no approver. */
async function switchDemoOff(helpdesk: HelpdeskName): Promise<void> {
  const path = `/admin/tenants/nordlicht/connections/${demoHelpdesks[helpdesk].connectionId}`
  const { etag } = await get(path)
  const off = await expectStatus(
    200,
    send('PATCH', path, { patch: { enabled: false }, why }, { ifMatch: etag }),
  )
  await expectStatus(200, post(`${path}/publish`, { why }, { ifMatch: off.etag }))
}

describe('a tenant from nothing on Zendesk', () => {
  const base = '/admin/tenants/fjord'
  let ben: string
  let path: string
  let webhookUrl: string
  const webhooks = () =>
    laptop.standIns.zendesk.requests.filter(
      ({ method, path: asked }) => method === 'POST' && asked === '/api/v2/webhooks',
    )

  test('a connection begins as a draft in note mode, with what to do next', async () => {
    await switchDemoOff('zendesk')
    ben = await approver('fjord', 'ben')
    const { body, headers } = await expectStatus(201, begin('fjord', 'zendesk'))
    const { connection } = body
    expect(connection.id).toMatch(/^fjord\.[A-Za-z0-9_-]{22}$/)
    expect(connection).toMatchObject({ version: 1, definition: { mode: 'note', helpdesk: 'zendesk' } })
    expect(headers.get('cache-control')).toBe('no-store')
    webhookUrl = body.webhookUrl
    expect(webhookUrl).toBe(`${laptop.url}/webhooks/zendesk/${connection.id}`)
    // Zendesk makes the secret, so there is none of ours.
    expect(body.secret).toBeUndefined()
    expect(body.installs).toBe(true)
    const [{ secret: inbound }] = connection.definition.inbound
    expect(body.missing).toEqual([
      {
        direction: 'outbound',
        name: 'zendesk-client',
        what: 'the secret of the OAuth client',
        hosts: [new URL(laptop.standIns.zendesk.url).host],
      },
      { direction: 'inbound', name: inbound, what: expect.stringContaining('signs webhooks') },
    ])
    path = `${base}/connections/${connection.id}`
    expect(headers.get('location')).toBe(`${laptop.url}${path}`)
  })

  test('its check says what is missing, until it is entered', async () => {
    const before = await expectStatus(200, post(`${path}/check`, {}))
    expect(before.body.ok).toBe(false)
    expect(failing(before)).toEqual([expect.stringContaining('Secret zendesk-client is missing')])
    await enter('fjord', 'zendesk-client', demoZendesk.clientSecret, laptop.standIns.zendesk.url)
    const after = await expectStatus(200, post(`${path}/check`, {}))
    expect(failing(after)).toEqual([expect.stringContaining('No webhook calls this connection')])
  })

  test('installing twice makes one webhook, and what it is signed by is nowhere to be read', async () => {
    const before = webhooks().length
    const first = await expectStatus(200, post(`${path}/install`, { why }))
    const second = await expectStatus(200, post(`${path}/install`, { why }))
    expect(first.body).toEqual({ outcome: 'created', ids: [expect.any(String)], webhookUrl })
    expect(second.body).toEqual({ ...first.body, outcome: 'found' })
    expect(webhooks()).toHaveLength(before + 1)
    expect((await get(`${path}/setup`)).body.missing).toEqual([])
    const check = await expectStatus(200, post(`${path}/check`, {}))
    expect([failing(check), check.body.ok]).toEqual([[], true])
    planted.push(await signingSecret(first.body.ids[0]))
  })

  test('APIs and a tool are drafted, and somebody else than their author makes it all live', async () => {
    await enter('fjord', 'shop-token', shopToken, laptop.shop.url)
    const shop = { name: 'shop', type: 'bearer', secret: 'shop-token' }
    await expectStatus(201, post(`${base}/authorizations`, { definition: shop, why }))
    const userData = { url: `${laptop.shop.url}/user-data`, authorization: 'shop' }
    await expectStatus(
      200,
      send('PUT', `${base}/user-data-api`, { definition: userData, why }, { ifMatch: '*' }),
    )
    const [tool] = demoTools(laptop.shop.url)
    await expectStatus(201, post(`${base}/tools`, { definition: tool, why }))
    const own = await post(`${base}/releases`, { why }, { ifMatch: '*' })
    expect([own.status, own.body.type]).toEqual([403, 'urn:deskhand:problem:needs_another'])
    const unseen = await post(`${base}/releases`, { why }, { ifMatch: '*', token: ben })
    expect([unseen.status, unseen.body.type]).toEqual([422, 'urn:deskhand:problem:invalid'])
    const { items } = (await get(`${base}/releases/drafts`)).body
    const published = await expectStatus(
      200,
      post(`${base}/releases`, { items, why }, { ifMatch: '*', token: ben }),
    )
    expect(published.body).toMatchObject({ release: 1 })
    expect(published.body.changed).toHaveLength(4)
  })

  test('the agent writes a note first, and answers once an approver has let it', async () => {
    const note = await said('zendesk', await customerWrites('zendesk', 'Where is order 1042?'), 1)
    expect(note).toMatchObject([{ public: false, text: expect.stringContaining('1042 is on its way') }])
    const reply = await expectStatus(
      200,
      send('PATCH', path, { patch: { mode: 'reply' }, why }, { ifMatch: '"1"' }),
    )
    const own = await post(`${path}/publish`, { why }, { ifMatch: reply.etag })
    expect([own.status, own.body.type]).toEqual([403, 'urn:deskhand:problem:needs_another'])
    await expectStatus(200, post(`${path}/publish`, { why }, { ifMatch: reply.etag, token: ben }))
    // It is live within 10 seconds.
    await sleep(10_000)
    const ticket = await customerWrites('zendesk', 'Where is order 1042?')
    await said('zendesk', ticket, 1)
    await laptop.settled(5000)
    expect(await said('zendesk', ticket, 1)).toMatchObject([
      { public: true, text: expect.stringMatching(/^Hi Zoë,[\s\S]*1042 is on its way/) },
    ])
    const delivered = laptop.standIns.zendesk.deliveries.filter(({ ticketId }) => ticketId === ticket)
    // The demo's own connection is off and refuses; the new tenant's is rung.
    expect(new Set(delivered.map(({ statuses }) => statuses.at(-1)))).toEqual(new Set([401, 200]))
  })

  test('check names a scope that is too small and a bot user who is another', async () => {
    const patched = async (patch: object) => {
      const { etag } = await get(path)
      await expectStatus(200, send('PATCH', path, { patch, why }, { ifMatch: etag }))
      return failing(await expectStatus(200, post(`${path}/check`, {})))
    }
    expect(await patched({ auth: { scope: 'tickets:read users:read' } })).toEqual([
      expect.stringMatching(/^scope: .*"read write" is needed/),
      expect.stringMatching(/^reconcile: /),
    ])
    expect(await patched({ auth: { scope: 'read write' }, botUserId: '4711' })).toEqual([
      expect.stringMatching(/^bot_user: .*900000000001.*4711/),
    ])
    expect(await patched({ botUserId: String(demoZendesk.botUserId) })).toEqual([])
  })

  test('a webhook that somebody switched off there is not taken for a good one', async () => {
    const listed = { webhooks: [{ id: '01X', endpoint: webhookUrl, status: 'inactive', subscriptions: [] }] }
    laptop.standIns.zendesk.failNext(
      { when: 'before', answer: { status: 200, json: listed } },
      { only: ({ url }) => url.pathname === '/api/v2/webhooks' },
    )
    const refused = await post(`${path}/install`, { why })
    laptop.standIns.zendesk.clearFaults()
    expect(refused).toMatchObject({ status: 409 })
    expect(refused.body.detail).toContain('01X calls this connection and is not active')
  })

  test('a list that does not end makes none, and one that may not be read says what to do', async () => {
    const before = webhooks().length
    const page = { webhooks: [], meta: { has_more: true, after_cursor: 'more' } }
    const only = ({ url }: { url: URL }) => url.pathname === '/api/v2/webhooks'
    laptop.standIns.zendesk.failNext(
      { when: 'before', answer: { status: 200, json: page } },
      { times: 10, only },
    )
    const endless = await post(`${path}/install`, { why })
    expect([endless.status, endless.body.detail]).toEqual([409, expect.stringContaining('make it by hand')])
    laptop.standIns.zendesk.failNext({ when: 'before', answer: { status: 403 } }, { only })
    const forbidden = await post(`${path}/install`, { why })
    expect([forbidden.status, forbidden.body.detail]).toEqual([502, expect.stringContaining('admin role')])
    expect(webhooks()).toHaveLength(before)
  })

  test('what another connection is verified by is not overwritten', async () => {
    const { body } = await expectStatus(201, begin('fjord', 'zendesk'))
    const other = `${base}/connections/${body.connection.id}`
    const { inbound } = (await get(path)).body.definition
    await expectStatus(200, send('PATCH', other, { patch: { inbound }, why }, { ifMatch: '"1"' }))
    const before = webhooks().length
    const refused = await post(`${other}/install`, { why })
    expect(refused).toMatchObject({ status: 409 })
    expect(refused.body.detail).toContain(inbound[0].secret)
    expect(webhooks()).toHaveLength(before)
  })

  async function signingSecret(id: string): Promise<string> {
    const basic = Buffer.from(`${demoZendesk.botEmail}/token:${demoZendesk.apiToken}`).toString('base64')
    const answer = await fetch(`${laptop.standIns.zendesk.url}/api/v2/webhooks/${id}/signing_secret`, {
      headers: { authorization: `Basic ${basic}` },
    })
    return ((await answer.json()) as { signing_secret: { secret: string } }).signing_secret.secret
  }
})

describe('a tenant from nothing on Gorgias', () => {
  test('lets its two integrations be made once, and answers by them', async () => {
    await switchDemoOff('gorgias')
    const ben = await approver('gorge', 'ben')
    const { body } = await expectStatus(201, begin('gorge', 'gorgias'))
    planted.push(body.secret.value)
    const path = `/admin/tenants/gorge/connections/${body.connection.id}`
    await enter('gorge', 'gorgias-api-key', demoGorgias.apiKey, laptop.standIns.gorgias.url)
    expect(failing(await post(`${path}/check`, {}))).toEqual([
      expect.stringMatching(/^webhook: No HTTP integration calls this connection/),
    ])
    const first = await expectStatus(200, post(`${path}/install`, { why }))
    const second = await expectStatus(200, post(`${path}/install`, { why }))
    expect(first.body).toMatchObject({ outcome: 'created', ids: [expect.any(String), expect.any(String)] })
    expect(second.body).toEqual({ ...first.body, outcome: 'found' })
    expect(failing(await post(`${path}/check`, {}))).toEqual([])
    const { items } = (await get('/admin/tenants/gorge/releases/drafts')).body
    await expectStatus(
      200,
      post('/admin/tenants/gorge/releases', { items, why }, { ifMatch: '*', token: ben }),
    )
    const note = await said('gorgias', await customerWrites('gorgias', 'Hello, are you there?'), 1)
    expect(note[0]?.public).toBe(false)
  })

  test('gives one that is there the new secret too, where the other is missing', async () => {
    const { body } = await expectStatus(201, begin('gorge', 'gorgias'))
    const path = `/admin/tenants/gorge/connections/${body.connection.id}`
    // The second integration is not made: Gorgias is out of order after the first.
    laptop.standIns.gorgias.failNext(
      { when: 'before', answer: { status: 500, json: {} } },
      {
        only: ({ method, body: sent }) => method === 'POST' && sent.includes('"ticket-message-failed":true'),
      },
    )
    expect((await post(`${path}/install`, { why })).status).toBe(502)
    laptop.standIns.gorgias.clearFaults()
    const repeated = await expectStatus(200, post(`${path}/install`, { why }))
    expect(repeated.body).toMatchObject({ outcome: 'created' })
    const basic = Buffer.from(`${demoGorgias.bot.email}:${demoGorgias.apiKey}`).toString('base64')
    const answer = await fetch(`${laptop.standIns.gorgias.url}/api/integrations?type=http&limit=100`, {
      headers: { authorization: `Basic ${basic}` },
    })
    const { data } = (await answer.json()) as {
      data: { http: { url: string; headers: Record<string, string> } }[]
    }
    const ours = data.filter(({ http }) => http.url === body.webhookUrl)
    expect(ours).toHaveLength(2)
    const secrets = new Set(ours.map(({ http }) => http.headers['X-Deskhand-Secret']))
    expect(secrets.size).toBe(1)
    expect([...secrets][0]).toHaveLength(43)
    planted.push(body.secret.value, [...secrets][0] ?? '')
  })
})

describe.each(helpdeskNames)('beginning a connection to %s', (helpdesk) => {
  let begun: Answer
  let path: string
  beforeAll(async () => {
    begun = await expectStatus(201, begin('every', helpdesk))
    path = `/admin/tenants/every/connections/${begun.body.connection.id}`
    if (begun.body.secret !== undefined) planted.push(begun.body.secret.value)
  })

  test('says where the webhook goes, and what to enter for which host', () => {
    const { body } = begun
    const values = body.steps.flatMap((step: { values?: object }) => Object.values(step.values ?? {}))
    expect(values).toContain(body.webhookUrl)
    expect(body.missing[0]).toMatchObject({
      direction: 'outbound',
      hosts: [new URL(laptop.standIns[helpdesk].url).host],
    })
    expect(values).toContain(body.missing[0].name)
  })

  test('shows a secret of ours this once, in the step that asks for it', async () => {
    const ours = helpdesk === 'gorgias' || helpdesk === 'freshdesk'
    expect(begun.body.secret !== undefined).toBe(ours)
    const again = await expectStatus(200, get(`${path}/setup`))
    const titles = ({ body }: Answer) => body.steps.map(({ title }: { title: string }) => title)
    expect(titles(again)).toEqual(titles(begun))
    expect(again.body.webhookUrl).toBe(begun.body.webhookUrl)
    if (!ours) return
    const { value } = begun.body.secret
    expect(Buffer.from(value, 'base64url')).toHaveLength(32)
    expect(JSON.stringify(begun.body.steps)).toContain(value)
    expect(again.text).not.toContain(value)
  })

  test('says whether the webhook can be made, and by which steps where it cannot', async () => {
    const installs = helpdesk === 'zendesk' || helpdesk === 'gorgias'
    expect(begun.body.installs).toBe(installs)
    const refused = await post(`${path}/install`, { why })
    // Nothing was entered yet.
    expect(refused.status).toBe(409)
    if (installs) return expect(refused.body.detail).toContain(`${begun.body.missing[0].name} is missing`)
    const toldSteps = refused.body.errors.map(({ detail }: { detail: string }) => detail).join('\n')
    expect(toldSteps).toContain(begun.body.webhookUrl)
  })

  test('refuses settings that are not right, each with its place, and stores nothing', async () => {
    const rows = async () => (await get('/admin/tenants/every/secrets')).body.items.length
    const before = await rows()
    const refused = await begin('every', helpdesk, {
      ...settingsOf(helpdesk),
      mode: 'reply',
      id: 'nordlicht.demoConnection000000AA',
      reconcile: 'often',
      baseUrl: 'http://169.254.169.254',
    })
    expect(refused.status).toBe(422)
    const pointers = refused.body.errors.map(({ pointer }: { pointer: string }) => pointer)
    expect(pointers).toEqual(
      expect.arrayContaining(['#/settings/mode', '#/settings/id', '#/settings/reconcile']),
    )
    // What is not for an admin to choose is not passed over in silence either.
    for (const name of ['id', 'helpdesk', 'inbound', 'mode']) {
      const chosen = await begin('every', helpdesk, { ...settingsOf(helpdesk), [name]: 'reply' })
      expect(chosen.body.errors).toEqual([expect.objectContaining({ pointer: `#/settings/${name}` })])
    }
    const elsewhere = await begin('every', helpdesk, {
      ...settingsOf(helpdesk),
      baseUrl: 'https://attacker.example.com',
    })
    expect([409, 422]).toContain(elsewhere.status)
    expect(await rows()).toBe(before)
  })
})

test('no value of a secret is in setups, drafts, the audit, the list of secrets or the log', async () => {
  expect(planted.length).toBeGreaterThan(4)
  const texts: string[] = [JSON.stringify(lines)]
  for (const tenant of ['fjord', 'gorge', 'every', 'nordlicht']) {
    const base = `/admin/tenants/${tenant}`
    const connections = await expectStatus(200, get(`${base}/connections?limit=100`))
    texts.push(connections.text)
    for (const { id } of connections.body.items)
      texts.push((await expectStatus(200, get(`${base}/connections/${id}/setup`))).text)
    for (const list of ['audit', 'secrets'])
      texts.push((await expectStatus(200, get(`${base}/${list}?limit=100`))).text)
  }
  for (const text of texts) expect(planted.filter((value) => text.includes(value))).toEqual([])
  const audit = (await get('/admin/tenants/fjord/audit?limit=100')).body.items
  const actions = audit.map(({ action }: { action: string }) => action)
  expect(actions).toEqual(expect.arrayContaining(['newConnection', 'installConnection', 'enterSecret']))
  expect(actions).not.toContain('checkConnection')
})
