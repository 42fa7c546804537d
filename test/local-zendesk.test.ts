import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from '@jest/globals'
import { demoCustomers, demoWebhookSecret, demoZendesk } from '../local/zendesk/demo.ts'
import { signZendesk } from '../local/zendesk/sign.ts'
import { startZendesk, type ZendeskOptions, type ZendeskStandIn } from '../local/zendesk/stand-in.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close()
})

async function zendesk(options: ZendeskOptions = {}): Promise<ZendeskStandIn> {
  const standIn = await startZendesk({ retryDelayMs: 1, ...options })
  open.push(standIn)
  return standIn
}

const ask = { subject: 'Where is my order?', requester: demoCustomers.zoe }
const firstMessage = { author: demoCustomers.zoe, text: 'Order 1042 <b>please</b>' }

async function token(url: string, scope = 'read write'): Promise<string> {
  const response = await fetch(`${url}/oauth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      grant_type: 'client_credentials',
      client_id: demoZendesk.clientId,
      client_secret: demoZendesk.clientSecret,
      scope,
    }),
  })
  return ((await response.json()) as { access_token: string }).access_token
}

interface Answer {
  status: number
  headers: Headers
  body: Body
}
/** Whatever of an API answer the tests look at. */
interface Body {
  ticket: {
    id: number
    status: string
    updated_at: string
    requester_id: number
    group_id: number
    tags: string[]
  }
  audit: { events: { type: string; id: number; public: boolean }[]; metadata: { custom: unknown } }
  comments: {
    id: number
    body: string
    html_body: string
    author_id: number
    metadata: { flags?: number[]; trusted?: boolean }
  }[]
  users: { id: number; role: string }[]
  identities: { value: string; verification_method: string }[]
  meta: { has_more: boolean; after_cursor: string }
  webhook: { id: string; endpoint: string; status: string }
  webhooks: { id: string; endpoint: string }[]
  signing_secret: { algorithm: string; secret: string }
  user: { id: number }
  tags: string[]
  error: string
}

async function call(
  url: string,
  path: string,
  options: { method?: string; body?: unknown; auth?: string } = {},
): Promise<Answer> {
  const response = await fetch(url + path, {
    method: options.method ?? 'GET',
    headers: {
      authorization: options.auth ?? `Bearer ${await token(url)}`,
      'content-type': 'application/json',
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body }
}

interface Received {
  headers: Record<string, string | string[] | undefined>
  raw: string
  body: {
    type: string
    account_id: unknown
    id: string
    detail: { id: string; status: string; via: { channel: string } }
    event: { comment?: { id: string; is_public: boolean; author: { id: string; is_staff: boolean } } }
  }
}

/** An address that webhooks are sent to, with the status it answers. */
async function receiver(
  answer: (n: number) => { status: number; headers?: Record<string, string> } = () => ({ status: 200 }),
) {
  const received: Received[] = []
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      const raw = Buffer.concat(chunks).toString('utf8')
      const { status, headers } = answer(received.length)
      received.push({ headers: req.headers, raw, body: JSON.parse(raw) })
      res.writeHead(status, headers).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push({ close: () => new Promise((resolve) => server.close(resolve)) })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received }
}

describe('the signature', () => {
  // https://developer.zendesk.com/documentation/webhooks/verifying/ publishes the secret and the rule.
  const secret = 'dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=='
  test.each([
    ['{"say":"hello"}', '6f/So7XLAdYMjXyovyU2P2vl1IjiamSAEbV7g+3fk0k='],
    [
      '{"v":1,"ticket_id":"5158","updated_at":"2026-11-21T07:59:58Z"}',
      'Xxjutgqjl5P3jNg1M8BJzK4PEqzAbaq7d+zudWxbZnI=',
    ],
  ])('of %s is the known one', (body, signature) => {
    expect(signZendesk(secret, '2026-11-21T08:00:00Z', body)).toBe(signature)
  })
})

describe('webhooks', () => {
  test('a customer’s ticket, their reply and the bot’s reply each fire one, signed, ids as strings, enums upper-case', async () => {
    const hook = await receiver()
    const standIn = await zendesk({ webhook: { url: hook.url, secret: demoWebhookSecret } })
    const id = standIn.createTicket(ask, firstMessage)
    await standIn.settled()
    const customerComment = standIn.addComment(id, { author: demoCustomers.zoe, text: 'Hello?' })
    await standIn.settled()
    await call(standIn.url, `/api/v2/tickets/${id}.json`, {
      method: 'PUT',
      body: { ticket: { comment: { html_body: '<p>On its way</p>' }, status: 'pending' } },
    })
    await standIn.settled()

    expect(hook.received.map(({ body }) => body.type)).toEqual([
      'zen:event-type:ticket.created',
      'zen:event-type:ticket.comment_added',
      'zen:event-type:ticket.comment_added',
    ])
    for (const { headers, raw } of hook.received) {
      const timestamp = String(headers['x-zendesk-webhook-signature-timestamp'])
      expect(headers['x-zendesk-webhook-signature']).toBe(signZendesk(demoWebhookSecret, timestamp, raw))
      expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
      expect(headers).toMatchObject({
        'x-zendesk-account-id': '22129848',
        'x-zendesk-webhook-id': demoZendesk.webhookId,
        'x-zendesk-webhook-invocation-id': expect.stringMatching(/^\d+$/),
        'user-agent': 'Zendesk Webhook',
      })
    }
    const [created, customer, bot] = hook.received.map(({ body }) => body)
    expect(created).toMatchObject({
      account_id: 22129848,
      event: {},
      detail: { id: String(id), via: { channel: 'mail' } },
    })
    expect(customer?.event.comment).toMatchObject({
      id: String(customerComment),
      is_public: true,
      author: { id: String(demoCustomers.zoe), is_staff: false },
    })
    expect(customer?.detail.status).toBe('OPEN')
    expect(bot?.event.comment?.author).toMatchObject({ id: String(demoZendesk.botUserId), is_staff: true })
    expect(bot?.detail.status).toBe('PENDING')
    expect(new Set(hook.received.map(({ body }) => body.id)).size).toBe(3)
  })

  test.each([
    ['409 three times more', { status: 409 }, 4],
    ['503 with a short Retry-After', { status: 503, headers: { 'retry-after': '2' } }, 4],
    ['503 without Retry-After not at all', { status: 503 }, 1],
    ['429 with a long Retry-After not at all', { status: 429, headers: { 'retry-after': '60' } }, 1],
    ['500 not at all', { status: 500 }, 1],
  ])('are tried again on %s', async (_, answer, attempts) => {
    const hook = await receiver(() => answer)
    const standIn = await zendesk({ webhook: { url: hook.url, secret: demoWebhookSecret } })
    standIn.createTicket(ask, firstMessage)
    await standIn.settled()
    expect(hook.received).toHaveLength(attempts)
    expect(standIn.deliveries[0]?.statuses).toHaveLength(attempts)
  })

  test('stop at the first success, and can be sent once more by hand', async () => {
    const hook = await receiver((n) => ({ status: n === 0 ? 409 : 200 }))
    const standIn = await zendesk({ webhook: { url: hook.url, secret: demoWebhookSecret } })
    standIn.createTicket(ask, firstMessage)
    await standIn.settled()
    expect(hook.received).toHaveLength(2)
    expect(await standIn.redeliver()).toBe(200)
    expect(hook.received[2]?.raw).toBe(hook.received[0]?.raw)
  })
})

describe('access', () => {
  test('nobody reads without a token, with a wrong one, an ended one or after all were ended', async () => {
    let now = Date.now()
    const standIn = await zendesk({ now: () => now, tokenLifeSeconds: 600 })
    const me = (auth: string) => call(standIn.url, '/api/v2/users/me.json', { auth })
    expect((await me('')).status).toBe(401)
    expect((await me('Bearer wrong')).status).toBe(401)
    const auth = `Bearer ${await token(standIn.url)}`
    expect((await me(auth)).body.user.id).toBe(demoZendesk.botUserId)
    now += 600_000
    expect((await me(auth)).status).toBe(401)
    const next = `Bearer ${await token(standIn.url)}`
    standIn.expireTokens()
    expect((await me(next)).status).toBe(401)
  })

  test('the API token works as Basic', async () => {
    const standIn = await zendesk()
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
    const me = async (text: string) =>
      (await call(standIn.url, '/api/v2/users/me.json', { auth: basic(text) })).status
    expect(await me(`${demoZendesk.botEmail}/token:${demoZendesk.apiToken}`)).toBe(200)
    expect(await me(`${demoZendesk.botEmail}/token:wrong`)).toBe(401)
  })

  test('a token of a narrow scope is issued, and refused where it does not reach', async () => {
    const standIn = await zendesk()
    const id = standIn.createTicket(ask, firstMessage)
    const auth = `Bearer ${await token(standIn.url, 'tickets:read users:read')}`
    const status = async (path: string, method = 'GET') =>
      (await call(standIn.url, path, { auth, method, ...(method === 'GET' ? {} : { body: {} }) })).status
    expect(await status(`/api/v2/tickets/${id}.json`)).toBe(200)
    expect(await status(`/api/v2/users/${demoCustomers.zoe}/identities.json`)).toBe(403)
    expect(await status(`/api/v2/tickets/${id}.json`, 'PUT')).toBe(403)
  })
})

describe('tickets', () => {
  test('an update at the stamp goes through and answers its comment; one at an older stamp conflicts', async () => {
    const standIn = await zendesk()
    const id = standIn.createTicket(ask, firstMessage)
    const path = `/api/v2/tickets/${id}.json`
    const { ticket } = (await call(standIn.url, path)).body
    const put = () =>
      call(standIn.url, path, {
        method: 'PUT',
        body: {
          ticket: {
            comment: { html_body: '<p>Tuesday</p>', public: true },
            status: 'pending',
            safe_update: true,
            updated_stamp: ticket.updated_at,
            metadata: { marker: 'm1' },
          },
        },
      })
    const first = await put()
    expect(first.status).toBe(200)
    expect(first.body.ticket.status).toBe('pending')
    expect(Date.parse(first.body.ticket.updated_at)).toBeGreaterThan(Date.parse(ticket.updated_at))
    const comment = first.body.audit.events.find(({ type }) => type === 'Comment')
    const stored = standIn.account.conversations.get(id)?.comments ?? []
    expect(comment).toMatchObject({ public: true, id: stored[1]?.id })
    expect(first.body.audit.metadata.custom).toEqual({ marker: 'm1' })

    const second = await put()
    expect([second.status, second.body.error]).toEqual([409, 'UpdateConflict'])
    expect(stored).toHaveLength(2)
  })

  test('a closed ticket refuses updates', async () => {
    const standIn = await zendesk()
    const id = standIn.createTicket(ask, firstMessage)
    standIn.change(id, { status: 'closed' })
    const body = { ticket: { comment: { body: 'late' } } }
    const answer = await call(standIn.url, `/api/v2/tickets/${id}.json`, { method: 'PUT', body })
    expect([answer.status, answer.body.error]).toEqual([422, 'RecordInvalid'])
  })

  test('PUT adds tags, POST replaces them, DELETE removes them', async () => {
    const standIn = await zendesk()
    const id = standIn.createTicket(ask, firstMessage)
    const tags = async (method: string, body: unknown) =>
      (await call(standIn.url, `/api/v2/tickets/${id}/tags.json`, { method, body })).body.tags
    expect(await tags('PUT', { tags: ['a', 'b'] })).toEqual(['a', 'b'])
    expect(await tags('PUT', { tags: ['b', 'c'] })).toEqual(['a', 'b', 'c'])
    expect(await tags('DELETE', { tags: ['a'] })).toEqual(['b', 'c'])
    expect(await tags('POST', { tags: ['z'] })).toEqual(['z'])
    const stale = { tags: ['y'], safe_update: 'true', updated_stamp: '2020-01-01T00:00:00Z' }
    const answer = await call(standIn.url, `/api/v2/tickets/${id}/tags.json`, { method: 'PUT', body: stale })
    expect(answer.status).toBe(409)
  })

  test('comments come in pages, newest first when asked, with their authors', async () => {
    const standIn = await zendesk()
    const id = standIn.createTicket(ask, firstMessage)
    for (let n = 1; n <= 4; n++) standIn.addComment(id, { author: demoCustomers.zoe, text: `reply ${n}` })
    const path = `/api/v2/tickets/${id}/comments.json?page[size]=2&sort=-created_at&include=users`
    const bodies: string[] = []
    let cursor = ''
    let pages = 0
    for (let more = true; more; pages++) {
      const { body } = await call(standIn.url, path + cursor)
      bodies.push(...body.comments.map((comment) => comment.body))
      expect(body.users).toEqual([expect.objectContaining({ id: demoCustomers.zoe, role: 'end-user' })])
      more = body.meta.has_more
      cursor = `&page[after]=${encodeURIComponent(body.meta.after_cursor)}`
    }
    expect(bodies).toEqual(['reply 4', 'reply 3', 'reply 2', 'reply 1', 'Order 1042 <b>please</b>'])
    expect(pages).toBe(3)
  })

  test('flags and trust are per comment, and can be left out', async () => {
    const standIn = await zendesk()
    const id = standIn.createTicket(ask, firstMessage)
    standIn.addComment(id, { author: demoCustomers.kim, text: 'x', flags: [14] })
    standIn.addComment(id, { author: demoCustomers.zoe, text: 'y', flags: 'omitted' })
    const { comments } = (await call(standIn.url, `/api/v2/tickets/${id}/comments.json`)).body
    expect(comments.map(({ metadata }) => [metadata.flags, metadata.trusted])).toEqual([
      [[], true],
      [[14], false],
      [undefined, undefined],
    ])
  })

  test('the newest comment can be late', async () => {
    const standIn = await zendesk()
    const id = standIn.createTicket(ask, firstMessage)
    standIn.hideNewestComment(1)
    const count = async () =>
      (await call(standIn.url, `/api/v2/tickets/${id}/comments.json`)).body.comments.length
    expect([await count(), await count()]).toEqual([0, 1])
  })

  test('a merged ticket is closed, and its requester reads along in the other', async () => {
    const standIn = await zendesk()
    const target = standIn.createTicket(ask, firstMessage)
    const source = standIn.createTicket(
      { subject: 'x', requester: demoCustomers.ben },
      { author: demoCustomers.ben, text: 'me too' },
    )
    standIn.merge(source, target)
    const from = standIn.account.conversations.get(source)?.ticket
    const into = standIn.account.conversations.get(target)?.ticket
    expect([from?.status, from?.tags, into?.email_cc_ids]).toEqual([
      'closed',
      ['closed_by_merge'],
      [demoCustomers.ben],
    ])
  })

  test('an address is proven by its identity', async () => {
    const standIn = await zendesk()
    const { identities } = (
      await call(standIn.url, `/api/v2/users/${demoCustomers.zoe}/identities.json?type[]=email`)
    ).body
    expect(identities).toEqual([
      expect.objectContaining({ value: 'zoe@example.com', verification_method: 'full' }),
    ])
  })

  test('Zendesk’s own placeholders in a comment are filled in', async () => {
    const standIn = await zendesk()
    const id = standIn.createTicket(ask, firstMessage)
    standIn.addComment(id, {
      author: demoZendesk.botUserId,
      html: '<p>{{ticket.requester.email}} {&#123;ticket.id}}</p>',
    })
    expect(standIn.account.conversations.get(id)?.comments[1]?.body).toBe('zoe@example.com {{ticket.id}}')
  })
})

describe('trouble', () => {
  test('beyond the rate limit 429 says when to come back, and every answer says what is left', async () => {
    const standIn = await zendesk({ requestsPerMinute: 2, now: () => 1_795_000_000_000 })
    const auth = `Bearer ${await token(standIn.url)}`
    const answers = []
    for (let n = 0; n < 3; n++) answers.push(await call(standIn.url, '/api/v2/users/me.json', { auth }))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429])
    expect(answers.map(({ headers }) => headers.get('x-rate-limit-remaining'))).toEqual(['1', '0', '0'])
    expect(Number(answers[2]?.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  test('a ticket takes 30 updates in ten minutes', async () => {
    const standIn = await zendesk()
    const id = standIn.createTicket(ask, firstMessage)
    const auth = `Bearer ${await token(standIn.url)}`
    const put = async () =>
      (await call(standIn.url, `/api/v2/tickets/${id}.json`, { method: 'PUT', auth, body: { ticket: {} } }))
        .status
    for (let n = 0; n < 30; n++) expect(await put()).toBe(200)
    expect(await put()).toBe(429)
  })

  test('a request can fail before or after it took effect', async () => {
    const standIn = await zendesk()
    const id = standIn.createTicket(ask, firstMessage)
    const auth = `Bearer ${await token(standIn.url)}`
    const put = () =>
      call(standIn.url, `/api/v2/tickets/${id}.json`, {
        method: 'PUT',
        auth,
        body: { ticket: { comment: { body: 'hi' } } },
      })
    const comments = () => standIn.account.conversations.get(id)?.comments.length
    const only = ({ method }: { method: string }) => method === 'PUT'
    standIn.failNext({ when: 'before', answer: 'reset' }, { only })
    await expect(put()).rejects.toThrow()
    expect(comments()).toBe(1)
    standIn.failNext({ when: 'after', answer: { status: 502 } }, { only })
    expect((await put()).status).toBe(502)
    expect(comments()).toBe(2)
  })
})

test('a ticket’s page shows what people wrote as text', async () => {
  const standIn = await zendesk()
  const id = standIn.createTicket(
    { ...ask, subject: '<script>alert(1)</script>' },
    { author: demoCustomers.zoe, html: '&lt;img src=x onerror=alert(1)&gt;' },
  )
  const html = await (await fetch(`${standIn.url}/tickets/${id}`)).text()
  expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;')
  expect(html).not.toMatch(/<script>|<img/)
  expect(await (await fetch(standIn.url)).text()).toContain(`href="/tickets/${id}"`)
})

describe('webhooks that the API made', () => {
  const webhook = (endpoint: string) => ({
    name: 'Deskhand',
    status: 'active',
    endpoint,
    http_method: 'POST',
    request_format: 'json',
    subscriptions: ['zen:event-type:ticket.created', 'zen:event-type:ticket.comment_added'],
  })
  const path = '/api/v2/webhooks'

  test('are told beside the first one, each signed by a secret of its own, and are kept in the file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'zendesk-'))
    open.push({ close: () => rm(directory, { recursive: true }) })
    const file = join(directory, 'zendesk.json')
    const [first, second] = [await receiver(() => ({ status: 200 })), await receiver(() => ({ status: 200 }))]
    const options = { file, webhook: { url: first.url, secret: demoWebhookSecret } }
    const before = await zendesk(options)
    const made = await call(before.url, path, { method: 'POST', body: { webhook: webhook(second.url) } })
    expect([made.status, made.body.webhook.endpoint]).toEqual([201, second.url])
    expect(JSON.stringify(made.body)).not.toContain('secret')
    const { body } = await call(before.url, `${path}/${made.body.webhook.id}/signing_secret`)
    await before.close()

    const standIn = await zendesk(options)
    const { webhooks } = (await call(standIn.url, path)).body
    expect(webhooks.map(({ endpoint }) => endpoint)).toEqual([first.url, second.url])
    standIn.createTicket(ask, firstMessage)
    await standIn.settled()
    expect([first.received.length, second.received.length]).toEqual([1, 1])
    const [told] = second.received
    const timestamp = String(told?.headers['x-zendesk-webhook-signature-timestamp'])
    const { secret } = body.signing_secret
    const signed = signZendesk(secret, timestamp, told?.raw ?? '')
    expect(told?.headers['x-zendesk-webhook-signature']).toBe(signed)
    expect(secret).not.toBe(demoWebhookSecret)
    expect(await readFile(file, 'utf8')).not.toContain(secret)
  })

  test('are refused where something is missing or the scope is too small', async () => {
    const standIn = await zendesk()
    const make = async (body: object, auth?: string) =>
      (await call(standIn.url, path, { method: 'POST', body, ...(auth === undefined ? {} : { auth }) }))
        .status
    const good = webhook('http://127.0.0.1:1/hook')
    for (const wrong of [{ endpoint: 'x' }, { status: 'on' }, { http_method: 'GET' }, { subscriptions: [] }])
      expect(await make({ webhook: { ...good, ...wrong } })).toBe(400)
    expect(await make({ webhook: good }, `Bearer ${await token(standIn.url, 'read')}`)).toBe(403)
    expect(await make({ webhook: good })).toBe(201)
  })
})
