import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { identify } from '../lambdas/core/identify.ts'
import { zendesk } from '../lambdas/zendesk/helpdesk.ts'
import { type Assurance, assurances } from '../schemas/names.ts'
import type { ZendeskConnection } from '../schemas/zendesk.ts'
import { channel, messaging, method, rest, with_ } from './fixtures/zendesk.ts'
import {
  agent,
  bot,
  byEmail,
  byPortal,
  clean,
  comment,
  flagged,
  mallory,
  type RestTicket,
  toTicket,
  via,
  viaEmail,
  zoe,
} from './fixtures/zendesk-rest.ts'

/** How surely we know who wrote the newest message. */
function newest(rest: RestTicket, closed: boolean, settings: Partial<ZendeskConnection> = {}) {
  const ticket = toTicket(rest, settings)
  const message = ticket.messages.at(-1)
  if (!message) throw new Error('no message')
  return identify(message, ticket, closed)
}
const levels = (rest: RestTicket, settings?: Partial<ZendeskConnection>): [Assurance, Assurance] => [
  newest(rest, false, settings).level,
  newest(rest, true, settings).level,
]
describe('who wrote a Zendesk comment, before and after the connection attests what closes the side doors', () => {
  test('without its flags a comment is not clean, however trusted', () => {
    const { flags: _, flags_options: __, ...metadata } = clean()
    expect(levels(with_(byEmail, { metadata }))).toEqual(['claimed', 'claimed'])
  })

  test('mail that a merge copied in is nobody’s, by any mark of a merge', () => {
    const merged = viaEmail('zoe@example.com')
    Object.assign(merged.source, { rel: 'merge' })
    expect(levels(with_(byEmail, { via: merged }))).toEqual(['none', 'none'])
  })

  test('an identity of another user proves nothing', () => {
    const other = rest(byEmail, ({ identities }) => Object.assign(identities[0], { user_id: mallory }))
    expect(levels(other)).toEqual(['none', 'none'])
  })

  test('spoofed or diverted mail is suspicious; a missing login is not', () => {
    for (const flag of [14, 20, 21])
      expect(newest(with_(byEmail, { metadata: flagged(flag) }), true).suspicious).toBe(true)
    for (const flag of [3, 22])
      expect(newest(with_(byEmail, { metadata: flagged(flag) }), true).suspicious).toBe(false)
  })

  test('where ordinary mail carries flag 3, only that flag and only on email is tolerated', () => {
    const settings = { plainEmailCarriesFlag3: true }
    expect(levels(with_(byEmail, { metadata: flagged(3) }), settings)).toEqual(['claimed', 'mailbox'])
    expect(levels(with_(byEmail, { metadata: flagged(3, 14) }), settings)).toEqual(['claimed', 'claimed'])
    expect(levels(with_(byPortal, { metadata: flagged(3) }), settings)).toEqual(['claimed', 'claimed'])
  })

  test('where clean comments omit their flags, silence is clean, but a flag or an unreadable answer is not', () => {
    const settings = { cleanCommentsOmitFlags: true }
    const metadata = { system: {}, custom: {}, suspension_type_id: null }
    expect(levels(with_(byEmail, { metadata }), settings)).toEqual(['claimed', 'mailbox'])
    expect(levels(with_(byPortal, { metadata: { system: {} } }), settings)).toEqual([
      'signed_in',
      'signed_in',
    ])
    for (const more of [{ flags: [14] }, { flags: '14' }, { flags_options: { 14: {} } }, { trusted: false }])
      expect(levels(with_(byEmail, { metadata: { ...metadata, ...more } }), settings)).toEqual([
        'claimed',
        'claimed',
      ])
    expect(levels(with_(byEmail, { metadata: undefined }), settings)).toEqual(['claimed', 'claimed'])
  })

  test('a flag that nobody documented passes with Zendesk’s own word that it is a good one', () => {
    const metadata = { ...clean(), flags: [15], flags_options: { 15: { trusted: true } } }
    expect(levels(with_(byEmail, { metadata }))).toEqual(['claimed', 'mailbox'])
    // A bad one does not.
    const bad = { ...clean(), flags: [14], flags_options: { 14: { trusted: true } } }
    expect(levels(with_(byEmail, { metadata: bad }))).toEqual(['claimed', 'claimed'])
  })
})

describe('the audience of a Zendesk ticket', () => {
  const audience = (change: (ticket: RestTicket) => void) => toTicket(rest(byEmail, change)).audience
  const earlier = (more: object) => ({
    ...comment({ created_at: '2026-11-20T08:00:00Z', id: 8485803822300 }),
    ...more,
  })

  test('is the requester’s primary address', () => {
    expect(audience(() => {})).toEqual(['zoe@example.com'])
  })
  test('holds everybody in CC and every follower whom Zendesk does not show to be staff', () => {
    for (const list of ['collaborator_ids', 'email_cc_ids', 'follower_ids'])
      expect(audience(({ ticket }) => ticket[list].push(mallory, 4711, agent, bot))).toEqual([
        'zoe@example.com',
        'mallory@example.net',
        'user:4711',
      ])
  })
  test('holds an earlier requester who wrote in the ticket', () => {
    expect(audience(({ comments }) => comments.unshift(earlier({ author_id: mallory })))).toContain(
      'mallory@example.net',
    )
  })
  test.each(['collaborator_ids', 'follower_ids', 'sharing_agreement_ids'])(
    'is unknown without %s',
    (list) => {
      expect(audience(({ ticket }) => delete ticket[list])).toBe('unknown')
    },
  )
  test('is known without `email_cc_ids`, which not every account has', () => {
    expect(audience(({ ticket }) => delete ticket.email_cc_ids)).toEqual(['zoe@example.com'])
  })
  test('is unknown while the ticket is shared with another account', () => {
    expect(audience(({ ticket }) => ticket.sharing_agreement_ids.push(1))).toBe('unknown')
  })
  test.each<[string, object]>([
    ['channel merge', { via: { channel: 'merge', source: { from: {}, to: {}, rel: null } } }],
    ['channel 19', { via: { channel: 19, source: { from: {}, to: {}, rel: null } } }],
    ['rel merge', { via: via('web', 'merge') }],
    ['a ticket it came from', { via: { channel: 'web', source: { from: { ticket_id: 5100 }, rel: null } } }],
    [
      'tickets it came from',
      { via: { channel: 'web', source: { from: { ticket_ids: [5100] }, rel: null } } },
    ],
    ['no source', { via: { channel: 'web' } }],
    ['no via', { via: undefined }],
  ])('is unknown after a comment with %s', (_name, more) => {
    expect(audience(({ comments }) => comments.unshift(earlier({ author_id: agent, ...more })))).toBe(
      'unknown',
    )
  })
  test('is known on a follow-up, which names the closed ticket', () => {
    const followUp = viaEmail('zoe@example.com')
    Object.assign(followUp.source, { rel: 'follow_up', from: { ...followUp.source.from, ticket_id: 5100 } })
    expect(levels(with_(byEmail, { via: followUp }))).toEqual(['claimed', 'mailbox'])
  })
  test('of somebody in CC leaves the requester’s own mail `claimed`', () => {
    for (const list of ['collaborator_ids', 'email_cc_ids', 'follower_ids'])
      expect(levels(rest(byEmail, ({ ticket }) => ticket[list].push(mallory)))).toEqual([
        'claimed',
        'claimed',
      ])
  })
})

describe('evidence that is missing', () => {
  /** Every object key in the JSON, as a path. */
  const paths = (value: unknown, at: (string | number)[] = []): (string | number)[][] =>
    value === null || typeof value !== 'object'
      ? []
      : Object.entries(value).flatMap(([key, inner]) => {
          const path = [...at, Array.isArray(value) ? Number(key) : key]
          return [...(Array.isArray(value) ? [] : [path]), ...paths(inner, path)]
        })
  const without = (json: RestTicket, taken: (string | number)[][]): RestTicket => {
    const copy = structuredClone(json)
    for (const path of taken) {
      // biome-ignore lint/suspicious/noExplicitAny: a walk through JSON
      const parent = path.slice(0, -1).reduce<any>((inner, key) => inner?.[key], copy)
      if (parent !== undefined && parent !== null) delete parent[path.at(-1) as string]
    }
    return copy
  }
  /** An answer that cannot be read proves nothing. */
  const rank = (json: RestTicket): number => {
    try {
      return assurances.indexOf(newest(json, true).level)
    } catch {
      return 0
    }
  }
  const earlier = (more: object) =>
    comment({ id: 8485803822300, created_at: '2026-11-20T08:00:00Z', ...more })
  const situations: Record<string, RestTicket> = {
    'a clean email': byEmail(),
    'a signed-in form': byPortal(),
    'messaging with a JWT': messaging('embed'),
    'a widget form': with_(byPortal, channel('web', 'web_widget')),
    'an anonymous form': with_(byPortal, { metadata: flagged(3) }),
    'a spoofed email': with_(byEmail, { metadata: flagged(14) }),
    'a diverted email': with_(byEmail, { metadata: flagged(21) }),
    'a recovered email': with_(byEmail, { metadata: { ...clean(), suspension_type_id: 5 } }),
    'an email from elsewhere': with_(byEmail, { via: viaEmail('eve@example.net') }),
    'a whatsapp message': with_(byPortal, channel('whatsapp')),
    'an email by CC': with_(byEmail, { author_id: mallory, via: viaEmail('mallory@example.net') }),
    'an email with a CC': rest(byEmail, ({ ticket }) => {
      ticket.collaborator_ids.push(mallory)
      ticket.email_cc_ids.push(mallory)
    }),
    'a shared ticket': rest(byEmail, ({ ticket }) => ticket.sharing_agreement_ids.push(1)),
    'an agent on behalf, by mail': rest(byEmail, ({ ticket }) =>
      Object.assign(ticket, { submitter_id: agent }),
    ),
    'an agent on behalf, by form': rest(byPortal, ({ audits }) =>
      Object.assign(audits[0], { author_id: agent }),
    ),
    'an earlier requester': rest(byEmail, ({ comments }) =>
      comments.unshift(earlier({ author_id: mallory })),
    ),
    'a merge': rest(byEmail, ({ comments }) =>
      comments.unshift(
        earlier({
          author_id: agent,
          via: { channel: 'web', source: { from: { ticket_ids: [5100] }, to: {}, rel: 'merge' } },
        }),
      ),
    ),
    'an unproven identity': method(byPortal, 'low'),
  }

  test.each([
    'a clean email',
    'a signed-in form',
    'messaging with a JWT',
    'a spoofed email',
    'an anonymous form',
    'an email with a CC',
  ])('never raises the level: any fields together of %s', (name) => {
    const json = situations[name] as RestTicket
    // The lists that name a CC say the same twice; with both gone, Zendesk has not said who is there.
    fc.assert(
      fc.property(fc.subarray(paths(json), { maxLength: 6 }), (taken) => {
        expect(rank(without(json, taken))).toBeLessThanOrEqual(rank(json))
      }),
      { seed: 1, numRuns: 300 },
    )
  })
  test('there is something to lose: the situations span the levels', () => {
    expect(new Set(Object.values(situations).map(rank))).toEqual(
      new Set(
        ['none', 'claimed', 'mailbox', 'signed_in'].map((level) => assurances.indexOf(level as Assurance)),
      ),
    )
  })
})

describe('the rest of a ticket', () => {
  const ticket = (change: (json: RestTicket) => void, settings: Partial<ZendeskConnection> = {}) =>
    toTicket(rest(byEmail, change), settings)

  test.each([
    ['new', 'open'],
    ['open', 'open'],
    ['hold', 'open'],
    ['pending', 'pending'],
    ['solved', 'solved'],
    ['closed', 'closed'],
    ['deleted', 'closed'],
  ])('status %s reads as %s', (status, expected) => {
    expect(ticket((json) => Object.assign(json.ticket, { status })).status).toBe(expected)
  })
  test('tells us, a human and nobody apart as assignee', () => {
    const assignee = (assignee_id: number | null) =>
      ticket((json) => Object.assign(json.ticket, { assignee_id })).assignee
    expect([assignee(bot), assignee(agent), assignee(null)]).toEqual(['us', 'human', 'nobody'])
  })
  test('sees the hand-over tag and the brand', () => {
    expect(ticket(({ ticket: { tags } }) => tags.push('ai-handed-over')).handedOver).toBe(true)
    expect(ticket(() => {}).handedOver).toBe(false)
    expect(ticket(() => {}, { brandIds: ['8447346621310'] }).inScope).toBe(true)
    expect(ticket(() => {}, { brandIds: ['1'] }).inScope).toBe(false)
    expect(ticket((json) => delete json.ticket.brand_id, { brandIds: ['1'] }).inScope).toBe(false)
  })
  test('knows our own comments, automatic ones, rules, staff and private notes', () => {
    const { messages } = ticket(({ comments }) => {
      comments.unshift(
        comment({ id: 1, author_id: bot, created_at: '2026-11-20T01:00:00Z', via: via('api') }),
        comment({ id: 2, author_id: agent, created_at: '2026-11-20T02:00:00Z', public: false }),
        comment({ id: 3, author_id: -1, created_at: '2026-11-20T03:00:00Z', via: via('rule') }),
        comment({ id: 4, created_at: '2026-11-20T04:00:00Z', metadata: flagged(4) }),
        comment({ id: 5, author_id: 4711, created_at: '2026-11-20T05:00:00Z' }),
      )
    })
    expect(
      messages.map(({ id, ours, automatic, visibility, author }) => [
        id,
        ours,
        automatic,
        visibility,
        author.role,
      ]),
    ).toEqual([
      ['1', true, false, 'public', 'team'],
      ['2', false, false, 'internal', 'team'],
      ['3', false, true, 'public', 'system'],
      ['4', false, true, 'public', 'customer'],
      ['5', false, false, 'public', 'team'],
      ['8485803822334', false, false, 'public', 'customer'],
    ])
  })
  test('orders comments by their time, then by number', () => {
    const at = '2026-11-20T01:00:00Z'
    const { messages } = ticket((json) => {
      json.comments = [
        comment({ id: '90071992547409931', created_at: at }),
        comment({ id: '9007199254740993', created_at: at }),
        comment({ id: '9007199254740992', created_at: at }),
        comment({ id: 7, created_at: '2026-11-19T01:00:00Z' }),
      ]
    })
    expect(messages.map(({ id }) => id)).toEqual([
      '7',
      '9007199254740992',
      '9007199254740993',
      '90071992547409931',
    ])
  })
  test('names the requester by the primary identity', () => {
    expect(ticket(() => {}).requester).toEqual({
      id: String(zoe),
      name: 'Zoë Müller',
      address: 'zoe@example.com',
    })
  })
  test('the side doors are closed by sender authentication or CCs off, and no shared views', () => {
    const closed = (senderAuthentication: boolean, ccsOff: boolean, noSharedViews: boolean) =>
      zendesk.sideDoorsClosed({ senderAuthentication, ccsOff, noSharedViews })
    expect(closed(true, false, true)).toBe(true)
    expect(closed(false, true, true)).toBe(true)
    expect(closed(true, true, false)).toBe(false)
    expect(closed(false, false, true)).toBe(false)
  })
})
