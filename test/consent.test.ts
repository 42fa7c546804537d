/** A write that the customer has to confirm: what runs it, and everything that does not. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { demoAgentSettings, demoUserDataApi, refundTool } from '../local/demo-data.ts'
import { demoCustomers, demoZendesk } from '../local/zendesk/demo.ts'
import { calls, callsThenSays, results, says, shown } from './claude-scripts.ts'
import { eager, publishRefund, refund, refundsSent, replies, tokenIn } from './consent-world.ts'
import { startWorld, type World } from './world.ts'

const minute = 60_000
const hour = 60 * minute

let world: World
beforeAll(async () => {
  world = await startWorld({ script: eager })
})
afterAll(() => world.close())
beforeEach(async () => {
  world.script = eager
  world.clock.time += 25 * hour
  world.shop.refunds.length = 0
  world.shop.requests.length = 0
  await publishRefund(world)
})

/** A refund was asked for and is proposed. */
async function proposed(text = 'Please refund 20 EUR of my order 1042.'): Promise<[string, string]> {
  const ticketId = await world.ask(text)
  expect(refundsSent(world)).toBe(0)
  return [ticketId, tokenIn(world, ticketId)]
}

describe('what is switched off is not asked about', () => {
  const off = { kind: 'agent-settings' as const, id: 'default' }
  test.each<[string, () => Promise<void>]>([
    [
      'all writes',
      () =>
        publishRefund(world, {}, {}, [
          { ...off, definition: { ...demoAgentSettings, writesEnabled: false } },
        ]),
    ],
    ['the tool', () => publishRefund(world, { enabled: false })],
  ])('%s, by a turn under way', async (_, switchOff) => {
    let done = false
    world.script = async (request, n) => {
      if (!done) await switchOff()
      done = true
      return eager(request, n)
    }
    const ticketId = await world.ask('Please refund 20 EUR of my order 1042.')
    expect(replies(world, ticketId).join()).toMatch(/not_allowed/)
    expect(replies(world, ticketId).join()).not.toMatch(/[0-9A-Z]{4}-[0-9A-Z]{4}|Please confirm/)
    expect((await world.row(ticketId))?.proposals).toEqual({})
  })
})

describe('a proposal', () => {
  test('shows tool, every value and a token in the customer’s language, and nothing was done', async () => {
    const [ticketId, token] = await proposed()
    const [reply = ''] = replies(world, ticketId)
    expect(reply).toContain('Please confirm:')
    expect(reply).toContain('refund order')
    expect(reply).toMatch(/The order number, digits only: 1042/)
    expect(reply).toMatch(/In the currency of the order: 20/)
    expect(reply).toContain(`write ${token} in your next message`)
  })

  test.each([
    [
      'de',
      'Bitte erstatten Sie mir 20 EUR (refund) für meine Bestellung 1042, danke.',
      'Bitte bestätigen Sie:',
      'Erstattung von 20 EUR für Bestellung 1042',
    ],
    [
      'fr',
      'Bonjour, je veux un refund de ma commande 1042, merci.',
      'Veuillez confirmer',
      'Refund 20 EUR of order 1042',
    ],
    [
      'nl',
      'Hallo, ik wil graag een refund van mijn bestelling 1042.',
      'Bevestig dit alstublieft',
      'Refund 20 EUR of order 1042',
    ],
  ])('is worded in %s, the effect in the tenant’s words for it', async (_, text, please, effect) => {
    await publishRefund(world, {
      confirmText: {
        en: 'Refund {amount} EUR of order {order_id}',
        de: 'Erstattung von {amount} EUR für Bestellung {order_id}',
      },
    })
    const [ticketId] = await proposed(text)
    const [reply = ''] = replies(world, ticketId)
    expect(reply).toContain(please)
    expect(reply).toContain(effect)
  })

  test.each([
    ['a word before it', (token: string) => `Yes ${token}`],
    ['nothing else', (token: string) => token],
    ['small letters and no hyphen', (token: string) => `ok ${token.toLowerCase().replace('-', '')} thanks`],
    ['a greeting and a signature', (token: string) => `Hello Nora,\n\nyes please: ${token}\n\nThanks\nZoë`],
  ])('runs as it stands once its token comes with %s, and the model is told', async (_, words) => {
    const [ticketId, token] = await proposed()
    await world.askAgain(ticketId, words(token))
    expect(world.shop.refunds).toMatchObject([{ amount: 20 }])
    expect(replies(world, ticketId).at(-1)).toMatch(/I see: .*refund_order: done/)
  })

  test('runs once, though the token comes again and the model asks again', async () => {
    const [ticketId, token] = await proposed()
    await world.askAgain(ticketId, `Yes ${token}`)
    await world.askAgain(ticketId, `Yes ${token}`)
    await world.askAgain(ticketId, 'Please refund 20 EUR of my order 1042.')
    expect(refundsSent(world)).toBe(1)
    expect(replies(world, ticketId).at(-1)).toContain('already_done')
  })

  test('is the same one when the model asks for the same again', async () => {
    const [ticketId, token] = await proposed()
    await world.askAgain(ticketId, 'Well? I want that refund!')
    expect(tokenIn(world, ticketId)).toBe(token)
    await world.askAgain(ticketId, `Yes ${token}`)
    expect(refundsSent(world)).toBe(1)
  })

  test('is dead once the model proposes other arguments: only the new token runs, the new values', async () => {
    const [ticketId, token] = await proposed()
    world.script = callsThenSays([refund(15)], 'Then 15.')
    await world.askAgain(ticketId, 'Make the refund 15 then.')
    const next = tokenIn(world, ticketId)
    expect(next).not.toBe(token)
    world.script = eager
    await world.askAgain(ticketId, `Yes ${token}`)
    expect(refundsSent(world)).toBe(0)
    await world.askAgain(ticketId, `Yes ${next}`)
    expect(world.shop.refunds).toMatchObject([{ amount: 15 }])
  })

  test('is declined by "no" with its token, and then the token is dead', async () => {
    const [ticketId, token] = await proposed()
    await world.askAgain(ticketId, `No ${token}`)
    expect(replies(world, ticketId).at(-1)).toContain('declined by the customer')
    await world.askAgain(ticketId, `Yes ${token}`)
    expect(refundsSent(world)).toBe(0)
  })

  test('whose values nobody could read is not made', async () => {
    const { parameters } = refundTool(world.shop.url, 'key')
    await publishRefund(world, {
      parameters: {
        ...parameters,
        properties: { ...parameters.properties, reason: { type: 'string', description: 'Why' } },
      },
    })
    for (const reason of ['a`b', 'see http://evil.example/x', 'a\u202eb', '{{ticket.id}}', 'x'.repeat(301)]) {
      world.script = callsThenSays([['refund_order', { order_id: '1042', amount: 20, reason }]], 'done')
      const ticketId = await world.ask('refund')
      expect(Object.keys((await world.row(ticketId))?.proposals as object)).toEqual([])
    }
  })
})

describe('nothing runs', () => {
  test.each<[string, (token: string) => string]>([
    ['a refusal', (token) => `I do not want this ${token}`],
    ['a refusal in another language', (token) => `Nein, bitte nicht. ${token}`],
    ['a condition', (token) => `Yes ${token}, but only if I get 30 instead`],
    ['a question', (token) => `What happens if I send ${token}?`],
    ['a quoted line', (token) => `What is this?\n> write ${token} in your next message`],
    ['a token that is not whole', (token) => `Yes ${token.slice(0, 8)}`],
    ['a token inside a longer word', (token) => `Yes X${token}X`],
    [
      'an unmarked quotation of our own text',
      (token) =>
        `Please confirm:\nNothing has been done yet. To go ahead, write ${token} in your next message. If you do not want this, write NO ${token}.`,
    ],
    ['one line of it', (token) => `To go ahead, write ${token} in your next message.`],
  ])('for %s', async (_, words) => {
    const [ticketId, token] = await proposed()
    await world.askAgain(ticketId, words(token))
    expect(refundsSent(world)).toBe(0)
  })

  test('for a mail program’s quotation under an empty answer', async () => {
    const [ticketId] = await proposed()
    const [reply = ''] = replies(world, ticketId)
    await world.askAgain(
      ticketId,
      `-----Original Message-----\nFrom: Nordlicht\nTo: Zoe\nSubject: Re\n\n${reply}`,
    )
    expect(refundsSent(world)).toBe(0)
  })

  test.each<[string, object]>([
    ['somebody else', { author: demoCustomers.kim }],
    ['an auto-responder', { flags: [4] }],
    ['a colleague', { author: demoZendesk.agentUserId }],
    ['a colleague’s note', { author: demoZendesk.agentUserId, public: false }],
    ['a mail from another address in the customer’s name', { sender: 'zoe@evil.example' }],
    ['a comment that an agent’s tool made in the customer’s name', { channel: 'api' }],
    ['a flagged mail', { flags: [11] }],
  ])('by %s', async (_, entry) => {
    const [ticketId, token] = await proposed()
    await world.askAgain(ticketId, `Yes ${token}`, entry)
    expect(refundsSent(world)).toBe(0)
  })

  test('once the address on record is another, also between a yes and the run that a crash cut off', async () => {
    const signedIn = { channel: 'web' }
    // Nothing personal in it, or the ticket would be a human's by then anyway.
    const { parameters } = refundTool(world.shop.url, 'key')
    const { order_id, amount } = parameters.properties ?? {}
    const unpersonal = {
      identity: 'none',
      parameters: { type: 'object', required: ['order_id', 'amount'], properties: { order_id, amount } },
      ownership: { by: 'knowledge', facts: ['amount'] },
    }
    const notAsked = { ...demoUserDataApi(world.shop.url), identity: 'confirmed' }
    await publishRefund(world, unpersonal, {}, [
      { kind: 'user-data-api', id: 'default', definition: notAsked },
    ])
    world.clock.time += minute
    const ticketId = await world.ask('Please refund 20 EUR of my order 1042.', signedIn)
    world.write(ticketId, `Yes ${tokenIn(world, ticketId)}`, signedIn)
    await world.deliver(ticketId)
    await world.run(ticketId, world.process({ n: 1, port: 'conversations.decide', when: 'after' }))
    const user = world.zendesk.account.users.get(demoCustomers.zoe)
    const [identity] = user?.identities ?? []
    if (user === undefined || identity === undefined) throw new Error('the demo has no such user')
    const { email } = user
    for (const address of ['mallory@example.com', email]) {
      user.email = address
      identity.value = address
      if (address !== email) await world.untilQuiet(ticketId)
    }
    expect(replies(world, ticketId).at(-1)).toContain('confirmed, not done')
    expect(refundsSent(world)).toBe(0)
  })

  test('after 24 hours, and the customer is told', async () => {
    const [ticketId, token] = await proposed()
    world.clock.time += 24 * hour
    await world.askAgain(ticketId, `Yes ${token}`)
    expect(refundsSent(world)).toBe(0)
    expect(replies(world, ticketId).at(-1)).toContain('expired')
  })

  test('in another ticket of the same customer', async () => {
    const [, token] = await proposed()
    const other = await world.ask(`Yes ${token}`)
    expect(replies(world, other)).toHaveLength(1)
    expect(refundsSent(world)).toBe(0)
  })

  test.each<[string, object, object]>([
    ['its tool was changed', { timeoutMs: 9000 }, {}],
    ['its tool was switched off', { enabled: false }, {}],
    ['its tool asks for more identity', { identity: 'signed_in' }, {}],
    ['the connection is in note mode', {}, { mode: 'note' }],
  ])('once %s', async (_, tool, connection) => {
    const [ticketId, token] = await proposed()
    await publishRefund(world, tool, connection)
    world.clock.time += minute
    await world.askAgain(ticketId, `Yes ${token}`)
    expect(refundsSent(world)).toBe(0)
  })

  test('because the model says that it was confirmed, or writes the token itself', async () => {
    const [ticketId, token] = await proposed()
    world.script = (request) =>
      results(request).length === 0
        ? calls(['refund_order', { order_id: '1042', amount: 20 }])
        : says(`The customer confirmed: ${token}. Yes ${token}.`)
    await world.askAgain(ticketId, 'Hm, let me think.')
    await world.askAgain(ticketId, 'Hello?')
    expect(refundsSent(world)).toBe(0)
  })

  test('for a token that another message follows: the newest counts', async () => {
    const [ticketId, token] = await proposed()
    world.write(ticketId, `Yes ${token}`)
    world.write(ticketId, 'Stop, do not!')
    await world.deliver(ticketId)
    await world.untilQuiet(ticketId)
    expect(refundsSent(world)).toBe(0)
  })
})

test('an approval code is no token, and a proposal of one’s own never shows one', async () => {
  const [ticketId] = await proposed()
  expect(world.notes(ticketId)).toEqual([])
  expect(world.claude.requests.map(({ body }) => shown(body)).join()).not.toMatch(/approve [0-9A-Z]{4}-/)
})

test('note mode proposes nothing and shows what would have been proposed', async () => {
  await publishRefund(world, {}, { mode: 'note' })
  const ticketId = await world.ask('Please refund 20 EUR of my order 1042.')
  const [note] = world.notes(ticketId)
  expect(refundsSent(world)).toBe(0)
  expect(replies(world, ticketId)).toEqual([])
  expect(note?.plain_body).toMatch(/would have asked the customer to confirm refund_order .*1042/)
  expect(note?.plain_body).toContain('In the currency of the order: 20')
  expect(Object.keys((await world.row(ticketId))?.proposals as object)).toEqual([])
})
