import { describe, expect, test } from '@jest/globals'
import { inbound } from '../lambdas/zendesk/inbound.ts'
import { doorbell } from '../schemas/doorbell.ts'
import * as hooks from './fixtures/zendesk-webhooks.ts'

const { connection } = hooks
const read = (body: unknown, settings = {}) =>
  inbound.webhook(JSON.parse(JSON.stringify(body)), { ...connection, ...settings })
const rung = (body: unknown, settings = {}) => {
  const webhook = read(body, settings)
  if ('refused' in webhook) throw new Error(webhook.refused)
  return webhook.doorbells.map((bell) => doorbell.parse(bell))
}

describe('a Zendesk webhook', () => {
  test('of a customer rings with ticket, comment, delivery and the time of the event', () => {
    expect(rung(hooks.byCustomer)).toEqual([
      {
        ticketId: '5158',
        messageId: '8485803822334',
        deliveryId: '5dcc8c24-2dde-4f3c-a2c4-e6e4b5d4f3a1',
        from: 'customer',
        at: Date.parse('2026-11-21T07:59:58.412Z'),
      },
    ])
  })
  test('of an agent rings as the team, public or private', () => {
    expect(rung(hooks.byAgent)).toMatchObject([{ from: 'team', messageId: '8485803822334' }])
    expect(rung(hooks.byAgentPrivately)).toMatchObject([{ from: 'team' }])
  })
  test('of the bot, of a rule, or of the bot in a customer’s name rings nothing', () => {
    expect(rung(hooks.byBot)).toEqual([])
    expect(rung(hooks.byRule)).toEqual([])
    expect(rung(hooks.byCustomerThroughBot)).toEqual([])
  })
  test('of somebody in CC rings: who that is gets decided on what Zendesk shows then', () => {
    expect(rung(hooks.byCarbonCopy)).toMatchObject([{ from: 'customer' }])
  })
  test('of a customer’s private comment rings nothing', () => {
    expect(rung(hooks.byCustomerPrivately)).toEqual([])
  })
  test('of a new ticket rings without a message, unless the bot made it or it is private', () => {
    const [bell] = rung(hooks.created)
    expect(bell).toMatchObject({ ticketId: '5158', from: 'customer', deliveryId: expect.any(String) })
    expect(bell).not.toHaveProperty('messageId')
    expect(rung(hooks.createdByBot)).toEqual([])
    expect(rung(hooks.createdPrivately)).toEqual([])
  })
  test('of another account is refused, whether the id is a number or a string', () => {
    expect(read(hooks.ofWrongAccount)).toEqual({ refused: 'wrong_account' })
    expect(read({ ...hooks.byCustomer, account_id: '22129849' })).toEqual({ refused: 'wrong_account' })
    expect(rung({ ...hooks.byCustomer, account_id: '22129848' })).toHaveLength(1)
  })
  test('keeps every digit of an id past 2^53', () => {
    expect(rung(hooks.withLongIds)).toMatchObject([
      { ticketId: '90071992547409931', messageId: '90071992547409937' },
    ])
  })
  test('with a ticket id that lost digits is unreadable, not another ticket', () => {
    const body = JSON.parse('{"ticket_id":90071992547409931}')
    expect(inbound.webhook(body, connection)).toEqual({ refused: 'unreadable' })
  })
  test('of an unknown type rings nothing', () => {
    expect(rung(hooks.ofUnknownType)).toEqual([])
  })
  test('of another brand rings nothing; where the brand is not said it does', () => {
    const brandIds = ['1']
    expect(rung(hooks.byCustomer, { brandIds })).toEqual([])
    expect(rung(hooks.byCustomer, { brandIds: ['8447346621310'] })).toHaveLength(1)
    const { brand_id: _, ...detail } = hooks.byCustomer.detail
    expect(rung({ ...hooks.byCustomer, detail }, { brandIds })).toHaveLength(1)
  })
  test('keeps nothing of what people wrote', () => {
    expect(JSON.stringify(rung(hooks.byCustomer))).not.toMatch(/missing|Zoë|Order/)
  })
  test.each([
    ['an empty object', {}],
    ['null', null],
    ['a list', [hooks.byCustomer]],
    ['text', 'hello'],
    ['an event without a ticket', { ...hooks.byCustomer, detail: {} }],
    ['a comment without an id', { ...hooks.byCustomer, event: { comment: {} } }],
    ['a ticket id that is no id', { ticket_id: '../users' }],
    ['a trigger body whose ticket id was not filled in', { ticket_id: '{{ticket.id}}' }],
  ])('that is %s is unreadable', (_name, body) => {
    expect(read(body)).toEqual({ refused: 'unreadable' })
  })
})

describe('a trigger’s ids-only body', () => {
  test('rings as the customer, with the ticket’s time', () => {
    expect(rung(hooks.triggered)).toEqual([
      { ticketId: '5158', from: 'customer', at: Date.parse('2026-11-21T07:59:58Z') },
    ])
  })
  test.each(['agent', 'Agent', 'Admin', 'Administrator'])(
    'rings as the team for the role %s',
    (actor_role) => {
      expect(rung({ ...hooks.triggered, actor_role })).toMatchObject([{ from: 'team' }])
    },
  )
  test('rings now where placeholders are blank or were left as they are', () => {
    const before = Date.now()
    for (const blank of ['', '{{ticket.updated_at_with_timestamp}}']) {
      const body = { ...hooks.triggered, updated_at: blank, actor_role: blank && '{{current_agent.role}}' }
      const [bell] = rung(body)
      expect(bell?.from).toBe('customer')
      expect(bell?.at).toBeGreaterThanOrEqual(before)
    }
  })
})
