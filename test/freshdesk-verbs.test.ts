import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { createEgress } from '../lambdas/core/egress/egress.ts'
import type { DeskhandError } from '../lambdas/core/errors.ts'
import type { HelpdeskApi, Outgoing, Ticket } from '../lambdas/core/helpdesk.ts'
import type { Log } from '../lambdas/core/ports.ts'
import { freshdesk } from '../lambdas/freshdesk/helpdesk.ts'
import { freshdeskDemo } from '../local/freshdesk/demo.ts'
import { demoFreshdesk } from '../local/freshdesk/demo-account.ts'
import { type FreshdeskOptions, type FreshdeskStandIn, startFreshdesk } from '../local/freshdesk/stand-in.ts'
import { demoPeople } from '../local/people.ts'
import { type FreshdeskConnection, freshdeskConnection } from '../schemas/freshdesk.ts'
import { fixture } from './fixtures/freshdesk.ts'

const { zoe, ben, kim } = demoPeople
let standIn: FreshdeskStandIn
let logged: string[]
const start = async (options: FreshdeskOptions = {}) => {
  standIn = await startFreshdesk({ unlimited: true, retryDelayMs: 1, ...options })
}
beforeEach(async () => {
  logged = []
  await start()
})
afterEach(() => standIn.close())

const log: Log = {
  info: () => undefined,
  warn: (event, fields) => void logged.push(`warn ${event} ${JSON.stringify(fields)}`),
  alarm: (event, fields) => void logged.push(`alarm ${event} ${JSON.stringify(fields)}`),
  with: () => log,
}

function apiFor(settings: Partial<FreshdeskConnection> = {}, value: unknown = undefined) {
  const { host } = new URL(standIn.url)
  const allowance = { hosts: new Set([host]) }
  const http = createEgress({ tenant: 'acme', io: (_port, call) => call(), allowance })
  const api: HelpdeskApi<FreshdeskConnection> = {
    connection: { ...freshdeskConnection.parse(freshdeskDemo.connection(standIn.url)), ...settings },
    // A silent Freshdesk is not waited for in tests.
    http: (request) => http({ ...request, timeoutMs: Math.min(request.timeoutMs, 1000) }),
    allowance,
    secrets: { read: async () => value ?? { value: demoFreshdesk.apiKey, hosts: [host] } },
    tokens: { get: () => undefined, set: () => undefined, delete: () => undefined },
    now: Date.now,
    log,
  }
  return api
}

const asked = () => standIn.requests.map(({ method, path }) => `${method} ${path}`)
const bodies = (method: string) =>
  standIn.requests.filter((one) => one.method === method).map(({ body }) => JSON.parse(body))
async function failure(call: Promise<unknown>): Promise<DeskhandError> {
  try {
    await call
  } catch (error) {
    return error as DeskhandError
  }
  throw new Error('it worked')
}

/** A ticket of Zoë's, as it was just read; the requests start anew. */
async function opened(more: Partial<Parameters<FreshdeskStandIn['opens']>[0]> = {}) {
  const id = standIn.opens({ from: zoe, text: 'Where is order 1042?', ...more })
  const ticket = await freshdesk.read(id, apiFor())
  standIn.requests.length = 0
  return ticket
}
const reply = (ticket: Ticket, to?: string): Outgoing => ({
  kind: 'reply',
  text: 'Hi **Zoë**, {{ticket.id}}',
  ref: 'ref of the reply',
  answers: ticket.messages[0] as Ticket['messages'][number],
  ...(to === undefined ? {} : { to }),
})
const note: Outgoing = { kind: 'note', text: 'Two refunds?', ref: 'ref a_b*c*' }
const handOver: Outgoing = { ...note, kind: 'hand_over' }

describe('reading a Freshdesk ticket', () => {
  test('asks for the ticket, its conversations, and for a first mail the contact', async () => {
    const id = standIn.opens({ from: zoe, text: 'Hello' })
    const ticket = await freshdesk.read(id, apiFor())
    expect(asked()).toEqual([
      `GET /api/v2/tickets/${id}?include=requester`,
      `GET /api/v2/tickets/${id}/conversations?per_page=100&page=1`,
      'GET /api/v2/contacts/129',
    ])
    expect(ticket).toMatchObject({ audience: [zoe.address], complete: true, handedOver: false })
    expect(ticket.messages.map(({ text }) => text)).toEqual(['Hello'])
  })
  test('asks for no contact where the requester wrote last, and for the other author’s where not', async () => {
    const { id } = await opened()
    standIn.writes(id, zoe, 'Well?')
    await freshdesk.read(id, apiFor())
    expect(asked().filter((path) => path.includes('contacts'))).toEqual([])
    standIn.writes(id, kim, 'Me too')
    const ticket = await freshdesk.read(id, apiFor())
    expect(asked().filter((path) => path.includes('contacts'))).toEqual(['GET /api/v2/contacts/131'])
    expect(ticket.audience).toEqual([zoe.address, kim.address, 'user:131'])
  })
  test('knows no sender where contacts may not be seen', async () => {
    const { id } = await opened()
    standIn.failNext(
      { when: 'before', answer: { status: 403 } },
      { only: ({ url }) => /contacts/.test(url.pathname) },
    )
    const ticket = await freshdesk.read(id, apiFor())
    expect(ticket.messages[0]?.evidence).not.toHaveProperty('sender')
  })
  test.each([
    [100, 1, true],
    [150, 2, true],
    [200, 4, true],
    [230, 4, false],
    [330, 4, false],
    [730, 7, false],
  ])(
    'of %i conversations takes %i pages at most, and the newest are among them',
    async (count, calls, whole) => {
      const { id } = await opened()
      for (let n = 1; n <= count; n++) standIn.writes(id, zoe, `message ${n}`)
      const ticket = await freshdesk.read(id, apiFor())
      const texts = ticket.messages.map(({ text }) => text)
      expect(texts.at(-1)).toBe(`message ${count}`)
      const expected = Array.from(
        { length: Math.min(count, 200) },
        (_, i) => `message ${count - i}`,
      ).reverse()
      expect(whole ? texts.slice(1) : texts).toEqual(expected)
      expect(ticket.complete).toBe(whole)
      expect(ticket.audience === 'unknown').toBe(!whole)
      const pages = asked().filter((path) => path.includes('/conversations'))
      expect(pages.length).toBeLessThanOrEqual(calls + 1)
      expect(new Set(pages).size).toBe(pages.length)
    },
  )
})

describe('replying on Freshdesk', () => {
  test.each([
    ['reply', 'reply'],
    ['note', 'note'],
    ['handOver', 'hand_over'],
  ] as const)('a %s is these calls and no other', async (name, kind) => {
    const ticket = await opened()
    const outgoing = kind === 'reply' ? reply(ticket, zoe.address) : { ...note, kind }
    await freshdesk.post(ticket, outgoing, apiFor())
    const expected = fixture.posts[name].map(
      ({ method, path }) => `${method} ${path.replace('{ticket}', ticket.id)}`,
    )
    expect(asked()).toEqual(expected)
    const sent = standIn.requests.filter(({ body }) => body !== '').map(({ body }) => JSON.parse(body))
    expect(sent).toMatchObject(fixture.posts[name].flatMap(({ body }) => body ?? []))
  })
  test('goes to the requester alone, as HTML without templates, and sets the ticket pending', async () => {
    const ticket = await opened({ cc: [kim] })
    const id = await freshdesk.post(ticket, reply(ticket), apiFor())
    const seen = standIn.ticket(ticket.id)
    expect(seen?.messages.find((m) => m.id === id)?.to).toEqual([zoe.address])
    expect(seen?.status).toBe('pending')
    expect(bodies('POST')[0].body).toContain('<strong>Zoë</strong>')
    expect(bodies('POST')[0].body).not.toMatch(/\{[{%]/)
  })
  test('to a verified address is refused, before anything is sent, where it would reach somebody else', async () => {
    const withCc = await opened({ cc: [kim] })
    expect((await failure(freshdesk.post(withCc, reply(withCc, zoe.address), apiFor()))).code).toBe('refused')
    const ticket = await opened()
    for (const to of [ben.address, `${zoe.address}.evil.example`, ''])
      expect((await failure(freshdesk.post(ticket, reply(ticket, to), apiFor()))).code).toBe('refused')
    const ofBen = { ...ticket, requester: { ...ticket.requester, address: ben.address } }
    expect((await failure(freshdesk.post(ofBen, reply(ticket, zoe.address), apiFor()))).code).toBe('refused')
    expect(asked().filter((call) => call.startsWith('POST'))).toEqual([])
  })
  test('that Freshdesk sent elsewhere raises an alarm without an address and is not repeated', async () => {
    const ticket = await opened()
    standIn.changeRequester(ticket.id, ben)
    const id = await freshdesk.post(ticket, reply(ticket, zoe.address), apiFor())
    expect(logged).toEqual([
      `alarm reply_went_elsewhere ${JSON.stringify({ ticketId: ticket.id, messageId: id })}`,
    ])
  })
  test('where an empty CC list keeps the CCs, a CC added meanwhile is noticed', async () => {
    await standIn.close()
    await start({ emptyCcKeepsCcs: true })
    const ticket = await opened()
    standIn.addReader(ticket.id, kim)
    await freshdesk.post(ticket, reply(ticket, zoe.address), apiFor())
    expect(logged.join()).toMatch(/^alarm reply_went_elsewhere/)
  })
  test('in a chat goes as chat', async () => {
    const ticket = await opened({ channel: 'chat' })
    const id = await freshdesk.post(ticket, reply(ticket), apiFor())
    expect(bodies('POST')[0]).toEqual({
      structured_body: { body_contents: [{ type: 'text', data: { content: 'Hi Zoë, { {ticket.id}}' } }] },
      user_id: demoFreshdesk.botUserId,
    })
    expect(standIn.ticket(ticket.id)?.messages.at(-1)?.id).toBe(id)
  })
  test('stands although its status could not be set', async () => {
    const ticket = await opened()
    standIn.failNext({ when: 'before', answer: { status: 500 } }, { only: ({ method }) => method === 'PUT' })
    const id = await freshdesk.post(ticket, reply(ticket, zoe.address), apiFor())
    expect(standIn.ticket(ticket.id)?.messages.at(-1)?.id).toBe(id)
    expect(logged.join()).toMatch(/^warn status_not_set/)
  })
  test('leaves the status alone where the admin wants that', async () => {
    const ticket = await opened()
    await freshdesk.post(ticket, reply(ticket, zoe.address), apiFor({ afterReply: 'leave' }))
    expect(asked()).toEqual([`POST /api/v2/tickets/${ticket.id}/reply`])
  })
  test('is found again as ours, a note by its last line', async () => {
    const ticket = await opened()
    const replyId = await freshdesk.post(ticket, reply(ticket, zoe.address), apiFor())
    const noteId = await freshdesk.post(
      ticket,
      { ...note, text: 'Asked twice.\n\nOn 1 Nov 2026, Acme wrote:\n\nall of this' },
      apiFor(),
    )
    const { messages } = await freshdesk.read(ticket.id, apiFor())
    expect(messages.find(({ id }) => id === replyId)).toMatchObject({ ours: true, visibility: 'public' })
    const found = messages.find(({ id }) => id === noteId)
    expect(found).toMatchObject({ ours: true, visibility: 'internal' })
    expect(found?.text.split('\n').at(-1)).toBe(note.ref)
  })
  test.each(fixture.failures.map((row) => [row.name, row] as const))(
    'fails on %s, and is sent once',
    async (_name, row) => {
      const ticket = await opened()
      standIn.failNext(
        { when: 'before', answer: row.answer },
        { times: 2, only: ({ method }) => method === 'POST' },
      )
      const error = await failure(freshdesk.post(ticket, reply(ticket), apiFor()))
      expect(error).toMatchObject({ code: row.write, retryAfterMs: row.retryAfterMs })
      expect(error.message).not.toMatch(/zoe@|SECRET/)
      expect(asked().filter((call) => call.startsWith('POST')).length).toBe(
        row.name.startsWith('a key') ? 2 : 1,
      )
      expect(asked().filter((call) => call.startsWith('PUT'))).toEqual([])
    },
  )
  test('into spam is `ticket_closed`', async () => {
    const ticket = await opened()
    standIn.account.change(standIn.account.tickets.get(Number(ticket.id)) as never, { spam: true })
    expect((await failure(freshdesk.post(ticket, note, apiFor()))).code).toBe('ticket_closed')
  })
})

describe('handing over on Freshdesk', () => {
  const tagsOf = (id: string) => standIn.ticket(id)?.tags
  const setTags = (id: string, tags: string[]) =>
    standIn.account.change(standIn.account.tickets.get(Number(id)) as never, { tags })

  test('keeps the tags that are there', async () => {
    const ticket = await opened()
    setTags(ticket.id, ['vip'])
    await freshdesk.post(ticket, handOver, apiFor())
    expect(tagsOf(ticket.id)).toEqual(['vip', 'ai-handed-over'])
  })
  test('puts its tag on again where somebody else’s update took it away, and keeps theirs', async () => {
    const ticket = await opened()
    setTags(ticket.id, ['vip'])
    let puts = 0
    const { http, ...rest } = apiFor()
    const racing: typeof http = async (request) => {
      const answer = await http(request)
      if (request.method === 'PUT' && ++puts === 1) setTags(ticket.id, ['vip', 'angry'])
      return answer
    }
    await freshdesk.finish(ticket, { ...rest, http: racing })
    expect(tagsOf(ticket.id)).toEqual(['vip', 'angry', 'ai-handed-over'])
  })
  test('that was cut off after its note is not known to be done, and `finish` does only the rest', async () => {
    const ticket = await opened()
    standIn.failNext({ when: 'before', answer: { status: 429 } }, { only: ({ method }) => method === 'PUT' })
    expect((await failure(freshdesk.post(ticket, handOver, apiFor()))).code).toBe('outcome_unknown')
    await freshdesk.finish(ticket, apiFor())
    await freshdesk.finish(ticket, apiFor())
    expect(tagsOf(ticket.id)).toEqual(['ai-handed-over'])
    expect(asked().filter((call) => call.includes('/notes'))).toHaveLength(1)
  })
  test('takes the ticket from nobody who took it meanwhile', async () => {
    const ticket = await opened()
    standIn.assignToAgent(ticket.id)
    await freshdesk.finish(ticket, apiFor())
    expect(standIn.ticket(ticket.id)).toMatchObject({ assignee: 'Petra Lind', tags: ['ai-handed-over'] })
  })
  test('changes nothing where the tags cannot be read', async () => {
    const ticket = await opened()
    const answer = { status: 200, json: { id: 1, tags: 'vip' } }
    standIn.failNext({ when: 'before', answer }, { only: ({ method }) => method === 'GET' })
    expect((await failure(freshdesk.finish(ticket, apiFor()))).code).toBe('bad_answer')
    expect(asked().filter((call) => call.startsWith('PUT'))).toEqual([])
  })
})

describe('what moved on Freshdesk', () => {
  const movedIds = async (since: number) => {
    const ids: string[] = []
    for await (const bell of freshdesk.moved(since, apiFor())) ids.push(bell.ticketId)
    return ids
  }
  test('is what customers wrote since then, oldest first, over pages', async () => {
    await standIn.close()
    let now = Date.parse('2026-11-21T08:00:00Z')
    await start({ now: () => now })
    const old = standIn.opens({ from: zoe, text: 'old' })
    const quiet = standIn.opens({ from: ben, text: 'quiet' })
    now += 60_000
    const since = now - 1000
    standIn.writes(quiet, 'agent', 'We look')
    const ids = Array.from({ length: 230 }, () => {
      now += 1000
      return standIn.opens({ from: ben, text: 'new' })
    })
    now += 1000
    standIn.writes(old, zoe, 'again')
    expect(await movedIds(since)).toEqual([...ids, old])
  })
  test('is told completely where a whole page changed in one second', async () => {
    await standIn.close()
    const now = Date.parse('2026-11-21T08:00:00Z')
    await start({ now: () => now })
    const ids = Array.from({ length: 130 }, () => standIn.opens({ from: ben, text: 'new' }))
    const told = await movedIds(now - 1000)
    expect(new Set(told)).toEqual(new Set(ids))
    expect(told).toHaveLength(ids.length)
  })
})

describe('checking a Freshdesk connection', () => {
  const wrong = async (settings: Partial<FreshdeskConnection> = {}, value?: unknown) =>
    (await freshdesk.check(apiFor(settings, value))).filter(({ ok }) => !ok).map(({ what }) => what)
  const fail = (path: RegExp, status: number) =>
    standIn.failNext({ when: 'before', answer: { status } }, { only: ({ url }) => path.test(url.pathname) })

  test('finds nothing wrong with a complete one, by reading alone', async () => {
    expect(await wrong()).toEqual([])
    expect(asked().every((call) => call.startsWith('GET'))).toBe(true)
  })
  test('names what is wrong', async () => {
    const { host } = new URL(standIn.url)
    expect(await wrong({}, { value: 'another', hosts: [host] })).toEqual(['credentials'])
    expect(await wrong({ botUserId: '4711' })).toEqual(['bot_user'])
    expect(await wrong({ handOver: { groupId: '78' } })).toEqual(['hand_over'])
    fail(/\/tickets$/, 403)
    expect(await wrong()).toEqual(['scope'])
    fail(/\/contacts$/, 403)
    expect(await wrong()).toEqual(['contacts'])
    fail(/\/groups\//, 403)
    expect(await wrong()).toEqual([])
  })
  test('sends the key as Basic, and to no other host', async () => {
    const seen: unknown[] = []
    const api = apiFor({}, { value: 'key', hosts: ['acme.freshdesk.com'] })
    expect((await failure(freshdesk.read('1', api))).code).toBe('bad_configuration')
    const { baseUrl: _, ...connection } = api.connection
    await failure(
      freshdesk.read('1', {
        ...api,
        connection: { ...connection, domain: 'acme' },
        http: async ({ url, headers }) => {
          seen.push(url, headers?.authorization)
          return { ok: false, cause: 'dns', sent: false, message: 'no network in tests' }
        },
      }),
    )
    expect(seen).toEqual([
      'https://acme.freshdesk.com/api/v2/tickets/1?include=requester',
      `Basic ${btoa('key:X')}`,
    ])
    expect(asked()).toEqual([])
  })
})
