/** What passes for a customer's yes, and a reply that says of a consent what is not so. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { demoCustomers } from '../local/zendesk/demo.ts'
import { calls, callsThenSays, results, says } from './claude-scripts.ts'
import { codeIn, eager, publishRefund, refund, refundsSent, replies, tokenIn } from './consent-world.ts'
import { startWorld, type World } from './world.ts'

const hour = 60 * 60_000
const asks = 'Please refund 20 EUR of my order 1042.'
const byCode = 'sent a 6-digit code'
/** Whoever mails is `claimed` at most. */
const openDoors = { attestations: { senderAuthentication: false, ccsOff: false, noSharedViews: false } }

let world: World
beforeAll(async () => {
  world = await startWorld({ script: eager, sender: true })
})
afterAll(() => world.close())
beforeEach(async () => {
  world.script = eager
  world.clock.time += 25 * hour
  world.shop.refunds.length = 0
  world.shop.requests.length = 0
  await publishRefund(world)
})

describe('a token is no yes', () => {
  test.each<[string, (token: string) => string]>([
    ['a refusal in Portuguese', (token) => `Não quero isto ${token}`],
    ['a refusal in Portuguese below it', (token) => `${token}\nNão quero isto`],
    ['a refusal in Swedish', (token) => `Nej tack ${token}`],
    ['a refusal in Finnish', (token) => `${token}\nEi kiitos`],
    ['a refusal in Russian', (token) => `${token}\nне надо`],
    ['a refusal in Japanese', (token) => `${token}\nいいえ`],
    ['words of a language that we do not know', (token) => `Asla ${token}`],
    ['a question without its mark', (token) => `What is ${token}`],
    ['a question in German', (token) => `Was bedeutet ${token}`],
    ['a wish', (token) => `Please explain ${token}`],
    ['another amount', (token) => `Ok, make it 30 EUR: ${token}`],
    ['another order', (token) => `Yes, and order 2077 too: ${token}`],
  ])('beside %s', async (_, words) => {
    const ticketId = await world.ask(asks)
    await world.askAgain(ticketId, words(tokenIn(world, ticketId)))
    expect(refundsSent(world)).toBe(0)
    expect(replies(world, ticketId).at(-1)).toMatch(/not confirmed|declined by the customer/)
  })

  test.each<[string, (token: string) => string]>([
    ['a signature with a number', (token) => `${token}\n\nZoë Winter\nTel. 0221 123456`],
    ['thanks', (token) => `Here is the code: ${token}, thank you`],
    ['a yes in Spanish', (token) => `Sí, de acuerdo: ${token}`],
  ])('but it is one with %s', async (_, words) => {
    const ticketId = await world.ask(asks)
    await world.askAgain(ticketId, words(tokenIn(world, ticketId)))
    expect(refundsSent(world)).toBe(1)
  })

  test('nor is a code, beside a refusal in a language that we do not know', async () => {
    await publishRefund(world, { identity: 'signed_in' })
    const ticketId = await world.ask(asks)
    await world.askAgain(ticketId, `${codeIn(world)} asla`)
    expect(refundsSent(world)).toBe(0)
  })
})

/** Zoe's address at the helpdesk is another while `then` runs. */
async function withAddress(address: string, then: () => Promise<void>): Promise<void> {
  const user = world.zendesk.account.users.get(demoCustomers.zoe)
  const [identity] = user?.identities ?? []
  if (user === undefined || identity === undefined) throw new Error('no such user')
  const { email } = user
  Object.assign(user, { email: address })
  Object.assign(identity, { value: address })
  try {
    await then()
  } finally {
    Object.assign(user, { email })
    Object.assign(identity, { value: email })
  }
}

describe('a reply', () => {
  test('asks for no code where the ticket has had its three', async () => {
    await publishRefund(world, { identity: 'signed_in' })
    const ticketId = await world.ask(asks)
    for (const amount of [19, 18, 17]) {
      world.script = callsThenSays([refund(amount)], `Asked about ${amount}.`)
      await world.askAgain(ticketId, `Then ${'x'.repeat(amount)} instead`)
    }
    expect(replies(world, ticketId).map((text) => text.includes(byCode))).toEqual([true, true, true, false])
  })

  test('asks for no code where the address has had its five of the day', async () => {
    await publishRefund(world, { identity: 'signed_in' })
    for (let n = 0; n < 5; n++) expect(replies(world, await world.ask(asks)).join()).toContain(byCode)
    const ticketId = await world.ask(asks)
    expect(replies(world, ticketId)).toEqual([expect.stringContaining('no more one-time codes')])
    expect(replies(world, ticketId).join()).not.toContain(byCode)
  })

  test('names no colleague who decides, where the note that asks one was refused', async () => {
    await publishRefund(world, { confirm: 'agent' })
    world.zendesk.failNext(
      { when: 'before', answer: { status: 422, json: {} } },
      { only: ({ method, body }) => method === 'PUT' && body.includes('Waits for approval') },
    )
    const ticketId = await world.ask(asks)
    expect(replies(world, ticketId)).toEqual([expect.stringContaining('nobody could be asked')])
    expect(replies(world, ticketId).join()).not.toContain('A colleague decides')
  })
})

describe('one code', () => {
  test('is asked for by several look-ups at once, and it holds', async () => {
    await publishRefund(world, {}, openDoors)
    const orders = ['1042', '1043', '1044', '1045']
    world.script = callsThenSays(
      orders.map((order_id) => ['get_order', { order_id }]),
      'We have to be sure who you are.',
    )
    const before = world.aws.mails().length
    const ticketId = await world.ask('Where are my orders?')
    expect(world.aws.mails().length - before).toBe(1)
    expect(world.lines.filter((line) => line.ticketId === ticketId && line.event === 'turn_failed')).toEqual(
      [],
    )
    world.script = callsThenSays([['get_order', { order_id: '1042' }]], 'Thank you.')
    await world.askAgain(ticketId, codeIn(world))
    expect(world.shop.requests.some(({ path }) => path.startsWith('/orders/1042'))).toBe(true)
  })

  test('that decides a proposal is not replaced by a look-up that asks who it is', async () => {
    const confirmed = {
      name: 'order_history',
      description: 'All that happened to an order.',
      effect: 'read',
      request: { method: 'GET', url: `${world.shop.url}/orders/{order_id}` },
      parameters: { type: 'object', required: ['order_id'], properties: { order_id: { type: 'string' } } },
      identity: 'confirmed',
    }
    await publishRefund(world, { identity: 'signed_in' }, {}, [
      { kind: 'tool', id: 'order_history', definition: confirmed },
    ])
    world.script = (request) => {
      if (request.messages.length === 1) return calls(refund())
      return request.messages.length === 3
        ? calls(['order_history', { order_id: '1042' }])
        : says(results(request).join())
    }
    const before = world.aws.mails().length
    const ticketId = await world.ask(asks)
    expect(world.aws.mails().length - before).toBe(1)
    world.script = eager
    await world.askAgain(ticketId, codeIn(world))
    expect(refundsSent(world)).toBe(1)
  })

  test('goes to no other spelling of a mailbox of the company', async () => {
    await publishRefund(world, {}, { ...openDoors, supportAddresses: ['help@example.com'] })
    world.script = callsThenSays([['get_order', { order_id: '1042' }]], 'We have to be sure who you are.')
    await withAddress('help+id77@example.com', async () => {
      const before = world.aws.mails().length
      const ticketId = await world.ask(asks)
      expect(replies(world, ticketId).join()).toContain(byCode)
      expect(world.aws.mails()).toHaveLength(before)
    })
  })
})
