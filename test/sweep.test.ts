/** The sweeper: what lost its wake-up is rung, once in a while, until it is settled. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { echoes } from './claude-scripts.ts'
import { startWorld, type World } from './world.ts'

const second = 1000
const minute = 60 * second

let world: World
beforeAll(async () => {
  world = await startWorld({ script: echoes })
})
afterAll(() => world.close())
beforeEach(() => {
  world.clock.time += 60 * minute
})

test('a message whose wake-up was never sent is answered after a sweep', async () => {
  const ticketId = world.openTicket('Hello')
  const down = world.process(undefined, undefined, { fails: (port) => port.startsWith('queue.') })
  expect(await down.deliver(ticketId)).toBe(200)
  expect(world.queued()).toBe(0)
  expect(await world.sweep()).toBe(0)
  world.clock.time += minute
  expect(await world.sweep()).toBe(1)
  await world.untilQuiet(ticketId)
  expect(world.replies(ticketId)).toHaveLength(1)
})

test('a postponed ticket whose wake-up could not be sent is answered after a sweep', async () => {
  const ticketId = world.openTicket('Hello')
  await world.deliver(ticketId)
  world.zendesk.failNext({ when: 'before', answer: { status: 500 } })
  await world.run(
    ticketId,
    world.process(undefined, undefined, { fails: (port) => port.startsWith('queue.') }),
  )
  expect(world.queued()).toBe(0)
  await world.untilQuiet(ticketId)
  expect(world.replies(ticketId)).toHaveLength(1)
})

describe('a due ticket', () => {
  test('is rung once in two minutes, by however many sweepers', async () => {
    const ticketId = world.openTicket('Hello')
    await world.deliver(ticketId)
    await world.loseWakeUps()
    world.clock.time += minute
    expect((await Promise.all([world.sweep(), world.sweep(), world.sweep()])).toSorted()).toEqual([0, 0, 1])
    expect(world.queued()).toBe(1)
    world.clock.time += 2 * minute - 1
    expect(await world.sweep()).toBe(0)
    world.clock.time += 1
    expect(await world.sweep()).toBe(1)
    expect(world.queued()).toBe(2)
    await world.untilQuiet(ticketId)
    expect(world.replies(ticketId)).toHaveLength(1)
  })

  test('that is put off is not tried before its time, however often it is rung', async () => {
    const ticketId = world.openTicket('Hello')
    await world.deliver(ticketId)
    world.zendesk.failNext({ when: 'before', answer: { status: 429, headers: { 'retry-after': '300' } } })
    await world.run(ticketId)
    const early = world.process()
    await early.answer(world.wakeUp(ticketId))
    expect(early.ports.filter((port) => !port.startsWith('sts'))).toEqual([
      'conversations.pauses',
      'conversations.claim',
    ])
    world.clock.time += 300 * second
    await world.process().answer(world.wakeUp(ticketId))
    expect(world.replies(ticketId)).toHaveLength(1)
  })

  test('under a lease is left alone until the lease ends', async () => {
    const ticketId = world.openTicket('Hello')
    await world.deliver(ticketId)
    await world.loseWakeUps()
    await world.process({ n: 1, port: 'model.create', when: 'before' }).answer(world.wakeUp(ticketId))
    world.clock.time += 199 * second
    expect(await world.sweep()).toBe(0)
    world.clock.time += second
    expect(await world.sweep()).toBe(1)
    await world.untilQuiet(ticketId)
  })
})

test('a settled ticket is never rung', async () => {
  const ticketId = await world.ask('Hello')
  for (const wait of [0, minute, 60 * minute, 48 * 60 * minute]) {
    world.clock.time += wait
    expect(await world.sweep()).toBe(0)
  }
  expect(await world.row(ticketId)).not.toHaveProperty('due')
})
