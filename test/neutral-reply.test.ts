/** A mail in a customer's name that may be a stranger's: one neutral reply at most, to that mailbox alone, then a human. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { demoAnswer } from '../local/claude-demo.ts'
import { demoCustomers, demoZendesk } from '../local/zendesk/demo.ts'
import { startWorld, type World } from './world.ts'

const day = 25 * 60 * 60_000
const asks = 'Where is my order 1042, and what is my address?'
const neutral = 'Thank you for your message. A colleague will look into it.'
const spoofed = { flags: [14] }
const { zoe, kim } = demoCustomers

let world: World
beforeAll(async () => {
  world = await startWorld({ script: demoAnswer })
  await world.publish()
})
afterAll(() => world.close())
beforeEach(() => {
  world.clock.time += day
  world.shop.requests.length = 0
  world.claude.requests.length = 0
})

const replies = (ticketId: string) => world.replies(ticketId).map(({ plain_body }) => plain_body)
const handOvers = (ticketId: string) =>
  world.notes(ticketId).filter(({ plain_body }) => plain_body.includes('Handed over to you')).length
const isHandedOver = (ticketId: string) => world.tags(ticketId).includes('ai-handed-over')

test('it is fixed, echoes nothing, and neither the model nor the tenant’s API is asked', async () => {
  const ticketId = await world.ask(asks, spoofed)
  expect(replies(ticketId)).toEqual([neutral])
  expect(handOvers(ticketId)).toBe(1)
  expect(isHandedOver(ticketId)).toBe(true)
  expect([world.claude.requests, world.shop.requests]).toEqual([[], []])
  expect(await world.row(ticketId)).not.toHaveProperty('mustHandOver')
})

test('it is in the language of the message, and nothing of the message is in it', async () => {
  const ticketId = await world.ask('Wo ist meine Bestellung EVIL-4711? Bitte antworten Sie mir.', spoofed)
  expect(replies(ticketId)).toEqual(['Vielen Dank für Ihre Nachricht. Ein Kollege sieht sie sich an.'])
})

test('there is one per ticket, however often the stranger writes and the ticket is given back', async () => {
  const ticketId = await world.ask(asks, spoofed)
  for (let n = 0; n < 2; n++) {
    world.clock.time += day
    world.zendesk.change(Number(ticketId), { tags: [] })
    await world.askAgain(ticketId, `and now? ${n}`, spoofed)
  }
  expect(replies(ticketId)).toEqual([neutral])
  expect(handOvers(ticketId)).toBe(3)
})

test('an address gets two a day over all tickets, together with other unproven replies', async () => {
  const counts = []
  for (let n = 0; n < 4; n++) counts.push(replies(await world.ask(`${asks} ${n}`, spoofed)).length)
  expect(counts).toEqual([1, 1, 0, 0])
})

describe('there is none, and a human all the same', () => {
  test.each<[string, object, object]>([
    ['where Zendesk would answer to a diverted Reply-To', { flags: [20] }, {}],
    ['where the Reply-To is diverted and the mail is spoofed', { flags: [14, 21] }, {}],
    ['where the stranger is in copy', spoofed, { cc: [kim] }],
    ['where the ticket is somebody else’s', { ...spoofed, author: zoe }, { requester: kim }],
    ['on another channel', { ...spoofed, channel: 'web' }, {}],
  ])('%s', async (_, entry, fields) => {
    const ticketId = await world.ask(asks, entry, fields)
    expect(replies(ticketId)).toEqual([])
    expect(isHandedOver(ticketId)).toBe(true)
  })

  test('in a ticket that holds a personal reply, which may be quoted below', async () => {
    const ticketId = await world.ask('Where is order 1042?')
    expect(replies(ticketId)).toHaveLength(1)
    await world.askAgain(ticketId, asks, spoofed)
    expect(replies(ticketId)).toHaveLength(1)
    expect(isHandedOver(ticketId)).toBe(true)
  })
})

test('in note mode there is a note', async () => {
  await world.publish([
    { kind: 'connection', id: world.connectionId, definition: world.connection({ mode: 'note' }) },
  ])
  try {
    world.clock.time += 60_000
    const ticketId = await world.ask(asks, spoofed)
    expect(replies(ticketId)).toEqual([])
    expect(handOvers(ticketId)).toBe(1)
  } finally {
    await world.publish()
    world.clock.time += 60_000
  }
})

test('a human who takes the ticket is left alone', async () => {
  const ticketId = world.openTicket(asks, spoofed)
  world.zendesk.change(Number(ticketId), { assignee_id: demoZendesk.agentUserId })
  await world.deliver(ticketId)
  await world.untilQuiet(ticketId)
  expect(replies(ticketId)).toEqual([])
})

test('killed before and after each I/O: one neutral reply, one hand-over', async () => {
  const whole = world.openTicket(asks, spoofed)
  await world.deliver(whole)
  const [ports = []] = await world.untilQuiet(whole)
  expect(ports).toContain('conversations.unproven')
  const failed: string[] = []
  for (const [index, port] of ports.entries()) {
    for (const when of ['before', 'after'] as const) {
      world.clock.time += day
      const ticketId = world.openTicket(asks, spoofed)
      await world.deliver(ticketId)
      await world.untilQuiet(ticketId, world.process({ n: index + 1, when }))
      const seen = [replies(ticketId).length, handOvers(ticketId), isHandedOver(ticketId)]
      const row = await world.row(ticketId)
      if (seen.join() !== '1,1,true' || row?.mustHandOver !== undefined)
        failed.push(`${index + 1} ${when} ${port}: ${seen.join()} ${row?.mustHandOver}`)
    }
  }
  expect(failed).toEqual([])
}, 240_000)
