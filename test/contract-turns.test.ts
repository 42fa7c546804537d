/** A turn on every helpdesk: one message, one reply, to the right person, or a human. Over the real handlers. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { demoAnswer } from '../local/claude-demo.ts'
import { demoAgentSettings } from '../local/demo-data.ts'
import { demoPeople } from '../local/people.ts'
import { helpdeskNames } from '../schemas/names.ts'
import { calls, echoes, newest } from './claude-scripts.ts'
import { apiTo } from './fixtures/api.ts'
import { fixtures } from './fixtures/helpdesks.ts'
import { startWorld, type World } from './world.ts'

const minute = 60_000
const hour = 60 * minute
const { zoe, kim } = demoPeople
const asks = 'Where is order 1042?'
/** What only Zoë may read. */
const personal = /1042 is on its way|DHL/

describe.each(helpdeskNames)('a turn on %s', (name) => {
  const { helpdesk } = fixtures[name]
  let world: World
  let isChanged = false
  beforeAll(async () => {
    world = await startWorld({ script: demoAnswer, helpdesk: name })
  })
  afterAll(() => world.close())
  beforeEach(async () => {
    world.clock.time += 26 * hour
    world.script = demoAnswer
    world.shop.requests.length = 0
    world.standIn.requests.length = 0
  })
  afterEach(async () => {
    if (isChanged) await world.publish()
    isChanged = false
  })
  /** Publishes the connection with some settings changed, for this test. */
  const change = async (settings: object) => {
    isChanged = true
    await world.publish([
      { kind: 'connection', id: world.connectionId, definition: world.connection(settings) },
    ])
  }

  const opens = (text = asks, more: object = {}) => world.standIn.opens({ from: zoe, text, ...more })
  const replies = (ticketId: string) => world.said(ticketId).filter((message) => message.public)
  const notes = (ticketId: string) => world.said(ticketId).filter((message) => !message.public)
  const modelCalls = () => world.claude.requests.length
  const handedOver = async (ticketId: string) => (await world.row(ticketId))?.handedOver === true
  async function settle(ticketId: string, ...messageIds: (string | undefined)[]) {
    for (const id of messageIds.length === 0 ? [undefined] : messageIds) await world.deliver(ticketId, id)
    await world.untilQuiet(ticketId)
  }

  test('answers the customer’s own question with the customer’s own data, to that address alone', async () => {
    const ticketId = opens()
    await settle(ticketId)
    expect(replies(ticketId)).toMatchObject([
      { text: expect.stringMatching(/^Hi Zoë,[\s\S]*1042 is on its way/) },
    ])
    for (const { to } of replies(ticketId)) if (to !== undefined) expect(to).toEqual([zoe.address])
    expect(notes(ticketId)).toEqual([])
  })

  describe('one message, one reply', () => {
    test('however often its webhook is delivered', async () => {
      const ticketId = opens()
      await settle(ticketId, undefined, undefined, undefined)
      await settle(ticketId)
      expect(replies(ticketId)).toHaveLength(1)
    })

    test('though the webhooks of two messages come in the wrong order: to the newest', async () => {
      world.script = echoes
      const ticketId = opens('first')
      const first = world.standIn.ticket(ticketId)?.messages.at(-1)?.id
      world.clock.time += 2000
      const second = world.standIn.writes(ticketId, zoe, 'second question')
      await settle(ticketId, second, first)
      expect(replies(ticketId).map(({ text }) => text)).toEqual(['You wrote: second question'])
    })

    test('in a burst of five: one reply, to the newest', async () => {
      world.script = echoes
      const ticketId = opens('one')
      const ids = [world.standIn.ticket(ticketId)?.messages.at(-1)?.id]
      for (const text of ['two', 'three', 'four', 'five']) {
        world.clock.time += 1000
        ids.push(world.standIn.writes(ticketId, zoe, text))
      }
      await settle(ticketId, ...ids)
      expect(replies(ticketId).map(({ text }) => text)).toEqual(['You wrote: five'])
    })

    test('delivered 95 minutes late is answered; one over a day old is not', async () => {
      const late = opens()
      const old = opens()
      world.clock.time += 95 * minute
      await settle(late)
      expect(replies(late)).toHaveLength(1)
      world.clock.time += 24 * hour
      await settle(old)
      expect(world.said(old)).toEqual([])
    })

    test('follow-ups each get their own', async () => {
      world.script = echoes
      const ticketId = opens('one')
      await settle(ticketId)
      world.clock.time += 5 * minute
      world.standIn.writes(ticketId, zoe, 'and another thing')
      await settle(ticketId)
      expect(replies(ticketId).map(({ text }) => text)).toEqual([
        'You wrote: one',
        'You wrote: and another thing',
      ])
    })

    test('whose message is not shown yet is waited for', async () => {
      const ticketId = opens()
      await world.deliver(ticketId)
      world.standIn.hideNewest(1)
      await world.untilQuiet(ticketId)
      expect(replies(ticketId)).toHaveLength(1)
    })

    test('whose answer was lost when it was posted is not posted again', async () => {
      const ticketId = opens()
      await world.deliver(ticketId)
      world.standIn.failNext(
        { when: 'after', answer: 'reset' },
        {
          only: ({ method, url, body }) =>
            method !== 'GET' && !/oauth|search|batch/.test(url.pathname) && body.includes('way'),
        },
      )
      await world.untilQuiet(ticketId)
      world.standIn.clearFaults()
      expect(replies(ticketId)).toHaveLength(1)
      expect(await handedOver(ticketId)).toBe(false)
    })
  })

  describe('our own words', () => {
    test('coming back by webhook start no turn', async () => {
      const ticketId = opens()
      await settle(ticketId)
      const before = modelCalls()
      await settle(ticketId, replies(ticketId)[0]?.id)
      await settle(ticketId)
      expect(modelCalls()).toBe(before)
      expect(replies(ticketId)).toHaveLength(1)
    })
  })

  describe('a human', () => {
    test('who replied before the turn is not talked over', async () => {
      const ticketId = opens()
      await world.deliver(ticketId)
      world.clock.time += 1000
      world.standIn.writes(ticketId, 'agent', 'I have this one.')
      await world.untilQuiet(ticketId)
      expect(world.said(ticketId)).toEqual([])
    })

    test('who replies while the model thinks is not talked over', async () => {
      const ticketId = opens()
      await world.deliver(ticketId)
      world.script = (request) => {
        if (world.standIn.ticket(ticketId)?.messages.length === 1)
          world.standIn.writes(ticketId, 'agent', 'I have this one.')
        return demoAnswer(request)
      }
      await world.untilQuiet(ticketId)
      expect(world.said(ticketId)).toEqual([])
    })

    test('who was assigned is left alone, and a note of a teammate silences nobody', async () => {
      const taken = opens()
      world.standIn.assignToAgent(taken)
      await settle(taken)
      expect(world.said(taken)).toEqual([])
      const noted = opens()
      const question = world.standIn.ticket(noted)?.messages.at(-1)?.id
      world.clock.time += 1000
      world.standIn.writes(noted, 'agent', 'look at this', { internal: true })
      await settle(noted, question)
      expect(replies(noted)).toHaveLength(1)
    })

    test('gets what the agent cannot do, and the agent is silent until the ticket is given back', async () => {
      const ticketId = opens('I want to talk to a human, please refund me')
      await settle(ticketId)
      expect(replies(ticketId)).toEqual([])
      expect(notes(ticketId)).toHaveLength(1)
      expect(notes(ticketId)[0]?.text).toMatch(/Handed over to you/)
      world.clock.time += 5 * minute
      world.standIn.writes(ticketId, zoe, asks)
      await settle(ticketId)
      expect(replies(ticketId)).toEqual([])
      world.clock.time += 5 * minute
      world.standIn.giveBack(ticketId)
      world.standIn.writes(ticketId, zoe, 'Where is order 1042, please?')
      await settle(ticketId)
      expect(replies(ticketId)).toHaveLength(1)
    })
  })

  describe('a hand-over', () => {
    const asksForHuman = 'I want to talk to a human, please refund me'
    const { handOver } = fixtures[name].demo.connection('http://127.0.0.1')
    const [key, team] =
      Object.entries(handOver as object).find(([, value]) => typeof value === 'string') ?? []
    /** The connection's default is another team than the one for what the agent asks for. */
    const split = (reason: string) =>
      change({
        handOver: { ...(handOver as object), [String(key)]: undefined },
        handOverTeams: { [reason]: team },
      })
    // As a whole value: an id may be one digit.
    const namesTeam = new RegExp(`:"?${team}"?[,}]`)
    const sentToTeam = () =>
      world.standIn.requests.filter(({ body, status }) => namesTeam.test(body) && status < 300).length

    test('goes to the team of its reason, also where it was cut off after its note', async () => {
      await split('agent_asked')
      world.clock.time += minute
      const ticketId = opens(asksForHuman)
      await settle(ticketId)
      expect(sentToTeam()).toBe(1)
      const second = opens(asksForHuman)
      await world.deliver(second)
      let nth = 0
      world.standIn.failNext(
        { when: 'before', answer: { status: 500, json: {} } },
        {
          only: ({ method, url }) =>
            method !== 'GET' && !/oauth|search|batch/.test(url.pathname) && ++nth === 2,
        },
      )
      await world.untilQuiet(second)
      world.standIn.clearFaults()
      expect(sentToTeam()).toBe(2)
      expect(notes(second)).toHaveLength(1)
      expect(await handedOver(second)).toBe(true)
    })

    test('tells the customer in the tenant’s own words before, and the ticket stays a human’s', async () => {
      isChanged = true
      const told = 'A colleague will answer you here.'
      const definition = { ...demoAgentSettings, handOverText: { en: told } }
      await world.publish([{ kind: 'agent-settings', id: 'default', definition }])
      world.clock.time += minute
      const ticketId = opens(asksForHuman)
      await settle(ticketId)
      expect(replies(ticketId).map(({ text }) => text)).toEqual([told])
      expect(notes(ticketId)).toMatchObject([{ text: expect.stringMatching(/Handed over to you/) }])
      expect(await handedOver(ticketId)).toBe(true)
    })

    test('for another reason goes to the connection’s default', async () => {
      await split('too_many_calls')
      world.clock.time += minute
      const ticketId = opens(asksForHuman)
      await settle(ticketId)
      expect(sentToTeam()).toBe(0)
      expect(await handedOver(ticketId)).toBe(true)
    })
  })

  describe('somebody else who reads along', () => {
    test('from the start: nothing personal is fetched or said', async () => {
      const ticketId = opens(asks, { cc: [kim] })
      await settle(ticketId)
      expect(replies(ticketId).filter(({ text }) => personal.test(text))).toEqual([])
      expect(world.shop.requests).toEqual([])
    })

    test('from between question and answer: nothing personal is said', async () => {
      const ticketId = opens()
      await world.deliver(ticketId)
      world.script = (request) => {
        if (newest(request).includes('1042')) world.standIn.addReader(ticketId, kim)
        return demoAnswer(request)
      }
      await world.untilQuiet(ticketId)
      expect(replies(ticketId).filter(({ text }) => personal.test(text))).toEqual([])
    })

    test('after a personal reply: the ticket is a human’s', async () => {
      const ticketId = opens()
      await settle(ticketId)
      expect(replies(ticketId)).toHaveLength(1)
      world.clock.time += 5 * minute
      world.standIn.addReader(ticketId, kim)
      world.standIn.writes(ticketId, zoe, 'And order 1017?')
      await settle(ticketId)
      expect(replies(ticketId)).toHaveLength(1)
    })

    test('as the new requester: gets nothing of the old one’s', async () => {
      const ticketId = opens()
      await settle(ticketId)
      world.clock.time += 5 * minute
      world.standIn.changeRequester(ticketId, kim)
      world.standIn.writes(ticketId, kim, 'So where is order 1042?')
      await settle(ticketId)
      expect(
        replies(ticketId)
          .slice(1)
          .filter(({ text }) => personal.test(text)),
      ).toEqual([])
    })

    test('who writes into somebody’s ticket gets nothing personal', async () => {
      const ticketId = opens('Hello there')
      world.clock.time += 1000
      world.standIn.writes(ticketId, kim, asks)
      await settle(ticketId)
      expect(replies(ticketId).filter(({ text }) => personal.test(text))).toEqual([])
      expect(world.shop.requests).toEqual([])
    })
  })

  test('a stranger is answered, and learns nothing of anybody', async () => {
    const ticketId = world.standIn.opens({ from: kim, text: asks })
    await settle(ticketId)
    expect(world.said(ticketId).length).toBeGreaterThan(0)
    expect(replies(ticketId).filter(({ text }) => personal.test(text))).toEqual([])
  })

  test('a visitor of the chat who types Zoë’s address is nobody yet', async () => {
    const ticketId = opens(asks, { channel: 'chat' })
    await settle(ticketId)
    expect(replies(ticketId).filter(({ text }) => personal.test(text))).toEqual([])
    expect(world.shop.requests).toEqual([])
  })

  test('without attestations mail is claimed: nothing personal is said', async () => {
    const attestations = { senderAuthentication: false, ccsOff: false, noSharedViews: false }
    await change({ attestations })
    const ticketId = opens()
    await settle(ticketId)
    expect(replies(ticketId).filter(({ text }) => personal.test(text))).toEqual([])
    expect(world.shop.requests).toEqual([])
  })

  test('in note mode the answer is a note', async () => {
    await change({ mode: 'note' })
    const ticketId = opens()
    await settle(ticketId)
    expect(replies(ticketId)).toEqual([])
    expect(notes(ticketId)).toMatchObject([{ text: expect.stringMatching(/Suggested answer/) }])
  })

  test('a ticket that is closed for good is left alone', async () => {
    const ticketId = opens()
    await world.deliver(ticketId)
    world.standIn.closeTicket(ticketId)
    await world.untilQuiet(ticketId)
    const { status } = await helpdesk.read(ticketId, apiTo(fixtures[name], world.standIn, world.clock.now))
    // Where it takes messages still, the customer is answered.
    expect(replies(ticketId)).toHaveLength(status === 'closed' ? 0 : 1)
    if (status === 'closed') expect(world.said(ticketId)).toEqual([])
  })

  test('whose webhook never came is found by asking the helpdesk, and answered once', async () => {
    await world.schedule()
    await world.reconcile()
    world.clock.time += 5 * minute
    const ticketId = opens()
    world.clock.time += 20 * minute
    await world.reconcile()
    await world.untilQuiet(ticketId)
    expect(replies(ticketId)).toHaveLength(1)
    world.clock.time += 20 * minute
    await world.reconcile()
    await world.untilQuiet(ticketId)
    world.clock.time += 20 * minute
    await world.reconcile()
    expect((await world.row(ticketId))?.due).toBeUndefined()
    expect(replies(ticketId)).toHaveLength(1)
  })

  if (helpdesk.sendsWithinMs !== undefined) {
    test('a reply that the helpdesk could not send is a human’s', async () => {
      const ticketId = opens()
      world.standIn.failSending?.(1)
      await settle(ticketId)
      expect(notes(ticketId)).toMatchObject([{ text: expect.stringMatching(/could not send/) }])
      expect(await handedOver(ticketId)).toBe(true)
    })
  }

  test('a model that asks for tools nobody gave it does nothing', async () => {
    world.script = (request) =>
      newest(request) === '' ? calls(['refund_order', {}]) : calls(['delete_everything', {}])
    const ticketId = opens()
    await settle(ticketId)
    expect(replies(ticketId)).toEqual([])
    expect(world.shop.refunds).toEqual([])
    expect(await handedOver(ticketId)).toBe(true)
  })
})
