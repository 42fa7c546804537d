import { describe, expect, test } from '@jest/globals'
import type { Ticket } from '../lambdas/core/helpdesk.ts'
import { audienceIsOnly, identify } from '../lambdas/core/identify.ts'
import { freshdesk } from '../lambdas/freshdesk/helpdesk.ts'
import { type Assurance, assurances } from '../schemas/names.ts'
import type { Json } from './fixtures/fixture.ts'
import {
  byAgent,
  byEmail,
  conversation,
  fixture,
  malloryContact,
  toTicket,
  zoe,
} from './fixtures/freshdesk.ts'

const attested = { senderAuthentication: true, ccsOff: true, noSharedViews: true }
const closed = freshdesk.sideDoorsClosed(attested)

const newest = (ticket: Ticket) =>
  ticket.messages.findLast((m) => m.visibility === 'public' && m.author.role === 'customer')
function levelOf(rest: Json, sideDoorsClosed = closed): Assurance {
  const ticket = toTicket(rest)
  const message = newest(ticket)
  return message === undefined ? 'none' : identify(message, ticket, sideDoorsClosed).level
}

/** The same JSON without one field or entry, for every one of them; with the path of what is gone. */
function* withoutOne(whole: Json, path: string[] = []): Generator<[string, Json]> {
  const at = path.reduce((value: Json, key) => value[key], whole)
  if (typeof at !== 'object' || at === null) return
  for (const key of Object.keys(at)) {
    const copy = structuredClone(whole)
    const parent = path.reduce((value: Json, step) => value[step], copy)
    if (Array.isArray(parent)) parent.splice(Number(key), 1)
    else delete parent[key]
    // Who wrote what is evidence; that a whole message or reader never was there is another story.
    if (!Array.isArray(parent)) yield [[...path, key].join('.'), copy]
    yield* withoutOne(whole, [...path, key])
  }
}

describe('who wrote on Freshdesk', () => {
  test.each(fixture.identity.map((row) => [row.name, row] as const))('%s', (_name, row) => {
    expect(levelOf(row.rest)).toBe(row.attested)
    expect(levelOf(row.rest, false)).toBe(row.unattested)
  })
  test.each(fixture.identity.map((row) => [row.name, row] as const))(
    'is not raised by anything that Freshdesk leaves out: %s',
    (_name, row) => {
      let tried = 0
      for (const [path, rest] of withoutOne(row.rest)) {
        let level: Assurance
        try {
          level = levelOf(rest)
        } catch {
          continue
        }
        tried++
        expect([path, assurances.indexOf(level)]).toEqual([
          path,
          Math.min(assurances.indexOf(level), assurances.indexOf(row.attested)),
        ])
      }
      expect(tried).toBeGreaterThan(10)
    },
  )
  test('is never said to be signed in', () => {
    const levels = fixture.identity.map(({ rest }) => levelOf(rest))
    expect(levels).not.toContain('signed_in')
    expect(levels).toContain('mailbox')
  })
  test('proves nothing by mail whose direction Freshdesk does not say', () => {
    expect(levelOf(byEmail({}, [conversation()]))).toBe('mailbox')
    expect(levelOf(byEmail({}, [conversation({ incoming: undefined })]))).toBe('none')
  })
  test('is the requester only where author, ticket and the description of the requester agree', () => {
    const evidence = (rest: Json) => toTicket(rest).messages.at(-1)?.evidence
    expect(evidence(byEmail({}, [conversation()]))).toMatchObject({ authorIsRequester: true })
    const another = { id: 130, name: 'Zoë', email: 'zoe@example.com' }
    for (const rest of [
      byEmail({}, [conversation({ user_id: 130 })]),
      byEmail({ requester: another }, [conversation()]),
      byEmail({ requester: another }),
    ]) {
      expect(evidence(rest)).not.toHaveProperty('authorIsRequester')
      expect(evidence(rest)).not.toHaveProperty('replyNotDiverted')
    }
  })
  test('needs CCs off and no shared views; sender authentication is worth nothing here', () => {
    const { sideDoorsClosed } = freshdesk
    expect(sideDoorsClosed(attested)).toBe(true)
    expect(sideDoorsClosed({ ...attested, senderAuthentication: false })).toBe(true)
    expect(sideDoorsClosed({ ...attested, ccsOff: false })).toBe(false)
    expect(sideDoorsClosed({ ...attested, noSharedViews: false })).toBe(false)
  })
})

describe('who reads a Freshdesk ticket', () => {
  test.each(fixture.audiences.map((row) => [row.name, row] as const))('%s', (_name, { rest }) => {
    const ticket = toTicket(rest)
    expect(audienceIsOnly(ticket, ticket.requester.address ?? '')).toBe(false)
    const message = newest(ticket)
    if (message === undefined) throw new Error('nobody wrote')
    expect(['none', 'claimed']).toContain(identify(message, ticket, closed).level)
  })
  test('is the requester alone, in whatever way the company’s own addresses are written', () => {
    const to = ['"Acme Support" <SUPPORT@acme.com>', 'acmecomsupport@acme.freshdesk.com']
    const ticket = toTicket(byEmail({ to_emails: to }, [byAgent()]))
    expect(ticket.audience).toEqual(['zoe@example.com'])
  })
  test('does not count private notes, nor who wrote or got them', () => {
    const note = byAgent({
      source: 2,
      private: true,
      to_emails: ['lead@acme.com'],
      body: 'look',
      body_text: '',
    })
    expect(toTicket(byEmail({}, [note])).audience).toEqual(['zoe@example.com'])
  })
  test('is not known where older messages were not read', () => {
    const rest = byEmail({}, [conversation()])
    expect(toTicket(rest).audience).toEqual(['zoe@example.com'])
    expect(toTicket({ ...rest, conversations: [conversation({ user_id: null })] }).audience).toBe('unknown')
  })
})

describe('a Freshdesk ticket', () => {
  test('begins with the ticket itself, then its conversations by time', () => {
    const later = conversation({ id: 7, created_at: '2026-11-21T09:00:00Z' })
    const { messages } = toTicket(byEmail({}, [later, byAgent({ id: 9, user_id: 9001 })]))
    expect(messages.map(({ id }) => id)).toEqual(['0', '9', '7'])
    expect(messages.map(({ ours }) => ours)).toEqual([false, true, false])
    expect(messages.map(({ author }) => author.role)).toEqual(['customer', 'team', 'customer'])
  })
  test('has roles that do not depend on names: incoming is a customer, a rule is nobody', () => {
    const roles = (more: object) => toTicket(byEmail({}, [conversation(more)])).messages[1]?.author.role
    expect(roles({ incoming: false, user_id: 4711 })).toBe('team')
    expect(roles({ incoming: false, user_id: zoe })).toBe('team')
    expect(roles({ incoming: false, user_id: null })).toBe('system')
    expect(roles({ incoming: true, user_id: 4711 })).toBe('customer')
    expect(roles({ incoming: undefined, user_id: 4711 })).toBe('team')
    expect(roles({ incoming: true, user_id: 9001 })).toBe('team')
  })
  test('that an agent opened by an outbound mail begins with the team', () => {
    expect(toTicket(byEmail({ source: 10 })).messages[0]).toMatchObject({
      author: { role: 'team' },
      ours: false,
      evidence: {},
    })
  })
  test('knows the mail robots it can', () => {
    const automatic = (rest: Json) => toTicket(rest).messages.at(-1)?.automatic
    expect(automatic(byEmail())).toBe(false)
    expect(automatic(byEmail({ subject: 'Automatic reply: Your order' }))).toBe(true)
    expect(automatic(byEmail({ subject: 'Automatisch antwoord: bestelling' }))).toBe(true)
    expect(automatic(byEmail({}, [conversation({ from_email: 'no-reply@shop.example' })]))).toBe(true)
    expect(automatic(byEmail({}, [conversation({ from_email: 'MAILER-DAEMON@shop.example' })]))).toBe(true)
    expect(automatic(byEmail({}, [conversation({ source: 6 })]))).toBe(true)
    expect(automatic(byEmail({}, [conversation({ from_email: 'noreply.fan@shop.example' })]))).toBe(true)
    expect(automatic(byEmail({}, [conversation({ from_email: 'noreen@shop.example' })]))).toBe(false)
  })
  test.each([
    [{ status: 2 }, { status: 'open' }],
    [{ status: 3 }, { status: 'pending' }],
    [{ status: 4 }, { status: 'solved' }],
    [{ status: 5 }, { status: 'closed' }],
    [{ status: 17 }, { status: 'open' }],
    [{ spam: true }, { inScope: false }],
    [{ deleted: true }, { inScope: false }],
    [{ responder_id: 9001 }, { assignee: 'us' }],
    [{ responder_id: 9002 }, { assignee: 'human' }],
    [{ tags: ['ai-handed-over'] }, { handedOver: true }],
  ])('with %j is %j', (fields, expected) => {
    expect(toTicket(byEmail(fields))).toMatchObject(expected)
  })
  test('without any of these is in scope, nobody’s and not handed over', () => {
    expect(toTicket(byEmail())).toMatchObject({ inScope: true, assignee: 'nobody', handedOver: false })
  })
  test('of another product is out of scope', () => {
    const inScope = (product_id: number | null) =>
      toTicket(byEmail({ product_id }), { productIds: ['5'] }).inScope
    expect([inScope(5), inScope(6), inScope(null)]).toEqual([true, false, false])
  })
  test.each(fixture.written.map((one) => [one.name, one] as const))(
    'keeps what was written: %s',
    (_name, one) => {
      const message = toTicket(one.rest).messages.at(-1)
      expect(message?.text).toBe(one.text)
      expect(message?.attachments).toEqual(one.attachments ?? [])
    },
  )
  test('names a CC’s author by the contact', () => {
    const rest = byEmail({}, [conversation({ user_id: 130 })])
    expect(toTicket({ ...rest, contacts: [malloryContact] }).messages[1]?.author.name).toBe('Mallory')
  })
})

test('a Freshdesk ticket names the addresses of the company and of its domain, and never the customer’s', () => {
  const answer = byAgent({ from_email: 'Desk <Desk@acme.com>', support_email: 'support@acme.com' })
  const own = (requester: string) => {
    const rest = byEmail({}, [answer])
    rest.ticket.requester.email = requester
    return toTicket(rest, { supportAddresses: ['hello@acme.com'] }).companyAddresses
  }
  expect(own('zoe@example.com')).toEqual(
    expect.arrayContaining(['hello@acme.com', 'desk@acme.com', 'support@acme.com']),
  )
  expect(own('zoe@example.com')).not.toContain('zoe@example.com')
  expect(own('support@acme.freshdesk.com')).toContain('support@acme.freshdesk.com')
})

test('nothing on a Freshdesk ticket says that it was typed in Freshdesk itself', () => {
  for (const { evidence } of toTicket(byEmail({}, [byAgent({ private: true })])).messages)
    expect(evidence).not.toHaveProperty('inHelpdeskUi')
})
