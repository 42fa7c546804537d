import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { DeskhandError } from '../lambdas/core/errors.ts'
import type { Message, Outgoing } from '../lambdas/core/helpdesk.ts'
import { zendesk } from '../lambdas/zendesk/helpdesk.ts'
import type { ZendeskConnection } from '../schemas/zendesk.ts'
import { bot, byEmail, byPortal, comment, toTicket, zoe } from './fixtures/zendesk-rest.ts'
import {
  type Asked,
  apiFor,
  type Reply,
  type Script,
  type Stored,
  startScript,
} from './fixtures/zendesk-script.ts'

let server: Awaited<ReturnType<typeof startScript>>
beforeAll(async () => {
  server = await startScript()
})
afterAll(() => server.stop())

const stamp = '2026-11-21T07:59:58Z'
/** As it was just read. */
const ticket = toTicket(byEmail())
const token: Reply = { body: { access_token: 'token-1', token_type: 'bearer', scope: 'read write' } }
const reply: Outgoing = {
  kind: 'reply',
  text: 'Hi **Zoë**, it is on its way.',
  ref: 'ref of the reply',
  answers: ticket.messages[0] as Message,
}
const note: Outgoing = { kind: 'note', text: 'Two refunds?', ref: '[deskhand a_b*c*]' }
const handOver: Outgoing = { ...note, kind: 'hand_over' }

/** A ticket's four reads, and updates that work. */
const account =
  (rest = byEmail()): Script =>
  ({ method, path }) => {
    if (path === '/oauth/tokens') return token
    if (path === '/api/v2/tickets/5158.json' && method === 'GET')
      return { body: { ticket: rest.ticket, users: rest.users } }
    if (path === '/api/v2/tickets/5158/comments.json')
      return {
        body: { comments: [...rest.comments].reverse(), users: rest.users, meta: { has_more: false } },
      }
    if (path === `/api/v2/users/${zoe}/identities.json`) return { body: { identities: rest.identities } }
    if (path.startsWith('/api/v2/tickets/5158/audits/')) return { body: { audit: rest.audits[0] } }
    if (path === '/api/v2/tickets/5158.json')
      return { body: { ticket: rest.ticket, audit: { events: updated } } }
    if (path === '/api/v2/tickets/5158/tags.json') return { body: { tags: ['order', 'ai-handed-over'] } }
    return { status: 404 }
  }
const updated = [
  { id: 1, type: 'Change', field_name: 'status' },
  { id: 8485803829999, type: 'Comment' },
]
const api = (settings: Partial<ZendeskConnection> = {}, stored: Stored = {}) =>
  apiFor(server.host, settings, stored)
const asked = (path: string): Asked[] => server.asked.filter((one) => one.path.endsWith(path))
const bodyOf = (one: Asked | undefined) => JSON.parse(one?.text ?? 'null')
/** The error of a call, as code and wait. */
async function failure(
  call: Promise<unknown>,
): Promise<Pick<DeskhandError, 'code' | 'retryAfterMs'> & { message: string }> {
  try {
    await call
  } catch (error) {
    const { code, retryAfterMs, message } = error as DeskhandError
    return { code, retryAfterMs, message }
  }
  throw new Error('it worked')
}
/** The account, but this path answers otherwise. */
const but =
  (path: string, answer: Reply | ((times: number) => Reply), method?: string): Script =>
  (one, times) =>
    one.path.endsWith(path) && (method === undefined || one.method === method)
      ? typeof answer === 'function'
        ? answer(times)
        : answer
      : account()(one, times)

describe('reading a Zendesk ticket', () => {
  test('asks for the ticket before its comments, newest first, and the requester’s identities', async () => {
    server.play(account())
    const { api: one, ports } = api()
    const ticket = await zendesk.read('5158', one)
    expect(ticket).toMatchObject({ id: '5158', stamp, audience: ['zoe@example.com'], complete: true })
    expect(ticket.messages).toHaveLength(1)
    expect(server.asked.map(({ path }) => path).slice(0, 2)).toEqual([
      '/oauth/tokens',
      '/api/v2/tickets/5158.json',
    ])
    expect(server.asked).toHaveLength(4)
    expect(Object.fromEntries(asked('/comments.json')[0]?.query ?? [])).toEqual({
      'page[size]': '100',
      sort: '-created_at',
      include: 'users',
    })
    expect(asked('/identities.json')[0]?.query.get('type[]')).toBe('email')
    expect(new Set(ports)).toEqual(new Set(['token', 'helpdesk']))
  })
  test('asks who acted only where a login could be proven', async () => {
    server.play(account(byPortal()))
    const { messages } = await zendesk.read('5158', api().api)
    expect(asked('/audits/8485803822000.json')).toHaveLength(1)
    expect(messages[0]?.evidence).toMatchObject({ signedIn: true, authorIsSubmitter: true })
    server.play((one, times) =>
      one.path.includes('/audits/') ? { status: 403 } : account(byPortal())(one, times),
    )
    const { messages: without } = await zendesk.read('5158', api().api)
    expect(without[0]?.evidence.authorIsSubmitter).toBeUndefined()
  })
  test('reads two pages of comments and says that there are more', async () => {
    server.play(
      but('/comments.json', (times) => ({
        body: {
          comments: [comment({ id: 100 - times, created_at: `2026-11-${20 - times}T00:00:00Z` })],
          meta: { has_more: true, after_cursor: `after ${times}` },
        },
      })),
    )
    const ticket = await zendesk.read('5158', api().api)
    // What was not read may be a merge's.
    expect([ticket.complete, ticket.audience]).toEqual([false, 'unknown'])
    expect(ticket.messages.map(({ id }) => id)).toEqual(['99', '100'])
    expect(asked('/comments.json').map(({ query }) => query.get('page[after]'))).toEqual([null, 'after 0'])
  })
  test('keeps every digit of ids past 2^53', async () => {
    const long = JSON.stringify({ comments: [comment()], users: [] }).replace(
      '8485803822334',
      '90071992547409931',
    )
    server.play(but('/comments.json', { body: long }))
    expect((await zendesk.read('5158', api().api)).messages[0]?.id).toBe('90071992547409931')
  })
  test('does without the identities of a requester who was deleted', async () => {
    server.play(but('/identities.json', { status: 404 }))
    expect(await zendesk.read('5158', api().api)).toMatchObject({ audience: 'unknown' })
  })
  test('cannot be led to another path by an id', async () => {
    server.play(account())
    await failure(zendesk.read('../users/me', api().api))
    expect(server.asked.at(-1)?.path).toBe('/api/v2/tickets/..%2Fusers%2Fme.json')
  })
  test.each<[Reply, string]>([
    [{ status: 403 }, 'connection_broken'],
    [{ status: 404 }, 'ticket_gone'],
    [{ status: 429, headers: { 'retry-after': '17' } }, 'rate_limited'],
    [{ status: 500 }, 'unavailable'],
    [{ status: 503, headers: { 'retry-after': '5' } }, 'unavailable'],
    [{ body: '<html>' }, 'bad_answer'],
    [{ body: { ticket: {} } }, 'bad_answer'],
    ['reset', 'unavailable'],
    ['silence', 'unavailable'],
  ])('fails on %j with %s', async (answer, code) => {
    server.play(but('/5158.json', answer))
    expect((await failure(zendesk.read('5158', api().api))).code).toBe(code)
  })
})

describe('posting to a Zendesk ticket', () => {
  test('a reply is one update on condition of the stamp: public HTML by the bot, status pending', async () => {
    server.play(account())
    expect(await zendesk.post(ticket, reply, api().api)).toBe('8485803829999')
    const updates = server.asked.filter(({ method }) => method === 'PUT')
    expect(updates.map(bodyOf)).toEqual([
      {
        ticket: {
          comment: {
            html_body: '<p>Hi <strong>Zoë</strong>, it is on its way.</p>',
            public: true,
            author_id: bot,
          },
          status: 'pending',
          safe_update: true,
          updated_stamp: stamp,
        },
      },
    ])
  })
  test('a note is internal, changes nothing else, and its ref stands last as it is', async () => {
    server.play(account())
    await zendesk.post(ticket, note, api().api)
    expect(server.asked.filter(({ method }) => method === 'PUT').map(bodyOf)).toEqual([
      {
        ticket: {
          comment: {
            html_body: '<p>Two refunds?</p>\n<p>[deskhand a_b*c*]</p>',
            public: false,
            author_id: bot,
          },
          safe_update: true,
          updated_stamp: stamp,
        },
      },
    ])
  })
  test('a hand-over gives the ticket to the group, then adds the tag', async () => {
    server.play(account())
    await zendesk.post(ticket, handOver, api().api)
    const [update, tags] = server.asked.filter(({ method }) => method === 'PUT')
    expect(bodyOf(update).ticket).toMatchObject({
      status: 'open',
      assignee_id: null,
      group_id: 8447320466430,
    })
    expect([tags?.path, bodyOf(tags)]).toEqual([
      '/api/v2/tickets/5158/tags.json',
      { tags: ['ai-handed-over'] },
    ])
    server.play(account())
    await zendesk.post(ticket, handOver, api({ handOver: {} }).api)
    expect(bodyOf(asked('/5158.json')[0]).ticket).not.toHaveProperty('group_id')
  })
  test('an id past 2^53 goes out with every digit', async () => {
    server.play(account())
    await zendesk.post(ticket, handOver, api({ handOver: { groupId: '90071992547409931' } }).api)
    expect(asked('/5158.json')[0]?.text).toContain('"group_id":90071992547409931')
  })
  test('placeholders that Zendesk would fill in are parted', async () => {
    server.play(account())
    const text = 'a {{ticket.requester.email}} b {%if%} c {**{ticket.id}**} `{{x}}` &#123;&#123;y}}'
    await zendesk.post(ticket, { kind: 'note', text, ref: '{{ticket.id}}' }, api().api)
    const html: string = bodyOf(asked('/5158.json')[0]).ticket.comment.html_body
    expect(html.replace(/<[^>]*>/g, '')).not.toMatch(/\{[{%]/)
    expect(html).toContain('ticket.requester.email')
  })
  test('a hand-over whose tag failed is not known to be done, and `finish` only adds the tag', async () => {
    server.play(but('/tags.json', { status: 429 }))
    expect((await failure(zendesk.post(ticket, handOver, api().api))).code).toBe('outcome_unknown')
    server.play(account())
    await zendesk.finish(ticket, api().api)
    expect(server.asked.filter(({ method }) => method === 'PUT').map(({ path }) => path)).toEqual([
      '/api/v2/tickets/5158/tags.json',
    ])
  })
  // https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#update-ticket
  const closed = {
    error: 'RecordInvalid',
    description: 'Record validation errors',
    details: { status: [{ description: 'Status: closed prevents ticket update' }] },
  }
  test.each<[Reply, string, number | undefined]>([
    [{ status: 400 }, 'refused', undefined],
    [{ status: 403 }, 'connection_broken', undefined],
    [{ status: 404 }, 'ticket_gone', undefined],
    [{ status: 409 }, 'ticket_changed', undefined],
    [{ status: 422, body: closed }, 'ticket_closed', undefined],
    [
      { status: 422, body: { error: 'RecordInvalid', description: 'Comment is too long' } },
      'refused',
      undefined,
    ],
    [{ status: 422, body: 'disclosed?' }, 'refused', undefined],
    [{ status: 429, headers: { 'retry-after': '17' } }, 'rate_limited', 17_000],
    [{ status: 429, headers: { 'ratelimit-reset': '41' } }, 'rate_limited', 41_000],
    [{ status: 429, headers: { 'retry-after': 'Sat, 21 Nov 2026 08:00:30 GMT' } }, 'rate_limited', 30_000],
    [{ status: 429, headers: { 'retry-after': '86400' } }, 'rate_limited', 600_000],
    [{ status: 429, headers: { 'retry-after': 'later' } }, 'rate_limited', undefined],
    [{ status: 503, headers: { 'retry-after': '3' } }, 'rate_limited', 3000],
    [{ status: 503 }, 'outcome_unknown', undefined],
    // The window's end comes with every answer: it is no word that nothing was done.
    [{ status: 503, headers: { 'ratelimit-reset': '41' } }, 'outcome_unknown', undefined],
    [{ status: 500, headers: { 'retry-after': '3' } }, 'outcome_unknown', undefined],
    [{ status: 504 }, 'outcome_unknown', undefined],
    [{ body: '<html>' }, 'outcome_unknown', undefined],
    [{ body: { audit: { events: [] } } }, 'outcome_unknown', undefined],
    ['reset', 'outcome_unknown', undefined],
    ['silence', 'outcome_unknown', undefined],
  ])('fails on %j with %s and a wait of %s ms, and never sends twice', async (answer, code, retryAfterMs) => {
    server.play(but('/5158.json', answer))
    expect(await failure(zendesk.post(ticket, reply, api().api))).toMatchObject({ code, retryAfterMs })
    expect(server.asked.filter(({ method }) => method === 'PUT')).toHaveLength(1)
  })
  test('a write that never left is `unavailable`', async () => {
    server.play(account())
    const { api: one } = api({ auth: { type: 'api_token', email: 'bot@acme.com', secret: 'token' } })
    const gone = apiFor('127.0.0.1:1', { auth: one.connection.auth }).api
    expect((await failure(zendesk.post(ticket, reply, gone))).code).toBe('unavailable')
  })
  test('an error’s text holds nothing of what Zendesk answered', async () => {
    server.play(but('/5158.json', { status: 422, body: { description: 'zoe@example.com wrote SECRET' } }))
    expect((await failure(zendesk.post(ticket, reply, api().api))).message).not.toMatch(/zoe|SECRET/)
  })
})

describe('authenticating to Zendesk', () => {
  const tokens = () => asked('/oauth/tokens')
  test('fetches one token with the client’s credentials and keeps it half an hour', async () => {
    server.play(account())
    const { api: one, clock } = api()
    await zendesk.read('5158', one)
    await zendesk.read('5158', one)
    expect(tokens().map(bodyOf)).toEqual([
      {
        grant_type: 'client_credentials',
        client_id: 'deskhand',
        client_secret: 'client-secret',
        scope: 'read write',
      },
    ])
    expect(asked('/comments.json').map(({ headers }) => headers.authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-1',
    ])
    clock.now += 30 * 60_000
    await zendesk.read('5158', one)
    expect(tokens()).toHaveLength(2)
  })
  test('keeps a token no longer than Zendesk says', async () => {
    server.play(but('/oauth/tokens', { body: { access_token: 'short', expires_in: 300 } }))
    const { api: one, clock } = api()
    await zendesk.read('5158', one)
    clock.now += 269_000
    await zendesk.read('5158', one)
    expect(tokens()).toHaveLength(1)
    clock.now += 1000
    await zendesk.read('5158', one)
    expect(tokens()).toHaveLength(2)
  })
  test('a 401 fetches a new token once, with a secret read afresh, and then works', async () => {
    server.play((one, times) =>
      one.path === '/oauth/tokens'
        ? { body: { access_token: `token-${times}` } }
        : one.headers.authorization === 'Bearer token-0'
          ? { status: 401 }
          : account()(one, times),
    )
    const { api: one } = api({}, { fresh: { value: 'rotated', hosts: [server.host] } })
    expect(await zendesk.post(ticket, reply, one)).toBe('8485803829999')
    expect(tokens().map((asking) => bodyOf(asking).client_secret)).toEqual(['client-secret', 'rotated'])
    expect(asked('/5158.json')).toHaveLength(2)
  })
  test('a second 401 is a broken connection', async () => {
    server.play(but('/5158.json', { status: 401 }))
    expect((await failure(zendesk.read('5158', api().api))).code).toBe('connection_broken')
    expect(asked('/5158.json')).toHaveLength(2)
  })
  test.each<[Reply, string]>([
    [{ status: 400, body: { error: 'invalid_client' } }, 'connection_broken'],
    [{ status: 401 }, 'connection_broken'],
    [{ status: 429, headers: { 'retry-after': '9' } }, 'rate_limited'],
    [{ status: 500 }, 'unavailable'],
    ['reset', 'unavailable'],
    [{ body: {} }, 'bad_answer'],
  ])('a token endpoint that answers %j fails a write with %s: nothing was posted', async (answer, code) => {
    server.play(but('/oauth/tokens', answer))
    expect((await failure(zendesk.post(ticket, reply, api().api))).code).toBe(code)
    expect(asked('/5158.json')).toEqual([])
  })
  test('an API token goes as Basic', async () => {
    server.play(account())
    const auth = { type: 'api_token' as const, email: 'bot@acme.com', secret: 'token' }
    await zendesk.read('5158', api({ auth }, { value: { value: 'abc', hosts: [server.host] } }).api)
    expect(server.asked[0]?.headers.authorization).toBe(`Basic ${btoa('bot@acme.com/token:abc')}`)
  })
  test.each<[string, unknown]>([
    ['missing', undefined],
    ['of another shape', { secret: 'x' }],
    ['bound to another host', { value: 'client-secret', hosts: ['acme.zendesk.com'] }],
  ])('a secret that is %s goes nowhere', async (_name, value) => {
    server.play(account())
    expect((await failure(zendesk.read('5158', api({}, { value }).api))).code).toBe('bad_configuration')
    expect(server.asked).toEqual([])
  })
  test.each([
    'https://evil.example',
    'https://other.zendesk.com',
    'https://acme.zendesk.com.evil.example',
    'https://user@acme.zendesk.com',
    'https://acme.zendesk.com/evil',
    'http://acme.zendesk.com',
    'http://127.0.0.1:1',
    'https://acme.zendesk.com:8443',
  ])('a base URL of %s is refused before anything is sent', async (baseUrl) => {
    server.play(account())
    const { api: one, ports } = api({ baseUrl })
    expect(await failure(zendesk.read('5158', one))).toMatchObject({
      code: 'bad_configuration',
      message: expect.stringContaining('baseUrl'),
    })
    expect(ports).toEqual([])
  })
  test('without an allowance only the account’s own address is called', async () => {
    const { api: one, ports } = api()
    const { allowance: _, ...bare } = one
    expect((await failure(zendesk.read('5158', bare))).code).toBe('bad_configuration')
    expect(ports).toEqual([])
    const urls: string[] = []
    const { baseUrl: __, ...connection } = one.connection
    await failure(
      zendesk.read('5158', {
        ...bare,
        connection,
        secrets: { read: async () => ({ value: 'x', hosts: ['acme.zendesk.com'] }) },
        http: async ({ url }) => {
          urls.push(url)
          return { ok: false, cause: 'dns', sent: false, message: 'no network in tests' }
        },
      }),
    )
    expect(urls).toEqual(['https://acme.zendesk.com/oauth/tokens'])
  })
})

describe('checking a Zendesk connection', () => {
  const me = { id: bot, name: 'Deskhand', role: 'agent', url: '' }
  const webhookHere = () => ({
    id: '01W',
    endpoint: `https://d.example/webhooks/zendesk/${api().api.connection.id}`,
    status: 'active',
    subscriptions: ['zen:event-type:ticket.created', 'zen:event-type:ticket.comment_added'],
  })
  const play = (
    user: object,
    identities: Reply = { body: { identities: [] } },
    moves = 200,
    webhooks: Reply = { body: { webhooks: [webhookHere()] } },
  ) =>
    server.play(({ path }) => {
      if (path.startsWith('/api/v2/webhooks')) return webhooks
      if (path === '/oauth/tokens') return token
      if (path === '/api/v2/users/me.json')
        return { body: { user: { ...me, url: `http://${server.host}/api/v2/users/1.json`, ...user } } }
      if (path.startsWith('/api/v2/incremental/')) return { status: moves, body: { tickets: [] } }
      return identities
    })
  const failing = async () => (await zendesk.check(api().api)).filter(({ ok }) => !ok).map(({ what }) => what)

  test('finds nothing wrong with a complete one', async () => {
    play({})
    expect(await failing()).toEqual([])
    expect(await zendesk.check(api().api)).toHaveLength(7)
  })
  test('names what is wrong', async () => {
    play({ id: 4711 })
    expect(await failing()).toEqual(['bot_user'])
    play({ role: 'end-user' })
    expect(await failing()).toEqual(['bot_user'])
    play({}, { status: 403 })
    expect(await failing()).toEqual(['scope'])
    play({ url: 'https://other.zendesk.com/api/v2/users/1.json' })
    expect(await failing()).toEqual(['account'])
    play({}, undefined, 403)
    expect(await failing()).toEqual(['reconcile'])
    const webhook = webhookHere()
    for (const webhooks of [
      [],
      [{ ...webhook, endpoint: `${webhook.endpoint}x` }],
      [{ ...webhook, status: 'inactive' }],
      [{ ...webhook, subscriptions: webhook.subscriptions.slice(1) }],
    ]) {
      play({}, undefined, 200, { body: { webhooks } })
      expect(await failing()).toEqual(['webhook'])
    }
    const byTrigger = { ...webhook, subscriptions: ['conditional_ticket_events'] }
    play({}, undefined, 200, { body: { webhooks: [byTrigger] } })
    expect(await failing()).toEqual([])
    play({}, undefined, 200, { status: 403 })
    expect(await failing()).toEqual([])
    play({}, undefined, 403)
    const off = api({ reconcile: { enabled: false, everyMinutes: 15 } }).api
    expect((await zendesk.check(off)).filter(({ ok }) => !ok)).toEqual([])
    server.play(() => ({ status: 401 }))
    expect(await failing()).toEqual(['credentials'])
  })
})
