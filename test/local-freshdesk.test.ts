import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from '@jest/globals'
import { demoFreshdesk } from '../local/freshdesk/demo-account.ts'
import { type FreshdeskOptions, startFreshdesk } from '../local/freshdesk/stand-in.ts'
import { demoPeople } from '../local/people.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close()
})
const start = async (options: FreshdeskOptions = {}) => {
  const standIn = await startFreshdesk({ retryDelayMs: 1, ...options })
  open.push(standIn)
  return standIn
}
const key = `Basic ${btoa(`${demoFreshdesk.apiKey}:X`)}`
async function call(url: string, method = 'GET', body?: object, authorization = key) {
  const response = await fetch(url, {
    method,
    headers: { authorization, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

/** An address for webhooks that answers these statuses, then 200. */
async function receiver(...statuses: number[]) {
  const received: { body: unknown; secret: unknown }[] = []
  const server = createServer((req, res) => {
    let raw = ''
    req.on('data', (chunk: Buffer) => {
      raw += chunk.toString()
    })
    req.on('end', () => {
      received.push({ body: JSON.parse(raw), secret: req.headers['x-deskhand-secret'] })
      res.writeHead(statuses.shift() ?? 200).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push({ close: () => new Promise((resolve) => server.close(resolve)) })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received }
}

describe('the stand-in Freshdesk', () => {
  test('fires for what customers write and not for what the team or we do', async () => {
    const standIn = await start()
    const { url, received } = await receiver()
    standIn.connect({ url, secret: 'secret' })
    const id = standIn.opens({ from: demoPeople.zoe, text: 'Hi' })
    await standIn.settled()
    standIn.writes(id, 'agent', 'Hello')
    await call(`${standIn.url}/api/v2/tickets/${id}/reply`, 'POST', { body: '<p>ours</p>' })
    standIn.writes(id, demoPeople.zoe, 'Thanks')
    await standIn.settled()
    expect(received).toEqual([
      { body: { v: 1, ticket_id: id, event: '{ticket_action:created}' }, secret: 'secret' },
      { body: { v: 1, ticket_id: id, event: '{reply_sent:sent}' }, secret: 'secret' },
    ])
  })
  test('fires for everybody where the rule says so', async () => {
    const standIn = await start({ rulesForEverybody: true })
    const { url, received } = await receiver()
    standIn.connect({ url, secret: 'secret' })
    const id = standIn.opens({ from: demoPeople.zoe, text: 'Hi' })
    await call(`${standIn.url}/api/v2/tickets/${id}/notes`, 'POST', { body: '<p>note</p>' })
    await standIn.settled()
    const events = received.map(({ body }) => (body as { event: string }).event)
    expect(new Set(events)).toEqual(new Set(['{note_type:private}', '{ticket_action:created}']))
  })
  test('sends a failed delivery again three times, and then no more', async () => {
    const standIn = await start()
    const { url } = await receiver(503, 500, 401, 503, 200)
    standIn.connect({ url, secret: 'secret' })
    standIn.opens({ from: demoPeople.zoe, text: 'Hi' })
    await standIn.settled()
    expect(standIn.deliveries[0]?.statuses).toEqual([503, 500, 401, 503])
  })
  test('lets nobody in without the key, and counts calls', async () => {
    const standIn = await start({ requestsPerMinute: 3, now: () => 30_000 })
    const id = standIn.opens({ from: demoPeople.zoe, text: 'Hi' })
    const path = `${standIn.url}/api/v2/tickets/${id}`
    expect((await call(path, 'GET', undefined, `Basic ${btoa('no:X')}`)).status).toBe(401)
    const read = await call(`${path}?include=requester`)
    expect(read.status).toBe(200)
    expect(read.headers.get('x-ratelimit-remaining')).toBe('0')
    expect(read.headers.get('x-ratelimit-used-currentrequest')).toBe('2')
    const refused = await call(path)
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('30')
  })
  test('refuses fields that it does not know, other senders, and updates of spam', async () => {
    const standIn = await start()
    const id = standIn.opens({ from: demoPeople.zoe, text: 'Hi' })
    const path = `${standIn.url}/api/v2/tickets/${id}`
    expect((await call(`${path}/reply`, 'POST', { body: 'x', to: 'a@b.example' })).text).toContain(
      'invalid_field',
    )
    expect((await call(`${path}/reply`, 'POST', { body: 'x', from_email: 'a@b.example' })).status).toBe(400)
    expect((await call(`${path}/notes`, 'POST', {})).status).toBe(400)
    standIn.account.change(standIn.account.tickets.get(Number(id)) as never, { spam: true })
    expect((await call(path, 'PUT', { status: 3 })).status).toBe(405)
    expect((await call(path)).status).toBe(200)
  })
  test('gives lists in pages with a link to the next', async () => {
    const standIn = await start()
    const id = standIn.opens({ from: demoPeople.zoe, text: 'Hi' })
    for (let n = 0; n < 31; n++) standIn.writes(id, demoPeople.zoe, `message ${n}`)
    const path = `${standIn.url}/api/v2/tickets/${id}/conversations`
    const first = await call(path)
    expect(JSON.parse(first.text)).toHaveLength(30)
    expect(first.headers.get('link')).toMatch(/page=2>; rel="next"$/)
    expect(JSON.parse((await call(`${path}?page=2`)).text)).toHaveLength(1)
  })
  test('keeps its tickets in a file', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'freshdesk-')), 'freshdesk.json')
    const first = await start({ file })
    const id = first.opens({ from: { name: 'New', address: 'new@example.org' }, text: 'Hi' })
    const second = await start({ file })
    expect(second.ticket(id)).toEqual(first.ticket(id))
    expect(Number(second.opens({ from: demoPeople.ben, text: 'Hi' }))).toBe(Number(id) + 1)
  })
})
