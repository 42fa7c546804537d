import { describe, expect, test } from '@jest/globals'
import type { Evidence, Message, Ticket } from '../lambdas/core/helpdesk.ts'
import { audienceIsOnly, identify } from '../lambdas/core/identify.ts'

const byEmail: Evidence = {
  channel: 'email',
  address: 'zoe@example.com',
  sender: 'zoe@example.com',
  authorIsRequester: true,
  unflagged: true,
  trusted: true,
  replyNotDiverted: true,
}
const byPortal: Evidence = {
  channel: 'portal',
  address: 'zoe@example.com',
  authorIsRequester: true,
  authorIsSubmitter: true,
  unflagged: true,
  trusted: true,
  addressProven: true,
  signedIn: true,
}
const message = (evidence: Evidence, more: Partial<Message> = {}): Message => ({
  id: '1',
  at: 0,
  author: { id: '7', role: 'customer' },
  visibility: 'public',
  ours: false,
  automatic: false,
  text: 'hello',
  attachments: [],
  evidence,
  ...more,
})
const ticket: Ticket = {
  id: '5158',
  subject: '',
  channel: 'email',
  status: 'open',
  requester: { id: '7' },
  assignee: 'nobody',
  handedOver: false,
  inScope: true,
  audience: ['zoe@example.com'],
  stamp: '',
  messages: [],
  complete: true,
}
const level = (evidence: Evidence, closed = true) => identify(message(evidence), ticket, closed).level

describe('identify', () => {
  test('an email from the address on file, to nobody else, with the side doors closed, is `mailbox`', () => {
    expect(identify(message(byEmail), ticket, true)).toEqual({
      level: 'mailbox',
      address: 'zoe@example.com',
      why: 'proven',
      suspicious: false,
    })
  })
  test('with a side door open it is `claimed`, and no verified address comes out', () => {
    const identity = identify(message(byEmail), ticket, false)
    expect(identity).toEqual({
      level: 'claimed',
      claimed: 'zoe@example.com',
      why: 'side_doors_open',
      suspicious: false,
    })
  })
  test('a portal message with everything in place is `signed_in`, whatever the side doors of email', () => {
    expect(level(byPortal)).toBe('signed_in')
    expect(level(byPortal, false)).toBe('signed_in')
    expect(level({ ...byPortal, channel: 'messenger' })).toBe('signed_in')
  })
  test('email is never `signed_in`', () => {
    expect(level({ ...byPortal, ...byEmail })).toBe('mailbox')
  })
  test.each(['social', 'phone', 'unknown'] as const)('the channel %s is `none`', (channel) => {
    expect(level({ ...byPortal, ...byEmail, channel })).toBe('none')
  })
  test('what an integration sent is `claimed` at most', () => {
    expect(level({ ...byPortal, ...byEmail, channel: 'api' })).toBe('claimed')
  })
  test.each(Object.keys(byEmail) as (keyof Evidence)[])(
    'an email without %s is not `mailbox`, but for `trusted`',
    (name) => {
      const { [name]: _, ...rest } = byEmail
      if (name === 'trusted') expect(level(rest)).toBe('mailbox')
      else expect(['none', 'claimed']).toContain(level(rest))
    },
  )
  test.each(Object.keys(byPortal) as (keyof Evidence)[])(
    'a portal message without %s is not `signed_in`',
    (name) => {
      const { [name]: _, ...rest } = byPortal
      expect(['none', 'claimed']).toContain(level(rest))
    },
  )
  test('an author who is not the requester is `claimed`, even if the evidence says otherwise', () => {
    const other = message(byEmail, { author: { id: '8', role: 'customer' } })
    expect(identify(other, ticket, true)).toMatchObject({ level: 'claimed', why: 'not_requester' })
  })
  test('what the team or a rule wrote is nobody’s identity', () => {
    for (const role of ['team', 'system'] as const)
      expect(identify(message(byEmail, { author: { id: '7', role } }), ticket, true).level).toBe('none')
  })
  test('letters differ in ASCII case only; nothing else is folded', () => {
    expect(level({ ...byEmail, sender: 'ZOE@Example.COM' })).toBe('mailbox')
    for (const sender of [
      'zo.e@example.com',
      'zoe+x@example.com',
      'zoe@example.com.evil.test',
      'zoe@mail.example.com',
    ])
      expect(level({ ...byEmail, sender })).toBe('claimed')
  })
  test.each([
    'zoe@example.com, eve@example.net',
    'zoe@example.com eve@example.net',
    'Zoe <zoe@example.com>',
    'zoe@example.com\n',
    'zoë@example.com',
    'zoe@exampl\u0435.com',
    '\u212Aoe@example.com',
    'zoe',
    'zoe@localhost',
    '.zoe@example.com',
    '',
    `${'a'.repeat(250)}@example.com`,
  ])('a sender %j that is not one plain address is `none`', (sender) => {
    expect(identify(message({ ...byEmail, sender }), ticket, true)).toMatchObject({
      level: 'none',
      why: 'bad_sender',
    })
  })
  test('a suspicious message is never proven, and says so', () => {
    expect(identify(message({ ...byEmail, suspicious: true }), ticket, true)).toMatchObject({
      level: 'claimed',
      why: 'flagged',
      suspicious: true,
    })
    expect(level({ ...byPortal, suspicious: true })).toBe('claimed')
  })
})

describe('audienceIsOnly', () => {
  test.each([
    [['zoe@example.com'], true],
    [['ZOE@example.com'], true],
    [['zoe@example.com', 'eve@example.net'], false],
    [['zoe@example.com', 'user:8'], false],
    [['eve@example.net'], false],
    [['user:7'], false],
    [[], false],
    ['unknown' as const, false],
  ])('%j is the customer alone: %s', (audience, alone) => {
    expect(audienceIsOnly({ audience }, 'zoe@example.com')).toBe(alone)
    if (!alone) expect(identify(message(byEmail), { ...ticket, audience }, true).level).toBe('claimed')
  })
  test('nobody is nobody’s audience', () => {
    expect(audienceIsOnly({ audience: [''] }, '')).toBe(false)
  })
})
