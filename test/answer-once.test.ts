/** One message, one reply: however often and in whatever order webhooks and wake-ups come. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { echoes, says } from './claude-scripts.ts'
import { startWorld, type World } from './world.ts'

const minute = 60_000

let world: World
beforeAll(async () => {
  world = await startWorld({ script: echoes })
})
afterAll(() => world.close())
beforeEach(() => {
  world.script = echoes
  world.clock.time += 60 * minute
})

const asked = (): number => world.claude.requests.length
const texts = (ticketId: string): string[] => world.replies(ticketId).map((reply) => reply.plain_body)
const logged = (event: string): unknown[] => world.lines.filter((line) => line.event === event)

describe('a message', () => {
  test('gets one personal reply, and the ticket waits for the customer', async () => {
    world.script = (request) =>
      says(JSON.stringify(request.messages).includes('loyalty_level') ? 'Hello gold member' : 'Hello')
    const ticketId = await world.ask('Which level am I?')
    expect(texts(ticketId)).toEqual(['Hello gold member'])
    expect(world.zendesk.account.conversations.get(Number(ticketId))?.ticket.status).toBe('pending')
    expect(world.tags(ticketId)).toEqual([])
  })

  test('whose webhook is delivered again has one reply, and nothing more is asked or looked at', async () => {
    const ticketId = world.openTicket('Hello')
    const event = world.event(ticketId, String(world.comments(ticketId)[0]?.id))
    await world.deliver(ticketId, event)
    await world.untilQuiet(ticketId)
    const before = asked()
    await world.deliver(ticketId, event)
    expect(world.queued()).toBe(0)
    expect((await world.row(ticketId))?.due).toBeUndefined()
    // Another subscription of the helpdesk for the same message.
    await world.deliver(ticketId, { ...event, id: 'another-delivery' })
    await world.untilQuiet(ticketId)
    expect(texts(ticketId)).toHaveLength(1)
    expect(asked()).toBe(before)
  })

  test('that is answered drops a wake-up that comes again, before any other I/O', async () => {
    const ticketId = await world.ask('Hello')
    const process = world.process()
    expect(await process.answer(world.wakeUp(ticketId))).toBe('ended')
    expect(process.ports.filter((port) => !port.startsWith('sts'))).toEqual([
      'conversations.pauses',
      'conversations.claim',
    ])
    expect(logged('wake_up_dropped').at(-1)).toMatchObject({ code: 'settled' })
  })

  test('that two processes work on at once has one turn and one reply', async () => {
    const ticketId = world.openTicket('Hello')
    await world.deliver(ticketId)
    const before = asked()
    const processes = [world.process(), world.process(), world.process()]
    await Promise.all(processes.map((process) => process.answer(world.wakeUp(ticketId))))
    expect(texts(ticketId)).toHaveLength(1)
    expect(asked()).toBe(before + 1)
    expect(logged('wake_up_dropped').slice(-2)).toMatchObject([{ code: 'busy' }, { code: 'busy' }])
  })

  test.each(['model.create', 'conversations.intent', 'http.helpdesk'] as const)(
    'has one reply when a frozen process wakes up behind another one, at its last %s',
    async (port) => {
      const plain = await world.ask('Hello')
      expect(texts(plain)).toHaveLength(1)
      const calls = { 'model.create': 1, 'conversations.intent': 1, 'http.helpdesk': 7 }
      const ticketId = world.openTicket('Hello')
      await world.deliver(ticketId)
      const thaw = async () => {
        world.clock.time += 201_000
        await world.process().answer(world.wakeUp(ticketId))
      }
      const frozen = world.process({ n: calls[port], port, when: 'before', act: thaw })
      expect(await frozen.answer(world.wakeUp(ticketId))).toBe('ended')
      expect(texts(ticketId)).toHaveLength(1)
      expect(logged('lease_lost').length).toBeGreaterThan(0)
      expect((await world.row(ticketId))?.open).toEqual({})
    },
  )
})

describe('several messages', () => {
  test('in a burst are one turn that answers the newest', async () => {
    const before = asked()
    const ticketId = world.openTicket('one')
    await world.deliver(ticketId)
    for (const text of ['two', 'three', 'four', 'five']) {
      world.write(ticketId, text)
      await world.deliver(ticketId)
    }
    await world.untilQuiet(ticketId)
    expect(texts(ticketId)).toEqual(['You wrote: five'])
    expect(asked()).toBe(before + 1)
  })

  test('whose webhooks come in any order have the same reply', async () => {
    const orders = [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ]
    for (const order of orders) {
      const ticketId = world.openTicket('one')
      world.write(ticketId, 'two')
      world.write(ticketId, 'three')
      const events = world.comments(ticketId).map((comment) => world.event(ticketId, String(comment.id)))
      for (const i of order) await world.deliver(ticketId, events[i])
      await world.untilQuiet(ticketId)
      expect(texts(ticketId)).toEqual(['You wrote: three'])
    }
  })

  test('of which the newest webhook comes first: the older one finds everything answered', async () => {
    const ticketId = world.openTicket('one')
    world.write(ticketId, 'two')
    const [first, second] = world
      .comments(ticketId)
      .map((comment) => world.event(ticketId, String(comment.id)))
    await world.deliver(ticketId, second)
    await world.untilQuiet(ticketId)
    const before = asked()
    await world.deliver(ticketId, first)
    await world.untilQuiet(ticketId)
    expect(texts(ticketId)).toEqual(['You wrote: two'])
    expect(asked()).toBe(before)
  })
})

describe('a message that comes while another is answered', () => {
  test('during the call to the model: no stale reply, the newest is answered', async () => {
    const ticketId = world.openTicket('one')
    await world.deliver(ticketId)
    let first = true
    world.script = async (request, n) => {
      if (first) {
        first = false
        world.write(ticketId, 'two')
        await world.deliver(ticketId)
      }
      return await echoes(request, n)
    }
    await world.untilQuiet(ticketId)
    expect(texts(ticketId)).toEqual(['You wrote: two'])
  })

  test('between the last look and the reply: the helpdesk refuses, and the newest is answered', async () => {
    const ticketId = world.openTicket('one')
    await world.deliver(ticketId)
    const act = async () => {
      world.write(ticketId, 'two')
    }
    await world.untilQuiet(
      ticketId,
      world.process({ n: 1, port: 'conversations.intent', when: 'after', act }),
    )
    expect(texts(ticketId)).toEqual(['You wrote: two'])
  })

  test('after the reply, before the release: the release looks again', async () => {
    const ticketId = world.openTicket('one')
    await world.deliver(ticketId)
    const act = async () => {
      world.write(ticketId, 'two')
      await world.deliver(ticketId)
    }
    const process = world.process({ n: 1, port: 'conversations.release', when: 'before', act })
    await world.untilQuiet(ticketId, process)
    expect(texts(ticketId)).toEqual(['You wrote: one', 'You wrote: two'])
    expect(process.ports.filter((port) => port === 'conversations.release')).toHaveLength(2)
  })

  test('while a dead process’s reply is settled, at every I/O, by a webhook that names no message: it is answered', async () => {
    const dies = async (text: string): Promise<string> => {
      const ticketId = world.openTicket(text)
      await world.deliver(ticketId)
      // Posted, and dead before it could say so.
      const killed = world.process({ n: 1, port: 'conversations.outcome', when: 'before' })
      expect(await killed.answer(world.wakeUp(ticketId))).toBe('died')
      world.clock.time += 201_000
      return ticketId
    }
    const plain = world.process()
    await plain.answer(world.wakeUp(await dies('one')))
    expect(plain.ports.length).toBeGreaterThan(10)
    for (let n = 1; n <= plain.ports.length; n++) {
      const ticketId = await dies('one')
      const act = async () => {
        world.write(ticketId, 'two')
        await world.deliver(ticketId, { ticket_id: ticketId })
      }
      await world.process({ n, when: 'before', act }).answer(world.wakeUp(ticketId))
      await world.untilQuiet(ticketId)
      expect([n, plain.ports[n - 1], texts(ticketId)]).toEqual([
        n,
        plain.ports[n - 1],
        ['You wrote: one', 'You wrote: two'],
      ])
    }
  })
})
