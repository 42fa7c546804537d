/** The agent's loop alone: a scripted model, a journal in memory, tools that say what they are told. */

import type Anthropic from '@anthropic-ai/sdk'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { type Agent, type AgentEnd, type Call, runAgent } from '../lambdas/core/agent.ts'
import type { Journal, Step } from '../lambdas/core/ledger.ts'
import type { Performed } from '../lambdas/core/performed.ts'
import type { Log } from '../lambdas/core/ports.ts'
import { agentSettings } from '../schemas/tenant-apis.ts'

type Block = { text: string } | { call: string; input?: object }
type Answer = { blocks: Block[]; stop?: Anthropic.StopReason; tokens?: number }

const log: Log = { info() {}, warn() {}, alarm() {}, with: () => log }
const text = (value: string): Answer => ({ blocks: [{ text: value }] })
const call = (...names: string[]): Answer => ({ blocks: names.map((name) => ({ call: name })) })
const nth = (n: number, prefix = 'tool'): string => `${prefix}_${n}`

let asked: Anthropic.MessageCreateParamsNonStreaming[]
let performed: Call[][]
beforeEach(() => {
  asked = []
  performed = []
})

/** An answer of the Messages API. */
function message({ blocks, stop, tokens = 10 }: Answer, n: number): Anthropic.Message {
  const content = blocks.map((block, i) =>
    'text' in block
      ? { type: 'text', text: block.text, citations: null }
      : { type: 'tool_use', id: `call_${n}_${i}`, name: block.call, input: block.input ?? {} },
  )
  const stop_reason = stop ?? (blocks.some((block) => 'call' in block) ? 'tool_use' : 'end_turn')
  const usage = { input_tokens: 0, output_tokens: 0, cache_read_input_tokens: tokens }
  return { id: `msg_${n}`, content, stop_reason, usage } as unknown as Anthropic.Message
}

function journalOf(steps: Step[] = []): Journal {
  return {
    release: steps.length === 0 ? undefined : 1,
    steps,
    async add(_release, step) {
      // As it comes back from the table: a copy.
      steps.push(JSON.parse(JSON.stringify(step)) as Step)
      return steps.at(-1) ?? step
    },
  }
}

/** Runs the agent against answers, the last of which is repeated. */
function run(
  answers: Answer[],
  more: { perform?: (calls: Call[]) => Performed[]; journal?: Journal; tokenBudget?: number } = {},
): Promise<AgentEnd> {
  const perform = more.perform ?? ((calls) => calls.map(({ name }) => ({ text: `result of ${name}` })))
  const agent: Agent = {
    settings: agentSettings.parse({ tokenBudget: more.tokenBudget ?? 200_000 }),
    tools: [],
    opening: [{ type: 'text', text: 'the ticket' }],
    userData: undefined,
    isPersonal: () => false,
    journal: more.journal ?? journalOf(),
    release: 1,
    model: {
      async create(params) {
        const n = asked.push(structuredClone(params)) - 1
        return message(answers[Math.min(n, answers.length - 1)] ?? text(''), n)
      },
    },
    async perform(calls) {
      performed.push(calls)
      return perform(calls)
    },
    signal: new AbortController().signal,
    timeLeft: () => 100_000,
    now: () => 0,
    log,
  }
  return runAgent(agent)
}
const cause = async (...args: Parameters<typeof run>): Promise<unknown> => {
  const end = await run(...args)
  return end.end === 'hand_over' ? end.cause : end.end
}

describe('only a finished answer is a reply', () => {
  test('with the text of all its blocks', async () => {
    const end = await run([{ blocks: [{ text: 'Hello' }, { text: 'Bye' }] }])
    expect(end).toEqual({ end: 'answer', text: 'Hello\n\nBye' })
  })

  test.each<[Anthropic.StopReason, string]>([
    ['refusal', 'refusal'],
    ['max_tokens', 'max_tokens'],
    ['model_context_window_exceeded', 'context_exceeded'],
    ['stop_sequence', 'refusal'],
    ['something_new' as Anthropic.StopReason, 'refusal'],
  ])('%s hands over', async (stop, expected) => {
    expect(await cause([{ blocks: [{ text: 'half an ans' }], stop }])).toBe(expected)
  })

  test('a tool call that was cut off by max_tokens is never run', async () => {
    expect(await cause([{ ...call('refund'), stop: 'max_tokens' }])).toBe('max_tokens')
    expect(performed).toEqual([])
  })

  test('a paused turn goes on with what it has', async () => {
    const end = await run([{ blocks: [{ text: 'Let me think' }], stop: 'pause_turn' }, text('Done')])
    expect(end).toEqual({ end: 'answer', text: 'Done' })
    expect(asked[1]?.messages.map(({ role }) => role)).toEqual(['user', 'assistant'])
  })

  test('a turn that pauses for ever ends', async () => {
    const pauses = (tokens: number): Answer => ({ blocks: [{ text: '…' }], stop: 'pause_turn', tokens })
    expect(await cause([pauses(5000)], { tokenBudget: 20_000 })).toBe('token_budget')
    asked = []
    expect(await cause([pauses(1)])).toBe('too_many_calls')
    expect(asked).toHaveLength(21)
  })
})

describe('tool calls of one step', () => {
  test('are answered in one user message, in their order', async () => {
    await run([call('b', 'a', 'c'), text('Done')])
    expect(performed.map((calls) => calls.map(({ name }) => name))).toEqual([['b', 'a', 'c']])
    expect(asked[1]?.messages).toHaveLength(3)
    expect(asked[1]?.messages[2]?.content).toMatchObject([
      { type: 'tool_result', tool_use_id: 'call_0_0', content: 'result of b' },
      { type: 'tool_result', tool_use_id: 'call_0_1', content: 'result of a' },
      { type: 'tool_result', tool_use_id: 'call_0_2', content: 'result of c' },
    ])
  })

  test('that failed are marked as errors', async () => {
    await run([call('a'), text('Done')], { perform: () => [{ text: 'unavailable: x', error: true }] })
    expect(asked[1]?.messages[2]?.content).toMatchObject([{ is_error: true, content: 'unavailable: x' }])
  })

  test('are cut together, so that a step fits its row', async () => {
    const perform = (calls: Call[]): Performed[] => calls.map(() => ({ text: 'x'.repeat(200_000) }))
    await run([call('a', 'b', 'c', 'd'), text('Done')], { perform })
    expect(JSON.stringify(asked[1]?.messages[2]?.content).length).toBeLessThan(140_000)
  })

  test('end with the first that ends the turn', async () => {
    const end = { end: 'hand_over', cause: 'unknown_outcome' } as const
    expect(await cause([call('a', 'b')], { perform: () => [{ text: '' }, { text: '', end }] })).toBe(
      'unknown_outcome',
    )
  })

  test('are not run beside a hand-over, which carries reason and summary', async () => {
    const handOver = { call: 'hand_over', input: { reason: 'angry', summary: 'wants money' } }
    const end = await run([{ blocks: [{ call: 'refund' }, handOver] }])
    expect(end).toEqual({ end: 'hand_over', cause: 'agent_asked', summary: 'angry\nwants money' })
    expect(performed).toEqual([])
  })

  test('that hand over without the fields still hand over', async () => {
    expect(await cause([{ blocks: [{ call: 'hand_over', input: { reason: 7 } }] }])).toBe('agent_asked')
  })
})

describe('a turn’s budget', () => {
  test('is 20 calls', async () => {
    const calls = (n: number) => call(...Array.from({ length: n }, (_, i) => nth(i)))
    expect(await cause([calls(20), text('Done')])).toBe('answer')
    asked = []
    performed = []
    expect(await cause([calls(20), call('one_more')])).toBe('too_many_calls')
    expect(performed.flat()).toHaveLength(20)
  })

  test('is 3 identical calls, whatever the order of their arguments', async () => {
    const same = (i: number): Answer => ({
      blocks: [{ call: 'a', input: i % 2 === 0 ? { x: 1, y: 2 } : { y: 2, x: 1 } }],
    })
    expect(await cause([same(0), same(1), same(2), text('Done')])).toBe('answer')
    asked = []
    performed = []
    expect(await cause([same(0), same(1), same(2), same(3)])).toBe('repeated_calls')
    expect(performed).toHaveLength(3)
  })

  test('is 3 refused calls', async () => {
    const perform = (calls: Call[]): Performed[] =>
      calls.map(() => ({ text: 'no', error: true, refused: true }))
    expect(await cause([call('a'), call('b'), text('Done')], { perform })).toBe('answer')
    asked = []
    expect(await cause([call('a'), call('b'), call('c')], { perform })).toBe('refused_calls')
  })

  test('is its tokens, those from the cache too', async () => {
    const big = (n: number): Answer => ({ ...call(nth(n)), tokens: 6000 })
    expect(await cause([big(1), text('Done')], { tokenBudget: 10_000 })).toBe('answer')
    asked = []
    expect(await cause([big(1), big(2), text('Done')], { tokenBudget: 10_000 })).toBe('token_budget')
  })
})

describe('a turn that was cut off', () => {
  const script = [call('a'), call('b'), text('Done')]

  test('goes on from what is stored: the model is asked only for what is missing', async () => {
    const full = journalOf()
    await run(script, { journal: full })
    const complete = asked.map(({ messages }) => messages)
    for (const kept of [1, 2, 3]) {
      asked = []
      performed = []
      const steps = full.steps.slice(0, kept)
      const end = await run(script.slice(kept), { journal: journalOf(steps) })
      expect(end).toEqual({ end: 'answer', text: 'Done' })
      expect(asked).toHaveLength(3 - kept)
      // The step that was under way is performed, those with stored results are not.
      expect(performed.flat().map(({ name }) => name)).toEqual(['a', 'b'].slice(kept - 1))
      // And the model reads exactly what it would have read.
      if (kept < 3) expect(asked[0]?.messages).toHaveLength(complete[kept]?.length ?? 0)
    }
  })

  test('uses the step that another worker stored, not its own answer', async () => {
    const journal = journalOf()
    const { add } = journal
    journal.add = async (release, step) => {
      const other = message(text('the other worker’s answer'), 9)
      return await add(release, { ...step, answer: other })
    }
    expect(await run([text('mine')], { journal })).toEqual({
      end: 'answer',
      text: 'the other worker’s answer',
    })
  })

  test('is stored before it is acted upon', async () => {
    const journal = journalOf()
    await run(script, {
      journal,
      perform: (calls) => {
        expect(JSON.stringify(journal.steps.at(-1)?.answer.content)).toContain(calls[0]?.id)
        return calls.map(() => ({ text: 'ok' }))
      },
    })
    expect(journal.steps).toHaveLength(3)
  })

  test('counts its refused calls again', async () => {
    const perform = (calls: Call[]): Performed[] =>
      calls.map(() => ({ text: 'no', error: true, refused: true }))
    const journal = journalOf()
    await run([call('a'), call('b'), text('Done')], { perform, journal })
    const resumed = journalOf(journal.steps.slice(0, 2))
    asked = []
    expect(await cause([call('c')], { perform, journal: resumed })).toBe('refused_calls')
  })
})
