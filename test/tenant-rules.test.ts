/** What a tenant's settings decide by code: who is never answered, what a human answers, only the first message. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { humansNow } from '../lambdas/core/business-hours.ts'
import { findPhrase } from '../lambdas/core/phrases.ts'
import { demoAgentSettings } from '../local/demo-data.ts'
import { demoCustomers, demoZendesk } from '../local/zendesk/demo.ts'
import { costOf } from '../schemas/prices.ts'
import { agentSettings } from '../schemas/tenant-apis.ts'
import { calls, echoes, shown } from './claude-scripts.ts'
import { startWorld, type World } from './world.ts'

const hour = 60 * 60_000

describe('a phrase', () => {
  const found = (text: string, ...phrases: string[]) => findPhrase(text, phrases) !== undefined

  test.each([
    ['in another case', 'My LAWYER will write'],
    ['beside punctuation', '(lawyer)!'],
    ['with invisible characters in it', 'law\u200byer l\u2060awyer\u00ad, law\u{e0041}yer'],
    ['in full-width letters', 'ｌａｗｙｅｒ'],
    ['in mathematical letters', '𝐥𝐚𝐰𝐲𝐞𝐫'],
    ['with combining marks', 'lawye\u0301r'],
  ])('is found %s', (_, text) => {
    expect(found(text, 'lawyer')).toBe(true)
  })

  test('is whole words, over spaces and line breaks of any kind', () => {
    expect(found('lawyers', 'lawyer')).toBe(false)
    expect(found('charge\n\n  back', 'charge back')).toBe(true)
    expect(found('chargeback', 'charge back')).toBe(false)
    expect(found('Meine Kündigung', 'kundigung')).toBe(true)
  })

  test('is found without spaces where the script has none', () => {
    expect(found('私は弁護士に相談します', '弁護士')).toBe(true)
  })

  test('is no pattern', () => {
    expect(found('anything', '.*')).toBe(false)
    expect(found('aaa', '(a+)+$')).toBe(false)
  })
})

describe('business hours', () => {
  const hours = agentSettings.parse({
    businessHours: {
      monday: [
        { from: '13:00', to: '17:00' },
        { from: '09:00', to: '12:00' },
      ],
      friday: [{ from: '09:00', to: '24:00' }],
      closedOn: ['2026-11-23'],
    },
  }).businessHours
  const at = (time: string, timeZone = 'Europe/Berlin') => humansNow(hours, Date.parse(time), timeZone)

  test.each([
    ['2026-11-30T08:30:00Z', 'Human colleagues are there now, today until 12:00.'],
    ['2026-11-30T11:00:00Z', 'Human colleagues are not there now; they are again today at 13:00.'],
    ['2026-11-30T07:59:00Z', 'Human colleagues are not there now; they are again today at 09:00.'],
    ['2026-11-27T22:59:00Z', 'Human colleagues are there now, today until 24:00.'],
    // Midnight in Berlin; Monday 23rd is a holiday.
    [
      '2026-11-20T23:00:00Z',
      'Human colleagues are not there now; they are again on Friday, 2026-11-27, at 09:00.',
    ],
    [
      '2026-11-23T09:00:00Z',
      'Human colleagues are not there now; they are again on Friday, 2026-11-27, at 09:00.',
    ],
  ])('at %s: %s', (time, expected) => {
    expect(at(time)).toBe(expected)
  })

  test('go by the tenant’s time zone', () => {
    expect(at('2026-11-30T08:30:00Z', 'America/New_York')).toMatch(
      /not there now; they are again today at 09:00/,
    )
  })

  test('that nobody has set say nothing', () => {
    expect(humansNow(undefined, 0, 'UTC')).toBeUndefined()
  })

  test.each<[object, string]>([
    [{ monday: [{ from: '17:00', to: '09:00' }] }, 'ends before it begins'],
    [{ monday: [{ from: '9:00', to: '17:00' }] }, 'another spelling'],
    [{ someday: [] }, 'no such day'],
  ])('%j is refused: %s', (businessHours, _) => {
    expect(agentSettings.safeParse({ businessHours }).success).toBe(false)
  })
})

describe('prices', () => {
  const counts = { input: 12_000, output: 900, cacheRead: 18_000, cacheWrite: 0 }

  test('of the default model', () => {
    expect(costOf('claude-sonnet-5-5', counts)).toBeCloseTo(0.0366)
    expect(costOf('global.anthropic.claude-sonnet-5-5', counts)).toBeCloseTo(0.0366)
  })
  test('rise with the length of the prompt where the model’s do', () => {
    const long = { input: 200_000, output: 1000, cacheRead: 0, cacheWrite: 0 }
    expect(costOf('claude-haiku-5-5', long)).toBeCloseTo(0.1025)
    expect(costOf('claude-haiku-5-5', { ...long, input: 100_000 })).toBeCloseTo(0.0105)
  })
  test('are unknown for a model nobody has priced, unless the tenant has', () => {
    expect(costOf('claude-next-9', counts)).toBeUndefined()
    const own = { input: 1, output: 1, cacheRead: 1, cacheWrite: 1 }
    expect(costOf('claude-next-9', counts, own)).toBeCloseTo(0.0309)
    expect(costOf('claude-sonnet-5-5', counts, own)).toBeCloseTo(0.0309)
  })
})

describe('on a ticket', () => {
  let world: World
  beforeAll(async () => {
    world = await startWorld({ script: echoes })
  })
  afterAll(() => world.close())
  beforeEach(() => {
    world.script = echoes
    world.clock.time += 24 * hour
    world.claude.requests.length = 0
  })
  const settings = (more: object) =>
    world.publish([{ kind: 'agent-settings', id: 'default', definition: { ...demoAgentSettings, ...more } }])
  const ended = (): unknown => world.lines.findLast(({ event }) => event === 'turn_ended')?.code
  const isHandedOver = (ticketId: string) => world.tags(ticketId).includes('ai-handed-over')

  test.each([
    ['an address, in any case', ['Zoe@Example.com']],
    ['a domain', ['@example.com']],
  ])('a blocked sender, by %s, gets no answer and is never shown to the model', async (_, senders) => {
    await settings({ blocked: { senders } })
    const ticketId = await world.ask('Where is my order 1042?')
    expect([world.replies(ticketId), world.notes(ticketId), ended()]).toEqual([[], [], 'blocked_sender'])
    expect(world.claude.requests).toHaveLength(0)
    // Others are answered: another domain, and one that only ends alike.
    const other = await world.ask('Hello', { author: demoCustomers.ben })
    expect(world.replies(other)).toHaveLength(1)
  })

  test.each([[['@ample.com']], [['oe@example.com']], [['zoe@example.co']]])(
    '%j blocks nobody else',
    async (senders) => {
      await settings({ blocked: { senders } })
      expect(world.replies(await world.ask('Hello'))).toHaveLength(1)
    },
  )

  test.each(['@com', 'zoe', '*@example.com', '@*.example.com'])('%s is no sender to block', (sender) => {
    expect(agentSettings.safeParse({ blocked: { senders: [sender] } }).success).toBe(false)
  })

  test('a sender who is blocked while the model thinks gets no reply', async () => {
    await settings({})
    const ticketId = world.openTicket('Hello')
    await world.deliver(ticketId)
    world.script = async (request, n) => {
      await settings({ blocked: { senders: ['@example.com'] } })
      return echoes(request, n)
    }
    await world.untilQuiet(ticketId)
    // The turn keeps the settings it began with; the next one does not.
    expect(world.replies(ticketId)).toHaveLength(1)
    world.clock.time += 11_000
    await world.askAgain(ticketId, 'Hello again')
    expect(world.replies(ticketId)).toHaveLength(1)
  })

  test('a blocked subject gets no answer; the same words in the text do', async () => {
    await settings({ blocked: { subjects: ['out of office', 'Unsubscribe'] } })
    const ticketId = await world.ask('Hello', {}, { subject: 'Re: Out-of-Office!' })
    expect([world.replies(ticketId), ended()]).toEqual([[], 'blocked_subject'])
    const other = await world.ask('I was out of office. Hello?', {}, { subject: 'Hello' })
    expect(world.replies(other)).toHaveLength(1)
  })

  test('a hand-over rule hands over before the model is asked, and its note names the rule', async () => {
    await settings({ handOverRules: [{ name: 'legal', phrases: ['lawyer', 'court order'] }] })
    const ticketId = await world.ask('I will call my law\u200byer about order 1042.')
    expect(isHandedOver(ticketId)).toBe(true)
    expect(world.replies(ticketId)).toEqual([])
    expect(world.claude.requests).toHaveLength(0)
    expect(world.notes(ticketId)[0]?.plain_body).toContain(
      'Your rule "legal" says that a human answers this.',
    )
    expect(world.replies(await world.ask('Where is my order 1042?'))).toHaveLength(1)
  })

  test('a hand-over rule holds for what arrives while the model thinks', async () => {
    await settings({ handOverRules: [{ name: 'legal', phrases: ['lawyer'] }] })
    const ticketId = world.openTicket('Hello')
    await world.deliver(ticketId)
    let written = false
    world.script = (request, n) => {
      if (!written) world.write(ticketId, 'And I have a lawyer.')
      written = true
      return echoes(request, n)
    }
    await world.untilQuiet(ticketId)
    expect([world.replies(ticketId), isHandedOver(ticketId)]).toEqual([[], true])
    expect(world.claude.requests).toHaveLength(1)
  })

  test('first message only: a second message after our answer is a human’s', async () => {
    await settings({ firstMessageOnly: true })
    const ticketId = await world.ask('Hello')
    expect(world.replies(ticketId)).toHaveLength(1)
    await world.askAgain(ticketId, 'And another thing')
    expect([world.replies(ticketId).length, isHandedOver(ticketId)]).toEqual([1, true])
    expect(world.notes(ticketId)[0]?.plain_body).toContain('answers the first message of a ticket only')
    expect(world.claude.requests).toHaveLength(1)
  })

  test('first message only: two messages before any answer are still the first', async () => {
    await settings({ firstMessageOnly: true })
    const ticketId = world.openTicket('Hello')
    world.write(ticketId, 'I forgot: order 1042.')
    await world.deliver(ticketId)
    await world.untilQuiet(ticketId)
    expect(world.replies(ticketId)).toHaveLength(1)
  })

  test('first message only: where a human answered before we came, nothing is said', async () => {
    await settings({ firstMessageOnly: true })
    const ticketId = world.openTicket('Hello')
    world.zendesk.addComment(Number(ticketId), { author: demoZendesk.agentUserId, text: 'Hi!', public: true })
    world.zendesk.change(Number(ticketId), { assignee_id: Number(demoZendesk.botUserId) })
    world.write(ticketId, 'Thanks, and now?')
    await world.deliver(ticketId)
    await world.untilQuiet(ticketId)
    expect([world.replies(ticketId), isHandedOver(ticketId), ended()]).toEqual([
      [],
      false,
      'not_first_message',
    ])
  })

  test('topics, languages and hand-over guidance stand in the cached prefix, the hours after it', async () => {
    await settings({
      topics: [{ topic: 'Returns', guidance: 'Within 30 days.' }],
      languages: ['de', 'pt-BR'],
      handOverGuidance: 'When somebody is angry.',
      businessHours: { saturday: [], sunday: [], monday: [{ from: '09:00', to: '17:00' }] },
    })
    await world.ask('Hello')
    const { body } = world.claude.requests[0] ?? { body: undefined }
    const system = JSON.stringify(body?.system)
    expect(system).toContain('Guidance about Returns\\nWithin 30 days.')
    expect(system).toContain('German (de), Brazilian Portuguese (pt-BR)')
    expect(system).toContain('When to hand over\\nWhen somebody is angry.')
    expect(system).not.toMatch(/Human colleagues are/)
    expect(body && shown(body)).toMatch(/Human colleagues are (not )?there now/)
  })

  test('a turn that costs more than its budget is handed over', async () => {
    await settings({ costBudget: 0.5 })
    world.script = () => ({ ...calls(['list_orders', {}]), usage: { output_tokens: 30_000 } })
    const ticketId = await world.ask('Hello')
    expect([world.replies(ticketId), isHandedOver(ticketId)]).toEqual([[], true])
    // 0.30 dollars each: the second was over.
    expect(world.claude.requests).toHaveLength(2)
    await settings({})
  })
})
