import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { DeskhandError } from '../lambdas/core/errors.ts'
import type { Message, Outgoing, Ticket } from '../lambdas/core/helpdesk.ts'
import { hubspot } from '../lambdas/hubspot/helpdesk.ts'
import { demoHubspot } from '../local/hubspot/demo-account.ts'
import { type HubspotStandIn, startHubspot } from '../local/hubspot/stand-in.ts'
import { demoPeople } from '../local/people.ts'
import type { Asked } from '../local/serve.ts'
import type { FailureRow, Json } from './fixtures/fixture.ts'
import { fixture } from './fixtures/hubspot.ts'
import { apiFor } from './fixtures/hubspot-api.ts'

const { zoe, ben, kim } = demoPeople
let standIn: HubspotStandIn
beforeAll(async () => {
  standIn = await startHubspot({ unlimited: true })
})
afterAll(() => standIn.close())
beforeEach(() => {
  standIn.requests.length = 0
})

const api = (settings: object = {}, secret?: unknown) => apiFor(standIn.url, settings, secret).api
const opens = (more: object = {}) =>
  standIn.opens({ from: zoe, subject: 'Order 1042', text: 'Where is it?', ...more })
const read = (id: string, settings: object = {}): Promise<Ticket> => hubspot.read(id, api(settings))
const newest = (ticket: Ticket): Message => ticket.messages.at(-1) as Message
const replyTo = (answers: Message, more: object = {}): Outgoing & { kind: 'reply' } => ({
  kind: 'reply',
  text: 'Hi **Zoë**, it is on its way.',
  ref: 'ref of the reply',
  answers,
  ...more,
})
const note: Outgoing = { kind: 'note', text: 'Two **refunds**?', ref: 'ref a_b*c*' }
const handOver: Outgoing = { ...note, kind: 'hand_over' }
const calls = () => standIn.requests.map(({ method, path }) => `${method} ${path}`)
const writes = () =>
  standIn.requests.filter(({ method, path }) => method !== 'GET' && !path.includes('/actors/'))
const bodies = (): Json[] => writes().map(({ body }) => JSON.parse(body || 'null'))
async function failure(call: Promise<unknown>): Promise<DeskhandError> {
  try {
    await call
  } catch (error) {
    return error as DeskhandError
  }
  throw new Error('it worked')
}
const isReply = ({ method, url }: Asked) => method === 'POST' && url.pathname.endsWith('/messages')

describe('reading a HubSpot thread', () => {
  test('asks for the thread first, then its messages, its contact, its ticket and who acted', async () => {
    const id = opens()
    const ticket = await read(id)
    expect(ticket).toMatchObject({
      id,
      subject: 'Order 1042',
      channel: 'email',
      audience: [zoe.address],
      complete: true,
    })
    expect(ticket.messages).toMatchObject([
      { text: 'Where is it?', author: { role: 'customer', name: zoe.name } },
    ])
    const threads = `/conversations/v3/conversations/threads/${id}`
    expect(calls()[0]).toBe(`GET ${threads}?association=TICKET`)
    expect(new Set(calls())).toEqual(
      new Set([
        `GET ${threads}?association=TICKET`,
        `GET ${threads}/messages?limit=100&sort=-createdAt`,
        'GET /crm/v3/objects/contacts/551?properties=email,firstname,lastname',
        `GET /crm/v3/objects/tickets/9${id}?properties=ai_status`,
        'POST /conversations/v3/conversations/actors/batch/read',
      ]),
    )
    expect(calls()).toHaveLength(5)
  })
  test('asks for the ticket only where hand-overs are marked on it', async () => {
    await read(opens(), { handOver: {} })
    expect(calls().join()).not.toContain('/tickets/')
  })
  test('reads two hundred entries, says that there are more, and then nobody is known to read alone', async () => {
    const id = opens()
    for (let i = 1; i < 200; i++) standIn.writes(id, zoe, `line ${i}`)
    expect(await read(id)).toMatchObject({ complete: true, audience: [zoe.address] })
    standIn.writes(id, zoe, 'line 200')
    const ticket = await read(id)
    expect(ticket).toMatchObject({ complete: false, audience: 'unknown' })
    expect(ticket.messages.map(({ text }) => text)).toEqual(
      Array.from({ length: 200 }, (_, i) => `line ${i + 1}`),
    )
  })
  test('reads the newest message whole where HubSpot shortened it, and keeps the short one where it cannot', async () => {
    const id = opens()
    const [entry] = standIn.conversation(id).entries
    Object.assign(entry as object, { truncationStatus: 'TRUNCATED_TO_MOST_RECENT_REPLY' })
    await read(id)
    const original = `/messages/${entry?.id}/original-content`
    expect(calls().filter((call) => call.endsWith(original))).toHaveLength(1)
    const only = ({ url }: Asked) => url.pathname.endsWith(original)
    const whole = { status: 200, json: { richText: '<p>Where is it, my tent?</p>', text: 'x' } }
    standIn.failNext({ when: 'before', answer: whole }, { only })
    expect(newest(await read(id)).text).toBe('Where is it, my tent?')
    standIn.failNext({ when: 'before', answer: { status: 404 } }, { only })
    expect(newest(await read(id)).text).toBe('Where is it?')
  })
  test('does without a contact that the CRM does not know, and then nothing is proven', async () => {
    const id = opens()
    for (const status of [404, 400]) {
      standIn.failNext(
        { when: 'before', answer: { status } },
        { only: ({ url }) => url.pathname.includes('/contacts/') },
      )
      const ticket = await read(id)
      expect(ticket.audience).toBe('unknown')
      expect(newest(ticket).evidence.authorIsRequester).toBeUndefined()
    }
  })
  test('fails where the contact may not be seen: that is no missing contact', async () => {
    const id = opens()
    standIn.failNext(
      { when: 'before', answer: { status: 403 } },
      { only: ({ url }) => url.pathname.includes('/contacts/') },
    )
    expect((await failure(read(id))).code).toBe('connection_broken')
  })
  test('cannot be led to another path by an id', async () => {
    await failure(read('../inboxes'))
    expect(calls()).toEqual(['GET /conversations/v3/conversations/threads/..%2Finboxes?association=TICKET'])
  })
})

describe('posting to a HubSpot thread', () => {
  test('a reply is one message of the bot, as HTML and as text, to the verified address alone', async () => {
    const id = opens({ cc: [kim] })
    const ticket = await read(id)
    standIn.requests.length = 0
    const posted = await hubspot.post(ticket, replyTo(newest(ticket), { to: 'zoe@example.com' }), api())
    expect(bodies()).toEqual([
      {
        type: 'MESSAGE',
        text: 'Hi Zoë, it is on its way.',
        richText: '<p>Hi <strong>Zoë</strong>, it is on its way.</p>',
        attachments: [],
        senderActorId: 'A-7654321',
        channelId: '1002',
        channelAccountId: '424242',
        recipients: [
          {
            recipientField: 'TO',
            name: zoe.name,
            deliveryIdentifiers: [{ type: 'HS_EMAIL_ADDRESS', value: 'zoe@example.com' }],
          },
        ],
        subject: 'Re: Order 1042',
      },
    ])
    expect(calls()).toHaveLength(1)
    expect(newest(await read(id))).toMatchObject({ id: posted, ours: true, visibility: 'public' })
    expect(standIn.ticket(id)?.messages.at(-1)?.to).toEqual(['zoe@example.com'])
  })
  test('a verified address is the recipient, whoever the message names', async () => {
    const ticket = await read(opens({ from: ben }))
    await hubspot.post(ticket, replyTo(newest(ticket), { to: 'zoe@example.com' }), api())
    expect(JSON.stringify(bodies())).not.toContain(ben.address)
  })
  test('without one it goes to who wrote what it answers, not to the requester', async () => {
    const id = opens()
    standIn.writes(id, kim, 'And mine?')
    const ticket = await read(id)
    await hubspot.post(ticket, replyTo(newest(ticket)), api())
    expect(standIn.ticket(id)?.messages.at(-1)?.to).toEqual([kim.address])
  })
  test('in a chat it goes to the visitor’s window, also where an address is verified', async () => {
    const ticket = await read(opens({ channel: 'chat' }))
    for (const more of [{}, { to: 'zoe@example.com' }])
      await hubspot.post(ticket, replyTo(newest(ticket), more), api())
    for (const body of bodies())
      expect(body).toMatchObject({
        channelId: '1000',
        recipients: [
          {
            actorId: 'V-551',
            deliveryIdentifiers: [{ type: 'CHANNEL_SPECIFIC_OPAQUE_ID', value: `chat-${ticket.id}` }],
          },
        ],
      })
    expect(JSON.stringify(bodies())).not.toContain('subject')
  })
  test('a message without a way back is not answered, and nothing is sent', async () => {
    const ticket = await read(opens())
    const { route: _, ...lost } = newest(ticket)
    standIn.requests.length = 0
    expect((await failure(hubspot.post(ticket, replyTo(lost), api()))).code).toBe('refused')
    expect(calls()).toEqual([])
  })
  test('`Re:` is not put before itself', async () => {
    const ticket = await read(opens({ subject: 'RE: Order' }))
    await hubspot.post(ticket, replyTo(newest(ticket)), api())
    expect(bodies().at(-1).subject).toBe('RE: Order')
  })
  test('a note is a comment that ends with its ref, as it is, and is found again', async () => {
    const id = opens()
    await hubspot.post(await read(id), note, api())
    expect(bodies().at(-1)).toEqual({
      type: 'COMMENT',
      text: 'Two refunds?\n\nref a_b*c*',
      richText: '<p>Two <strong>refunds</strong>?</p>\n<p>ref a_b*c*</p>',
      attachments: [],
    })
    const posted = newest(await read(id))
    expect(posted).toMatchObject({ ours: true, visibility: 'internal' })
    expect(posted.text.split('\n').at(-1)).toBe('ref a_b*c*')
  })
  test('a hand-over is a comment, then the colleague, then the ticket’s property', async () => {
    const id = opens()
    await hubspot.post(await read(id), handOver, api())
    expect(standIn.ticket(id)).toMatchObject({ assignee: 'Petra Lind', tags: ['ai-handed-over'] })
    expect(await read(id)).toMatchObject({ assignee: 'human', handedOver: true })
    standIn.giveBack(id)
    expect(await read(id)).toMatchObject({ assignee: 'us', handedOver: false })
  })
  test('without anybody to give it to, the thread loses us', async () => {
    const id = opens()
    await hubspot.post(await read(id), handOver, api({ handOver: {} }))
    expect(writes()).toHaveLength(1)
    standIn.giveBack(id)
    await hubspot.post(await read(id), handOver, api({ handOver: {} }))
    expect(writes().at(-1)).toMatchObject({ method: 'DELETE' })
    expect((await read(id)).assignee).toBe('nobody')
  })
  test('a human who took the thread meanwhile keeps it', async () => {
    const id = opens()
    const ticket = await read(id)
    standIn.conversation(id).thread.assignedTo = 'A-99'
    await hubspot.finish(ticket, api())
    expect(standIn.conversation(id).thread.assignedTo).toBe('A-99')
    expect(standIn.ticket(id)?.tags).toEqual(['ai-handed-over'])
  })
  test.each(['/assignee', '/tickets/', '?association'])(
    'a hand-over that broke off at %s is not known to be done, and finishing it writes no second note',
    async (part) => {
      const id = opens()
      const ticket = await read(id)
      standIn.failNext(
        { when: 'before', answer: { status: 429 } },
        { only: ({ url }) => (url.pathname + url.search).includes(part) },
      )
      expect((await failure(hubspot.post(ticket, handOver, api()))).code).toBe('outcome_unknown')
      for (let i = 0; i < 2; i++) await hubspot.finish(ticket, api())
      expect(standIn.ticket(id)).toMatchObject({ assignee: 'Petra Lind', tags: ['ai-handed-over'] })
      expect(standIn.ticket(id)?.messages.filter(({ by }) => by === 'us')).toHaveLength(1)
    },
  )
  test('a ticket that was deleted does not keep a hand-over open', async () => {
    const id = opens()
    standIn.failNext(
      { when: 'before', answer: { status: 404 } },
      { only: ({ method }) => method === 'PATCH' },
    )
    await hubspot.post(await read(id), handOver, api())
    expect(standIn.ticket(id)?.assignee).toBe('Petra Lind')
  })
  test('a reply moves the ticket to the stage that waits, where there is one; it stands if that fails', async () => {
    const id = opens()
    const ticket = await read(id)
    const settings = { waitingStage: '2' }
    await hubspot.post(ticket, replyTo(newest(ticket)), api(settings))
    expect(standIn.conversation(id).ticket.properties.hs_pipeline_stage).toBe('2')
    const { api: one, warned } = apiFor(standIn.url, { waitingStage: '3' })
    standIn.failNext(
      { when: 'before', answer: { status: 500 } },
      { only: ({ method }) => method === 'PATCH' },
    )
    expect(await hubspot.post(ticket, replyTo(newest(ticket)), one)).toEqual(expect.any(String))
    expect(warned).toEqual(['ticket_stage_not_set'])
  })
  test('templates are parted in both forms', async () => {
    const ticket = await read(opens())
    await hubspot.post(ticket, replyTo(newest(ticket), { text: 'a {{contact.email}} {% if %}' }), api())
    for (const part of ['text', 'richText']) expect(bodies().at(-1)[part]).not.toMatch(/\{[{%]/)
  })
  test('an answer that names no message is not known to be done', async () => {
    const ticket = await read(opens())
    standIn.failNext({ when: 'after', answer: { status: 201, json: {} } }, { only: isReply })
    expect((await failure(hubspot.post(ticket, replyTo(newest(ticket)), api()))).code).toBe('outcome_unknown')
  })
})

describe('what HubSpot refuses', () => {
  /** A HubSpot of its own, whose every such request is answered so. */
  async function refusing(row: FailureRow, only: (asked: Asked) => boolean) {
    const broken = await startHubspot({ unlimited: true })
    const id = broken.opens({ from: zoe, text: 'Where is it?' })
    const ticket = await hubspot.read(id, apiFor(broken.url).api)
    broken.requests.length = 0
    broken.failNext({ when: 'before', answer: row.answer }, { only, times: 9 })
    return { broken, ticket, api: apiFor(broken.url).api }
  }
  test.each(fixture.failures)('$name: a reply is $write, and is not sent again', async (row) => {
    const { broken, ticket, api: one } = await refusing(row, isReply)
    const error = await failure(hubspot.post(ticket, replyTo(newest(ticket)), one))
    await broken.close()
    expect(error.code).toBe(row.write)
    if (row.retryAfterMs !== undefined) expect(error.retryAfterMs).toBe(row.retryAfterMs)
    // After a 401 nothing was done, and a credential fetched anew decides.
    expect(broken.requests).toHaveLength(row.name === '401' ? 2 : 1)
    expect(error.message).not.toMatch(/@|correlation/)
  })
  test.each(fixture.failures)('$name: a read is $read', async (row) => {
    const {
      broken,
      ticket,
      api: one,
    } = await refusing(row, ({ url }) => url.search === '?association=TICKET')
    const error = await failure(hubspot.read(ticket.id, one))
    await broken.close()
    expect(error.code).toBe(row.read)
    if (row.retryAfterMs !== undefined) expect(error.retryAfterMs).toBe(row.retryAfterMs)
  })
})

describe('the credential', () => {
  test('goes to the host it is bound to alone', async () => {
    const elsewhere = { value: demoHubspot.accessToken, hosts: ['api.hubapi.com'] }
    expect((await failure(hubspot.read(opens(), api({}, elsewhere)))).code).toBe('bad_configuration')
    expect(calls()).toEqual([])
  })
  test('goes nowhere but to HubSpot or an allowed stand-in', async () => {
    const { api: one } = apiFor(standIn.url, { baseUrl: 'https://api.hubapi.com.evil.example' })
    expect((await failure(hubspot.read('1', one))).code).toBe('bad_configuration')
    expect(calls()).toEqual([])
  })
})

describe('what moved', () => {
  const since = async (at: number, settings: object = {}) => {
    const bells = []
    for await (const bell of hubspot.moved(at, api(settings))) bells.push(bell)
    return bells
  }
  test('is every open thread in which a customer wrote since, oldest first, page by page', async () => {
    const before = Date.now() - 1
    const ids = Array.from({ length: 205 }, () => opens())
    const first = ids[0] as string
    const bells = (await since(before)).filter(({ ticketId }) => ids.includes(ticketId))
    expect(bells.map(({ ticketId }) => ticketId)).toEqual(ids)
    expect(bells[0]).toEqual({ ticketId: first, from: 'customer', at: expect.any(Number) })
    const last = bells.at(-2)?.at ?? 0
    expect((await since(last)).map(({ ticketId }) => ticketId)).toEqual([ids.at(-1)])
  })
  test('stops reading when the caller does', async () => {
    for await (const _ of hubspot.moved(0, api())) break
    expect(calls()).toHaveLength(1)
  })
  test('leaves out what a colleague moved, closed threads, spam and other inboxes', async () => {
    const mark = Date.parse(standIn.conversation(opens()).thread.latestMessageTimestamp)
    const [answered, closed, spam, open] = [opens(), opens(), opens(), opens()]
    const received = Date.parse(standIn.conversation(answered).thread.latestMessageTimestamp)
    standIn.writes(answered, 'agent', 'Done.')
    standIn.closeTicket(closed)
    standIn.conversation(spam).thread.spam = true
    // By when the customer wrote, though the colleague's message made the first one the last to change.
    expect((await since(mark)).map(({ ticketId }) => ticketId)).toEqual([answered, open])
    expect((await since(received)).map(({ ticketId }) => ticketId)).toEqual([open])
    expect(await since(mark, { inboxIds: ['1'] })).toEqual([])
  })
})

describe('checking a connection', () => {
  const check = async (settings: object = {}, secret?: unknown) => hubspot.check(api(settings, secret))
  const bad = async (settings: object = {}) => (await check(settings)).filter(({ ok }) => !ok)
  test('of the demo finds nothing amiss, reads only, and says what it cannot see', async () => {
    const findings = await check()
    expect(findings.filter(({ ok }) => !ok)).toEqual([])
    expect(findings.map(({ what }) => what)).toEqual([
      ...['credentials', 'account', 'scope', 'scope', 'scope', 'scope', 'bot_user', 'hand_over'],
      ...['channels', 'inboxes'],
      ...['attestation', 'attestation'],
    ])
    expect(findings.map(({ message }) => message).join()).toMatch(/write cannot be seen.*cannot confirm/)
    expect(standIn.requests.every(({ method }) => method === 'GET')).toBe(true)
  })
  test('with a wrong token says so, and nothing else', async () => {
    const secret = { value: 'another-token', hosts: [new URL(standIn.url).host] }
    expect(await check({}, secret)).toEqual([
      { what: 'credentials', ok: false, message: expect.stringContaining('401') },
    ])
  })
  test.each<[string, object, string, RegExp]>([
    ['another account', { portalId: '1' }, 'account', /6251500.*names 1:/],
    ['a bot user that is not there', { botUserId: '5' }, 'bot_user', /A-5 is no user/],
    [
      'an address too few and one too many',
      { ownAddresses: ['x@shop.example'] },
      'channels',
      /support@.*add.*x@.*take/,
    ],
    ['an inbox that is not there', { inboxIds: ['9'] }, 'inboxes', /no inbox 9/],
  ])('finds %s', async (_name, settings, what, message) => {
    expect(await bad(settings)).toEqual([{ what, ok: false, message: expect.stringMatching(message) }])
  })
  test.each([
    ['conversations.read', '/threads'],
    ['crm.objects.contacts.read', '/contacts'],
    ['tickets', '/objects/tickets'],
  ])('finds that the scope %s is missing', async (scope, path) => {
    standIn.failNext(
      { when: 'before', answer: { status: 403 } },
      { only: ({ url }) => url.pathname.endsWith(path) },
    )
    expect(await bad()).toEqual([{ what: 'scope', ok: false, message: expect.stringContaining(scope) }])
  })
  test('finds a help desk, where notes may be refused', async () => {
    const results = [{ id: demoHubspot.inboxId, type: 'HELP_DESK' }]
    standIn.failNext(
      { when: 'before', answer: { status: 200, json: { results } } },
      { only: ({ url }) => url.pathname.endsWith('/inboxes') },
    )
    expect(await bad()).toMatchObject([{ what: 'inboxes', message: expect.stringContaining('help desk') }])
  })
})
