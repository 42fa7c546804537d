import { describe, expect, test } from '@jest/globals'
import type { Evidence } from '../lambdas/core/helpdesk.ts'
import { audienceIsOnly, identify } from '../lambdas/core/identify.ts'
import { intercom } from '../lambdas/intercom/helpdesk.ts'
import type { Json } from './fixtures/fixture.ts'
import {
  agent,
  bot,
  byEmail,
  byMessenger,
  change,
  fixture,
  header,
  later,
  mail,
  mallory,
  malloryId,
  ours,
  part,
  toTicket,
  zoe,
  zoeId,
} from './fixtures/intercom.ts'

const signedInSettings = { messenger: { jwtEnforced: true, emailSigned: true, noAppWritesAsContacts: true } }
const evidence = (rest: Json, settings: object = {}): Evidence =>
  toTicket(rest, settings).messages.at(-1)?.evidence ?? {}
const conversation = (by: (conversation: Json) => void, base = byEmail): Json =>
  change(base, (rest) => by(rest.conversation))
const ticket = (by: (conversation: Json) => void, base = byEmail) => toTicket(conversation(by, base))

describe('the evidence of an Intercom message', () => {
  test('of a clean mail is its sender, its author and that replies go to the sender', () => {
    expect(evidence(byEmail(), signedInSettings)).toEqual({
      channel: 'email',
      address: 'zoe@example.com',
      sender: 'zoe@example.com',
      authorIsRequester: true,
      unflagged: true,
      replyNotDiverted: true,
    })
  })
  test('of a diverted mail is that a stranger may be using the address', () => {
    const diverted = conversation(({ source }) => {
      source.reply_to = [{ email: 'other@example.com', name: null }]
    })
    expect(evidence(diverted)).toMatchObject({ suspicious: true, answersGoElsewhere: true })
    expect(evidence(diverted)).not.toHaveProperty('replyNotDiverted')
  })
  test('of a mail is never a login, whatever is attested', () => {
    for (const rest of [byEmail(), later(byMessenger, part({ email_message_metadata: mail() }))])
      expect(evidence(rest, { ...signedInSettings, laterMailNamesReplyTo: true })).not.toHaveProperty(
        'signedIn',
      )
  })
  test('of the Messenger is a login only by all that the admin attests', () => {
    const { messenger } = signedInSettings
    expect(evidence(byMessenger(), signedInSettings)).toMatchObject({ signedIn: true, addressProven: true })
    for (const name of ['jwtEnforced', 'noAppWritesAsContacts'])
      expect(evidence(byMessenger(), { messenger: { ...messenger, [name]: false } })).toEqual({
        channel: 'messenger',
        address: 'zoe@example.com',
        authorIsRequester: true,
      })
    const unsigned = evidence(byMessenger(), { messenger: { ...messenger, emailSigned: false } })
    expect(unsigned).toMatchObject({ signedIn: true })
    expect(unsigned).not.toHaveProperty('addressProven')
  })
  test.each([undefined, null, {}, { data: null }, 'none', [{ id: '1' }], { data: [{ id: '1' }] }])(
    'of the Messenger is no login with the merge history %j',
    (merge_history) => {
      const rest = change(byMessenger, ({ contact }) => Object.assign(contact, { merge_history }))
      expect(evidence(rest, signedInSettings)).not.toHaveProperty('signedIn')
    },
  )
  test('of the Messenger may come with a history that is an empty list of its own', () => {
    const rest = change(byMessenger, ({ contact }) => Object.assign(contact, { merge_history: { data: [] } }))
    expect(evidence(rest, signedInSettings)).toHaveProperty('signedIn')
  })
  test.each(['app_package_code', 'email_message_metadata'])(
    'of a later Messenger part is no login where %s is not said to be null',
    (field) => {
      const silent = part()
      delete silent[field]
      expect(evidence(later(byMessenger, part()), signedInSettings)).toHaveProperty('signedIn')
      expect(evidence(later(byMessenger, silent), signedInSettings)).not.toHaveProperty('signedIn')
    },
  )
  test('names a contact of another id nobody: it was merged', () => {
    const merged = change(byEmail, ({ contact }) => Object.assign(contact, { id: malloryId }))
    expect(toTicket(merged)).toMatchObject({ audience: 'unknown', requester: { id: zoeId } })
    expect(toTicket(merged).requester).not.toHaveProperty('address')
    expect(evidence(merged)).not.toHaveProperty('address')
  })
  test('of somebody else in the conversation claims what they gave, and no more', () => {
    const other = later(byEmail, part({ author: mallory, email_message_metadata: mail(mallory.email) }))
    expect(evidence(other)).toMatchObject({ address: 'mallory@example.net', sender: 'mallory@example.net' })
    expect(evidence(other)).not.toHaveProperty('authorIsRequester')
  })
  test('needs CCs off and no shared views; sender authentication is not enough', () => {
    const nothing = { senderAuthentication: false, ccsOff: false, noSharedViews: false }
    expect(intercom.sideDoorsClosed({ ...nothing, ccsOff: true, noSharedViews: true })).toBe(true)
    expect(intercom.sideDoorsClosed({ ...nothing, senderAuthentication: true, noSharedViews: true })).toBe(
      false,
    )
    expect(intercom.sideDoorsClosed({ ...nothing, senderAuthentication: true, ccsOff: true })).toBe(false)
  })
})

describe('who reads along in an Intercom conversation', () => {
  test('is the customer alone in a plain one', () => {
    expect(toTicket(byEmail()).audience).toEqual(['zoe@example.com'])
    expect(toTicket(byMessenger()).audience).toEqual(['zoe@example.com'])
  })
  test('names contacts by id, those in CC by address, lower-case', () => {
    const shared = conversation(({ contacts, source }) => {
      contacts.contacts.push({ type: 'contact', id: malloryId, external_id: null })
      source.email_message_metadata = mail(undefined, header('cc', 'Kim@Example.net'))
    })
    expect(toTicket(shared).audience).toEqual(['zoe@example.com', `user:${malloryId}`, 'kim@example.net'])
  })
  test('is not widened by the team’s own mails to the customer', () => {
    const metadata = {
      ...mail('support@acme.com'),
      email_address_headers: [header('from', 'support@acme.com'), header('to', 'zoe@example.com')],
    }
    const answered = later(byEmail, part({ author: agent, email_message_metadata: metadata }))
    expect(toTicket(answered).audience).toEqual(['zoe@example.com'])
  })
  test('is the team’s secret in a note: who writes one is no reader', () => {
    const noted = later(byEmail, part({ part_type: 'note', author: { ...agent, type: 'nobody_admin' } }))
    expect(toTicket(noted).audience).toEqual(['zoe@example.com'])
  })
  test.each(fixture.audiences)('$name: never the requester alone, whoever that is', ({ rest }) => {
    const { audience, requester } = toTicket(rest)
    for (const address of ['zoe@example.com', requester.address ?? 'zoe@example.com'])
      expect(audienceIsOnly({ audience }, address)).toBe(false)
  })
  test('after a change of requester is both, and the old one’s words are not the new one’s', () => {
    const rest = fixture.audiences.find(({ name }) => name === 'a changed requester')?.rest
    const changed = toTicket(rest)
    expect(changed.audience).toEqual(
      expect.arrayContaining(['mallory@example.net', `user:${zoeId}`, 'zoe@example.com']),
    )
    const [first] = changed.messages
    expect(first && identify(first, changed, true)).toMatchObject({ level: 'claimed', why: 'not_requester' })
  })
})

describe('an Intercom conversation', () => {
  test('is ours, a human’s or nobody’s by its teammate; a team alone is nobody', () => {
    const assigned = (to: unknown) =>
      ticket((one) => Object.assign(one, { admin_assignee_id: to, team_assignee_id: 5500 })).assignee
    expect([null, 0, '0', '', 991234, '991234', 991235, '991235'].map(assigned)).toEqual([
      ...['nobody', 'nobody', 'nobody', 'nobody', 'us', 'us', 'human', 'human'],
    ])
  })
  test('is handed over by its tag, and unknown where tags are not told', () => {
    const tagged = (...names: string[]) =>
      ticket((one) => {
        one.tags.tags = names.map((name) => ({ type: 'tag', id: '1', name }))
      }).handedOver
    expect([tagged(), tagged('vip'), tagged('vip', 'ai-handed-over')]).toEqual([false, false, true])
    expect(ticket((one) => delete one.tags).handedOver).toBe('unknown')
  })
  test('is the AI agent’s until that passed it on', () => {
    const by = (ai_agent_participated: boolean, resolution_state: string | null) =>
      ticket((one) => Object.assign(one, { ai_agent_participated, ai_agent: { resolution_state } })).inScope
    expect([by(false, null), by(true, 'routed_to_team')]).toEqual([true, true])
    expect([by(true, null), by(true, 'assumed_resolution'), by(true, 'moon')]).toEqual([false, false, false])
  })
  test('is closed or pending as Intercom says', () => {
    const of = (state: unknown) => ticket((one) => Object.assign(one, { state })).status
    expect([of('open'), of('snoozed'), of('closed'), of(undefined)]).toEqual([
      ...['open', 'pending', 'closed', 'open'],
    ])
  })
  test('tells our messages, bots’, the team’s, notes and campaigns apart', () => {
    const rest = later(
      byEmail,
      part({ id: '1', author: ours }),
      part({ id: '2', author: bot }),
      part({ id: '3', author: agent, part_type: 'note' }),
      part({ id: '4', author: agent, part_type: 'assignment', body: 'yours' }),
      part({ id: '5', author: agent, part_type: 'close', body: 'Bye' }),
      part({ id: '6', author: { ...agent, from_ai_agent: true } }),
      part({ id: '7', author: { ...zoe, type: 'ghost' } }),
      part({ id: '8', author: agent, part_type: 'assignment', body: null }),
      part({ id: '9', redacted: true }),
    )
    const { messages } = toTicket(rest)
    expect(
      messages
        .slice(1)
        .map(({ id, author, visibility, ours: mine, automatic }) => [
          ...[id, author.role, visibility, mine, automatic],
        ]),
    ).toEqual([
      ['1', 'team', 'public', true, false],
      ['2', 'system', 'public', false, true],
      ['3', 'team', 'internal', false, false],
      ['4', 'team', 'internal', false, false],
      ['5', 'team', 'public', false, false],
      ['6', 'system', 'public', false, true],
      ['7', 'team', 'public', false, false],
      ['9', 'customer', 'public', false, true],
    ])
    const campaign = ticket(({ source }) => Object.assign(source, { delivered_as: 'campaigns_initiated' }))
    expect(campaign.messages[0]?.automatic).toBe(true)
    const titled = (subject: string) =>
      ticket(({ source }) => Object.assign(source, { subject })).messages[0]?.automatic
    expect([titled('Out of office: Zoë'), titled('Re: Out of office')]).toEqual([true, false])
  })
  test('is complete only where Intercom says how many parts there are', () => {
    const count = (total_count: unknown) =>
      ticket(({ conversation_parts }) => Object.assign(conversation_parts, { total_count })).complete
    expect([count(0), count(1), count(undefined)]).toEqual([true, false, false])
  })
  test('nobody knows who reads along where older parts were not shown', () => {
    const reads = (total_count: number) =>
      ticket(({ conversation_parts }) => Object.assign(conversation_parts, { total_count })).audience
    expect([reads(0), reads(501)]).toEqual([['zoe@example.com'], 'unknown'])
  })
  test('keeps the 200 newest messages, and everyone who wrote before them as a reader', () => {
    const parts = Array.from({ length: 300 }, (_, nth) =>
      part({ id: String(nth), created_at: 1790000100 + nth }),
    )
    const long = toTicket(later(byEmail, part({ author: mallory }), ...parts))
    expect([long.messages.length, long.messages.at(-1)?.id, long.complete]).toEqual([200, '299', false])
    expect(long.audience).toContain(`user:${malloryId}`)
  })
})

test('an Intercom conversation names the addresses of teammates and bots, and never the customer’s', () => {
  const byTeam = part({ id: '77', author: agent, email_message_metadata: mail('desk@acme.com') })
  const { companyAddresses } = toTicket(later(byEmail, byTeam, part({ id: '78', author: ours })))
  expect(companyAddresses).toEqual(
    expect.arrayContaining(['petra@acme.com', 'desk@acme.com', 'bot@acme.com']),
  )
  expect(companyAddresses).not.toContain('zoe@example.com')
})

test('nothing in an Intercom conversation says that it was typed in Intercom itself', () => {
  const note = part({ id: '77', part_type: 'note', author: agent, app_package_code: null })
  for (const { evidence: each } of toTicket(later(byEmail, note)).messages)
    expect(each).not.toHaveProperty('inHelpdeskUi')
})
