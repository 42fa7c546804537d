/** A reply that was cut off at the end of a run's time, and reaches the helpdesk a little later. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { AnswerRuntime, Http } from '../lambdas/core/ports.ts'
import { demoPeople } from '../local/people.ts'
import { echoes } from './claude-scripts.ts'
import { startWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ script: echoes, helpdesk: 'hubspot' })
  await world.publish()
})
afterAll(() => world.close())

test('is not sent again by a look that comes too early', async () => {
  const ticketId = world.standIn.opens({ from: demoPeople.zoe, text: 'Where is order 1042?' })
  await world.deliver(ticketId)
  let land: (() => Promise<unknown>) | undefined
  const cutOff =
    (http: Http): Http =>
    async (request) => {
      if (land !== undefined || request.method !== 'POST' || !request.url.endsWith('/messages'))
        return await http(request)
      const { signal: _, ...rest } = request
      land = () => http(rest)
      world.clock.time += 176_000
      return { ok: false, cause: 'timeout', sent: true, message: 'cut off' }
    }
  const slow = (runtime: AnswerRuntime): AnswerRuntime => ({
    ...runtime,
    forTenant: async (name) => {
      const tenant = await runtime.forTenant(name)
      return { ...tenant, http: cutOff(tenant.http) }
    },
  })
  await world.run(ticketId, world.process(undefined, slow))
  expect(land).toBeDefined()
  // Fifteen seconds on, the helpdesk has taken it.
  const dueAt = Number((await world.row(ticketId))?.dueAt)
  const early = dueAt - world.clock.time < 15_000
  if (!early) await land?.()
  await world.untilQuiet(ticketId)
  if (early) await land?.()
  expect(world.said(ticketId).filter((message) => message.public)).toHaveLength(1)
})
