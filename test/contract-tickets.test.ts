/** A ticket of every helpdesk, as its API gives and takes it: evidence, audience, text, posts, failures. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { DeskhandError } from '../lambdas/core/errors.ts'
import type { Helpdesk, Message, Outgoing, Ticket } from '../lambdas/core/helpdesk.ts'
import { audienceIsOnly, identify } from '../lambdas/core/identify.ts'
import { demoPeople } from '../local/people.ts'
import type { StandIn } from '../local/stand-in.ts'
import { type Assurance, assurances, helpdeskNames } from '../schemas/names.ts'
import { apiTo } from './fixtures/api.ts'
import type { ExpectedCall, Fixture, Json } from './fixtures/fixture.ts'
import { fixtures } from './fixtures/helpdesks.ts'

const everything = { senderAuthentication: true, ccsOff: true, noSharedViews: true }
const nothing = { senderAuthentication: false, ccsOff: false, noSharedViews: false }

describe.each(helpdeskNames)('a ticket of %s', (name) => {
  const fixture: Fixture = fixtures[name]
  const helpdesk: Helpdesk = fixture.helpdesk

  const newestOf = (ticket: Ticket): Message => {
    const message = ticket.messages.findLast((m) => m.visibility === 'public' && !m.ours)
    if (message === undefined) throw new Error('no message')
    return message
  }
  const levelOf = (rest: Json, settings: object | undefined, attested: typeof everything): Assurance => {
    const ticket = fixture.toTicket(structuredClone(rest), settings)
    return identify(newestOf(ticket), ticket, helpdesk.sideDoorsClosed(attested)).level
  }
  /** An answer that cannot be read proves nothing. */
  const rank = (rest: Json, settings: object | undefined): number => {
    try {
      return assurances.indexOf(levelOf(rest, settings, everything))
    } catch {
      return 0
    }
  }

  describe('who wrote', () => {
    test.each(fixture.identity)(
      '$name: $unattested, attested $attested',
      ({ rest, settings, attested, unattested }) => {
        expect(levelOf(rest, settings, nothing)).toBe(unattested)
        expect(levelOf(rest, settings, everything)).toBe(attested)
      },
    )

    test.each(fixture.identity)('$name: no one field taken away raises the level', ({ rest, settings }) => {
      const whole = rank(rest, settings)
      for (const path of paths(rest))
        expect({ path, rank: Math.max(whole, rank(without(rest, path), settings)) }).toEqual({
          path,
          rank: whole,
        })
    })

    test('mail needs its side doors closed', () => {
      expect(helpdesk.sideDoorsClosed(nothing)).toBe(false)
      expect(helpdesk.sideDoorsClosed({ ...everything, noSharedViews: false })).toBe(false)
      expect(helpdesk.sideDoorsClosed(everything)).toBe(true)
    })

    test('there are rows at every level that mail can have', () => {
      expect(fixture.identity.map(({ attested }) => attested)).toEqual(
        expect.arrayContaining(['none', 'claimed', 'mailbox']),
      )
      expect(fixture.identity.filter(({ unattested }) => unattested === 'mailbox')).toEqual([])
    })
  })

  describe('who reads along', () => {
    test.each(fixture.audiences)('$name: it is never the customer alone', ({ rest }) => {
      const ticket = fixture.toTicket(structuredClone(rest))
      expect(audienceIsOnly(ticket, ticket.requester.address ?? 'zoe@example.com')).toBe(false)
      const { level } = identify(newestOf(ticket), ticket, true)
      expect(['none', 'claimed']).toContain(level === 'signed_in' ? 'claimed' : level)
    })
    test('a CC or participant, another writer and a merge are among them', () => {
      expect(fixture.audiences.length).toBeGreaterThanOrEqual(3)
    })
  })

  describe('what was written', () => {
    test.each(fixture.written)('$name', ({ rest, text, attachments }) => {
      const message = newestOf(fixture.toTicket(structuredClone(rest)))
      expect(message.text).toBe(text)
      expect(message.attachments).toEqual(attachments ?? [])
    })
  })

  describe('over its API', () => {
    const clock = { now: Date.parse('2026-11-21T09:00:00Z') }
    let standIn: StandIn
    let ticketId: string
    beforeAll(async () => {
      standIn = await fixture.demo.start({ now: () => clock.now, unlimited: true })
    })
    afterAll(() => standIn.close())
    beforeEach(() => {
      clock.now += 60_000
      ticketId = standIn.opens({ from: demoPeople.zoe, subject: 'Order 1042', text: 'Where is order 1042?' })
      standIn.requests.length = 0
    })
    const api = (settings?: object) => apiTo(fixture, standIn, () => clock.now, settings)
    const writes = () => standIn.requests.filter(({ method, path }) => method !== 'GET' && !isToken(path))
    const replyTo = (ticket: Ticket): Outgoing => ({
      kind: 'reply',
      text: 'Hi **Zoë**, it is on its way. {{ticket.requester.email}}',
      ref: 'ref abcdefghijklmnop',
      answers: newestOf(ticket),
      to: demoPeople.zoe.address,
    })
    const note: Outgoing = { kind: 'note', text: 'A note with **words**.', ref: 'ref bcdefghijklmnopq' }
    const handOver = {
      kind: 'hand_over' as const,
      text: 'Handed over to you.',
      ref: 'ref cdefghijklmnopqr',
    }

    test('is read with its customer, alone', async () => {
      const ticket = await helpdesk.read(ticketId, api())
      expect(ticket).toMatchObject({
        id: ticketId,
        status: 'open',
        assignee: 'nobody',
        inScope: true,
        complete: true,
        audience: [demoPeople.zoe.address],
      })
      expect(newestOf(ticket)).toMatchObject({
        text: 'Where is order 1042?',
        visibility: 'public',
        ours: false,
        author: { role: 'customer' },
      })
      expect(identify(newestOf(ticket), ticket, true).level).toBe('mailbox')
    })

    const expected = (calls: ExpectedCall[]) =>
      calls.map(({ method, path, body }) => ({
        method,
        path: path.replaceAll('{ticket}', ticketId),
        ...(body === undefined ? {} : { body: fill(body, ticketId) }),
      }))
    const made = () =>
      standIn.requests
        .filter(({ path }) => !isToken(path))
        .map(({ method, path, body }) => ({
          method,
          path,
          body: body === '' ? undefined : JSON.parse(body),
        }))

    test.each(['reply', 'note', 'handOver'] as const)(
      '%s: the vendor’s calls, and no other',
      async (kind) => {
        const one = api()
        const ticket = await helpdesk.read(ticketId, one)
        standIn.requests.length = 0
        const outgoing = { reply: replyTo(ticket), note, handOver }[kind]
        const id = await helpdesk.post(ticket, outgoing, one)
        expect(made()).toMatchObject(expected(fixture.posts[kind]))

        const after = await helpdesk.read(ticketId, one)
        const posted = after.messages.find((message) => message.id === id)
        expect(posted).toMatchObject({ ours: true, visibility: kind === 'reply' ? 'public' : 'internal' })
        // Found again after a crash, whatever the vendor made of it.
        if (kind !== 'reply')
          expect(posted?.ref === outgoing.ref || posted?.text.includes(outgoing.ref)).toBe(true)
        expect(posted?.text).not.toMatch(/\{\{/)
        if (kind === 'handOver') {
          expect(after.handedOver).not.toBe(false)
          expect(after.assignee).not.toBe('us')
        }
      },
    )

    test('a hand-over for a team of its own goes there, by the same calls', async () => {
      const { team, without } = teamOf(fixture.demo.connection(standIn.url).handOver)
      const one = api({ handOver: without })
      const ticket = await helpdesk.read(ticketId, one)
      standIn.requests.length = 0
      await helpdesk.post(ticket, { ...handOver, team }, one)
      expect(made()).toMatchObject(expected(fixture.posts.handOver))
      expect(JSON.stringify(made())).toContain(team)
    })

    test('finishing a hand-over twice changes nothing more', async () => {
      const one = api()
      const ticket = await helpdesk.read(ticketId, one)
      await helpdesk.post(ticket, handOver, one)
      const before = standIn.ticket(ticketId)
      await helpdesk.finish(ticket, one)
      await helpdesk.finish(ticket, one)
      const after = standIn.ticket(ticketId)
      expect(after?.messages).toEqual(before?.messages)
      expect(after?.tags).toEqual(before?.tags)
    })

    test('a hand-over that was cut off after its note is not known to be done', async () => {
      if (fixture.posts.handOver.length < 2) return
      const one = api()
      const ticket = await helpdesk.read(ticketId, one)
      let nth = 0
      standIn.failNext(
        { when: 'before', answer: { status: 500, json: {} } },
        { only: ({ method, url }) => method !== 'GET' && !isToken(url.pathname) && ++nth === 2 },
      )
      expect(await codeOf(helpdesk.post(ticket, handOver, one))).toBe('outcome_unknown')
      const cutOff = await helpdesk.read(ticketId, one)
      expect(cutOff.messages.filter((message) => message.ours)).toHaveLength(1)
      await helpdesk.finish(cutOff, one)
      expect((await helpdesk.read(ticketId, one)).handedOver).not.toBe(false)
    })

    const isA =
      (kind: 'read' | 'write') =>
      ({ method, url }: { method: string; url: URL }) =>
        !isToken(url.pathname) && (kind === 'write') === isWriteCall(method, url)
    test.each(fixture.failures)(
      '$name: a read is $read, a reply $write',
      async ({ answer, read, write, retryAfterMs }) => {
        const one = api()
        const ticket = await helpdesk.read(ticketId, one)
        // Twice: a credential that is refused is tried anew once.
        standIn.failNext({ when: 'before', answer }, { times: 50, only: isA('read') })
        await expectFailure(helpdesk.read(ticketId, api()), read, retryAfterMs)
        standIn.clearFaults()
        standIn.requests.length = 0
        standIn.failNext({ when: 'before', answer }, { times: 2, only: isA('write') })
        await expectFailure(helpdesk.post(ticket, replyTo(ticket), one), write, retryAfterMs)
        standIn.clearFaults()
        // Never blindly repeated, but for a 401 at which nothing was done.
        const status = typeof answer === 'string' ? 0 : answer.status
        expect(writes().length).toBeLessThanOrEqual(status === 401 ? 2 : 1)
        expect(standIn.ticket(ticketId)?.messages.filter(({ by }) => by === 'us')).toEqual([])
      },
    )

    test('a reply whose answer is lost after it was done is not known to be done, and is found again', async () => {
      const one = api()
      const ticket = await helpdesk.read(ticketId, one)
      standIn.failNext({ when: 'after', answer: 'reset' }, { times: 1, only: isA('write') })
      expect(await codeOf(helpdesk.post(ticket, replyTo(ticket), one))).toBe('outcome_unknown')
      const after = await helpdesk.read(ticketId, one)
      expect(
        after.messages.filter((message) => message.ours && message.visibility === 'public'),
      ).toHaveLength(1)
    })

    test('a credential that is refused once is fetched anew', async () => {
      standIn.failNext({ when: 'before', answer: { status: 401, json: {} } }, { times: 1, only: isA('read') })
      expect((await helpdesk.read(ticketId, api())).id).toBe(ticketId)
    })

    test('an error’s text holds nothing of what the vendor answered', async () => {
      const one = api()
      const ticket = await helpdesk.read(ticketId, one)
      standIn.failNext(
        {
          when: 'before',
          answer: { status: 422, json: { description: 'zoe@example.com wrote SECRET', message: 'SECRET' } },
        },
        { only: isA('write') },
      )
      const error = await helpdesk
        .post(ticket, replyTo(ticket), one)
        .catch((thrown: unknown) => thrown as Error)
      expect(String(error)).not.toMatch(/zoe|SECRET/)
      standIn.clearFaults()
    })

    test('of a long thread the newest messages are read, oldest first, in few calls', async () => {
      const many = 2 * fixture.pageSize + 7
      for (let nth = 1; nth <= many; nth++) {
        clock.now += 1000
        standIn.writes(ticketId, nth % 3 === 0 ? 'agent' : demoPeople.zoe, `Message ${nth} of ${many}`)
      }
      standIn.requests.length = 0
      const ticket = await helpdesk.read(ticketId, api())
      expect(ticket.messages.at(-1)?.text).toBe(`Message ${many} of ${many}`)
      expect(ticket.messages.length).toBeGreaterThanOrEqual(Math.min(many, 100))
      expect(ticket.messages.length).toBeLessThanOrEqual(520)
      expect(ticket.complete).toBe(ticket.messages.some(({ text }) => text === 'Where is order 1042?'))
      const times = ticket.messages.map(({ at }) => at)
      expect(times).toEqual(times.toSorted((a, b) => a - b))
      expect(standIn.requests.length).toBeLessThanOrEqual(16)
    })

    test('what moved is told, oldest first, and only what moved since', async () => {
      clock.now += 3_600_000
      const since = clock.now - 60_000
      const [first, second] = ['one', 'two'].map((text) => {
        clock.now += 60_000
        return standIn.opens({ from: demoPeople.zoe, subject: text, text })
      })
      clock.now += 120_000
      const rung: string[] = []
      for await (const bell of helpdesk.moved(since, api())) {
        expect(bell).toMatchObject({ from: 'customer' })
        expect(bell.at).toBeGreaterThan(since)
        rung.push(bell.ticketId)
      }
      expect(rung).toEqual([first, second])
    })

    test('the demo’s connection is found complete; a wrong credential, bot or account is named', async () => {
      const findings = await helpdesk.check(api())
      expect(findings.filter(({ ok }) => !ok)).toEqual([])
      expect(findings.map(({ what }) => what)).toEqual(expect.arrayContaining(['credentials', 'bot_user']))
      standIn.failNext({ when: 'before', answer: { status: 401, json: {} } }, { times: 100 })
      const wrong = await helpdesk.check(api())
      standIn.clearFaults()
      expect(wrong.some(({ what, ok }) => what === 'credentials' && !ok)).toBe(true)
      expect(writes().filter(({ method, path }) => isWriteCall(method, new URL(path, standIn.url)))).toEqual(
        [],
      )
    })

    test('a team for hand-overs that is not there is named', async () => {
      const missing = name === 'hubspot' ? 'A-999' : '999'
      const findings = await helpdesk.check(api({ handOverTeams: { agent_asked: missing } }))
      expect(findings.filter(({ ok }) => !ok)).toMatchObject([
        { message: expect.stringMatching(new RegExp(`${missing}.*handOverTeams`)) },
      ])
    })

    test('no secret of the connection is sent but as a credential, and to no other host', async () => {
      const { outbound } = fixture.demo.secrets('http://elsewhere.example')
      const one = api()
      const bound = { ...one, secrets: { read: async (secret: string) => outbound[secret] } }
      expect(await codeOf(helpdesk.read(ticketId, bound))).toBe('bad_configuration')
      expect(standIn.requests).toEqual([])
    })
  })
})

/** The demo's team for hand-overs, whatever the helpdesk calls it, and its settings without one. */
function teamOf(handOver: unknown): { team: string; without: object } {
  const settings = handOver as Record<string, unknown>
  const [key, team] = Object.entries(settings).find(([, value]) => typeof value === 'string') ?? []
  if (key === undefined || typeof team !== 'string') throw new Error('the demo names no team')
  return { team, without: { ...settings, [key]: undefined } }
}

const isToken = (path: string): boolean => /\/oauth\//.test(path)
/** A search is a POST that reads. */
const isWriteCall = (method: string, url: URL): boolean =>
  method !== 'GET' && !/\/(search|batch\/read)$/.test(url.pathname)

async function expectFailure(
  call: Promise<unknown>,
  code: string,
  retryAfterMs: number | undefined,
): Promise<void> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown as DeskhandError,
  )
  expect(error?.code).toBe(code)
  if (retryAfterMs !== undefined && code === 'rate_limited') expect(error?.retryAfterMs).toBe(retryAfterMs)
}
const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'done',
    (error: unknown) => (error as DeskhandError).code,
  )

/** Every object key in the JSON, as a path. */
const paths = (value: unknown, at: (string | number)[] = []): (string | number)[][] =>
  value === null || typeof value !== 'object'
    ? []
    : Object.entries(value).flatMap(([key, inner]) => {
        const path = [...at, Array.isArray(value) ? Number(key) : key]
        return [...(Array.isArray(value) ? [] : [path]), ...paths(inner, path)]
      })
function without(json: Json, path: (string | number)[]): Json {
  const copy = structuredClone(json)
  const parent = path.slice(0, -1).reduce<Json>((inner, key) => inner?.[key], copy)
  if (parent !== undefined && parent !== null) delete parent[path.at(-1) as string]
  return copy
}
const fill = (body: object, ticketId: string): object =>
  JSON.parse(JSON.stringify(body).replaceAll('{ticket}', ticketId)) as object
