import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from '@jest/globals'
import { demoGorgias } from '../local/gorgias/demo-account.ts'
import { type GorgiasStandIn, startGorgias } from '../local/gorgias/stand-in.ts'
import { demoPeople } from '../local/people.ts'
import type { StandInOptions } from '../local/stand-in.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close()
})
async function gorgias(options: StandInOptions = {}): Promise<GorgiasStandIn> {
  const standIn = await startGorgias({ retryDelayMs: 1, ...options })
  open.push(standIn)
  return standIn
}
const basic = `Basic ${btoa(`${demoGorgias.bot.email}:${demoGorgias.apiKey}`)}`
async function call(
  standIn: GorgiasStandIn,
  path: string,
  method = 'GET',
  body?: unknown,
  authorization = basic,
) {
  const answer = await fetch(standIn.url + path, {
    method,
    headers: { authorization, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, body: text === '' ? {} : JSON.parse(text) }
}
/** An address that webhooks are sent to, with the status it answers. */
async function receiver(status: (n: number) => number = () => 200) {
  const received: { headers: Record<string, unknown>; body: Record<string, string> }[] = []
  const server = createServer(async (req, res) => {
    let text = ''
    for await (const chunk of req) text += chunk
    received.push({ headers: req.headers, body: JSON.parse(text) })
    res.writeHead(status(received.length)).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push({ close: () => new Promise((resolve) => server.close(resolve)) })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received }
}
const zoe = demoPeople.zoe
const outgoing = {
  channel: 'email',
  via: 'api',
  from_agent: true,
  public: true,
  sender: { id: demoGorgias.bot.id },
  source: { type: 'email', from: { address: demoGorgias.supportAddress }, to: [{ address: zoe.address }] },
  body_html: '<p>On its way, {{ticket.customer.email}}</p>',
}
const newest = (standIn: GorgiasStandIn) => standIn.account.messages.at(-1)

describe('the HTTP integration', () => {
  test('fires for every message, customer, colleague or ours; every value is text, the secret is in its header', async () => {
    const hook = await receiver()
    const standIn = await gorgias()
    standIn.connect({ url: hook.url, secret: 'the-secret' })
    const id = standIn.opens({ from: zoe, text: 'Hello' })
    await standIn.settled()
    standIn.writes(id, 'agent', 'Noted', { internal: true })
    await standIn.settled()
    await call(standIn, `/api/tickets/${id}/messages`, 'POST', outgoing)
    await standIn.settled()
    expect(hook.received.map(({ body }) => [body.event, body.from_agent, body.sender_id])).toEqual([
      ['ticket-message-created', 'False', '8000001'],
      ['ticket-message-created', 'True', String(demoGorgias.agent.id)],
      ['ticket-message-created', 'True', String(demoGorgias.bot.id)],
    ])
    for (const { headers, body } of hook.received) {
      expect(headers['x-deskhand-secret']).toBe('the-secret')
      expect(Object.values(body).every((value) => typeof value === 'string')).toBe(true)
      expect(body.ticket_id).toBe(id)
    }
  })
  test('is not sent again after an answer, whatever it says', async () => {
    const hook = await receiver(() => 503)
    const standIn = await gorgias()
    standIn.connect({ url: hook.url, secret: 's' })
    standIn.opens({ from: zoe, text: 'Hello' })
    await standIn.settled()
    expect(standIn.deliveries[0]?.statuses).toEqual([503])
  })
  test('is switched off after a hundred failures in a row, and on again by the API', async () => {
    const hook = await receiver((n) => (n === 50 ? 200 : 500))
    const standIn = await gorgias()
    standIn.connect({ url: hook.url, secret: 's' })
    const id = standIn.opens({ from: zoe, text: 'Hello' })
    await standIn.settled()
    const write = async (times: number) => {
      for (let n = 0; n < times; n++) {
        standIn.writes(id, zoe, `${n}`)
        await standIn.settled()
      }
    }
    await write(148)
    expect(standIn.integration.deactivated_datetime).toBeNull()
    await write(5)
    expect(standIn.integration.deactivated_datetime).not.toBeNull()
    expect(standIn.deliveries).toHaveLength(150)
    const { id: integration } = standIn.integration
    await call(standIn, `/api/integrations/${integration}`, 'PUT', {
      name: 'Deskhand',
      deactivated_datetime: null,
    })
    await write(1)
    expect(standIn.deliveries).toHaveLength(151)
  })
})

describe('integrations that the API made', () => {
  test('fire beside the first one, each on its trigger, with its own form and headers', async () => {
    const [first, second] = [await receiver(), await receiver()]
    const standIn = await gorgias()
    standIn.connect({ url: first.url, secret: 'the-first' })
    const make = (http: object) =>
      call(standIn, '/api/integrations', 'POST', { name: 'Another', type: 'http', http })
    const http = {
      url: second.url,
      method: 'POST',
      headers: { 'X-Deskhand-Secret': 'the-second' },
      form: { event: 'it-failed', ticket_id: '{{ticket.id}}' },
      triggers: { 'ticket-message-failed': true },
    }
    expect((await make({ ...http, url: 'x' })).status).toBe(400)
    const made = await make(http)
    expect(made.status).toBe(201)
    const id = standIn.opens({ from: zoe, text: 'Hello' })
    standIn.failSending(1)
    await call(standIn, `/api/tickets/${id}/messages`, 'POST', outgoing)
    await standIn.settled()
    expect(first.received).toHaveLength(3)
    expect(second.received.map(({ body }) => body)).toEqual([{ event: 'it-failed', ticket_id: id }])
    expect(second.received[0]?.headers['x-deskhand-secret']).toBe('the-second')
    // What was given last counts.
    const triggers = { 'ticket-message-created': true }
    await call(standIn, `/api/integrations/${made.body.id}`, 'PUT', { http: { ...http, triggers } })
    standIn.writes(id, zoe, 'And now?')
    await standIn.settled()
    expect(second.received).toHaveLength(2)
  })
})

describe('the REST API', () => {
  test('wants a known key or token', async () => {
    const standIn = await gorgias()
    const me = (authorization: string) => call(standIn, '/api/users/0', 'GET', undefined, authorization)
    expect((await me('')).status).toBe(401)
    expect((await me(`Basic ${btoa(`${demoGorgias.bot.email}:wrong`)}`)).status).toBe(401)
    expect((await me(`Bearer ${demoGorgias.accessToken}`)).body.id).toBe(demoGorgias.bot.id)
  })
  test('takes 40 calls at once and then two a second, and says so', async () => {
    let now = Date.parse('2026-11-21T08:00:00Z')
    const standIn = await gorgias({ now: () => now })
    const me = () => call(standIn, '/api/users/0')
    expect((await me()).headers.get('x-gorgias-account-api-call-limit')).toBe('1/40')
    for (let n = 1; n < 40; n++) expect((await me()).status).toBe(200)
    const refused = await me()
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1'])
    now += 1000
    expect([(await me()).status, (await me()).status, (await me()).status]).toEqual([200, 200, 429])
  })
  test('creates a message, sends it afterwards and fills in templates', async () => {
    const standIn = await gorgias()
    const id = standIn.opens({ from: zoe, text: 'Hello' })
    const created = await call(standIn, `/api/tickets/${id}/messages`, 'POST', outgoing)
    expect(created).toMatchObject({ status: 201, body: { sent_datetime: null, failed_datetime: null } })
    expect(newest(standIn)).toMatchObject({
      sent_datetime: expect.any(String),
      body_text: `On its way, ${zoe.address}`,
    })
  })
  test.each<[string, object]>([
    ['without a recipient', { source: { ...outgoing.source, to: [] } }],
    [
      'from an address that is not the account’s',
      { source: { ...outgoing.source, from: { address: 'x@x.example' } } },
    ],
    ['to a chat, with a receiver', { channel: 'chat', receiver: { id: 8_000_001 } }],
  ])('cannot send a message %s', async (_name, more) => {
    const standIn = await gorgias()
    const id = standIn.opens({ from: zoe, text: 'Hello' })
    await call(standIn, `/api/tickets/${id}/messages`, 'POST', { ...outgoing, ...more })
    expect(newest(standIn)).toMatchObject({
      failed_datetime: expect.any(String),
      last_sending_error: { error: expect.any(String) },
    })
  })
  test.each<[string, object]>([
    ['without a channel', { channel: undefined }],
    ['with an unknown parameter', { to: zoe.address }],
    ['of more than a megabyte', { body_html: 'x'.repeat(1_000_001) }],
  ])('refuses a message %s', async (_name, more) => {
    const standIn = await gorgias()
    const id = standIn.opens({ from: zoe, text: 'Hello' })
    const answer = await call(standIn, `/api/tickets/${id}/messages`, 'POST', { ...outgoing, ...more })
    expect(answer).toMatchObject({ status: 400, body: { error: { msg: expect.any(String) } } })
    expect(standIn.account.messages).toHaveLength(1)
  })
  test('POST adds tags, PUT replaces them, DELETE removes them; names are case-sensitive', async () => {
    const standIn = await gorgias()
    const id = standIn.opens({ from: zoe, text: 'Hello' })
    const tags = async (method: string, names: string[]) => {
      await call(standIn, `/api/tickets/${id}/tags`, method, { names })
      return standIn.ticket(id)?.tags
    }
    expect(await tags('POST', ['a', 'b'])).toEqual(['a', 'b'])
    expect(await tags('POST', ['B', 'b'])).toEqual(['a', 'B', 'b'])
    expect(await tags('DELETE', ['B'])).toEqual(['a', 'b'])
    expect(await tags('PUT', ['c'])).toEqual(['c'])
  })
})

test('a file keeps tickets, customers and ids', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gorgias-'))
  open.push({ close: () => rm(directory, { recursive: true }) })
  const file = join(directory, 'gorgias.json')
  const first = await gorgias({ file })
  const id = first.opens({ from: { name: 'New', address: 'new@example.com' }, text: 'Hello' })
  const second = await gorgias({ file })
  expect(second.ticket(id)?.messages).toEqual(first.ticket(id)?.messages)
  expect(second.opens({ from: { name: 'New', address: 'new@example.com' }, text: 'Again' })).not.toBe(id)
  expect(
    [...second.account.customers.values()].filter(({ email }) => email === 'new@example.com'),
  ).toHaveLength(1)
})
