import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from '@jest/globals'
import { signIntercom } from '../local/intercom/events.ts'
import { type IntercomOptions, startIntercom } from '../local/intercom/stand-in.ts'
import { demoIntercom } from '../local/intercom/workspace.ts'
import { demoPeople } from '../local/people.ts'
import { type Answered, serve } from '../local/serve.ts'
import type { Json } from './fixtures/fixture.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close()
})
const intercom = async (options: IntercomOptions = {}) => {
  const standIn = await startIntercom({ retryDelayMs: 1, ...options })
  open.push(standIn)
  return standIn
}
const receiver = async (answer: (nth: number) => Answered) => {
  const received: { raw: string; signature: unknown; body: Json }[] = []
  const served = await serve(({ headers, body }) => {
    received.push({ raw: body, signature: headers['x-hub-signature'], body: JSON.parse(body) })
    return answer(received.length)
  })
  open.push(served)
  return { received, webhook: { url: served.url, secret: demoIntercom.clientSecret } }
}
const call = async (url: string, path: string, body?: object, token = demoIntercom.accessToken) => {
  const response = await fetch(url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Json }
}
const { zoe, kim } = demoPeople
const ask = { from: zoe, subject: 'Order 1042', text: 'Where is <b>it</b>?' }
const by = { type: 'admin', admin_id: '991234' }

describe('the stand-in Intercom', () => {
  test('tells of a conversation, a reply and our own answer, signed, each with only what is new', async () => {
    const hook = await receiver(() => ({ status: 200 }))
    const standIn = await intercom()
    standIn.connect(hook.webhook)
    const id = standIn.opens(ask)
    const second = standIn.writes(id, zoe, 'And?')
    await call(standIn.url, `/conversations/${id}/reply`, {
      ...by,
      message_type: 'comment',
      body: '<p>Soon</p>',
    })
    await standIn.settled()
    const told = hook.received.toSorted((a, b) => a.body.id.localeCompare(b.body.id))
    expect(told.map(({ body }) => body.topic)).toEqual([
      'conversation.user.created',
      'conversation.user.replied',
      'conversation.admin.replied',
    ])
    const parts = told.map(({ body }) => body.data.item.conversation_parts.conversation_parts)
    expect(parts.map((each: Json[]) => each.length)).toEqual([0, 1, 1])
    expect(parts[1][0]).toMatchObject({ id: second, body: 'And?', author: { type: 'user' } })
    expect(told[0]?.body.data.item.source.body).toBe('Where is <b>it</b>?')
    for (const { raw, signature } of told)
      expect(signature).toBe(signIntercom(demoIntercom.clientSecret, raw))
    expect(new Set(told.map(({ body }) => body.id)).size).toBe(3)
  })
  test.each([
    ['a failure once more', 500, 2],
    ['a 410 never', 410, 1],
    ['a success never', 200, 1],
  ])('sends again on %s', async (_, status, attempts) => {
    const hook = await receiver(() => ({ status }))
    const standIn = await intercom()
    standIn.connect(hook.webhook)
    standIn.opens(ask)
    await standIn.settled()
    expect(hook.received).toHaveLength(attempts)
  })
  test('answers nobody without the token, in the vendor’s words', async () => {
    const { url } = await intercom()
    const { status, body } = await call(url, '/me', undefined, 'wrong')
    expect([status, body.type, body.errors[0].code]).toEqual([401, 'error.list', 'unauthorized'])
    expect((await call(url, '/me')).body.app.id_code).toBe(demoIntercom.appId)
  })
  test('limits calls to a window of ten seconds and names its end', async () => {
    const now = 1_795_000_003_000
    const { url } = await intercom({ requestsPerMinute: 12, now: () => now })
    const answers = []
    for (let nth = 0; nth < 3; nth++) answers.push(await call(url, '/me'))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429])
    expect(answers[2]?.headers.get('x-ratelimit-reset')).toBe('1795000010')
    expect(answers[2]?.body.errors[0].code).toBe('rate_limit_exceeded')
  })
  test('shows the 500 newest parts and how many there are', async () => {
    const standIn = await intercom()
    const id = standIn.opens(ask)
    for (let nth = 1; nth <= 510; nth++) standIn.writes(id, zoe, `Message ${nth}`)
    const { body } = await call(standIn.url, `/conversations/${id}?display_as=plaintext`)
    const { conversation_parts: parts, total_count } = body.conversation_parts
    expect([parts.length, total_count, parts[0].body]).toEqual([500, 510, 'Message 11'])
  })
  test('takes a tag by id once it exists, assigns to whom there is, and refuses who is not', async () => {
    const standIn = await intercom()
    const id = standIn.opens(ask)
    const tag = (await call(standIn.url, '/tags', { name: 'x' })).body
    expect((await call(standIn.url, '/tags', { name: 'x' })).body.id).toBe(tag.id)
    const put = (path: string, body: object) => call(standIn.url, `/conversations/${id}/${path}`, body)
    expect((await put('tags', { id: '1', admin_id: '991234' })).status).toBe(404)
    await put('tags', { id: tag.id, admin_id: '991234' })
    await put('tags', { id: tag.id, admin_id: '991234' })
    expect(standIn.ticket(id)?.tags).toEqual(['x'])
    const assign = { message_type: 'assignment', type: 'team', admin_id: '991234' }
    expect((await put('parts', { ...assign, assignee_id: '1' })).status).toBe(404)
    expect((await put('parts', { ...assign, admin_id: '1', assignee_id: '5500' })).status).toBe(404)
    expect((await put('parts', { ...assign, assignee_id: '5500' })).body.team_assignee_id).toBe('5500')
  })
  test('lets nobody be signed in who types an address into the chat', async () => {
    const standIn = await intercom()
    const id = standIn.opens({ ...ask, channel: 'chat' })
    const { source } = (await call(standIn.url, `/conversations/${id}`)).body
    expect([source.type, source.author.type]).toEqual(['conversation', 'lead'])
  })
  test('names those in Cc and makes them part of the conversation', async () => {
    const standIn = await intercom()
    const { body } = await call(standIn.url, `/conversations/${standIn.opens({ ...ask, cc: [kim] })}`)
    expect(body.contacts.contacts).toHaveLength(2)
    expect(body.source.email_message_metadata.email_address_headers).toContainEqual({
      type: 'cc',
      email_address: kim.address,
      name: kim.name,
    })
  })
  test('keeps its conversations in a file', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'intercom-'))
    open.push({ close: () => rmSync(directory, { recursive: true }) })
    const file = join(directory, 'intercom.json')
    const first = await intercom({ file })
    const id = first.opens(ask)
    first.writes(id, zoe, 'And?')
    await first.close()
    const again = await intercom({ file })
    expect(again.ticket(id)).toEqual(first.ticket(id))
    expect(again.opens(ask)).not.toBe(id)
  })
  test('shows what people wrote as text', async () => {
    const standIn = await intercom()
    const id = standIn.opens({ ...ask, text: '<img src=x onerror=alert(1)>' })
    const html = await (await fetch(`${standIn.url}/tickets/${id}`)).text()
    expect(html).toContain('&lt;img src=x')
    expect(html).not.toContain('<img')
  })
})
