import { mkdtempSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from '@jest/globals'
import { verify } from '../lambdas/core/signature.ts'
import { inbound } from '../lambdas/hubspot/inbound.ts'
import { hubspotDemo } from '../local/hubspot/demo.ts'
import { demoHubspot } from '../local/hubspot/demo-account.ts'
import { type HubspotOptions, startHubspot } from '../local/hubspot/stand-in.ts'
import { demoPeople } from '../local/people.ts'
import { hubspotConnection } from '../schemas/hubspot.ts'

const { zoe, kim } = demoPeople
const secret = demoHubspot.clientSecret
const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of closing.splice(0)) await end()
})
async function start(options: HubspotOptions = {}) {
  const standIn = await startHubspot({ retryDelayMs: 1, ...options })
  closing.push(() => standIn.close())
  return standIn
}
/** Answers webhooks with these statuses in turn, then 200, and keeps what came. */
async function hook(...statuses: number[]) {
  const seen: { headers: Map<string, string[]>; body: Buffer }[] = []
  const server: Server = createServer(async (req, res) => {
    const body: Buffer[] = []
    for await (const chunk of req) body.push(chunk as Buffer)
    const headers = Object.entries(req.headers).map(([name, value]): [string, string[]] => [
      name,
      [value].flat() as string[],
    ])
    seen.push({ headers: new Map(headers), body: Buffer.concat(body) })
    res.writeHead(statuses[seen.length - 1] ?? 200).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(async () => server.close())
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/hubspot/x` }
}
const call = (url: string, path: string, init: RequestInit = {}) =>
  fetch(url + path, { headers: { authorization: `Bearer ${demoHubspot.accessToken}` }, ...init })
const account = '/account-info/v3/details'

const json = (method: string, body: object): RequestInit => ({
  method,
  headers: { authorization: `Bearer ${demoHubspot.accessToken}`, 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

describe('the stand-in HubSpot', () => {
  test('signs each attempt over URL, body and time, as the adapter verifies it', async () => {
    const { seen, url } = await hook(503)
    const standIn = await start()
    standIn.connect({ url, secret })
    const id = standIn.opens({ from: zoe, text: 'hello' })
    await standIn.settled()
    expect(seen).toHaveLength(3)
    for (const { headers, body } of seen)
      expect(
        verify(inbound.signatures, { method: 'POST', url, headers, rawBody: body }, [secret], Date.now()),
      ).toEqual({ ok: true })
    const connection = hubspotConnection.parse(hubspotDemo.connection(standIn.url))
    const rung = seen.map(({ body }) => inbound.webhook(JSON.parse(body.toString()), connection))
    expect(rung.filter((one) => 'doorbells' in one && one.doorbells[0]?.ticketId === id)).not.toEqual([])
  })
  test('tries what fails ten times more', async () => {
    const { url } = await hook(...Array.from({ length: 30 }, () => 400))
    const standIn = await start()
    const id = standIn.opens({ from: zoe, text: 'hello' })
    standIn.connect({ url, secret })
    standIn.writes(id, zoe, 'hello?')
    await standIn.settled()
    expect(standIn.deliveries.map(({ statuses }) => statuses.length)).toEqual([11])
  })
  test('fires for what an integration writes as for anybody', async () => {
    const { url } = await hook()
    const standIn = await start()
    const id = standIn.opens({ from: zoe, text: 'hello' })
    standIn.connect({ url, secret })
    const path = `/conversations/v3/conversations/threads/${id}/messages`
    const posted = await call(
      standIn.url,
      path,
      json('POST', { type: 'COMMENT', text: 'x', attachments: [] }),
    )
    expect([posted.status, posted.headers.get('location')]).toEqual([201, expect.stringContaining(path)])
    await standIn.settled()
    expect(JSON.parse(standIn.deliveries[0]?.rawBody ?? '')).toMatchObject([
      { subscriptionType: 'conversation.newMessage', messageType: 'COMMENT', objectId: Number(id) },
    ])
  })
  test('refuses another token, and more than its calls in ten seconds, in HubSpot’s words', async () => {
    const standIn = await start({ requestsPerWindow: 2 })
    const wrong = await call(standIn.url, account, { headers: { authorization: 'Bearer x' } })
    expect([wrong.status, await wrong.json()]).toMatchObject([401, { category: 'INVALID_AUTHENTICATION' }])
    const answers = [1, 2, 3].map(async () => (await call(standIn.url, account)).status)
    expect((await Promise.all(answers)).toSorted((a, b) => a - b)).toEqual([200, 200, 429])
    const over = await call(standIn.url, account)
    expect(over.headers.get('x-hubspot-ratelimit-interval-milliseconds')).toBe('10000')
    expect(await over.json()).toMatchObject({ policyName: 'TEN_SECONDLY_ROLLING', status: 'error' })
  })
  test('sends for agents alone, to anybody but agents, on a channel that is there', async () => {
    const standIn = await start()
    const id = standIn.opens({ from: zoe, text: 'hello' })
    const message = {
      type: 'MESSAGE',
      text: 'Hi',
      attachments: [],
      senderActorId: `A-${demoHubspot.botUserId}`,
      channelId: demoHubspot.emailChannelId,
      channelAccountId: demoHubspot.emailAccountId,
      recipients: [{ deliveryIdentifiers: [{ type: 'HS_EMAIL_ADDRESS', value: zoe.address }] }],
    }
    const post = async (more: object) => {
      const path = `/conversations/v3/conversations/threads/${id}/messages`
      return (await call(standIn.url, path, json('POST', { ...message, ...more }))).status
    }
    expect(await post({})).toBe(201)
    for (const more of [
      { senderActorId: 'V-551' },
      { senderActorId: 'A-1' },
      { recipients: [{ ...message.recipients[0], actorId: 'A-1' }] },
      { recipients: [] },
      { channelAccountId: demoHubspot.chatAccountId },
      { text: '' },
      { attachments: undefined },
    ])
      expect(await post(more)).toBe(400)
    expect(standIn.ticket(id)?.messages).toHaveLength(2)
  })
  test('opens a closed thread when its customer writes, and copies whoever reads along', async () => {
    const standIn = await start()
    const id = standIn.opens({ from: zoe, text: 'hello' })
    standIn.addReader(id, kim)
    standIn.closeTicket(id)
    expect(standIn.ticket(id)?.status).toBe('closed')
    standIn.writes(id, zoe, 'hello?')
    expect(standIn.ticket(id)?.status).toBe('open')
    for (const { recipients } of standIn.conversation(id).entries.filter(({ type }) => type === 'MESSAGE'))
      expect(JSON.stringify(recipients)).toContain(kim.address)
  })
  test('keeps its threads in a file', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'hubspot-')), 'hubspot.json')
    const first = await start({ file })
    const id = first.opens({ from: { name: 'New', address: 'new@example.com' }, text: 'hello' })
    const second = await start({ file })
    expect(second.ticket(id)).toEqual(first.ticket(id))
    expect(second.account.contacts).toEqual(first.account.contacts)
    expect(second.opens({ from: zoe, text: 'again' })).not.toBe(id)
  })
})
