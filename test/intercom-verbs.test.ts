/** Intercom's verbs over real HTTP, where they are special to Intercom. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { DeskhandError } from '../lambdas/core/errors.ts'
import type { HelpdeskApi, Outgoing, Ticket } from '../lambdas/core/helpdesk.ts'
import { client } from '../lambdas/intercom/api.ts'
import { intercom } from '../lambdas/intercom/helpdesk.ts'
import { type IntercomStandIn, startIntercom } from '../local/intercom/stand-in.ts'
import { demoIntercom } from '../local/intercom/workspace.ts'
import { demoPeople } from '../local/people.ts'
import { type Asked, serve } from '../local/serve.ts'
import type { IntercomConnection } from '../schemas/intercom.ts'
import { apiTo } from './fixtures/api.ts'
import { fixture } from './fixtures/intercom.ts'

const { zoe, kim } = demoPeople
const clock = { now: Date.parse('2026-11-21T09:00:00Z') }
let standIn: IntercomStandIn
let id: string
beforeAll(async () => {
  standIn = await startIntercom({ now: () => clock.now, unlimited: true })
  // The first call of a process is slow, and a test's deadline is short.
  await codeOf(intercom.read('1', api()))
})
afterAll(() => standIn.close())
beforeEach(() => {
  clock.now += 60_000
  id = standIn.opens({ from: zoe, subject: 'Order 1042', text: 'Where is order 1042?' })
  standIn.requests.length = 0
})

type Api = HelpdeskApi<IntercomConnection>
const api = (settings: object = {}): Api =>
  apiTo(fixture, standIn, () => clock.now, settings) as unknown as Api
const read = () => intercom.read(id, api())
const replyTo = (ticket: Ticket, to?: string): Outgoing => {
  const answers = ticket.messages.at(-1)
  if (answers === undefined) throw new Error('no message')
  return { kind: 'reply', text: 'On its way.', ref: 'ref aaaabbbbccccdddd', answers, ...(to ? { to } : {}) }
}
const handOver: Outgoing = { kind: 'hand_over', text: 'Over to you.', ref: 'ref bbbbccccddddeeee' }
const writes = () =>
  standIn.requests
    .filter(({ method, path }) => method === 'POST' && !path.endsWith('/search'))
    .map(({ path, body }) => [path.replace(id, '{id}'), JSON.parse(body).message_type])
const conversation = () => standIn.account.conversations.get(id)
const codeOf = async (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'done',
    (error: unknown) => (error as DeskhandError).code,
  )

describe('reading from Intercom', () => {
  test('asks for plain text and the merge history, in two calls, by a pinned version', async () => {
    await read()
    const contact = standIn.account.contactOf(zoe)
    expect(standIn.requests.map(({ path }) => path)).toEqual([
      `/conversations/${id}?display_as=plaintext`,
      `/contacts/${contact.id}?include_merge_history=true`,
    ])
    const asked: Asked[] = []
    const server = await serve((one) => {
      asked.push(one)
      return { status: 404, json: {} }
    })
    const elsewhere = { url: server.url } as IntercomStandIn
    await codeOf(intercom.read(id, apiTo(fixture, elsewhere, () => clock.now) as unknown as Api))
    await server.close()
    expect(asked[0]?.headers).toMatchObject({
      'intercom-version': '2.16',
      authorization: `Bearer ${demoIntercom.accessToken}`,
    })
  })
  test.each([404, 410])(
    'does without a contact that answers %i: then nobody is known to read along',
    async (status) => {
      standIn.failNext(
        { when: 'before', answer: { status, json: {} } },
        { only: ({ url }) => url.pathname.startsWith('/contacts/') },
      )
      const ticket = await read()
      expect(ticket.audience).toBe('unknown')
      expect(ticket.messages[0]?.evidence).not.toHaveProperty('address')
    },
  )
  test('does not take an outage of contacts for a contact that is gone', async () => {
    standIn.failNext(
      { when: 'before', answer: { status: 500, json: {} } },
      { only: ({ url }) => url.pathname.startsWith('/contacts/') },
    )
    expect(await codeOf(read())).toBe('unavailable')
  })
  test('cannot be led to another path by an id', async () => {
    expect(await codeOf(intercom.read('../me', api()))).toBe('ticket_gone')
    expect(standIn.requests[0]?.path).toBe('/conversations/..%2Fme?display_as=plaintext')
  })
  test.each([
    ['us', 'https://api.intercom.io'],
    ['eu', 'https://api.eu.intercom.io'],
    ['au', 'https://api.au.intercom.io'],
  ])('goes to the region %s, and a baseUrl elsewhere is refused', async (region, origin) => {
    const one = api({ region })
    const { baseUrl: _, ...connection } = one.connection
    expect(client.base({ ...one, connection })).toBe(origin)
    const evil = { ...one, connection: { ...connection, baseUrl: 'https://api.intercom.io.evil.example' } }
    expect(() => client.base(evil)).toThrow(/baseUrl must be/)
  })
  test('a 429 waits until the window that Intercom names', async () => {
    const reset = String(clock.now / 1000 + 7)
    standIn.failNext({
      when: 'before',
      answer: { status: 429, headers: { 'x-ratelimit-reset': reset, 'retry-after': '99' }, json: {} },
    })
    await expect(read()).rejects.toMatchObject({ code: 'rate_limited', retryAfterMs: 7000 })
  })
})

describe('replying on Intercom', () => {
  test('to one address is refused before any call where somebody else would get it', async () => {
    standIn.addReader(id, kim)
    const ticket = await read()
    expect(await codeOf(intercom.post(ticket, replyTo(ticket, zoe.address), api()))).toBe('refused')
    expect(writes()).toEqual([])
    expect(await codeOf(intercom.post(ticket, replyTo(ticket), api()))).toBe('done')
  })
  test.each([
    ['nothing', [], 'open'],
    ['snooze', [['/conversations/{id}/parts', 'snoozed']], 'snoozed'],
    ['close', [['/conversations/{id}/parts', 'close']], 'closed'],
  ])('does then what the connection says: %s', async (afterReply, more, state) => {
    const ticket = await read()
    await intercom.post(ticket, replyTo(ticket, zoe.address), api({ afterReply, snoozeHours: 2 }))
    expect(writes()).toEqual([['/conversations/{id}/reply', 'comment'], ...more])
    expect(conversation()?.state).toBe(state)
    if (state === 'snoozed') expect(conversation()?.snoozed_until).toBe(clock.now / 1000 + 7200)
  })
  test('stands, whatever becomes of the snooze', async () => {
    const ticket = await read()
    standIn.failNext(
      { when: 'before', answer: { status: 500, json: {} } },
      { only: ({ url }) => url.pathname.endsWith('/parts') },
    )
    const posted = await intercom.post(ticket, replyTo(ticket), api({ afterReply: 'snooze' }))
    expect((await read()).messages.at(-1)).toMatchObject({ id: posted, ours: true })
  })
  test('that Intercom took and does not show is not known to be done', async () => {
    const ticket = await read()
    const answer = { id, created_at: 1, conversation_parts: { conversation_parts: [], total_count: 0 } }
    standIn.failNext(
      { when: 'after', answer: { status: 200, json: answer } },
      { only: ({ method }) => method === 'POST' },
    )
    expect(await codeOf(intercom.post(ticket, replyTo(ticket), api()))).toBe('outcome_unknown')
  })
})

describe('handing over on Intercom', () => {
  test('takes the conversation from us: the tag alone would give it back', async () => {
    const one = conversation()
    if (one) one.admin_assignee_id = '991234'
    const ticket = await read()
    expect(ticket.assignee).toBe('us')
    await intercom.post(ticket, handOver, api())
    expect(await read()).toMatchObject({ assignee: 'nobody', handedOver: true })
    expect(conversation()?.team_assignee_id).toBe(demoIntercom.teamId)
  })
  test('leaves it to a teammate who has it', async () => {
    standIn.assignToAgent(id)
    await intercom.finish(await read(), api())
    expect(conversation()).toMatchObject({ admin_assignee_id: '991235', team_assignee_id: 0 })
    expect((await read()).handedOver).toBe(true)
  })
  test('without a team opens what was snoozed, and assigns nobody', async () => {
    const one = conversation()
    Object.assign(one ?? {}, { state: 'snoozed' })
    await intercom.post(await read(), handOver, api({ handOver: {} }))
    expect(conversation()).toMatchObject({ state: 'open', team_assignee_id: 0 })
    expect(writes().map(([, type]) => type)).toEqual(['note', 'open', undefined, undefined])
  })
  test.each([2, 3, 4])('that fails at its call %i is finished later, and noted once', async (nth) => {
    const ticket = await read()
    let calls = 0
    standIn.failNext(
      { when: 'before', answer: { status: 403, json: {} } },
      { times: 1, only: ({ method }) => method === 'POST' && ++calls === nth },
    )
    expect(await codeOf(intercom.post(ticket, handOver, api()))).toBe('outcome_unknown')
    const cutOff = await read()
    expect(cutOff.handedOver).toBe(false)
    await intercom.finish(cutOff, api())
    const after = await read()
    expect(after.handedOver).toBe(true)
    expect(after.messages.filter(({ ours }) => ours)).toHaveLength(1)
  })
})

describe('what moved on Intercom', () => {
  test('is told page by page, oldest first, and not what only the team touched', async () => {
    clock.now += 3_600_000
    const since = clock.now
    const opened: string[] = []
    for (let nth = 0; nth < 120; nth++) {
      clock.now += 1000
      opened.push(standIn.opens({ from: zoe, text: `Question ${nth}` }))
    }
    standIn.writes(id, 'agent', 'We are on it.')
    standIn.requests.length = 0
    const rung: string[] = []
    for await (const { ticketId } of intercom.moved(since, api())) rung.push(ticketId)
    expect(rung).toEqual(opened)
    expect(standIn.requests).toHaveLength(3)
  })
  test('stops asking when its caller stops', async () => {
    clock.now += 3_600_000
    const since = clock.now
    for (let nth = 0; nth < 60; nth++) {
      clock.now += 1000
      standIn.opens({ from: zoe, text: `Question ${nth}` })
    }
    standIn.requests.length = 0
    for await (const _ of intercom.moved(since, api())) break
    expect(standIn.requests).toHaveLength(1)
  })
  test('is not what is closed or snoozed', async () => {
    const since = clock.now - 1000
    standIn.closeTicket(id)
    const rung: string[] = []
    for await (const { ticketId } of intercom.moved(since, api())) rung.push(ticketId)
    expect(rung).not.toContain(id)
  })
})

describe('checking an Intercom connection', () => {
  const wrong = async (settings: object): Promise<string[]> =>
    (await intercom.check(api(settings))).filter(({ ok }) => !ok).map(({ what }) => what)
  const answers = (path: string, json: object) =>
    standIn.failNext(
      { when: 'before', answer: { status: 200, json } },
      { only: ({ url }) => url.pathname === path },
    )

  test('finds nothing wrong with a right one, and says what stays the admin’s word', async () => {
    const findings = await intercom.check(api())
    expect(findings.filter(({ ok }) => !ok)).toEqual([])
    expect(findings.find(({ what }) => what === 'attestations')?.message).toMatch(/stay your word/)
  })
  test.each([
    ['another workspace', { appId: 'other' }, ['account']],
    ['another region', { region: 'us' }, ['region']],
    ['a teammate who is not there', { adminId: '1' }, ['bot_user']],
    ['a team that is not there', { handOver: { teamId: '1' } }, ['team']],
  ])('names %s', async (_, settings, what) => {
    expect(await wrong(settings)).toEqual(what)
  })
  test('names a teammate without a seat', async () => {
    answers('/admins', { admins: [{ id: 991234, has_inbox_seat: false }] })
    expect(await wrong({})).toEqual(['bot_user'])
  })
  test('does not take an attested Messenger for enforced where Intercom says that it is off', async () => {
    const app = { id_code: demoIntercom.appId, region: 'EU', identity_verification: false }
    answers('/me', { app })
    expect(await wrong({})).toEqual(['messenger'])
    answers('/me', { app })
    expect(await wrong({ messenger: {} })).toEqual([])
  })
  test('names the permission that is missing', async () => {
    standIn.failNext(
      { when: 'before', answer: { status: 403, json: {} } },
      { only: ({ url }) => url.pathname === '/conversations/search' },
    )
    expect(await wrong({})).toEqual(['scope'])
  })
})
