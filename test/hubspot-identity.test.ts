import { describe, expect, test } from '@jest/globals'
import type { Ticket } from '../lambdas/core/helpdesk.ts'
import { type Identity, identify } from '../lambdas/core/identify.ts'
import { hubspot } from '../lambdas/hubspot/helpdesk.ts'
import { type Assurance, assurances } from '../schemas/names.ts'
import type { Json } from './fixtures/fixture.ts'
import { fixture } from './fixtures/hubspot.ts'
import {
  byEmail,
  chat,
  mail,
  message,
  opaque,
  outgoing,
  rest,
  saying,
  to,
  toTicket,
} from './fixtures/hubspot-rest.ts'

/** Of the newest public message of a customer; of none, nobody's. */
function identityOf(ticket: Ticket, attested: boolean): Identity {
  const newest = ticket.messages.findLast((m) => m.visibility === 'public' && m.author.role === 'customer')
  return newest === undefined
    ? { level: 'none', why: 'not_customer', suspicious: false }
    : identify(newest, ticket, attested)
}
const rank = (level: Assurance): number => assurances.indexOf(level)

/** Every copy of `json` that lacks one field. */
function* lacking(json: Json, path: string[] = []): Generator<{ path: string; json: Json }> {
  for (const key of Object.keys(json)) {
    const value = json[key]
    if (!Array.isArray(json)) {
      const { [key]: _, ...others } = json
      yield { path: [...path, key].join('.'), json: others }
    }
    if (typeof value !== 'object' || value === null) continue
    for (const less of lacking(value, [...path, key])) {
      const copy = Array.isArray(json) ? [...json] : { ...json }
      copy[key] = less.json
      yield { path: less.path, json: copy }
    }
  }
}

describe('who wrote a HubSpot message', () => {
  test.each(fixture.identity)('$name: $attested, $unattested where nothing is attested', (row) => {
    const ticket = toTicket(row.rest, row.settings)
    expect(identityOf(ticket, true).level).toBe(row.attested)
    expect(identityOf(ticket, false).level).toBe(row.unattested)
  })
  test.each(fixture.identity)('$name: no field that is missing raises it', (row) => {
    let read = 0
    for (const less of lacking(row.rest)) {
      let ticket: Ticket
      try {
        ticket = toTicket(less.json, row.settings)
      } catch {
        continue
      }
      read++
      const { level } = identityOf(ticket, true)
      expect({ without: less.path, rank: Math.min(rank(level), rank(row.attested)) }).toEqual({
        without: less.path,
        rank: rank(level),
      })
    }
    expect(read).toBeGreaterThan(20)
  })
  test.each(fixture.audiences)('not the requester alone reads along: $name', (row) => {
    const ticket = toTicket(row.rest)
    expect(ticket.audience).not.toEqual([ticket.requester.address])
    expect(ticket.audience).not.toEqual(['zoe@example.com'])
    expect(identityOf(ticket, true).level).not.toBe('mailbox')
  })
  test('and the requester alone reads a mail to the shop, an answer to it, and a chat', () => {
    for (const one of [byEmail(), saying(message(), outgoing()), saying(chat(), chat({ id: 'c2' }))])
      expect(toTicket(one).audience).toEqual(['zoe@example.com'])
  })
  test('the address is the one on file, and the requester is the CRM’s contact', () => {
    expect(toTicket(byEmail()).requester).toEqual({
      id: 'V-551',
      name: 'Zoë Müller',
      address: 'zoe@example.com',
    })
    expect(identityOf(toTicket(byEmail()), true).address).toBe('zoe@example.com')
  })
  test('nothing on HubSpot is ever signed in', () => {
    for (const { rest: json, settings } of fixture.identity)
      for (const { evidence } of toTicket(json, settings).messages) {
        expect(evidence).not.toHaveProperty('signedIn')
        expect(evidence).not.toHaveProperty('trusted')
        expect(evidence).not.toHaveProperty('addressProven')
      }
  })
  test('a Reply-To that leads elsewhere is suspicious; to the same address it is only not said to be straight', () => {
    const replyTo = (value: string) => {
      const first = message()
      first.senders.push({
        ...message().senders[0],
        senderField: 'REPLY_TO',
        deliveryIdentifier: mail(value),
      } as never)
      return identityOf(toTicket(saying(first)), true)
    }
    expect(replyTo('eve@example.net')).toMatchObject({ level: 'claimed', suspicious: true })
    expect(replyTo('zoe@example.com')).toMatchObject({ level: 'claimed', suspicious: false })
  })
  test('both attestations are needed, and sender authentication is none of them', () => {
    const none = { senderAuthentication: true, ccsOff: false, noSharedViews: false }
    expect(hubspot.sideDoorsClosed(none)).toBe(false)
    expect(hubspot.sideDoorsClosed({ ...none, ccsOff: true })).toBe(false)
    expect(hubspot.sideDoorsClosed({ ...none, noSharedViews: true })).toBe(false)
    expect(hubspot.sideDoorsClosed({ senderAuthentication: false, ccsOff: true, noSharedViews: true })).toBe(
      true,
    )
  })
  test('another name of an own address reads along until the connection names it', () => {
    const one = saying(message({ recipients: [to('hello@shop.example')] }))
    expect(toTicket(one).audience).toEqual(['zoe@example.com', 'hello@shop.example'])
    expect(toTicket(one, { ownAddresses: ['hello@shop.example'] }).audience).toEqual(['zoe@example.com'])
  })
})

test('what an integration published came by the API, whatever it says of its channel', () => {
  const client = { clientType: 'INTEGRATION', integrationAppId: 99 }
  for (const one of [message({ client }), chat({ client })])
    expect(toTicket(saying(one)).messages[0]?.evidence.channel).toBe('api')
})

test('what HubSpot says in part is not read as a whole', () => {
  const half = { recipientField: 'CC', deliveryIdentifier: { value: 'zoe@example.com' } }
  expect(toTicket(saying(message({ recipients: [to('help@shop.example'), half] }))).audience).toBe('unknown')
  expect(toTicket(saying(message({ channelId: undefined }))).messages[0]?.evidence.channel).toBe('unknown')
})

test('a mail without an actor is its address’s: the requester’s where it is on file, else a stranger’s', () => {
  const from = (value: string) =>
    toTicket(saying(message({ senders: [{ senderField: 'FROM', deliveryIdentifier: mail(value) }] })))
      .messages[0]?.author.id
  expect(from('Zoe@example.com')).toBe('V-551')
  expect(from('eve@example.net')).toBe('mail:eve@example.net')
  expect(from('zoe@second.example')).toBe('mail:zoe@second.example')
})

describe('whose a HubSpot message is', () => {
  const roles = (json: Json) =>
    toTicket(json).messages.map(({ author, ours, automatic, visibility }) => ({
      role: author.role,
      ours,
      automatic,
      visibility,
    }))
  const by = (actorId: string, more: object = {}) =>
    saying(
      outgoing({
        createdBy: actorId,
        senders: [{ actorId, deliveryIdentifier: mail('help@shop.example') }],
        ...more,
      }),
    )
  const ours = { role: 'team', ours: true, automatic: false, visibility: 'public' }

  test('the bot user’s is ours, and our app’s', () => {
    expect(roles(by('A-7654321'))).toEqual([ours])
    const client = { clientType: 'INTEGRATION', integrationAppId: 3344551 }
    expect(roles(by('A-8835724', { client }))).toEqual([ours])
    expect(roles(by('I-3344551', { client, type: 'COMMENT' }))).toEqual([{ ...ours, visibility: 'internal' }])
  })
  test('what came in is never ours, whoever it names', () => {
    const client = { clientType: 'INTEGRATION', integrationAppId: 3344551 }
    expect(roles(by('A-7654321', { direction: 'INCOMING' }))[0]?.ours).toBe(false)
    expect(roles(saying(message({ client })))[0]?.ours).toBe(false)
  })
  test('a colleague’s is a human’s, also when it came in from a mail program', () => {
    const human = { role: 'team', ours: false, automatic: false, visibility: 'public' }
    expect(roles(by('A-8835724'))).toEqual([human])
    expect(roles(by('A-8835724', { direction: 'INCOMING' }))).toEqual([human])
    expect(roles(by('A-8835724', { type: 'COMMENT' }))).toEqual([{ ...human, visibility: 'internal' }])
    const client = { clientType: 'INTEGRATION', integrationAppId: 99 }
    expect(roles(by('A-8835724', { client }))).toEqual([human])
  })
  test.each(['B-1', 'I-99', 'L-1', 'S-hubspot'])('%s is a robot and never a customer', (actor) => {
    for (const direction of ['INCOMING', 'OUTGOING'])
      expect(roles(by(actor, { direction }))).toEqual([
        { role: 'system', ours: false, automatic: true, visibility: 'public' },
      ])
  })
  test('an actor of a kind that nobody knows is no customer', () => {
    const senders = [{ actorId: 'X-1', deliveryIdentifier: mail('zoe@example.com') }]
    expect(roles(saying(message({ createdBy: 'X-1', senders })))[0]?.role).toBe('team')
  })
  test('a visitor’s message that did not come in is no customer’s', () => {
    expect(roles(saying(message({ direction: 'OUTGOING' })))[0]?.role).toBe('team')
    expect(roles(saying(message({ direction: undefined })))[0]?.role).toBe('team')
  })
  test('a mail in the name of the shop itself is no customer’s', () => {
    const own = [{ senderField: 'FROM', deliveryIdentifier: mail('Help@shop.example') }]
    expect(roles(saying(message({ senders: own, createdBy: 'V-1' })))).toMatchObject([
      { role: 'system', automatic: true },
    ])
  })
  test.each([
    'Automatic reply: Order',
    'Out of Office',
    'Abwesenheit: bis Montag',
    'Automatische Antwort: x',
    'Undeliverable: Order',
  ])('%j is an auto-reply', (subject) => {
    expect(roles(saying(message({ subject })))[0]?.automatic).toBe(true)
    expect(roles(saying(message({ subject: `Re: ${subject}` })))[0]?.automatic).toBe(false)
  })
  test('what only happened is no message', () => {
    expect(toTicket(byEmail()).messages).toHaveLength(1)
  })
  test('a message of ours that could not be sent says so', () => {
    const failed = by('A-7654321', { status: { statusType: 'FAILED', failureDetails: {} } })
    expect(toTicket(failed).messages[0]?.failed).toBe(true)
    expect(toTicket(by('A-8835724', { status: { statusType: 'FAILED' } })).messages[0]).not.toHaveProperty(
      'failed',
    )
  })
})

describe('the state of a HubSpot thread', () => {
  const thread = (more: object, settings: object = {}) =>
    toTicket(
      rest((one) => Object.assign(one.thread, more)),
      settings,
    )
  test('closed is closed until the customer writes after it', () => {
    expect(thread({}).status).toBe('open')
    expect(thread({ status: 'CLOSED', closedAt: '2026-11-21T09:00:00Z' }).status).toBe('closed')
    expect(thread({ status: 'CLOSED', closedAt: '2026-11-21T07:00:00Z' }).status).toBe('solved')
    expect(thread({ status: 'CLOSED', closedAt: null }).status).toBe('closed')
    expect(thread({ archived: true }).status).toBe('closed')
  })
  test('spam and other inboxes are out of scope', () => {
    expect(thread({}).inScope).toBe(true)
    expect(thread({ spam: true }).inScope).toBe(false)
    expect(thread({}, { inboxIds: ['123'] }).inScope).toBe(true)
    expect(thread({}, { inboxIds: ['124'] }).inScope).toBe(false)
    expect(thread({ inboxId: undefined }, { inboxIds: ['123'] }).inScope).toBe(false)
  })
  test('is assigned to us, to a human, or to another robot, which counts as one', () => {
    expect(thread({}).assignee).toBe('nobody')
    expect(thread({ assignedTo: 'A-7654321' }).assignee).toBe('us')
    expect(thread({ assignedTo: 'A-1' }).assignee).toBe('human')
    expect(thread({ assignedTo: 'L-1' }).assignee).toBe('human')
  })
  test('the hand-over is read from the ticket’s property; an empty one gives nothing back', () => {
    const settings = { handOver: { ticketProperty: { name: 'ai_status', value: 'handed' } } }
    const marked = (properties: object, more: object = settings) =>
      toTicket(
        rest((one) => Object.assign(one, { crmTicket: { id: '9001', properties } })),
        more,
      ).handedOver
    expect(marked({ ai_status: 'handed' })).toBe(true)
    expect(marked({ ai_status: 'ai' })).toBe(false)
    for (const empty of [{ ai_status: null }, { ai_status: '' }, {}]) expect(marked(empty)).toBe('unknown')
    expect(marked({ ai_status: 'handed' }, {})).toBe('unknown')
    expect(toTicket(byEmail(), settings).handedOver).toBe('unknown')
  })
  test('a message without a readable time is no message to go by', () => {
    expect(() => toTicket(saying(message({ createdAt: 'yesterday' })))).toThrow('readable time')
  })
  test('messages stand oldest first, and two of the same time as HubSpot lists them', () => {
    const same = saying(
      message({ id: 'a' }),
      message({ id: 'b' }),
      message({ id: 'c', createdAt: '2026-11-20T00:00:00Z' }),
    )
    expect(toTicket(same).messages.map(({ id }) => id)).toEqual(['c', 'a', 'b'])
  })
  test('an id that is a number stays what it was', () => {
    expect(
      toTicket(rest((one) => Object.assign(one.thread, { id: 8877665544, associatedContactId: 551 }))),
    ).toMatchObject({
      id: '8877665544',
      requester: { id: 'V-551' },
    })
  })
})

describe.each(fixture.written)('what the customer wrote: $name', ({ rest: json, text, attachments = [] }) => {
  test('is read without the rest', () => {
    expect(toTicket(json).messages[0]).toMatchObject({ text, attachments })
  })
})

test('a chat window is known by what HubSpot calls it, not shown as an address', () => {
  const one = saying(chat({ senders: [{ actorId: 'V-777', deliveryIdentifier: opaque('w1') }] }), message())
  expect(toTicket(one).audience).toEqual(['zoe@example.com', 'user:w1'])
})

describe('a comment that a colleague typed in HubSpot', () => {
  const ana = 'A-8835724'
  const typed = (more: object = {}, settings: object = {}) => {
    const comment = {
      ...message({ id: 'c1', type: 'COMMENT', createdBy: ana, senders: [{ actorId: ana }], recipients: [] }),
      direction: undefined,
      ...more,
    }
    return toTicket(saying(message(), comment), settings).messages.find(({ id }) => id === 'c1')?.evidence
      .inHelpdeskUi
  }
  test('is said to be one', () => {
    expect(typed()).toBe(true)
  })
  test.each<[string, object]>([
    ['by an app', { client: { clientType: 'INTEGRATION', integrationAppId: 99 } }],
    ['by an app that calls itself HubSpot', { client: { clientType: 'HUBSPOT', integrationAppId: 99 } }],
    ['by the system', { client: { clientType: 'SYSTEM' } }],
    ['of which no client is said', { client: undefined }],
    ['whose client is said in part', { client: {} }],
    ['of which it is not said who made it', { createdBy: undefined }],
    ['that another agent made', { createdBy: 'A-1' }],
    ['that an integration made', { createdBy: 'I-99' }],
    ['of nobody', { senders: [] }],
    ['whose senders are left out', { senders: undefined }],
    ['whose sender is not said', { senders: [{ name: 'Ana' }] }],
    ['in another agent’s name', { senders: [{ actorId: 'A-1' }] }],
    ['of two', { senders: [{ actorId: ana }, { actorId: 'A-1' }] }],
    ['of a visitor', { createdBy: 'V-551', senders: [{ actorId: 'V-551' }] }],
    ['of HubSpot’s own agent', { createdBy: 'L-1', senders: [{ actorId: 'L-1' }] }],
    ['of a bot', { createdBy: 'B-1', senders: [{ actorId: 'B-1' }] }],
    ['of the system', { createdBy: 'S-hubspot', senders: [{ actorId: 'S-hubspot' }] }],
    ['that came in', { direction: 'INCOMING' }],
    ['that is a message', { type: 'MESSAGE', direction: 'OUTGOING' }],
    ['of which the kind is not said', { type: undefined }],
  ])('is not one %s', (_name, more) => {
    expect(typed(more)).toBeUndefined()
  })
  test('is not one of our bot user', () => {
    expect(typed({}, { botUserId: '8835724' })).toBeUndefined()
  })
})

test('a HubSpot thread names the addresses of the company and of colleagues, and never the customer’s', () => {
  const addresses = toTicket(saying(message(), outgoing()), {
    ownAddresses: ['desk@shop.example'],
  }).companyAddresses
  expect(addresses).toEqual(
    expect.arrayContaining(['desk@shop.example', 'ana@shop.example', 'help@shop.example']),
  )
  expect(addresses).not.toContain('zoe@example.com')
})
