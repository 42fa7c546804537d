/** A turn on every helpdesk, killed before and after each call to the helpdesk's API: one reply. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { demoAnswer } from '../../local/claude-demo.ts'
import { demoPeople } from '../../local/people.ts'
import { helpdeskNames } from '../../schemas/names.ts'
import { startWorld, type World } from '../world.ts'

const hour = 3_600_000

describe.each(helpdeskNames)('a turn on %s', (name) => {
  let world: World
  beforeAll(async () => {
    world = await startWorld({ script: demoAnswer, helpdesk: name })
  })
  afterAll(() => world.close())

  async function opened(): Promise<string> {
    world.clock.time += 2 * hour
    const ticketId = world.standIn.opens({ from: demoPeople.zoe, text: 'Where is order 1042?' })
    await world.deliver(ticketId)
    return ticketId
  }
  const replies = (ticketId: string) => world.said(ticketId).filter((message) => message.public)

  test.each(['before', 'after'] as const)('killed %s each call to the helpdesk', async (when) => {
    const [ports = []] = await world.untilQuiet(await opened())
    const count = ports.filter((port) => port === 'http.helpdesk').length
    expect(count).toBeGreaterThan(1)
    for (let n = 1; n <= count; n++) {
      const ticketId = await opened()
      await world.untilQuiet(ticketId, world.process({ n, port: 'http.helpdesk', when }))
      expect({ n, replies: replies(ticketId).length }).toEqual({ n, replies: 1 })
    }
  })
})
