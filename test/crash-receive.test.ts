/** Kills `receive` before and after every I/O of one webhook: what was answered 2xx is answered, and only once. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { says } from './claude-scripts.ts'
import { startWorld, type World } from './world.ts'

let world: World
let ports: string[]
beforeAll(async () => {
  world = await startWorld({ script: () => says('It arrives on Monday.') })
  const process = world.process()
  expect(await process.deliver(world.openTicket('Where is order 1042?'))).toBe(200)
  ports = process.ports
})
afterAll(() => world.close())

const points = () =>
  ports.flatMap((_, i) => (['before', 'after'] as const).map((when) => ({ n: i + 1, when })))

describe('a webhook whose handler dies', () => {
  test('is answered once when the helpdesk sends it again', async () => {
    expect(ports).toContain('conversations.ring')
    expect(ports.at(-1)).toBe('queue.send')
    for (const point of points()) {
      const ticketId = world.openTicket('Where is order 1042?')
      const event = world.event(ticketId, String(world.comments(ticketId).at(-1)?.id))
      expect(await world.process(point).deliver(ticketId, event)).toBe('died')
      await world.deliver(ticketId, event)
      await world.untilQuiet(ticketId)
      expect({ point, replies: world.replies(ticketId).length }).toEqual({ point, replies: 1 })
    }
  })

  test('is answered without being sent again, once it was rung', async () => {
    const rings = ports.indexOf('conversations.ring') + 1
    for (const point of points()) {
      const ticketId = world.openTicket('Where is order 1042?')
      await world.process(point).deliver(ticketId)
      await world.untilQuiet(ticketId)
      const rung = point.n > rings || (point.n === rings && point.when === 'after')
      expect({ point, replies: world.replies(ticketId).length }).toEqual({ point, replies: rung ? 1 : 0 })
    }
  })
})
