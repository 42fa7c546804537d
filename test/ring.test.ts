import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ring } from '../lambdas/core/ring.ts'
import { dueShard, dueShards, parseTicketPk, ticketPk } from '../lambdas/core/ticket-key.ts'
import type { Doorbell } from '../schemas/doorbell.ts'
import { ticketRow } from '../schemas/ticket-row.ts'
import { type Door, noon, startDoor } from './receiving.ts'

let door: Door
beforeAll(async () => {
  door = await startDoor()
})
afterAll(() => door.close())

const connection = { id: 'acme.0123456789012345678901', helpdesk: 'zendesk' } as const
let tickets = 0
const newTicket = (): string => `ticket-${tickets++}`
const bell = (ticketId: string, more: Partial<Doorbell> = {}): Doorbell => ({
  ticketId,
  from: 'customer',
  at: noon,
  ...more,
})
const rings = (doorbells: [Doorbell, ...Doorbell[]], now = noon) =>
  ring(door.conversations, connection, doorbells, now)
const row = async (ticketId: string) => ticketRow.parse(await door.ticket(connection.id, ticketId))
const settle = (ticketId: string) =>
  door.conversations.update(
    'settle',
    { pk: ticketPk(connection.id, ticketId), sk: 'ticket' },
    { update: 'REMOVE due, dueAt, dueSince, customer, wanted' },
  )

describe('a ring', () => {
  test('makes the ticket due in a minute, and keeps since when it is', async () => {
    const ticket = newTicket()
    expect(await rings([bell(ticket, { deliveryId: 'a', messageId: '1' })])).toEqual({
      rung: true,
      due: true,
    })
    expect(await rings([bell(ticket, { deliveryId: 'b', messageId: '2' })], noon + 5000)).toEqual({
      rung: true,
      due: true,
    })
    expect(await row(ticket)).toMatchObject({
      rung: 2,
      seen: new Set(['a', 'b']),
      wanted: new Set(['1', '2']),
      customer: true,
      due: dueShard(ticketPk(connection.id, ticket)),
      dueAt: noon + 65_000,
      dueSince: noon,
    })
  })

  test("of the team's waits for no message and does not say that a customer wrote", async () => {
    const ticket = newTicket()
    await rings([bell(ticket, { deliveryId: 'a', messageId: '1', from: 'team' })])
    const rung = await row(ticket)
    expect(rung).toMatchObject({ rung: 1, seen: new Set(['a']), customer: false })
    expect(rung.wanted).toBeUndefined()
  })

  test('of the team leaves what a customer rang', async () => {
    const ticket = newTicket()
    await rings([bell(ticket, { messageId: '1' })])
    await rings([bell(ticket, { messageId: '2', from: 'team' })])
    expect(await row(ticket)).toMatchObject({ customer: true, wanted: new Set(['1']) })
  })

  test('keeps no field of a doorbell but its ids', async () => {
    const ticket = newTicket()
    await rings([{ ...bell(ticket, { deliveryId: 'a' }), text: 'zoe@example.com' } as Doorbell])
    expect(JSON.stringify(await door.ticket(connection.id, ticket))).not.toContain('zoe')
  })
})

describe('a doorbell that has rung', () => {
  test('rings nothing, and tells whether the ticket still waits', async () => {
    const ticket = newTicket()
    const doorbell = bell(ticket, { deliveryId: 'a' })
    await rings([doorbell])
    expect(await rings([doorbell])).toEqual({ rung: false, due: true })
    await settle(ticket)
    expect(await rings([doorbell])).toEqual({ rung: false, due: false })
    expect((await row(ticket)).rung).toBe(1)
  })

  test('is known by its delivery, else by its message', async () => {
    const ticket = newTicket()
    await rings([bell(ticket, { deliveryId: 'a', messageId: '1' })])
    expect((await rings([bell(ticket, { deliveryId: 'b', messageId: '1' })])).rung).toBe(true)
    await rings([bell(ticket, { messageId: '2' })])
    expect((await rings([bell(ticket, { messageId: '2' })])).rung).toBe(false)
    // A delivery id cannot stand in for a message id.
    expect((await rings([bell(ticket, { deliveryId: 'm:3' })])).rung).toBe(true)
  })

  test('rings all the same when it comes with one that is new', async () => {
    const ticket = newTicket()
    const known = bell(ticket, { deliveryId: 'a' })
    await rings([known])
    await settle(ticket)
    expect(await rings([known, bell(ticket, { deliveryId: 'b' })])).toEqual({ rung: true, due: true })
    expect(await rings([known, bell(ticket, { deliveryId: 'b' })])).toEqual({ rung: false, due: true })
  })

  test('of another ticket or connection is another doorbell', async () => {
    const [one, two] = [newTicket(), newTicket()]
    await rings([bell(one, { deliveryId: 'a' })])
    expect((await rings([bell(two, { deliveryId: 'a' })])).rung).toBe(true)
    const elsewhere = { ...connection, id: 'other.0123456789012345678901' }
    const there = await ring(door.conversations, elsewhere, [bell(one, { deliveryId: 'a' })], noon)
    expect(there.rung).toBe(true)
  })

  test('has no id to know it by: it always rings', async () => {
    const ticket = newTicket()
    await rings([bell(ticket)])
    await settle(ticket)
    expect(await rings([bell(ticket)])).toEqual({ rung: true, due: true })
    expect(await rings([bell(ticket, { deliveryId: 'a' }), bell(ticket)])).toEqual({ rung: true, due: true })
    expect(await rings([bell(ticket, { deliveryId: 'a' }), bell(ticket)])).toEqual({ rung: true, due: true })
  })
})

describe('keys', () => {
  test('a ticket partition names tenant, connection and ticket, and reads back', () => {
    const pk = ticketPk(connection.id, '5158')
    expect(pk).toBe('T#acme#ticket#acme.0123456789012345678901#5158')
    expect(parseTicketPk(pk)).toEqual({ tenant: 'acme', connectionId: connection.id, ticketId: '5158' })
  })
  test.each([
    '',
    'T#acme#release',
    'T#other#ticket#acme.0123456789012345678901#5158',
    'T#acme#ticket#acme.0123456789012345678901#5158#effect',
    'T#acme#ticket#acme.0123456789012345678901#',
    'X#acme#ticket#acme.0123456789012345678901#5158',
  ])('%p is no ticket partition', (pk) => {
    expect(parseTicketPk(pk)).toBeUndefined()
  })
  test('a ticket keeps its shard, and tickets spread over all of them', () => {
    const pks = Array.from({ length: 1000 }, (_, n) => ticketPk(connection.id, String(n)))
    const counts = dueShards.map((shard) => pks.filter((pk) => dueShard(pk) === shard).length)
    expect(counts.reduce((a, b) => a + b)).toBe(1000)
    expect(Math.min(...counts)).toBeGreaterThan(80)
    expect(dueShard('T#acme#ticket#acme.0123456789012345678901#5158')).toBe('d1')
  })
})
