/** The tenant's own sentence at a hand-over: once, in the customer's language, and never where it may reach somebody else. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { checkConfiguration } from '../lambdas/core/check-configuration.ts'
import { helpdesks } from '../lambdas/helpdesks.ts'
import { demoAnswer } from '../local/claude-demo.ts'
import { demoAgentSettings } from '../local/demo-data.ts'
import { demoCustomers, demoZendesk } from '../local/zendesk/demo.ts'
import { startWorld, type World } from './world.ts'

const day = 25 * 60 * 60_000
const asks = 'I want to talk to a human, please.'
const handOverText = { en: 'A colleague will answer you here.', de: 'Ein Kollege antwortet Ihnen hier.' }
const { zoe, kim } = demoCustomers

let world: World
beforeAll(async () => {
  world = await startWorld({ script: demoAnswer })
})
afterAll(() => world.close())
beforeEach(async () => {
  world.clock.time += day
  await settings({})
})

const settings = async (change: object, connection: object = {}) => {
  await world.publish([
    {
      kind: 'agent-settings',
      id: 'default',
      definition: { ...demoAgentSettings, handOverText, ...change },
    },
    { kind: 'connection', id: world.connectionId, definition: world.connection(connection) },
  ])
  world.clock.time += 60_000
}
const replies = (ticketId: string) => world.replies(ticketId).map(({ plain_body }) => plain_body)
const handOvers = (ticketId: string) =>
  world.notes(ticketId).filter(({ plain_body }) => plain_body.includes('Handed over to you')).length
const isHandedOver = (ticketId: string) => world.tags(ticketId).includes('ai-handed-over')
const isOpen = (ticketId: string) => world.standIn.ticket(ticketId)?.status === 'open'

test('it comes before the note, and the ticket is open and a human’s in the end', async () => {
  const ticketId = await world.ask(asks)
  expect(replies(ticketId)).toEqual([handOverText.en])
  expect([handOvers(ticketId), isHandedOver(ticketId), isOpen(ticketId)]).toEqual([1, true, true])
  expect(world.notes(ticketId)[0]?.plain_body).toContain('The agent asked for a human')
  expect(await world.row(ticketId)).not.toHaveProperty('mustHandOver')
})

test('it is in the language of the customer, and in the first there is where there is none', async () => {
  const german = 'Ich möchte bitte mit einem Menschen sprechen, human, nicht mit einer Maschine.'
  expect(replies(await world.ask(german))).toEqual([handOverText.de])
  const french = 'Je veux parler à un human et pas à une machine, merci.'
  expect(replies(await world.ask(french))).toEqual([handOverText.en])
})

test('a rule of the tenant tells it too, before the model is asked', async () => {
  await settings({ handOverRules: [{ name: 'legal', phrases: ['lawyer'] }] })
  world.claude.requests.length = 0
  const ticketId = await world.ask('I will call my lawyer.')
  expect([replies(ticketId), isHandedOver(ticketId)]).toEqual([[handOverText.en], true])
  expect(world.claude.requests).toEqual([])
})

test('without a text of the tenant nothing is said', async () => {
  await settings({ handOverText: {} })
  const ticketId = await world.ask(asks)
  expect([replies(ticketId), isHandedOver(ticketId)]).toEqual([[], true])
})

describe('it is not said, and a human gets the ticket all the same', () => {
  test('to a sender who may be somebody else, also where a rule of the tenant hands over', async () => {
    await settings({ handOverRules: [{ name: 'legal', phrases: ['lawyer'] }] })
    const ticketId = await world.ask('I will call my lawyer.', { flags: [14] })
    expect([replies(ticketId), isHandedOver(ticketId)]).toEqual([[], true])
  })

  test('where somebody joined after a personal reply', async () => {
    await settings({ handOverRules: [{ name: 'legal', phrases: ['lawyer'] }] })
    const ticketId = await world.ask('Where is order 1042?')
    expect(replies(ticketId)).toHaveLength(1)
    world.standIn.addReader(ticketId, { name: 'Kim', address: 'kim@example.com' })
    await world.askAgain(ticketId, 'I will call my lawyer.')
    expect([replies(ticketId).length, isHandedOver(ticketId)]).toEqual([1, true])
  })

  test('to whoever writes into the ticket of a customer who got a personal reply', async () => {
    await settings({ handOverRules: [{ name: 'legal', phrases: ['lawyer'] }] })
    const ticketId = await world.ask('Where is order 1042?')
    await world.askAgain(ticketId, 'I will call my lawyer.', { author: kim })
    expect([replies(ticketId).length, isHandedOver(ticketId)]).toEqual([1, true])
  })

  test('in note mode', async () => {
    await settings({}, { mode: 'note' })
    const ticketId = await world.ask(asks)
    expect([replies(ticketId), handOvers(ticketId)]).toEqual([[], 1])
  })

  test('more than twice a day to an unproven address', async () => {
    await settings({ handOverRules: [{ name: 'legal', phrases: ['lawyer'] }] })
    const counts = []
    const claimed = { cc: [kim] }
    for (let n = 0; n < 3; n++)
      counts.push(replies(await world.ask(`I will call my lawyer ${n}.`, {}, claimed)).length)
    expect(counts).toEqual([1, 1, 0])
  })

  test('where a human took the ticket while the model thought', async () => {
    const ticketId = world.openTicket(asks)
    await world.deliver(ticketId)
    world.script = (request) => {
      world.zendesk.change(Number(ticketId), { assignee_id: demoZendesk.agentUserId })
      return demoAnswer(request)
    }
    await world.untilQuiet(ticketId)
    world.script = demoAnswer
    expect(replies(ticketId)).toEqual([])
  })
})

test('once for a message, and again for one after the ticket was given back', async () => {
  const ticketId = await world.ask(asks)
  await world.deliver(ticketId)
  await world.untilQuiet(ticketId)
  expect(replies(ticketId)).toHaveLength(1)
  world.zendesk.change(Number(ticketId), { tags: [] })
  await world.askAgain(ticketId, 'A human, please, not a machine!', { author: zoe })
  expect(replies(ticketId)).toEqual([handOverText.en, handOverText.en])
})

test('killed after each I/O: it is said once, and a human gets the ticket once', async () => {
  const whole = world.openTicket(asks)
  await world.deliver(whole)
  const [ports = []] = await world.untilQuiet(whole)
  const failed: string[] = []
  for (const [index, port] of ports.entries()) {
    world.clock.time += day
    const ticketId = world.openTicket(asks)
    await world.deliver(ticketId)
    await world.untilQuiet(ticketId, world.process({ n: index + 1, when: 'after' }))
    const seen = [replies(ticketId).length, handOvers(ticketId), isHandedOver(ticketId), isOpen(ticketId)]
    const row = await world.row(ticketId)
    if (seen.join() !== '1,1,true,true' || row?.mustHandOver !== undefined)
      failed.push(`${index + 1} ${port}: ${seen.join()} ${row?.mustHandOver}`)
  }
  expect(failed).toEqual([])
}, 240_000)

test.each([
  ['a link to a host that is not listed', 'See https://evil.example.com/now'],
  ['an image', 'Hello ![x](https://evil.example.com/x.png)'],
  ['a template of the helpdesk', 'Hello {{ticket.requester.name}}'],
  ['an invisible character', 'Hel\u200blo there'],
])('a text with %s is refused when it is published, by its path', (_, text) => {
  const checked = checkConfiguration(
    'nordlicht',
    { agentSettings: { handOverText: { de: text } } },
    Object.fromEntries(Object.values(helpdesks).map(({ name, connection }) => [name, connection])),
  )
  expect(checked).toMatchObject({ ok: false, problems: [{ path: 'agentSettings.handOverText.de' }] })
})

describe('the team of a reason', () => {
  const check = (handOverTeams: object) =>
    checkConfiguration(
      'nordlicht',
      {
        connections: [
          {
            ...world.connection({ baseUrl: undefined, handOverTeams }),
          },
        ],
        agentSettings: { handOverRules: [{ name: 'legal', phrases: ['lawyer'] }] },
      },
      { zendesk: helpdesks.zendesk.connection },
    )

  test('is of a reason that there is, and of a rule that there is', () => {
    expect(check({ agent_asked: '7', 'rule:legal': '8' })).toMatchObject({ ok: true })
    expect(check({ bored: '7' })).toMatchObject({
      ok: false,
      problems: [
        { path: 'connections.0.handOverTeams.bored', message: expect.stringMatching(/agent_asked/) },
      ],
    })
    expect(check({ 'rule:other': '7' })).toMatchObject({
      ok: false,
      problems: [
        {
          path: `connections.${world.connectionId}.handOverTeams.rule:other`,
          message: expect.stringMatching(/handOverRules/),
        },
      ],
    })
  })

  test('gets what a rule of the tenant hands over', async () => {
    await settings(
      { handOverRules: [{ name: 'legal', phrases: ['lawyer'] }] },
      { handOverTeams: { 'rule:legal': '4711' } },
    )
    const ticketId = await world.ask('I will call my lawyer.')
    expect(world.zendesk.account.conversations.get(Number(ticketId))?.ticket.group_id).toBe(4711)
  })
})
