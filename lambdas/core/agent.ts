/**
 * The agent: a loop over the Messages API in which every answer is stored before it is acted upon, every tool call
 * is decided by code, and only a finished answer becomes a reply.
 */
import type Anthropic from '@anthropic-ai/sdk'
import canonicalize from 'canonicalize'
import { costOf, type TokenCounts } from '../../schemas/prices.ts'
import type { AgentSettings } from '../../schemas/tenant-apis.ts'
import type { Journal } from './ledger.ts'
import type { Performed } from './performed.ts'
import type { Log, Model } from './ports.ts'
import { handOverTool, instructions } from './prompt.ts'
import { truncate } from './truncate.ts'
import type { UserData } from './user-data.ts'

/** How a turn of the agent ends. `again`: the ticket changed under it, look at it anew. */
export type AgentEnd =
  | { end: 'answer'; text: string }
  | { end: 'hand_over'; cause: HandOverCause; summary?: string }
  | { end: 'again' }
export type HandOverCause =
  | 'agent_asked'
  | 'refusal'
  | 'max_tokens'
  | 'context_exceeded'
  | 'too_many_calls'
  | 'repeated_calls'
  | 'refused_calls'
  | 'token_budget'
  | 'money_budget'
  | 'model_refused_request'
  | 'unknown_outcome'

export interface Call {
  id: string
  name: string
  input: unknown
}

const maxCalls = 20
const maxIdentical = 3
const maxRefused = 3
/** Of all results of one step together, so that a stored step fits its row. */
const stepResultBytes = 131_072
/** One call to the model. */
const askTimeoutMs = 60_000

export interface Agent {
  settings: AgentSettings
  /** What the release adds to the instructions: part of the cached prefix. */
  brief?: string
  /** Strict tools of the tenant, sorted by name: part of the cached prefix. */
  tools: Anthropic.Tool[]
  opening: Anthropic.ContentBlockParam[]
  userData: UserData | undefined
  /** Has anything personal entered the turn by now? */
  isPersonal(): boolean
  journal: Journal
  release: number
  model: Model
  /** Runs one step's calls and answers in their order. */
  perform(calls: Call[]): Promise<Performed[]>
  signal: AbortSignal
  timeLeft(): number
  now(): number
  log: Log
}

/** Runs the agent to an end. A turn that was cut off goes on from its stored steps without asking the model again. */
export async function runAgent(agent: Agent): Promise<AgentEnd> {
  const messages: Anthropic.MessageParam[] = []
  const count = { calls: 0, refused: 0, tokens: 0, cost: 0, identical: new Map<string, number>() }
  let user = agent.journal.steps[0]?.user ?? agent.opening

  for (let n = 0; ; n++) {
    const stored = agent.journal.steps[n]
    const step = stored ?? (await agent.journal.add(agent.release, await ask(agent, n, messages, user)))
    if (step.user.length > 0) messages.push({ role: 'user', content: step.user })
    messages.push({ role: 'assistant', content: step.answer.content as Anthropic.ContentBlockParam[] })
    count.tokens += tokensOf(step.answer.usage)
    count.cost += costOf(agent.settings.model, countsOf(step.answer.usage), agent.settings.price) ?? 0

    const paused = step.answer.stop_reason === 'pause_turn'
    if (!paused && step.answer.stop_reason !== 'tool_use') return ending(step.answer)

    const calls = paused ? [] : step.answer.content.filter((block) => block.type === 'tool_use')
    // A pause is no call, but a turn may not pause for ever either.
    if (paused) count.calls++
    const over = overBudget(agent.settings, count, calls)
    if (over !== undefined) return { end: 'hand_over', cause: over }
    if (paused) {
      user = []
      continue
    }
    const next = agent.journal.steps[n + 1]
    if (next !== undefined && !calls.some((call) => call.name === handOverTool.name)) {
      // Already answered: the stored results go in as they stand, nothing is called again.
      count.refused += refusedIn(next.user)
      continue
    }
    const performed = await performStep(agent, calls)
    const end = performed.find((p) => p.end !== undefined)?.end
    if (end !== undefined) return end
    count.refused += performed.filter((p) => p.refused).length
    if (count.refused >= maxRefused) return { end: 'hand_over', cause: 'refused_calls' }
    user = toolResults(calls, performed)
  }
}

async function ask(
  agent: Agent,
  n: number,
  messages: Anthropic.MessageParam[],
  user: Anthropic.ContentBlockParam[],
) {
  const { settings } = agent
  const started = agent.now()
  const answer = await agent.model.create(
    {
      model: settings.model,
      max_tokens: settings.maxTokens,
      system: [
        { type: 'text', text: instructions(settings, agent.brief), cache_control: { type: 'ephemeral' } },
      ],
      tools: [...agent.tools, handOverTool],
      messages: withBreakpoint(user.length > 0 ? [...messages, { role: 'user', content: user }] : messages),
      thinking: { type: 'between_tools' },
      output_config: { effort: settings.effort },
    },
    { signal: agent.signal, timeoutMs: Math.min(askTimeoutMs, Math.max(1, agent.timeLeft())) },
  )
  const cost = costOf(settings.model, countsOf(answer.usage), settings.price)
  agent.log.info('model_answered', {
    step: n,
    model: settings.model,
    stopReason: answer.stop_reason ?? 'none',
    inputTokens: answer.usage.input_tokens,
    outputTokens: answer.usage.output_tokens,
    cacheReadTokens: answer.usage.cache_read_input_tokens ?? 0,
    cacheWriteTokens: answer.usage.cache_creation_input_tokens ?? 0,
    ...(cost === undefined ? {} : { cost: Math.round(cost * 1e6) / 1e6 }),
    ms: agent.now() - started,
  })
  const userData = n === 0 && agent.userData !== undefined ? { userData: agent.userData } : {}
  return { user, answer, personal: agent.isPersonal(), ...userData }
}

/** The second cache breakpoint moves with the last block, so that each step reads the one before from the cache. */
function withBreakpoint(messages: Anthropic.MessageParam[]): Anthropic.MessageParam[] {
  const last = messages.at(-1)
  if (last?.role !== 'user' || typeof last.content === 'string') return messages
  const content = last.content.map((block, i) =>
    i === last.content.length - 1 && (block.type === 'text' || block.type === 'tool_result')
      ? { ...block, cache_control: { type: 'ephemeral' as const } }
      : block,
  )
  return [...messages.slice(0, -1), { ...last, content }]
}

/** Only `end_turn` is an answer; everything else that is not a tool call is a human's. */
function ending(answer: Anthropic.Message): AgentEnd {
  switch (answer.stop_reason) {
    case 'end_turn': {
      const text = answer.content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n\n')
      return { end: 'answer', text }
    }
    case 'max_tokens':
      return { end: 'hand_over', cause: 'max_tokens' }
    case 'model_context_window_exceeded':
      return { end: 'hand_over', cause: 'context_exceeded' }
    default:
      return { end: 'hand_over', cause: 'refusal' }
  }
}

function overBudget(
  settings: AgentSettings,
  count: { calls: number; tokens: number; cost: number; identical: Map<string, number> },
  calls: Call[],
): HandOverCause | undefined {
  count.calls += calls.length
  // By its id a result finds its call: of two with one id nobody could say whose result is whose.
  if (new Set(calls.map(({ id }) => id)).size < calls.length) return 'repeated_calls'
  for (const call of calls) {
    const key = `${call.name} ${canonicalize(call.input)}`
    const times = (count.identical.get(key) ?? 0) + 1
    count.identical.set(key, times)
    if (times > maxIdentical) return 'repeated_calls'
  }
  if (count.calls > maxCalls) return 'too_many_calls'
  if (count.tokens > settings.tokenBudget) return 'token_budget'
  if (count.cost > (settings.costBudget ?? Number.POSITIVE_INFINITY)) return 'money_budget'
  return undefined
}

async function performStep(agent: Agent, calls: Call[]): Promise<Performed[]> {
  const asked = calls.find((call) => call.name === handOverTool.name)
  if (asked === undefined) return await agent.perform(calls)
  const input = asked.input as { reason?: unknown; summary?: unknown }
  const summary = [input.reason, input.summary].filter((part) => typeof part === 'string').join('\n')
  return [{ text: '', end: { end: 'hand_over', cause: 'agent_asked', summary } }]
}

/** All results of a step in one user message, in the order of the calls. */
function toolResults(calls: Call[], performed: Performed[]): Anthropic.ToolResultBlockParam[] {
  const share = Math.floor(stepResultBytes / Math.max(1, calls.length))
  return calls.map((call, i) => {
    const result = performed[i] ?? { text: 'unavailable', error: true }
    return {
      type: 'tool_result',
      tool_use_id: call.id,
      content: `${result.refused ? refusedMark : ''}${truncate(result.text, share).text}`,
      ...(result.error ? { is_error: true } : {}),
    }
  })
}

/** Marks a refusal in the stored result, so that it counts again when the turn goes on after a crash. */
const refusedMark = 'refused: '
const refusedIn = (blocks: Anthropic.ContentBlockParam[]): number =>
  blocks.filter(
    (b) => b.type === 'tool_result' && typeof b.content === 'string' && b.content.startsWith(refusedMark),
  ).length

/** Of one answer, as prices are named. */
export const countsOf = (usage: Anthropic.Usage): TokenCounts => ({
  input: usage.input_tokens,
  output: usage.output_tokens,
  cacheRead: usage.cache_read_input_tokens ?? 0,
  cacheWrite: usage.cache_creation_input_tokens ?? 0,
})

const tokensOf = (usage: Anthropic.Usage): number =>
  Object.values(countsOf(usage)).reduce((sum, each) => sum + each, 0)
