/** A proposal that nobody decides: closed when its time is over without anybody writing, and told once. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { readTrace } from '../lambdas/core/trace.ts'
import { demoPeople } from '../local/people.ts'
import { demoZendesk } from '../local/zendesk/demo.ts'
import { helpdeskNames } from '../schemas/names.ts'
import { eager, publishRefund, refundsSent, replies } from './consent-world.ts'
import { startWorld, type World } from './world.ts'

const minute = 60_000
const hour = 60 * minute
const approver = demoZendesk.agentUserId
const approvers = { approvers: [String(approver)] }
const asks = 'Please refund 20 EUR of my order 1042.'
const told = 'This was not decided in time, and nothing has been done:'

let world: World
beforeAll(async () => {
  world = await startWorld({ script: eager })
})
afterAll(() => world.close())
beforeEach(async () => {
  world.clock.time += 50 * hour
  world.shop.requests.length = 0
  await publishRefund(world, { confirm: 'agent' }, approvers)
})

const notes = (ticketId: string): string[] => world.notes(ticketId).map((note) => note.plain_body)
const mark = async (ticketId: string) => {
  const row = (await world.row(ticketId)) as unknown as {
    proposals: Record<string, { state: string; told?: boolean }>
  }
  return row.proposals.refund_order
}
const decisions = async (ticketId: string): Promise<unknown[]> => {
  const { conversations, vault } = await world.answering().forTenant('nordlicht')
  const pk = String((await world.row(ticketId))?.pk)
  const records = await readTrace(conversations, vault, pk)
  return records.flatMap(({ entries }) =>
    entries.flatMap(({ entry }) => (entry.kind === 'decided' ? [entry] : [])),
  )
}

/** Its time is over, and whatever the sweeper rings has happened. */
async function expires(ticketId: string, first = world.process()): Promise<string[][]> {
  world.clock.time += 24 * hour
  return await world.untilQuiet(ticketId, first)
}

describe('that waited for an approver', () => {
  test('a note names it, and the customer is told that it was not done', async () => {
    const ticketId = await world.ask(asks)
    const asked = notes(ticketId).length
    world.claude.requests.length = 0
    world.shop.requests.length = 0
    await expires(ticketId)
    expect(notes(ticketId).slice(asked)).toMatchObject([
      expect.stringMatching(/refund_order[\s\S]*nobody decided in time[\s\S]*customer is told[\s\S]*1042/),
    ])
    expect(replies(world, ticketId).slice(1)).toMatchObject([expect.stringContaining(told)])
    expect(await mark(ticketId)).toMatchObject({ state: 'expired', told: true })
    expect(await decisions(ticketId)).toMatchObject([{ tool: 'refund_order', by: 'agent', state: 'expired' }])
    expect([world.claude.requests, world.shop.requests]).toEqual([[], []])
    expect(await world.row(ticketId)).not.toHaveProperty('due')
  })

  test('it is in the language it was asked in', async () => {
    const ticketId = await world.ask(
      'Bitte erstatten Sie mir 20 EUR (refund) für meine Bestellung 1042, danke.',
    )
    await expires(ticketId)
    expect(replies(world, ticketId).at(-1)).toContain('Darüber wurde nicht rechtzeitig entschieden')
  })

  test('nothing happens a minute before, and nothing once it was told', async () => {
    const ticketId = await world.ask(asks)
    const row = await world.row(ticketId)
    world.clock.time = Number(row?.dueAt) - minute
    expect(await world.sweep()).toBe(0)
    await expires(ticketId)
    const said = world.said(ticketId).length
    world.clock.time += 48 * hour
    expect(await world.sweep()).toBe(0)
    await world.deliver(ticketId)
    await world.untilQuiet(ticketId)
    expect(world.said(ticketId)).toHaveLength(said)
  })

  test('decided in time it is not told as expired', async () => {
    const ticketId = await world.ask(asks)
    const code = /approve (\S+)/.exec(notes(ticketId).join())?.[1]
    await world.askAgain(ticketId, `decline ${code}`, { author: approver, public: false })
    await expires(ticketId)
    expect(replies(world, ticketId).join()).not.toContain(told)
    expect(await mark(ticketId)).toMatchObject({ state: 'declined' })
  })

  test('approved after its end nothing runs', async () => {
    const ticketId = await world.ask(asks)
    const code = /approve (\S+)/.exec(notes(ticketId).join())?.[1]
    await expires(ticketId)
    await world.askAgain(ticketId, `approve ${code}`, { author: approver, public: false })
    expect(refundsSent(world)).toBe(0)
  })

  test('where a human has the ticket a note tells that human, and the customer gets nothing of ours', async () => {
    const ticketId = await world.ask(asks)
    world.zendesk.change(Number(ticketId), { assignee_id: approver })
    await expires(ticketId)
    expect(replies(world, ticketId)).toHaveLength(1)
    expect(notes(ticketId).slice(1)).toMatchObject([
      expect.stringMatching(/nobody decided in time[\s\S]*please do/),
    ])
  })

  test('where somebody else reads along, a note and no reply', async () => {
    const ticketId = await world.ask(asks)
    world.standIn.addReader(ticketId, demoPeople.kim)
    await expires(ticketId)
    expect(replies(world, ticketId)).toHaveLength(1)
    expect(notes(ticketId).slice(1)).toMatchObject([expect.stringMatching(/please do/)])
  })

  test('a customer who wrote meanwhile is told by the answer to that message', async () => {
    const ticketId = await world.ask(asks)
    world.clock.time += 24 * hour
    await world.askAgain(ticketId, 'Any news?')
    expect(replies(world, ticketId)).toHaveLength(2)
    expect(replies(world, ticketId).at(-1)).toContain('no colleague decided in time')
    expect(notes(ticketId).slice(1)).toMatchObject([expect.stringContaining('nobody decided in time')])
  })

  test('in note mode nothing is said', async () => {
    const ticketId = await world.ask(asks)
    await publishRefund(world, { confirm: 'agent' }, { ...approvers, mode: 'note' })
    const said = world.said(ticketId).length
    await expires(ticketId)
    expect(world.said(ticketId)).toHaveLength(said)
    expect(await mark(ticketId)).toMatchObject({ state: 'expired', told: true })
  })

  test('killed after each I/O: one note, one reply', async () => {
    const whole = await world.ask(asks)
    const ran = await expires(whole)
    const ports = ran[0] ?? []
    expect(ports).toContain('conversations.expire')
    const failed: string[] = []
    for (const [index, port] of ports.entries()) {
      const ticketId = await world.ask(asks)
      await expires(ticketId, world.process({ n: index + 1, when: 'after' }))
      const ends = [notes(ticketId).slice(1), replies(world, ticketId).slice(1)].map(({ length }) => length)
      const state = await mark(ticketId)
      if (ends.join() !== '1,1' || state?.state !== 'expired' || state.told !== true)
        failed.push(`${index + 1} ${port}: ${ends.join()} ${JSON.stringify(state)}`)
    }
    expect(failed).toEqual([])
    expect(refundsSent(world)).toBe(0)
  }, 240_000)
})

test('that waited for the customer it is closed without a word: the trace has it', async () => {
  await publishRefund(world, { confirm: 'customer' })
  const ticketId = await world.ask(asks)
  const said = world.said(ticketId).length
  await expires(ticketId)
  expect(world.said(ticketId)).toHaveLength(said)
  expect(await mark(ticketId)).toMatchObject({ state: 'expired' })
  expect(await decisions(ticketId)).toMatchObject([
    { tool: 'refund_order', by: 'customer', state: 'expired' },
  ])
  expect(await world.row(ticketId)).not.toHaveProperty('due')
})

test('while one waits, a message whose webhook never came is found all the same', async () => {
  await world.schedule()
  await world.reconcile()
  const ticketId = await world.ask(asks)
  world.clock.time += 20 * minute
  world.write(ticketId, 'Any news?')
  world.clock.time += 20 * minute
  await world.reconcile()
  await world.untilQuiet(ticketId)
  expect(replies(world, ticketId)).toHaveLength(2)
})

test.each(helpdeskNames)('on %s the customer and the team are told', async (helpdesk) => {
  const other = await startWorld({ script: eager, helpdesk })
  try {
    await publishRefund(other, { confirm: 'agent' })
    const ticketId = other.standIn.opens({ from: demoPeople.zoe, text: asks })
    await other.deliver(ticketId)
    await other.untilQuiet(ticketId)
    const before = other.said(ticketId).length
    other.clock.time += 24 * hour
    await other.untilQuiet(ticketId)
    expect(other.said(ticketId).slice(before)).toMatchObject([
      { public: false, text: expect.stringContaining('nobody decided in time') },
      { public: true, text: expect.stringContaining('This was not decided in time') },
    ])
    expect(await other.row(ticketId)).not.toHaveProperty('due')
  } finally {
    await other.close()
  }
})
