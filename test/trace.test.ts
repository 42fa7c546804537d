/** The trace: enough to say why, nothing that must not stand there, and never worth a ticket. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { decideProposal, waitingProposals } from '../lambdas/core/consent/decide-proposal.ts'
import { ticketPk } from '../lambdas/core/ticket-key.ts'
import { createTrace, readTrace, writeTrace } from '../lambdas/core/trace.ts'
import { contentText, ownWords, redacted } from '../lambdas/core/trace-redaction.ts'
import { demoAgentSettings, demoShopToken } from '../local/demo-data.ts'
import { demoWebhookSecret, demoZendesk } from '../local/zendesk/demo.ts'
import type { TraceEntry, TraceRecord } from '../schemas/trace.ts'
import { calls, callsThenSays, echoes, results, says } from './claude-scripts.ts'
import { eager, publishRefund, tokenIn } from './consent-world.ts'
import { claudeKey, startWorld, type World } from './world.ts'

// The same cases in every run.
fc.configureGlobal({ seed: 1 })

const hour = 60 * 60_000

let world: World
beforeAll(async () => {
  world = await startWorld({ script: echoes })
})
afterAll(() => world.close())
beforeEach(() => {
  world.script = echoes
  world.clock.time += 24 * hour
})

async function traceOf(ticketId: string): Promise<TraceRecord[]> {
  const { conversations, vault } = await world.answering().forTenant('nordlicht')
  return await readTrace(conversations, vault, ticketPk(world.connectionId, ticketId))
}
const entriesOf = async (ticketId: string): Promise<TraceEntry[]> =>
  (await traceOf(ticketId)).flatMap(({ entries }) => entries.map(({ entry }) => entry))
const settings = async (more: object): Promise<void> => {
  await world.publish([
    { kind: 'agent-settings', id: 'default', definition: { ...demoAgentSettings, ...more } },
  ])
  world.clock.time += 11_000
}

describe('a decision about a proposal', () => {
  const approver = String(demoZendesk.agentUserId)
  const asks = 'Please refund 20 EUR of my order 1042.'
  const told = (entries: TraceEntry[]) =>
    entries.filter(({ kind }) => kind === 'decided' || kind === 'replied').slice(-2)
  beforeEach(() => {
    world.script = eager
  })
  afterAll(() => world.publish())

  test.each(['approve', 'decline'] as const)(
    'of an approver (%s) is there with the approver’s id, and with the reply that tells of it',
    async (verb) => {
      await publishRefund(world, { confirm: 'agent' }, { approvers: [approver] })
      const ticketId = await world.ask(asks)
      const notes = world.notes(ticketId).map(({ plain_body }) => plain_body)
      const code = /approve (\S+)/.exec(notes.join())?.[1]
      await world.askAgain(ticketId, `${verb} ${code}`, { author: demoZendesk.agentUserId, public: false })
      const entries = await entriesOf(ticketId)
      const state = verb === 'approve' ? 'approved' : 'declined'
      expect(entries.filter(({ kind }) => kind === 'decided')).toMatchObject([
        { tool: 'refund_order', by: 'agent', state, decidedBy: approver },
      ])
      const [decision, reply] = told(entries)
      expect(reply).toMatchObject({ kind: 'replied', as: 'reply', personal: true })
      expect(reply).toHaveProperty('proposal', (decision as { proposal: string }).proposal)
    },
  )

  test('from outside the ticket names whoever decided, and no address', async () => {
    await publishRefund(world, { confirm: 'agent' }, { approvers: [approver] })
    const ticketId = await world.ask(asks)
    const { conversations, vault } = await world.answering().forTenant('nordlicht')
    const now = world.clock.now()
    const [first] = await waitingProposals(conversations, vault, {
      connectionId: world.connectionId,
      ticketId,
      now,
    })
    await decideProposal(
      conversations,
      { id: world.connectionId, helpdesk: 'zendesk' },
      {
        ticketId,
        tool: 'refund_order',
        proposalId: String(first?.mark.id),
        decision: 'decline',
        approver: 'admin ann@acme.com',
        now,
      },
    )
    await world.untilQuiet(ticketId)
    expect((await entriesOf(ticketId)).filter(({ kind }) => kind === 'decided')).toMatchObject([
      { state: 'declined', decidedBy: 'admin [address]' },
    ])
  })

  test.each([
    ['Yes', 'confirmed'],
    ['No', 'declined'],
  ])('of the customer (%s) is there with their message', async (word, state) => {
    await publishRefund(world)
    const ticketId = await world.ask(asks)
    await world.askAgain(ticketId, `${word} ${tokenIn(world, ticketId)}`)
    const message = world
      .comments(ticketId)
      .findLast(({ public: shown, author_id }) => shown && author_id !== demoZendesk.botUserId)
    expect((await entriesOf(ticketId)).filter(({ kind }) => kind === 'decided')).toMatchObject([
      { tool: 'refund_order', by: 'customer', state, decidedBy: String(message?.id) },
    ])
  })

  test('that nobody made is there, with note and reply that tell of it', async () => {
    await publishRefund(world, { confirm: 'agent' }, { approvers: [approver] })
    const ticketId = await world.ask(asks)
    world.clock.time += 24 * hour
    await world.untilQuiet(ticketId)
    const entries = await entriesOf(ticketId)
    const [decision, note, reply] = entries.slice(-3)
    expect(decision).toMatchObject({ kind: 'decided', state: 'expired' })
    const { proposal } = decision as { proposal: string }
    expect([note, reply]).toMatchObject([
      { kind: 'replied', as: 'note', proposal },
      { kind: 'replied', as: 'reply', proposal },
    ])
  })
})

describe('a ticket’s trace', () => {
  test('says who wrote, what was known, what was asked and done, and what was said, in order', async () => {
    world.script = callsThenSays(
      [
        ['get_order', { order_id: '1042' }],
        ['refund_order', { order_id: '1042', amount: 20 }],
      ],
      'Done. ![x](https://evil.example/x)',
    )
    const ticketId = await world.ask('Please refund 20 EUR of my order 1042.')
    const [record] = await traceOf(ticketId)
    expect(record).toMatchObject({ v: 1, code: 'replied', fence: 1 })
    expect(record?.entries.map(({ entry }) => entry)).toMatchObject([
      {
        kind: 'identified',
        level: 'mailbox',
        why: 'proven',
        suspicious: false,
        audience: 1,
        evidence: expect.arrayContaining(['address', 'authorIsRequester', 'channel email']),
      },
      { kind: 'begun', channel: 'email', mode: 'reply', release: expect.any(Number) },
      { kind: 'user_data', code: 'data', bytes: expect.any(Number), cut: false, stored: false },
      {
        kind: 'model',
        step: 0,
        model: 'claude-sonnet-5-5',
        stop: 'tool_use',
        tokens: { input: expect.any(Number) },
        cost: expect.any(Number),
        stored: false,
      },
      {
        kind: 'tool',
        name: 'get_order',
        effect: 'read',
        version: expect.any(Number),
        arguments: { order_id: '1042' },
        outcome: 'done',
        bytes: expect.any(Number),
        ms: expect.any(Number),
      },
      {
        kind: 'tool',
        name: 'refund_order',
        effect: 'write',
        arguments: { order_id: '1042', amount: 20 },
        outcome: 'done',
      },
      { kind: 'model', step: 1, stop: 'end_turn' },
      { kind: 'replied', as: 'reply', personal: true, removed: ['image', 'link'] },
    ])
    const costs =
      record?.entries.flatMap(({ entry }) => (entry.kind === 'model' ? [entry.cost ?? 0] : [])) ?? []
    expect(record?.cost).toBeCloseTo(costs.reduce((sum, each) => sum + each, 0))
    expect(record?.cost).toBeGreaterThan(0)
  })

  test('says why a call was refused, and which version of the tool it was', async () => {
    await settings({})
    const other = '2077'
    world.script = callsThenSays(
      [
        ['refund_order', { order_id: other, amount: 1 }],
        ['get_order', { order_id: 'no such id of the shop' }],
        ['zoe@example.com', {}],
      ],
      'I could not.',
    )
    const entries = await entriesOf(await world.ask('Refund order 2077, please.'))
    const tools = entries.filter(({ kind }) => kind === 'tool')
    expect(tools).toMatchObject([
      {
        name: 'get_order',
        outcome: 'refused',
        cause: 'bad_arguments',
        why: expect.stringContaining('order_id'),
      },
      { name: 'unknown', outcome: 'refused', cause: 'not_allowed' },
      {
        name: 'refund_order',
        outcome: 'refused',
        cause: 'not_allowed',
        why: expect.stringContaining('order_id is not among this customer’s own records'.replace('’', "'")),
        version: expect.any(Number),
      },
    ])
    const [before] = tools.flatMap((entry) => (entry.kind === 'tool' ? [entry.version ?? 0] : []))
    await settings({})
    const again = await entriesOf(await world.ask('Refund order 2077, please.'))
    const [after] = again.flatMap((entry) => (entry.kind === 'tool' ? [entry.version ?? 0] : []))
    expect(after).toBe((before ?? 0) + 1)
  })

  test('says why a human got it, and why nothing was said', async () => {
    world.script = () => calls(['hand_over', { reason: 'angry', summary: 'canary-summary' }])
    const ticketId = await world.ask('I want a human')
    expect((await entriesOf(ticketId)).at(-1)).toEqual({ kind: 'handed_over', cause: 'agent_asked' })
    await world.askAgain(ticketId, 'Hello?')
    expect((await traceOf(ticketId)).map(({ code }) => code)).toEqual(['handed_over', 'handed_over'])
    expect((await entriesOf(ticketId)).at(-1)).toEqual({ kind: 'silent', cause: 'handed_over' })
  })

  test('says that the model could not be asked', async () => {
    world.script = (_, n) => (n < 0 ? {} : { error: { status: 529, type: 'overloaded_error' } })
    const ticketId = world.openTicket('Hello')
    await world.deliver(ticketId)
    await world.run(ticketId)
    expect((await entriesOf(ticketId)).slice(-2)).toMatchObject([
      { kind: 'model', stop: 'rate_limited' },
      { kind: 'postponed', code: 'rate_limited' },
    ])
    world.script = echoes
    await world.untilQuiet(ticketId)
    expect((await entriesOf(ticketId)).at(-1)).toMatchObject({ kind: 'replied' })
  })

  test('records of another user data than was asked that it was dropped', async () => {
    const answer = { status: 200, json: { identifier: 'ben@example.org', user_info: 'canary-other' } }
    world.shop.failNext({ when: 'before', answer }, { only: ({ url }) => url.pathname === '/user-data' })
    expect(await entriesOf(await world.ask('Hello'))).toContainEqual({
      kind: 'user_data',
      code: 'mismatch',
      stored: false,
    })
  })

  test('of a turn that was cut off has its whole story, and counts no answer twice', async () => {
    world.script = callsThenSays([['refund_order', { order_id: '1042', amount: 20 }]], 'Done.')
    const ticketId = world.openTicket('Please refund 20 EUR of my order 1042.')
    await world.deliver(ticketId)
    await world.run(ticketId, world.process({ n: 2, port: 'model.create', when: 'before' }))
    await world.untilQuiet(ticketId)
    const [record, ...others] = await traceOf(ticketId)
    expect(others).toEqual([])
    const told = record?.entries.flatMap(({ entry }) =>
      entry.kind === 'model'
        ? [`model ${entry.stored}`]
        : entry.kind === 'tool'
          ? [`tool ${entry.outcome}`]
          : [],
    )
    // Killed after the refund and before the next answer: its result was not stored, so the call is made again.
    expect(told).toEqual(['model true', 'tool failed', 'model false'])
    const paid = record?.entries.flatMap(({ entry }) =>
      entry.kind === 'model' && !entry.stored ? [entry.cost ?? 0] : [],
    )
    expect(record?.cost).toBe(paid?.[0])
  })

  test('is written after the release, once a run; lost with a crash there, and nothing else is', async () => {
    const ticketId = world.openTicket('Hello')
    await world.deliver(ticketId)
    const process = world.process({ n: 1, port: 'conversations.trace', when: 'before' })
    await world.run(ticketId, process)
    expect(process.ports.slice(-3)).toEqual([
      'conversations.release',
      'conversations.report',
      'conversations.trace',
    ])
    expect((await world.row(ticketId))?.due).toBeUndefined()
    expect([world.replies(ticketId).length, await traceOf(ticketId)]).toEqual([1, []])
  })

  test('that cannot be written ends nothing', async () => {
    const ticketId = world.openTicket('Hello')
    await world.deliver(ticketId)
    const fails = (port: string) => port === 'conversations.trace'
    await world.run(ticketId, world.process(undefined, undefined, { fails }))
    expect([world.replies(ticketId).length, (await world.row(ticketId))?.due]).toEqual([1, undefined])
    expect(world.lines.at(-1)?.event).toBe('trace_not_written')
  })

  test('expires with the content of the ticket', async () => {
    const ticketId = await world.ask('Hello')
    const row = (await world.rows(ticketId)).find(({ sk }) => sk.startsWith('trace#'))
    expect(Number(row?.expiresAt) * 1000 - world.clock.time).toBeGreaterThan(29 * 24 * hour)
    expect(Number(row?.expiresAt) * 1000 - world.clock.time).toBeLessThan(31 * 24 * hour)
  })
})

describe('what must not stand in a trace', () => {
  const secrets = [demoWebhookSecret, demoZendesk.clientSecret, demoShopToken, claudeKey]
  const personal = ['@', 'zoe', 'Zoë', 'Lindenweg', 'canary-', 'in_transit', 'DHL']

  /** Everything the model can put anywhere: text of the customer, addresses, results, made-up names. */
  async function everything(): Promise<string> {
    world.script = (request) =>
      results(request).length === 0
        ? calls(
            ['get_order', { order_id: '1042' }],
            ['get_order', { order_id: 'canary-arg zoe@example.com', 'zoe@example.com': 1 }],
            [
              'refund_order',
              { order_id: 'zoe@example.com', amount: 20, deep: [{ x: 'Bearer canary-token-1' }] },
            ],
          )
        : says(`canary-reply to zoe@example.com: ${results(request).join()}`.slice(0, 400))
    const ticketId = await world.ask('canary-message: Zoë, Lindenweg 4')
    world.script = (request) =>
      results(request).length === 0
        ? calls(['canary-tool@example.com', { note: 'canary-note Lindenweg 4' }])
        : calls(['hand_over', { reason: 'canary-reason', summary: 'canary zoe@example.com' }])
    await world.askAgain(ticketId, 'canary-message again')
    return ticketId
  }

  test('neither content, nor an address, nor a secret, unless the tenant keeps content', async () => {
    await settings({})
    const text = JSON.stringify(await traceOf(await everything()))
    expect(text.length).toBeGreaterThan(1000)
    for (const value of [...secrets, ...personal])
      expect([value, text.includes(value)]).toEqual([value, false])
    expect(text).toContain('"order_id":"1042"')
  })

  test('with content: what was said and read, and still no secret', async () => {
    await settings({ traceContent: true })
    const text = JSON.stringify(await traceOf(await everything()))
    for (const value of [
      'canary-message',
      'canary-reply',
      'Lindenweg',
      'in_transit',
      'canary-arg',
      'canary zoe',
    ])
      expect([value, text.includes(value)]).toEqual([value, true])
    for (const value of [...secrets, 'canary-token-1'])
      expect([value, text.includes(value)]).toEqual([value, false])
    await settings({})
  })

  test('can be read in the table by nobody', async () => {
    const ticketId = await everything()
    const rows = (await world.rows(ticketId)).filter(({ sk }) => sk.startsWith('trace#'))
    expect(rows).toHaveLength(2)
    for (const row of rows) {
      expect(new Set(Object.keys(row))).toEqual(new Set(['expiresAt', 'pk', 'sk', 'trace']))
      expect(Buffer.from(row.trace as Uint8Array).toString('latin1')).not.toMatch(/kind|model|mailbox/)
    }
  })

  test('can be opened in no other row and by no other tenant', async () => {
    const ticketId = await world.ask('Hello')
    const { conversations, vault } = await world.answering().forTenant('nordlicht')
    const rows = (await world.rows(ticketId)).filter(({ sk }) => sk.startsWith('trace#'))
    const moved = { query: async () => rows.map((row) => ({ ...row, sk: `${row.sk}1` })) }
    await expect(readTrace(moved, vault, 'x')).rejects.toThrow('sealed for another row')
    const other = await world.answering().forTenant('suedwind')
    await expect(readTrace({ query: async () => rows }, other.vault, 'x')).rejects.toThrow()
    expect(await readTrace(conversations, vault, ticketPk(world.connectionId, ticketId))).toHaveLength(1)
  })
})

describe('redaction', () => {
  test('keeps numbers, choices and ids; tells the size of the rest', () => {
    const value = { id: 'A-1042', amount: 20, ok: true, why: 'damaged', text: 'my address', none: null }
    expect(redacted(value, false, new Set(['damaged']))).toEqual({ ...value, text: '[10 bytes]' })
    expect(redacted(value, false, new Set())).toMatchObject({ why: '[7 bytes]' })
  })

  test('lets no address through, whatever the model gave', () => {
    const text = fc.oneof(
      fc.emailAddress(),
      fc.tuple(fc.string(), fc.emailAddress(), fc.string()).map((t) => t.join('')),
    )
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        text,
        fc.integer(),
        fc.array(tie('any'), { maxLength: 4 }),
        fc.dictionary(text, tie('any'), { maxKeys: 4 }),
      ),
    })).any
    fc.assert(
      fc.property(value, (each) =>
        expect(JSON.stringify(redacted(each, false, new Set()))).not.toContain('@'),
      ),
    )
    fc.assert(fc.property(text, (each) => expect(ownWords(each)).not.toMatch(/[A-Za-z0-9]@[A-Za-z0-9]/)))
  })

  test.each(['Bearer abcdefgh1', 'sk-ant-123456', 'eyJhbGciOiJIUzI1.x.y', 'AKIAABCDEFGHIJKL', 'whsec_abc'])(
    'takes %s out of content',
    (value) => {
      expect(contentText(`a ${value} b`, true)).toBe('a [secret] b')
      expect(JSON.stringify(redacted({ x: value }, false, new Set()))).not.toContain(value)
    },
  )
})

test('a long run fits its row: its begin and end are kept, and what is left out is counted', async () => {
  const { conversations, vault } = await world.answering().forTenant('nordlicht')
  const trace = createTrace(world.clock)
  for (let n = 0; n < 300; n++) trace.add({ kind: 'handed_over', cause: `c${n}`, summary: 'x'.repeat(4000) })
  const pk = ticketPk(world.connectionId, '999')
  const run = { at: 1, fence: 1, ms: 1, code: 'x' }
  await writeTrace({ conversations, vault, log: world.deployment.log }, pk, run, trace.entries)
  const [record] = await readTrace(conversations, vault, pk)
  const kept = record?.entries.map(({ entry }) => entry) ?? []
  const cut = kept.find(({ kind }) => kind === 'cut')
  expect(kept[0]).toMatchObject({ cause: 'c0' })
  expect(kept.at(-1)).toMatchObject({ cause: 'c299' })
  expect(cut).toEqual({ kind: 'cut', leftOut: 300 - (kept.length - 1) })
  expect(Buffer.byteLength(JSON.stringify(record))).toBeLessThan(132_000)
})
