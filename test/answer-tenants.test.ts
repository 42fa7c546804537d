/** Two tenants on one deployment: same ticket ids, same customers, same tool names, and nothing in common. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { MessagesRequest } from '../local/claude.ts'
import { demoAgentSettings, demoShopToken } from '../local/demo-data.ts'
import { calls, results, says, shown } from './claude-scripts.ts'
import { startWorld, type World } from './world.ts'

let one: World
let other: World
beforeAll(async () => {
  one = await startWorld({ script: () => says('') })
  other = await startWorld({ script: () => says(''), beside: one })
  for (const [world, name] of named()) {
    const definition = { ...demoAgentSettings, name, guidance: `canary-guidance-${name}` }
    await world.publish([{ kind: 'agent-settings', id: 'default', definition }])
    const user_info = JSON.stringify({ canary: `canary-data-${name}`, orders: [{ id: '1042' }] })
    world.shop.failNext(
      { when: 'before', answer: { status: 200, json: { identifier: 'zoe@example.com', user_info } } },
      { times: Number.MAX_SAFE_INTEGER, only: ({ url }) => url.pathname === '/user-data' },
    )
  }
})
afterAll(async () => {
  await other.close()
  await one.close()
})
const named = (): [World, string][] => [
  [one, 'nordlicht'],
  [other, 'suedwind'],
]

/** Calls a read and a write, then says everything it has seen. */
const script = (request: MessagesRequest) => {
  const name = /You are (\w+),/.exec(JSON.stringify(request.system))?.[1]
  const data = [...new Set(shown(request).match(/canary-data-\w+/g))].join()
  return results(request).length === 0
    ? calls(['get_order', { order_id: '1042' }], ['refund_order', { order_id: '1042', amount: 20 }])
    : says(`${name} knows ${data} and ${results(request).length} results`)
}

test('one process that answers both at once mixes nothing up', async () => {
  one.script = script
  const process = one.process()
  const tickets: string[] = []
  for (let i = 0; i < 4; i++) {
    const [first, second] = [one.openTicket('Refund 1042'), other.openTicket('Refund 1042')]
    expect(first).toBe(second)
    tickets.push(first)
    await one.deliver(first)
    await other.deliver(second)
  }
  await one.loseWakeUps()
  await Promise.all(
    tickets.flatMap((ticketId) => named().map(([world]) => process.answer(world.wakeUp(ticketId)))),
  )
  for (const [world, name] of named()) {
    for (const ticketId of tickets) {
      const said = world.replies(ticketId).map((reply) => reply.plain_body)
      expect(said).toEqual([`${name} knows canary-data-${name} and 2 results`])
    }
    expect(world.shop.refunds).toHaveLength(tickets.length)
    const keys = world.shop.refunds.map(({ key }) => key)
    expect(new Set(keys).size).toBe(tickets.length)
  }
  const [mine, theirs] = named().map(([world]) => new Set(world.shop.refunds.map(({ key }) => key)))
  expect(mine?.intersection(theirs ?? new Set()).size).toBe(0)
  for (const { body } of one.claude.requests) {
    const text = JSON.stringify(body)
    expect(text.includes('nordlicht') && text.includes('suedwind')).toBe(false)
  }
})

describe('from the other tenant', () => {
  test('a webhook signed with its secret is refused', async () => {
    const ticketId = one.openTicket('Hello')
    const event = one.event(ticketId, String(one.comments(ticketId)[0]?.id))
    expect(await one.process().deliver(ticketId, event)).toBe(200)
    expect(await one.process().deliver(ticketId, event, other.connectionId)).toBe(401)
    await one.untilQuiet(ticketId)
  })

  test('a shop gets no token: the secret is bound to its own host', async () => {
    one.script = script
    const definition = {
      name: 'get_order',
      description: 'An order of the customer.',
      effect: 'read',
      request: { method: 'GET', url: `${one.shop.url}/orders/{order_id}` },
      parameters: {
        type: 'object',
        required: ['order_id'],
        properties: { order_id: { type: 'string', description: 'number' } },
      },
      authorization: 'shop',
    }
    await other.publish([{ kind: 'tool', id: 'get_order', definition }])
    one.shop.requests.length = 0
    await other.ask('Refund 1042')
    expect(one.shop.requests).toEqual([])
    expect(JSON.stringify(one.lines)).toContain('tool_misconfigured')
    expect(JSON.stringify(one.lines)).not.toContain(demoShopToken)
  })

  test('rows cannot be read: sealed with its key, they do not open', async () => {
    const ticketId = await one.ask('Hello')
    const [step] = (await one.rows(ticketId)).filter((row) => row.sk.startsWith('turn#'))
    const stolen = await other.ask('Hello')
    const [own] = (await other.rows(stolen)).filter((row) => row.sk.startsWith('turn#'))
    expect(step?.pk.startsWith('T#nordlicht#') && own?.pk.startsWith('T#suedwind#')).toBe(true)
    const runtime = other.answering()
    const { vault } = await runtime.forTenant('suedwind')
    const { vault: owner } = await runtime.forTenant('nordlicht')
    const place = { pk: step?.pk ?? '', sk: step?.sk ?? '', field: 'step' }
    expect(await owner.open(place, step?.step as Uint8Array)).toContain('Hello')
    await expect(vault.open(place, step?.step as Uint8Array)).rejects.toMatchObject({
      code: expect.any(String),
    })
  })
})
