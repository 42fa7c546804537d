import { describe, expect, test } from '@jest/globals'
import type { Message, Ticket } from '../lambdas/core/helpdesk.ts'
import { audienceIsOnly, identify } from '../lambdas/core/identify.ts'
import { gorgias } from '../lambdas/gorgias/helpdesk.ts'
import { assurances } from '../schemas/names.ts'
import type { Json } from './fixtures/fixture.ts'
import { fixture } from './fixtures/gorgias.ts'
import {
  bot,
  byAgent,
  byChat,
  byEmail,
  changed,
  contact,
  earlier,
  mailFrom,
  message,
  newest,
  type RestTicket,
  support,
  toTicket,
} from './fixtures/gorgias-rest.ts'

const newestOf = ({ messages }: Ticket): Message => {
  const found = messages.findLast(
    ({ author, visibility }) => author.role === 'customer' && visibility === 'public',
  )
  if (found === undefined) throw new Error('no message of a customer')
  return found
}
const who = (rest: RestTicket, closed = true, settings: object = {}) => {
  const ticket = toTicket(rest, settings)
  return identify(newestOf(ticket), ticket, closed)
}

describe('who wrote a Gorgias message, before and after the connection attests what closes the side doors', () => {
  test.each(fixture.identity)('$name', ({ rest, unattested, attested }) => {
    expect([who(rest, false).level, who(rest, true).level]).toEqual([unattested, attested])
  })
  test('nobody is ever signed in', () => {
    for (const { rest, attested } of fixture.identity) {
      expect(['none', 'claimed', 'mailbox']).toContain(attested)
      expect(newestOf(toTicket(rest)).evidence).not.toHaveProperty('signedIn')
    }
  })
  test('it takes both attestations: no CCs and no shared views', () => {
    const attested = (ccsOff: boolean, noSharedViews: boolean) =>
      gorgias.sideDoorsClosed({ senderAuthentication: true, ccsOff, noSharedViews })
    expect([attested(true, true), attested(true, false), attested(false, true)]).toEqual([true, false, false])
  })
  test('a single Reply-To to another address, in any case and form, is suspicious and never `mailbox`', () => {
    for (const headers of [
      { 'Reply-To': 'eve@example.net' },
      { 'reply-to': 'Zoë <eve@example.net>' },
      { 'REPLY-TO': 'zoe@example.com <eve@example.net>' },
      { 'Reply-To': 'zoe@example.com, eve@example.net' },
      { 'Reply-To': ['zoe@example.com', 'eve@example.net'] },
      { 'Reply-To': '' },
      { 'Reply-To': { address: 'zoe@example.com' } },
    ]) {
      const rest = newest(byEmail, { headers })
      expect(who(rest)).toMatchObject({ level: 'claimed', suspicious: true })
      const { evidence, route } = newestOf(toTicket(rest))
      expect(evidence).not.toHaveProperty('replyNotDiverted')
      // We name the recipient ourselves: the sender, whatever the Reply-To says.
      expect(evidence).not.toHaveProperty('answersGoElsewhere')
      expect(route).toMatchObject({ by: 'email', to: 'zoe@example.com' })
    }
  })
  test('the requester is known by the customer’s id alone, never by the address that a message shows', () => {
    const evidence = (rest: RestTicket) => newestOf(toTicket(rest)).evidence
    expect(evidence(byEmail())).toMatchObject({ authorIsRequester: true, address: 'zoe@example.com' })
    const byOther = newest(byEmail, { sender: { id: 9, email: 'mallory@example.net' } })
    expect(evidence(byOther)).toMatchObject({ address: 'mallory@example.net', sender: 'zoe@example.com' })
    expect(evidence(byOther)).not.toHaveProperty('authorIsRequester')
  })
  test('where no address can be diverted, a Reply-To says nothing', () => {
    expect(who(newest(byChat, { headers: { 'Reply-To': 'eve@example.net' } })).suspicious).toBe(false)
  })
  test('headers of another shape are as good as none', () => {
    for (const headers of [[], 'Reply-To: zoe@example.com', 7, undefined])
      expect(who(newest(byEmail, { headers })).level).toBe('claimed')
  })
  test('an address of ours that is not configured makes whoever has it a reader', () => {
    expect(who(byEmail(), true, { supportAddresses: ['other@acme.com'] }).level).toBe('claimed')
  })
})

describe('who reads a Gorgias ticket', () => {
  test('is the requester alone where nobody else is named', () => {
    expect(toTicket(byEmail()).audience).toEqual(['zoe@example.com'])
    const withAnswers = changed(byEmail, ({ messages }) =>
      messages.unshift(earlier(), byAgent({ id: 199112201 })),
    )
    expect(toTicket(withAnswers).audience).toEqual(['zoe@example.com'])
  })
  test.each(fixture.audiences)('is more than the requester with $name', ({ rest }) => {
    const ticket = toTicket(rest)
    expect(audienceIsOnly(ticket, ticket.requester.address ?? '')).toBe(false)
    expect(who(rest).level).not.toBe('mailbox')
  })
  test.each(['to', 'cc', 'bcc'])('is unknown where Gorgias leaves out %s', (list) => {
    const source: Json = mailFrom('zoe@example.com')
    delete source[list]
    expect(toTicket(newest(byEmail, { source })).audience).toBe('unknown')
  })
  test('is not changed by notes of the team, whomever they name', () => {
    const note = byAgent({
      channel: 'internal-note',
      public: false,
      source: { type: 'internal-note', from: contact('ana@acme.com'), to: [contact('boss@acme.com')] },
    })
    const rest = changed(byEmail, ({ messages }) => messages.unshift(note))
    expect(toTicket(rest).audience).toEqual(['zoe@example.com'])
  })
  test('is known though Gorgias says less of what we posted ourselves', () => {
    const ours = byAgent({
      via: 'api',
      sender: bot,
      source: { type: 'email', to: [contact('zoe@example.com')] },
    })
    expect(toTicket(changed(byEmail, ({ messages }) => messages.unshift(ours))).audience).toEqual([
      'zoe@example.com',
    ])
  })
})

describe('evidence that is missing', () => {
  type Path = (string | number)[]
  /** Every object key in the JSON, as a path. */
  const paths = (value: unknown, at: Path = []): Path[] =>
    value === null || typeof value !== 'object'
      ? []
      : Object.entries(value).flatMap(([key, inner]) => {
          const path = [...at, Array.isArray(value) ? Number(key) : key]
          return [...(Array.isArray(value) ? [] : [path]), ...paths(inner, path)]
        })
  const without = (rest: RestTicket, path: Path): RestTicket => {
    const copy = structuredClone(rest)
    const parent = path.slice(0, -1).reduce<Json>((inner, key) => inner[key], copy)
    delete parent[path.at(-1) as string]
    return copy
  }
  /** An answer that cannot be read proves nothing. */
  const rank = (rest: RestTicket): number => {
    try {
      return assurances.indexOf(who(rest).level)
    } catch {
      return 0
    }
  }
  test.each([...fixture.identity, ...fixture.audiences])('never raises a level: $name', ({ rest }) => {
    const raised = paths(rest).filter((path) => rank(without(rest, path)) > rank(rest))
    expect(raised).toEqual([])
  })
  test.each([
    [['ticket', 'spam']],
    [['ticket', 'customer']],
    [['ticket', 'customer', 'email']],
    [['messages', 0, 'via']],
    [['messages', 0, 'channel']],
    [['messages', 0, 'sender']],
    [['messages', 0, 'headers']],
    [['messages', 0, 'from_agent']],
    [['messages', 0, 'source', 'type']],
    [['messages', 0, 'source', 'from']],
    [['messages', 0, 'source', 'to']],
    [['messages', 0, 'source', 'cc']],
    [['messages', 0, 'source', 'bcc']],
  ] as Path[][])('lowers a plain email’s: %j', (path) => {
    expect(rank(without(byEmail(), path))).toBeLessThan(rank(byEmail()))
  })
})

describe('a message of Gorgias in Deskhand’s words', () => {
  const mapped = (more: object, settings: object = {}) =>
    toTicket(newest(byEmail, more), settings).messages.at(-1) as Message
  test.each(fixture.written)('holds what its author wrote: $name', ({ rest, text, attachments = [] }) => {
    expect(toTicket(rest).messages.at(-1)).toMatchObject({ text, attachments })
  })
  test('is in UTC where no zone is said', () => {
    expect(mapped({ created_datetime: '2026-11-21T07:59:58.412345' }).at).toBe(
      Date.parse('2026-11-21T07:59:58.412Z'),
    )
    expect(mapped({ created_datetime: '2026-11-21T08:59:58+01:00' }).at).toBe(
      Date.parse('2026-11-21T07:59:58Z'),
    )
    expect(() => mapped({ created_datetime: 'yesterday' })).toThrow(/readable time/)
  })
  test('is ours by the bot user’s id, unless a customer wrote it', () => {
    expect(mapped({ from_agent: true, sender: bot }).ours).toBe(true)
    expect(mapped({ from_agent: false, sender: bot })).toMatchObject({
      ours: false,
      author: { role: 'customer' },
    })
    expect(mapped({ from_agent: true, sender: { id: 12 } }).ours).toBe(false)
  })
  test('carries our reference, and whether it could not be sent, only where it is ours', () => {
    const more = { external_id: 'ref 0123456789abcdef', failed_datetime: '2026-11-21T08:00:10' }
    expect(mapped({ ...more, from_agent: true, sender: bot })).toMatchObject({
      ref: more.external_id,
      failed: true,
    })
    const customers = mapped(more)
    expect(customers).not.toHaveProperty('ref')
    expect(customers).not.toHaveProperty('failed')
  })
  test.each<[string, object]>([
    ['a rule', { from_agent: true, rule_id: 7 }],
    ['a rule by its channel', { from_agent: true, via: 'rule' }],
    ['Gorgias’s own AI Agent', { from_agent: true, meta: { ai_agent: true } }],
    ['a flow of the widget', { from_agent: true, via: 'self_service' }],
    ['nobody', { from_agent: true, sender: null }],
    ['an absent customer', { headers: { 'Auto-Submitted': 'auto-replied' } }],
    ['a mailing list', { headers: { Precedence: 'bulk' } }],
    ['a mail program, by its subject', { subject: 'Risposta automatica: ordine' }],
    ['an auto-responder', { headers: { 'X-Autoreply': 'yes' } }],
  ])('by %s is automatic', (_name, more) => {
    expect(mapped(more).automatic).toBe(true)
  })
  test('by a person is not', () => {
    expect(mapped({}).automatic).toBe(false)
    expect(mapped({ subject: 'Re: Out of office' }).automatic).toBe(false)
    expect(mapped({ headers: { 'auto-submitted': 'no' } }).automatic).toBe(false)
    expect(mapped({ from_agent: true, sender: { id: 12 }, via: 'helpdesk' }).automatic).toBe(false)
  })
  test('of which nobody says whose it is is no customer’s', () => {
    expect(mapped({ from_agent: undefined }).author.role).toBe('team')
    expect(mapped({ from_agent: undefined, sender: null }).author.role).toBe('system')
  })
  test('is internal unless Gorgias says that it is public', () => {
    expect(mapped({ public: undefined }).visibility).toBe('internal')
    expect(mapped({ channel: 'internal-note', public: true }).visibility).toBe('internal')
  })
})

describe('a Gorgias ticket in Deskhand’s words', () => {
  const ticket = (more: object, settings: object = {}) =>
    toTicket(
      changed(byEmail, (rest) => Object.assign(rest.ticket, more)),
      settings,
    )
  test('closed is solved: its customer can open it again', () => {
    expect(ticket({ status: 'closed' }).status).toBe('solved')
    expect(ticket({ status: 'open' }).status).toBe('open')
  })
  test('is assigned to us, to somebody, or to nobody', () => {
    expect(ticket({ assignee_user: null }).assignee).toBe('nobody')
    expect(ticket({ assignee_user: { id: 93 } }).assignee).toBe('us')
    expect(ticket({ assignee_user: { id: 12 } }).assignee).toBe('human')
    expect(ticket({ assignee_user: { name: '?' } }).assignee).toBe('human')
    expect(ticket({ assignee_user: 12 }).assignee).toBe('human')
  })
  test('is handed over by its tag; our own record counts where Gorgias leaves the tags out', () => {
    expect(ticket({}).handedOver).toBe(false)
    expect(ticket({ tags: [{ id: 1, name: 'ai-handed-over' }] }).handedOver).toBe(true)
    expect(ticket({ tags: [{ id: 1, name: 'AI-handed-over' }] }).handedOver).toBe(false)
    expect(ticket({ tags: undefined }).handedOver).toBe('unknown')
  })
  test('is not ours to answer as spam, in the trash, or on another brand', () => {
    expect(ticket({}).inScope).toBe(true)
    expect(ticket({ spam: true }).inScope).toBe(false)
    expect(ticket({ trashed_datetime: '2026-11-21T08:00:00' }).inScope).toBe(false)
    expect(ticket({}, { integrationIds: ['5'] }).inScope).toBe(true)
    expect(ticket({}, { integrationIds: ['6'] }).inScope).toBe(false)
    expect(toTicket(newest(byEmail, { integration_id: null }), { integrationIds: ['5'] }).inScope).toBe(false)
  })
  test('shows its messages oldest first, and none of another ticket', () => {
    const rest = changed(byEmail, ({ messages }) =>
      messages.push(message({ id: 199112240 }), earlier({ ticket_id: 1 })),
    )
    expect(toTicket(rest).messages.map(({ id }) => id)).toEqual(['199112233', '199112240'])
  })
  test('answers from the address that was written to, else from the first of ours', () => {
    const from = (to: Json[]) =>
      newestOf(toTicket(newest(byEmail, { source: mailFrom('zoe@example.com', { to }) }))).route
    expect(from([contact('HELLO@acme.com')])).toEqual({
      by: 'email',
      from: 'hello@acme.com',
      to: 'zoe@example.com',
    })
    expect(from([contact('evil@example.net'), support])).toMatchObject({ from: 'support@acme.com' })
    expect(from([contact('evil@example.net')])).toMatchObject({ from: 'support@acme.com' })
  })
})

describe('a note that a user typed in Gorgias', () => {
  const typed = (more: object = {}) => {
    const note = byAgent({ channel: 'internal-note', public: false, source: null, ...more })
    const rest = changed(byEmail, ({ messages }) => messages.unshift(note))
    return toTicket(rest).messages.find(({ id }) => id === String(note.id))?.evidence.inHelpdeskUi
  }
  test('is said to be one', () => {
    expect(typed()).toBe(true)
  })
  test.each<[string, object]>([
    ['by the API', { via: 'api' }],
    ['by a rule', { via: 'rule' }],
    ['by a rule, though it says otherwise', { rule_id: 7 }],
    ['of a rule that cannot be read', { rule_id: {} }],
    ['of which no rule is said or denied', { rule_id: undefined }],
    ['by mail', { via: 'email' }],
    ['by an import', { via: 'zendesk' }],
    ['of which no way in is said', { via: undefined }],
    ['in another spelling', { via: 'Helpdesk' }],
    ['with a reference, which only the API takes', { external_id: 'mine' }],
    ['whose reference is left out', { external_id: undefined }],
    ['of a customer', { from_agent: false }],
    ['of which it is not said whose it is', { from_agent: undefined }],
    ['of nobody', { sender: null }],
    ['whose author is left out', { sender: undefined }],
    ['of our bot user', { sender: bot }],
    ['of Gorgias’s own AI Agent', { meta: { ai_agent: true } }],
    ['that is public', { public: true }],
    ['of which it is not said that it is internal', { public: undefined }],
    ['on another channel', { channel: 'email' }],
    ['whose channel is left out', { channel: undefined }],
  ])('is not one %s', (_name, more) => {
    expect(typed(more)).toBeUndefined()
  })
})

test('a Gorgias ticket names the addresses of the company and of colleagues, and never the customer’s', () => {
  const rest = changed(byEmail, ({ messages }) =>
    messages.unshift(
      byAgent({ sender: { id: 12, email: 'ana@acme.com' }, source: mailFrom('desk@acme.com') }),
    ),
  )
  const addresses = toTicket(rest).companyAddresses
  expect(addresses).toEqual(expect.arrayContaining([support.address, 'ana@acme.com', 'desk@acme.com']))
  expect(addresses).not.toContain('zoe@example.com')
})
