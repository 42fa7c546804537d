/** One-time codes over the mail and the chat of every helpdesk. Over the real handlers. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { demoPeople } from '../local/people.ts'
import { helpdeskNames } from '../schemas/names.ts'
import { codeIn, eager, publishRefund, refundsSent } from './consent-world.ts'
import { startWorld, type World } from './world.ts'

const { zoe, kim } = demoPeople
const asks = 'Please refund 20 EUR of my order 1042.'
const other = (code: string, n: number): string => String((Number(code) + 1 + n) % 1_000_000).padStart(6, '0')

describe.each(helpdeskNames)('on %s', (name) => {
  let world: World
  beforeAll(async () => {
    world = await startWorld({ script: eager, helpdesk: name, sender: true })
  })
  afterAll(() => world.close())
  beforeEach(async () => {
    world.clock.time += 25 * 60 * 60_000
    world.shop.refunds.length = 0
    world.shop.requests.length = 0
    await publishRefund(world, { identity: 'confirmed' })
  })

  const mails = () => world.aws.mails()
  const replies = (ticketId: string) => world.said(ticketId).filter((message) => message.public)
  async function opens(more: object = {}): Promise<string> {
    const ticketId = world.standIn.opens({ from: zoe, text: asks, ...more })
    await world.deliver(ticketId)
    await world.untilQuiet(ticketId)
    return ticketId
  }
  async function writes(ticketId: string, text: string, by = zoe): Promise<void> {
    world.clock.time += 60_000
    world.standIn.writes(ticketId, by, text)
    await world.deliver(ticketId)
    await world.untilQuiet(ticketId)
  }
  /** The refund waits for a code, which was mailed. */
  async function mailed(more: object = {}): Promise<[ticketId: string, code: string]> {
    const before = mails().length
    const ticketId = await opens(more)
    expect(refundsSent(world)).toBe(0)
    expect(mails()).toHaveLength(before + 1)
    return [ticketId, codeIn(world)]
  }

  test('the mail goes to the address on record, and the ticket never shows the code', async () => {
    const [ticketId, code] = await mailed()
    expect(mails().at(-1)?.to).toEqual([zoe.address])
    expect(replies(ticketId)).toHaveLength(1)
    expect(JSON.stringify(world.standIn.ticket(ticketId))).not.toContain(code)
    expect(JSON.stringify(world.standIn.requests.map(({ body }) => body))).not.toContain(code)
    expect(JSON.stringify(world.claude.requests.map(({ body }) => body))).not.toContain(code)
  })

  test('the right code in the first line lets it run, once', async () => {
    const [ticketId, code] = await mailed()
    await writes(ticketId, `${code}\n\nThanks, Zoë`)
    expect(refundsSent(world)).toBe(1)
    await writes(ticketId, code)
    expect(refundsSent(world)).toBe(1)
  })

  test('three wrong ones use it up', async () => {
    const [ticketId, code] = await mailed()
    for (let n = 0; n < 3; n++) await writes(ticketId, other(code, n))
    await writes(ticketId, code)
    expect(refundsSent(world)).toBe(0)
  })

  test('in somebody else’s mail it does nothing', async () => {
    const [ticketId, code] = await mailed()
    await writes(ticketId, code, kim)
    expect(refundsSent(world)).toBe(0)
  })

  test('none goes to an address of the company, though a customer claims it', async () => {
    await publishRefund(world, { identity: 'confirmed' }, { supportAddresses: [zoe.address] })
    world.clock.time += 60_000
    const before = mails().length
    await opens()
    expect(mails()).toHaveLength(before)
    expect(refundsSent(world)).toBe(0)
  })

  test('in a chat whose visitor has typed Zoë’s address, the code goes there and nothing runs without it', async () => {
    const before = mails().length
    const ticketId = await opens({ channel: 'chat' })
    await writes(ticketId, 'I am Zoë, refund it')
    expect(refundsSent(world)).toBe(0)
    for (const { to } of mails().slice(before)) expect(to).toEqual([zoe.address])
    const code = codeIn(world)
    await writes(ticketId, other(code, 0))
    expect(refundsSent(world)).toBe(0)
    expect(JSON.stringify(world.standIn.ticket(ticketId))).not.toContain(code)
  })
})
