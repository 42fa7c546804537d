import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { DeskhandError } from '../lambdas/core/errors.ts'
import type { Message, Outgoing, Ticket } from '../lambdas/core/helpdesk.ts'
import type { Api } from '../lambdas/gorgias/api.ts'
import { gorgias } from '../lambdas/gorgias/helpdesk.ts'
import { demoGorgias } from '../local/gorgias/demo-account.ts'
import { byMail } from '../local/gorgias/entries.ts'
import { demoPeople } from '../local/people.ts'
import type { Answered } from '../local/serve.ts'
import type { ExpectedCall } from './fixtures/fixture.ts'
import { fixture } from './fixtures/gorgias.ts'
import { type Account, startAccount } from './fixtures/gorgias-account.ts'

let account: Account
beforeAll(async () => {
  account = await startAccount()
})
afterAll(() => account.standIn.close())

const { zoe, ben } = demoPeople
const ref = 'ref 0123456789abcdef'
let ticketId: string
beforeEach(() => {
  account.clock.time += 60_000
  ticketId = account.standIn.opens({ from: zoe, text: 'Where is order 1042?', subject: 'Order 1042' })
  account.standIn.requests.length = 0
  account.lines.length = 0
})

const read = (api: Api = account.api(), id = ticketId) => gorgias.read(id, api)
const newestOf = ({ messages }: Ticket): Message => {
  const found = messages.findLast(({ author }) => author.role === 'customer')
  if (found === undefined) throw new Error('no message')
  return found
}
/** Reads the ticket, then posts into it. */
async function post(outgoing: (ticket: Ticket) => Outgoing, api: Api = account.api()) {
  const ticket = await read(api)
  account.standIn.requests.length = 0
  return await gorgias.post(ticket, outgoing(ticket), api)
}
const reply =
  (more: { to?: string; text?: string } = {}) =>
  (ticket: Ticket): Outgoing => ({
    kind: 'reply',
    text: 'Hi **Zoë**, it is on its way.',
    ref,
    answers: newestOf(ticket),
    ...more,
  })
const personal = reply({ to: zoe.address })
const note = (): Outgoing => ({ kind: 'note', text: 'Two refunds?', ref })
const handOver = (): Outgoing => ({ kind: 'hand_over', text: 'Please take over.', ref })
const calls = () => account.standIn.requests.map(({ method, path }) => `${method} ${path}`)
const bodies = () => account.standIn.requests.map(({ body }) => JSON.parse(body || 'null'))
const seen = () => account.standIn.ticket(ticketId)
async function failure(call: Promise<unknown>): Promise<DeskhandError> {
  try {
    await call
  } catch (error) {
    return error as DeskhandError
  }
  throw new Error('it worked')
}
const fail = (answer: Answered, path: RegExp, method = 'POST') =>
  account.standIn.failNext(
    { when: 'before', answer },
    { only: (asked) => asked.method === method && path.test(asked.url.pathname) },
  )

describe('reading a Gorgias ticket', () => {
  test('asks for the ticket before its messages, newest first, and for nothing else', async () => {
    expect(await read()).toMatchObject({
      id: ticketId,
      channel: 'email',
      audience: [zoe.address],
      requester: { id: '8000001', address: zoe.address },
      complete: true,
    })
    expect(calls()).toEqual([
      `GET /api/tickets/${ticketId}`,
      `GET /api/messages?ticket_id=${ticketId}&order_by=created_datetime%3Adesc&limit=100`,
    ])
  })
  test('reads the two newest pages and says that there are more; then nobody knows who reads along', async () => {
    for (let n = 1; n <= 204; n++) account.standIn.writes(ticketId, zoe, `Message ${n}`)
    account.standIn.requests.length = 0
    const ticket = await read()
    expect(ticket).toMatchObject({ complete: false, audience: 'unknown' })
    expect(ticket.messages).toHaveLength(200)
    expect(ticket.messages.at(-1)?.text).toBe('Message 204')
    expect(calls()).toHaveLength(3)
  })
  test('does not show the messages of another ticket, whatever the list answers', async () => {
    const other = account.standIn.opens({ from: ben, text: 'SECRET of Ben' })
    const list = account.standIn.account.messages.filter(({ ticket_id }) => String(ticket_id) === other)
    fail({ status: 200, json: { data: list, meta: {} } }, /messages$/, 'GET')
    expect(await read()).toMatchObject({ messages: [], audience: 'unknown' })
  })
  test('keeps every digit of ids past 2^53', async () => {
    const [message] = account.standIn.account.messages.filter(
      ({ ticket_id }) => String(ticket_id) === ticketId,
    )
    const page = JSON.stringify({ data: [{ ...message, id: 1 }] }).replace('"id":1', '"id":90071992547409931')
    fail({ status: 200, html: page }, /messages$/, 'GET')
    expect((await read()).messages[0]?.id).toBe('90071992547409931')
  })
  test('cannot be led to another path by an id', async () => {
    expect((await failure(read(account.api(), '../users/0'))).code).toBe('ticket_gone')
    expect(calls()).toEqual(['GET /api/tickets/..%2Fusers%2F0'])
  })
})

describe('answering by mail', () => {
  const matches = (expected: ExpectedCall[]) => {
    const text = JSON.stringify(expected).replaceAll('{ticket}', ticketId)
    const wanted = JSON.parse(text) as ExpectedCall[]
    expect(calls()).toEqual(wanted.map(({ method, path }) => `${method} ${path}`))
    for (const [i, { body = {} }] of wanted.entries()) expect(bodies()[i]).toMatchObject(body)
  }
  test.each([
    ['reply', personal],
    ['note', note],
    ['handOver', handOver],
  ] as const)('makes exactly the calls of a %s', async (kind, outgoing) => {
    const id = await post(outgoing)
    matches(fixture.posts[kind])
    expect((await read()).messages.find((message) => message.id === id)).toMatchObject({ ours: true, ref })
  })
  test('never says when it was sent: Gorgias would send nothing', async () => {
    await post(personal)
    expect(bodies()[0]).not.toHaveProperty('sent_datetime')
    expect(account.standIn.account.messages.at(-1)).toMatchObject({ sent_datetime: expect.any(String) })
  })
  test('goes to the verified address alone, whoever else the thread names', async () => {
    account.standIn.addReader(ticketId, ben)
    await post(personal)
    expect(seen()?.messages.at(-1)?.to).toEqual([zoe.address])
  })
  test('goes to the verified address, not to where the message came from', async () => {
    await post(reply({ to: 'verified@example.com' }))
    expect(seen()?.messages.at(-1)?.to).toEqual(['verified@example.com'])
  })
  test('without a verified address goes to who wrote, from the address that was written to', async () => {
    account.standIn.writes(ticketId, ben, 'And mine?')
    await post(reply())
    expect(bodies()[0]).toMatchObject({
      receiver: { id: 8_000_002 },
      source: { from: { address: demoGorgias.supportAddress }, to: [{ address: ben.address }] },
    })
  })
  test('breaks template syntax in HTML and in text, and shows no markup', async () => {
    await post(reply({ text: '{{ticket.customer.email}} {%if%} <b>x</b> **y**' }))
    const { body_html, body_text } = bodies()[0]
    for (const text of [body_html, body_text]) expect(text).not.toMatch(/\{[{%]/)
    expect(body_html).toContain('&lt;b&gt;')
    expect(body_text).toContain('<b>x</b> y')
  })
  test('answers under the ticket’s subject, in which a template is broken too', async () => {
    await post(personal)
    expect(bodies()[0].subject).toBe('Re: Order 1042')
    for (const [subject, expected] of [
      ['RE: Order 1042', 'RE: Order 1042'],
      ['{{current_user.email}} {%x%} {{{y', 'Re: { {current_user.email}} { %x%} { { {y'],
    ]) {
      Object.assign(account.standIn.account.tickets.get(Number(ticketId)) ?? {}, { subject })
      await post(personal)
      expect(bodies()[0].subject).toBe(expected)
    }
  })
  test('leaves the ticket open, and closes it where that is configured', async () => {
    await post(personal)
    expect(seen()?.status).toBe('open')
    await post(personal, account.api({ closeAfterReply: true }))
    expect(calls()).toEqual([`POST /api/tickets/${ticketId}/messages`, `PUT /api/tickets/${ticketId}`])
    expect(seen()).toMatchObject({ status: 'closed' })
  })
  test('is posted though closing fails: that is only told', async () => {
    fail({ status: 500 }, /\/\d+$/, 'PUT')
    expect(await post(personal, account.api({ closeAfterReply: true }))).toMatch(/^\d+$/)
    expect(account.lines).toMatchObject([{ event: 'ticket_left_open', fields: { code: 'outcome_unknown' } }])
  })
  test('that could not be sent is seen as failed, and Gorgias tells so by a trigger of its own', async () => {
    account.standIn.connect({ url: 'http://127.0.0.1:1/', secret: 'x' })
    account.standIn.failSending(1)
    const id = await post(personal)
    expect((await read()).messages.find((message) => message.id === id)).toMatchObject({
      ours: true,
      failed: true,
    })
    await account.standIn.settled()
    expect(JSON.parse(account.standIn.deliveries.at(-1)?.rawBody ?? '')).toMatchObject({
      event: 'ticket-message-failed',
      message_id: id,
      from_agent: 'True',
    })
    expect(gorgias.sendsWithinMs).toBeGreaterThan(0)
  })
})

describe('answering a chat', () => {
  beforeEach(() => {
    ticketId = account.standIn.opens({ from: zoe, text: 'Hello?', channel: 'chat' })
  })
  const conversation = () => account.standIn.account.tickets.get(Number(ticketId))
  test('goes to its conversation, without a receiver', async () => {
    await post(reply())
    const { chat } = (conversation()?.meta ?? {}) as { chat?: { conversation_id: string } }
    expect(bodies()[0]).toMatchObject({
      channel: 'chat',
      source: { type: 'chat', to: [{ address: chat?.conversation_id ?? '' }] },
    })
    expect(bodies()[0]).not.toHaveProperty('receiver')
    expect(account.standIn.account.messages.at(-1)).toMatchObject({ failed_datetime: null })
  })
  test('asks for the customer’s chat address where the ticket names no conversation', async () => {
    Object.assign(conversation() ?? {}, { meta: null })
    const customer = account.standIn.account.customers.get(8_000_001)
    customer?.channels.push({ id: 1, type: 'chat', address: 'chat-of-zoe', preferred: true })
    await post(reply())
    expect(bodies()[0]).toMatchObject({ source: { to: [{ address: 'chat-of-zoe' }] } })
    // Two may be two people's, by a merge: then it is nobody's to guess.
    customer?.channels.push({ id: 2, type: 'chat', address: 'chat-of-eve', preferred: false })
    expect((await failure(post(reply()))).code).toBe('refused')
    expect(calls()).toEqual([])
    customer?.channels.splice(1)
  })
  test('with a verified address goes by mail to that address', async () => {
    await post(personal)
    expect(bodies()[0]).toMatchObject({ channel: 'email', source: { to: [{ address: zoe.address }] } })
  })
  test('nobody is told where Gorgias documents no way back', async () => {
    const sms = {
      ...byMail(demoGorgias.customers[0] ?? demoGorgias.bot, 'Hi'),
      channel: 'sms',
      via: 'twilio',
    }
    account.standIn.write(ticketId, sms)
    expect((await failure(post(reply()))).code).toBe('refused')
    expect(calls()).toEqual([])
  })
})

describe('handing over', () => {
  test('takes the ticket from us, opens it for the team, and keeps the tags it has', async () => {
    const ticket = account.standIn.account.tickets.get(Number(ticketId))
    Object.assign(ticket ?? {}, {
      status: 'closed',
      assignee_user: demoGorgias.bot,
      tags: [{ id: 1, name: 'vip' }],
    })
    await post(handOver)
    expect(seen()).toMatchObject({ status: 'open', assignee: 'Humans', tags: ['vip', 'ai-handed-over'] })
    expect(await read()).toMatchObject({ handedOver: true, assignee: 'nobody' })
  })
  test('without a team takes it from us all the same', async () => {
    await post(handOver, account.api({ handOver: {} }))
    expect(bodies()[1]).toEqual({ status: 'open', assignee_user: { id: null } })
  })
  test.each([
    ['the team', /\/\d+$/, 'PUT'],
    ['the tag', /tags$/, 'POST'],
  ] as const)(
    'is not known to be done where %s failed, and `finish` does the rest alone',
    async (_, path, method) => {
      fail({ status: 429 }, path, method)
      expect((await failure(post(handOver))).code).toBe('outcome_unknown')
      const ticket = await read()
      expect(ticket.messages.filter(({ visibility }) => visibility === 'internal')).toHaveLength(1)
      account.standIn.requests.length = 0
      await gorgias.finish(ticket, account.api())
      expect(calls()).toEqual([`PUT /api/tickets/${ticketId}`, `POST /api/tickets/${ticketId}/tags`])
      expect(seen()).toMatchObject({ assignee: 'Humans', tags: ['ai-handed-over'] })
    },
  )
  test('is finished without taking the ticket from a colleague who has it by now', async () => {
    account.standIn.assignToAgent(ticketId)
    await gorgias.finish(await read(), account.api())
    expect(seen()).toMatchObject({ assignee: 'Petra Lind', tags: ['ai-handed-over'] })
    account.standIn.requests.length = 0
    await gorgias.finish(await read(), account.api())
    expect(calls().filter((call) => !call.startsWith('GET'))).toEqual([])
  })
  test('of a note that failed posts nothing more', async () => {
    fail({ status: 400 }, /messages$/)
    expect((await failure(post(handOver))).code).toBe('refused')
    expect(calls()).toHaveLength(1)
  })
})

describe('when Gorgias fails', () => {
  test.each(fixture.failures)('a read: $name', async ({ answer, read: code, retryAfterMs, name }) => {
    fail(answer, /tickets/, 'GET')
    if (name.startsWith('401')) fail(answer, /tickets/, 'GET')
    expect(await failure(read())).toMatchObject({ code, retryAfterMs })
  })
  test.each(fixture.failures)('a write: $name', async ({ answer, write: code, retryAfterMs, name }) => {
    fail(answer, /messages$/)
    if (name.startsWith('401')) fail(answer, /messages$/)
    expect(await failure(post(personal))).toMatchObject({ code, retryAfterMs })
    expect(calls()).toHaveLength(name.startsWith('401') ? 2 : 1)
  })
  test('a written message without an id may be there', async () => {
    fail({ status: 201, json: {} }, /messages$/)
    expect((await failure(post(personal))).code).toBe('outcome_unknown')
  })
  test('nothing of what it answered is in the error', async () => {
    fail({ status: 400, json: { error: { msg: 'zoe@example.com SECRET' } } }, /messages$/)
    expect((await failure(post(personal))).message).not.toMatch(/zoe|SECRET/)
  })
})

describe('authenticating to Gorgias', () => {
  const hosts = () => [new URL(account.standIn.url).host]
  test('an access token goes as bearer', async () => {
    const auth = { type: 'oauth_token', secret: 'token' }
    const api = account.api({ auth }, { token: { value: demoGorgias.accessToken, hosts: hosts() } })
    expect((await read(api)).id).toBe(ticketId)
  })
  test('a wrong key is a broken connection, after it was read afresh once', async () => {
    const api = account.api({}, { 'gorgias-api-key': { value: 'wrong', hosts: hosts() } })
    expect((await failure(read(api))).code).toBe('connection_broken')
    expect(calls()).toHaveLength(2)
  })
  test.each<[string, object | undefined]>([
    ['missing', undefined],
    ['bound to another host', { value: demoGorgias.apiKey, hosts: ['nordlicht-outdoor.gorgias.com'] }],
  ])('a key that is %s goes nowhere', async (_name, stored) => {
    const api = account.api({}, { 'gorgias-api-key': stored })
    expect((await failure(read(api))).code).toBe('bad_configuration')
    expect(calls()).toEqual([])
  })
  test.each([
    'https://evil.example',
    'https://other.gorgias.com',
    'https://nordlicht-outdoor.gorgias.com.evil.example',
  ])('a base URL of %s is refused before anything is sent', async (baseUrl) => {
    expect((await failure(read(account.api({ baseUrl })))).code).toBe('bad_configuration')
    expect(calls()).toEqual([])
  })
})

describe('what moved in Gorgias', () => {
  const moved = async (since: number, api: Api = account.api()) => {
    const bells = []
    for await (const bell of gorgias.moved(since, api)) bells.push(bell)
    return bells
  }
  test('is each ticket in which a customer wrote since, once, oldest first', async () => {
    const since = account.clock.time
    account.standIn.writes(ticketId, zoe, 'At the same moment')
    account.clock.time += 1000
    const second = account.standIn.opens({ from: ben, text: 'Hello' })
    account.clock.time += 1000
    account.standIn.writes(ticketId, zoe, 'And?')
    const newest = account.standIn.writes(ticketId, zoe, 'Are you there?')
    account.clock.time += 1000
    account.standIn.writes(second, 'agent', 'By a colleague')
    const noted = account.standIn.opens({ from: zoe, text: 'Another' })
    account.standIn.writes(noted, 'agent', 'A note', { internal: true })
    expect(await moved(since)).toEqual([
      { ticketId: second, messageId: expect.any(String), from: 'customer', at: since + 1000 },
      { ticketId, messageId: newest, from: 'customer', at: since + 2000 },
      { ticketId: noted, messageId: expect.any(String), from: 'customer', at: since + 3000 },
    ])
  })
  test('is read page by page, no further than asked', async () => {
    const since = account.clock.time
    account.clock.time += 1000
    for (let n = 0; n < 150; n++) account.standIn.writes(ticketId, zoe, `${n}`)
    account.standIn.requests.length = 0
    expect(await moved(since)).toHaveLength(1)
    expect(calls()).toHaveLength(2)
    expect(await moved(account.clock.time)).toEqual([])
    expect(calls()).toHaveLength(3)
  })
  test('is bounded, and an operator is told when that was too little', async () => {
    const [message] = account.standIn.account.messages.slice(-1)
    const page = {
      data: [{ ...message, created_datetime: '2099-01-01T00:00:00' }],
      meta: { next_cursor: 'more' },
    }
    account.standIn.failNext({ when: 'before', answer: { status: 200, json: page } }, { times: 20 })
    expect(await moved(0)).toHaveLength(1)
    expect(calls()).toHaveLength(20)
    expect(account.lines).toMatchObject([{ event: 'moved_too_much' }])
  })
})

describe('checking a Gorgias connection', () => {
  const failing = async (api: Api = account.api()) =>
    (await gorgias.check(api)).filter(({ ok }) => !ok).map(({ what, message }) => `${what}: ${message}`)
  beforeEach(() => {
    account.standIn.connect({
      url: `https://d.example/webhooks/gorgias/${fixture.demo.connectionId}`,
      secret: 'x',
    })
    Object.assign(account.standIn.integration, { deactivated_datetime: null })
  })

  test('finds nothing wrong with a complete one, and writes nothing', async () => {
    expect(await failing()).toEqual([])
    expect(calls().every((call) => call.startsWith('GET'))).toBe(true)
    const whats = (await gorgias.check(account.api())).map(({ what }) => what)
    expect(whats).toEqual(['credentials', 'bot_user', 'account', 'webhook', 'hand_over', 'attestations'])
  })
  test('names credentials that do not work, and asks no further', async () => {
    for (let n = 0; n < 2; n++) fail({ status: 401 }, /users/, 'GET')
    expect(await failing()).toEqual([expect.stringMatching(/^credentials/)])
    expect(calls()).toHaveLength(2)
  })
  test('names a bot user who is another, off, or may not answer', async () => {
    expect(await failing(account.api({ botUserId: '4711' }))).toEqual([
      expect.stringMatching(/^bot_user.*4711/),
    ])
    for (const user of [
      { active: false, role: { name: 'agent' } },
      { active: true, role: { name: 'observer-agent' } },
    ]) {
      fail({ status: 200, json: { id: demoGorgias.bot.id, ...user } }, /users/, 'GET')
      expect(await failing()).toEqual([expect.stringMatching(/^bot_user/)])
    }
  })
  test('names an integration that Gorgias switched off, and how to switch it on', async () => {
    Object.assign(account.standIn.integration, { deactivated_datetime: '2026-11-21T08:00:00' })
    expect(await failing()).toEqual([expect.stringMatching(/^webhook.*PUT \/api\/integrations\/17/)])
  })
  test('names an integration that calls somewhere else, or lacks its trigger', async () => {
    fail(
      { status: 200, json: { data: [{ id: 17, http: { url: 'https://d.example/other' } }] } },
      /integrations/,
      'GET',
    )
    expect(await failing()).toEqual([expect.stringMatching(/^webhook.*No HTTP integration/)])
    const { url } = account.standIn.integration.http
    fail(
      { status: 200, json: { data: [{ id: 17, http: { url, triggers: { 'ticket-created': true } } }] } },
      /integrations/,
      'GET',
    )
    expect(await failing()).toEqual([expect.stringMatching(/^webhook.*trigger/)])
  })
  test('does not take integrations that it may not list for missing', async () => {
    fail({ status: 403 }, /integrations/, 'GET')
    expect(await failing()).toEqual([])
  })
  test('names a team that is not there', async () => {
    expect(await failing(account.api({ handOver: { teamId: '5' } }))).toEqual([
      expect.stringMatching(/^hand_over.*5/),
    ])
  })
})
