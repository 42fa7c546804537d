/** A proposal made within a task: it runs only while the task that opens its tool would still allow it. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { calls, results, says, shown } from './claude-scripts.ts'
import { publishRefund, refund, refundsSent, tokenIn } from './consent-world.ts'
import { startWorld, type World } from './world.ts'

const hour = 60 * 60_000
const refunding = {
  name: 'refunding',
  description: 'Refunds an order of the customer.',
  examples: ['Refund my order', 'I want my money back'],
  steps: ['Refund it with {{refund_order}}.'],
  tools: ['refund_order'],
  identity: 'mailbox',
}

let world: World
beforeAll(async () => {
  world = await startWorld({
    script: (request) => {
      const text = shown(request)
      if (!/refund/i.test(text.slice(text.indexOf('<newest_message>')))) return says('I see.')
      if (results(request).length === 0) return calls(['start_task', { name: 'refunding' }])
      return request.messages.length === 3
        ? calls(refund())
        : says(`It waits: ${results(request).join(' ').slice(0, 300)}`)
    },
  })
})
afterAll(() => world.close())
beforeEach(async () => {
  world.clock.time += 25 * hour
  world.shop.requests.length = 0
  await publishTask({})
})

const publishTask = (change: object): Promise<void> =>
  publishRefund(world, {}, {}, [{ kind: 'task', id: 'refunding', definition: { ...refunding, ...change } }])

test.each([
  ['is as it was', {}, 1],
  ['was switched off', { enabled: false }, 0],
  ['asks for more than the message proves by now', { identity: 'confirmed' }, 0],
])('confirmed while the task %s', async (_, change, sent) => {
  const ticketId = await world.ask('Please refund 20 EUR of my order 1042.')
  const token = tokenIn(world, ticketId)
  await publishTask(change)
  await world.askAgain(ticketId, `Yes ${token}`)
  expect(refundsSent(world)).toBe(sent)
})
