/** The one-time code: what it proves, and everything that it does not. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { demoCustomers, demoZendesk } from '../local/zendesk/demo.ts'
import { calls, callsThenSays, results } from './claude-scripts.ts'
import { codeIn, eager, publishRefund, refund, refundsSent, replies } from './consent-world.ts'
import { startWorld, type World } from './world.ts'

const minute = 60_000
const hour = 60 * minute

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
  await publishRefund(world, { identity: 'signed_in' })
})

const mails = () => world.aws.mails()
const other = (code: string): string => String((Number(code) + 1) % 1_000_000).padStart(6, '0')
const asks = 'Please refund 20 EUR of my order 1042.'

/** A refund was asked for by mail, which proves too little; the code went to the address on record. */
async function mailed(): Promise<[ticketId: string, code: string]> {
  const before = mails().length
  const ticketId = await world.ask(asks)
  expect(refundsSent(world)).toBe(0)
  expect(mails()).toHaveLength(before + 1)
  return [ticketId, codeIn(world)]
}

/** The address on record is another meanwhile. */
async function asMallory(then: () => Promise<void>): Promise<void> {
  const user = world.zendesk.account.users.get(demoCustomers.zoe)
  const [identity] = user?.identities ?? []
  if (user === undefined || identity === undefined) throw new Error('no such user')
  const { email } = user
  const { value } = identity
  user.email = 'mallory@evil.example'
  identity.value = 'mallory@evil.example'
  try {
    await then()
  } finally {
    user.email = email
    identity.value = value
  }
}

describe('on email', () => {
  test('the mail goes to the address on record with what it consents to; the reply shows that and no code', async () => {
    const [ticketId, code] = await mailed()
    const mail = mails().at(-1)
    expect(mail?.to).toEqual(['zoe@example.com'])
    expect(mail?.text).toContain('In the currency of the order: 20')
    const [reply = ''] = replies(world, ticketId)
    expect(reply).toContain('In the currency of the order: 20')
    expect(reply).toContain('first line of your next message')
    const kept = JSON.stringify([...world.comments(ticketId), ...(await world.rows(ticketId))])
    expect(kept).not.toContain(code)
    expect(JSON.stringify(world.claude.requests.map(({ body }) => body))).not.toContain(code)
  })

  test('in the first line it runs the proposal, once', async () => {
    const [ticketId, code] = await mailed()
    await world.askAgain(ticketId, `${code}\n\nThanks, Zoë`)
    expect(world.shop.refunds).toMatchObject([{ amount: 20 }])
    expect(replies(world, ticketId).at(-1)).toMatch(/refund_order: done/)
    await world.askAgain(ticketId, code)
    expect(refundsSent(world)).toBe(1)
  })

  test.each<[string, (code: string) => string, object]>([
    ['below the first line', (code) => `Hello\n${code}`, {}],
    ['in a quoted line', (code) => `> ${code}`, {}],
    ['inside a longer number', (code) => `1${code}`, {}],
    ['beside another number of six digits', (code) => `${code} 123456`, {}],
    ['with a refusal', (code) => `${code} no, do not`, {}],
    ['with a condition', (code) => `${code}\nbut only if it is 30 EUR`, {}],
    ['by somebody else', (code) => code, { author: demoCustomers.kim }],
    ['by an auto-responder', (code) => code, { flags: [4] }],
    ['in a mail that diverts its replies', (code) => code, { flags: [20] }],
    ['by a colleague', (code) => code, { author: demoZendesk.agentUserId }],
    ['on another channel', (code) => code, { channel: 'api' }],
    ['that is wrong', (code) => other(code), {}],
  ])('nothing runs for a code %s', async (_, words, entry) => {
    const [ticketId, code] = await mailed()
    await world.askAgain(ticketId, words(code), entry)
    expect(refundsSent(world)).toBe(0)
  })

  test('nothing runs after 10 minutes, in another ticket, or after three wrong codes', async () => {
    const [first, late] = await mailed()
    world.clock.time += 10 * minute
    await world.askAgain(first, late)
    const [second, code] = await mailed()
    await world.ask(code)
    for (let n = 0; n < 3; n++) await world.askAgain(second, other(code))
    await world.askAgain(second, code)
    expect(refundsSent(world)).toBe(0)
  })

  test('a try counts before it is compared: killed right after, it is used up', async () => {
    const [ticketId, code] = await mailed()
    for (let n = 0; n < 2; n++) {
      world.write(ticketId, `${other(code)}\nagain ${n}`)
      await world.deliver(ticketId)
      await world.run(ticketId, world.process({ n: 1, port: 'conversations.code_try', when: 'after' }))
      await world.untilQuiet(ticketId)
    }
    await world.askAgain(ticketId, other(code))
    expect((await world.row(ticketId))?.tried).toHaveProperty('size', 3)
    await world.askAgain(ticketId, code)
    expect(refundsSent(world)).toBe(0)
  })

  test('nothing runs once the address on record is another', async () => {
    const [ticketId, code] = await mailed()
    await asMallory(async () => {
      await world.askAgain(ticketId, code)
      expect(refundsSent(world)).toBe(0)
      expect(await world.row(ticketId)).not.toHaveProperty('grant')
    })
  })

  test('a new proposal kills the code of the old one', async () => {
    const [ticketId, code] = await mailed()
    await publishRefund(world, { identity: 'signed_in', timeoutMs: 9000 })
    world.clock.time += minute
    await world.askAgain(ticketId, asks)
    expect(codeIn(world)).not.toBe(code)
    await world.askAgain(ticketId, code)
    expect(refundsSent(world)).toBe(0)
  })

  test('a ticket gets three codes, then a human', async () => {
    const [ticketId] = await mailed()
    const before = mails().length
    for (let n = 0; n < 3; n++) await world.askAgain(ticketId, `refund please, ${n}`)
    expect(mails()).toHaveLength(before + 2)
  })

  test('an address gets five codes a day, over all tickets', async () => {
    const before = mails().length
    for (let n = 0; n < 6; n++) await world.ask(asks)
    expect(mails()).toHaveLength(before + 5)
  })
})

describe('where nobody is to learn who is a customer', () => {
  const openDoors = { attestations: { senderAuthentication: false, ccsOff: false, noSharedViews: false } }

  test('the reply is the same whether or not a mail was sent', async () => {
    await publishRefund(world, {}, openDoors)
    world.script = callsThenSays([['get_order', { order_id: '1042' }]], 'We have to be sure who you are.')
    const sent = mails().length
    const known = await world.ask(asks)
    expect(mails()).toHaveLength(sent + 1)
    expect(mails().at(-1)?.text).not.toContain('1042')
    const unknown = await world.ask(asks, { author: demoCustomers.kim }, { requester: demoCustomers.zoe })
    expect(mails()).toHaveLength(sent + 1)
    expect(replies(world, unknown)).toEqual(replies(world, known))
    expect(replies(world, known)[0]).toContain('if we have an email address on record')
  })

  test.each<[string, object, () => void]>([
    ['a support address', { supportAddresses: ['zoe@example.com'] }, () => undefined],
    ['an agent’s address', {}, () => undefined],
  ])('no code goes to %s', async (what, connection) => {
    await publishRefund(world, { identity: 'signed_in' }, connection)
    const agent = world.zendesk.account.users.get(demoZendesk.agentUserId)
    if (agent === undefined) throw new Error('no agent')
    const { email } = agent
    if (what.startsWith('an agent')) agent.email = 'zoe@example.com'
    try {
      const before = mails().length
      const ticketId = world.openTicket(asks)
      world.zendesk.addComment(Number(ticketId), {
        author: demoZendesk.agentUserId,
        text: 'Looking',
        public: false,
      })
      await world.deliver(ticketId)
      await world.untilQuiet(ticketId)
      expect(mails()).toHaveLength(before)
      expect(refundsSent(world)).toBe(0)
    } finally {
      agent.email = email
    }
  })
})

describe('in a chat', () => {
  const chat = { channel: 'web_widget' }
  const openChat = (text: string) => world.ask(text, chat)

  test('it identifies its author for 30 minutes, and the write still needs its own consent', async () => {
    const ticketId = await openChat('Hi, please refund my order 1042')
    expect(replies(world, ticketId)[0]).toContain('write the code in this conversation')
    await world.askAgain(ticketId, `it is ${codeIn(world)}`, chat)
    expect(refundsSent(world)).toBe(0)
    await world.askAgain(ticketId, 'so please refund it', chat)
    const token = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(replies(world, ticketId).at(-1) ?? '')?.[0] ?? 'none'
    await world.askAgain(ticketId, `yes ${token}`, chat)
    expect(refundsSent(world)).toBe(1)
  })

  test('it proves nothing of the next address on record', async () => {
    const ticketId = await openChat('Hi, please refund my order 1042')
    // Nothing personal is said, so that no other rule ends the ticket first.
    world.shop.failNext(
      { when: 'before', answer: { status: 404, json: {} } },
      { only: ({ url }) => url.pathname === '/user-data' },
    )
    await world.askAgain(ticketId, codeIn(world), chat)
    expect(await world.row(ticketId)).toHaveProperty('grant')
    await asMallory(async () => {
      await world.askAgain(ticketId, 'so please refund it', chat)
      expect(world.shop.requests.filter(({ body }) => body.includes('mallory'))).toEqual([])
    })
  })

  test('after 30 minutes it proves nothing', async () => {
    const ticketId = await openChat('Hi, please refund my order 1042')
    await world.askAgain(ticketId, codeIn(world), chat)
    await world.askAgain(ticketId, 'so please refund it', chat)
    const token = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(replies(world, ticketId).at(-1) ?? '')?.[0] ?? 'none'
    world.clock.time += 31 * minute
    await world.askAgain(ticketId, `yes ${token}`, chat)
    expect(refundsSent(world)).toBe(0)
  })
})

test('in a chat where no address is on record nothing is asked: the model is told, and a human gets it', async () => {
  const user = world.zendesk.account.users.get(demoCustomers.kim)
  if (user === undefined) throw new Error('no such user')
  const { email, identities } = user
  Object.assign(user, { email: null, identities: [] })
  world.script = (request) =>
    results(request).length === 0
      ? calls(refund())
      : calls(['hand_over', { reason: results(request).join().slice(0, 100), summary: 'Not identified.' }])
  try {
    const before = mails().length
    const ticketId = await world.ask(asks, { channel: 'web_widget', author: demoCustomers.kim })
    expect(mails()).toHaveLength(before)
    expect(await world.row(ticketId)).not.toHaveProperty('codeAsked')
    expect(world.tags(ticketId)).toContain('ai-handed-over')
    expect(refundsSent(world)).toBe(0)
  } finally {
    Object.assign(user, { email, identities })
  }
})

test('without a sender nothing is asked: the model is told to hand over', async () => {
  const bare = await startWorld({ script: eager })
  try {
    await publishRefund(bare, { identity: 'signed_in' })
    const ticketId = await bare.ask(asks)
    expect(bare.aws.mails()).toEqual([])
    expect(replies(bare, ticketId).join()).not.toContain('6-digit')
    expect(replies(bare, ticketId).join()).toContain('needs_identity')
  } finally {
    await bare.close()
  }
})

test('a mail that SES does not take, or takes and whose answer is lost, leaves at most one live code', async () => {
  const ticketId = world.openTicket(asks)
  await world.deliver(ticketId)
  await world.run(ticketId, world.process({ n: 1, port: 'mail.send', when: 'after' }))
  const lost = codeIn(world)
  await world.untilQuiet(ticketId)
  const code = codeIn(world)
  if (code !== lost) {
    await world.askAgain(ticketId, lost)
    expect(refundsSent(world)).toBe(0)
  }
  await world.askAgain(ticketId, code)
  expect(refundsSent(world)).toBe(1)
})
