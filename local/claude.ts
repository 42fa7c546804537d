/**
 * A scripted stand-in for Claude: it speaks the Messages API and knows nothing. A test gives it a script; without
 * one, `demoAnswer` reads the prompt and answers simple questions about orders.
 * https://platform.claude.com/docs/en/api/messages
 */
import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type Anthropic from '@anthropic-ai/sdk'
import { demoAnswer } from './claude-demo.ts'
import { type Answered, type Asked, isObject, jsonObject, serve } from './serve.ts'

export type MessagesRequest = Anthropic.MessageCreateParamsNonStreaming

/** One block of an answer, as a script writes it. */
export type ScriptedBlock =
  | { type: 'text'; text: string }
  | { type: 'tool_use'; id?: string; name: string; input: Record<string, unknown> }

/** An answer of a script. Without `stop_reason` it is `tool_use` or `end_turn`, by the content. */
export interface Scripted {
  content?: ScriptedBlock[]
  stop_reason?: Anthropic.StopReason
  usage?: Partial<Anthropic.Usage>
  /** An error instead of a message: its status, type and headers. */
  error?: { status: number; type: string; headers?: Record<string, string> }
  /** The connection is cut or left hanging. */
  fault?: 'reset' | 'hang'
  delayMs?: number
}

/** Answers the `n`-th request, counted from 0. */
export type Script = (request: MessagesRequest, n: number) => Scripted | Promise<Scripted>

export interface ClaudeRequest {
  headers: Record<string, string | string[] | undefined>
  body: MessagesRequest
  status: number
}

export interface ClaudeStandIn {
  url: string
  close(): Promise<void>
  /** Everything asked, oldest first. */
  requests: ClaudeRequest[]
}

/** Starts on loopback. */
export async function startClaude(options: { port?: number; script?: Script } = {}): Promise<ClaudeStandIn> {
  const script = options.script ?? demoAnswer
  const requests: ClaudeRequest[] = []
  const cache = new Set<string>()

  const answer = async (asked: Asked): Promise<Answered> => {
    if (asked.url.pathname !== '/v1/messages' || asked.method !== 'POST')
      return failure(404, 'not_found_error', 'the stand-in only knows POST /v1/messages')
    if (asked.headers.authorization === undefined && asked.headers['x-api-key'] === undefined)
      return failure(401, 'authentication_error', 'an API key is needed')
    const wrong = whatIsWrong(jsonObject(asked.body))
    if (wrong !== undefined) return failure(400, 'invalid_request_error', wrong)
    const body = JSON.parse(asked.body) as MessagesRequest
    const entry: ClaudeRequest = { headers: asked.headers, body, status: 0 }
    requests.push(entry)
    const scripted = await script(body, requests.length - 1)
    if (scripted.delayMs) await sleep(scripted.delayMs)
    if (scripted.fault) return scripted.fault
    if (scripted.error) {
      entry.status = scripted.error.status
      return failure(scripted.error.status, scripted.error.type, 'as scripted', scripted.error.headers)
    }
    entry.status = 200
    return {
      status: 200,
      headers: requestId(),
      json: message(body, scripted, usageOf(body, scripted, cache)),
    }
  }

  const served = await serve(answer, options.port)
  return { url: served.url, close: served.close, requests }
}

const requestId = () => ({ 'request-id': `req_standin_${randomBytes(8).toString('hex')}` })

const failure = (status: number, type: string, text: string, headers?: Record<string, string>): Answered => ({
  status,
  headers: { ...requestId(), ...headers },
  json: { type: 'error', error: { type, message: text } },
})

function message(body: MessagesRequest, scripted: Scripted, usage: Record<string, unknown>) {
  const content = (scripted.content ?? []).map((block) =>
    block.type === 'tool_use'
      ? { ...block, id: block.id ?? `toolu_standin_${randomBytes(8).toString('hex')}` }
      : { ...block, citations: null },
  )
  const called = content.some((block) => block.type === 'tool_use')
  return {
    id: `msg_standin_${randomBytes(8).toString('hex')}`,
    type: 'message',
    role: 'assistant',
    model: body.model,
    content,
    stop_reason: scripted.stop_reason ?? (called ? 'tool_use' : 'end_turn'),
    stop_sequence: null,
    usage,
  }
}

/** What the real API refuses with 400 and a careless caller would not notice here. */
function whatIsWrong(body: Record<string, unknown>): string | undefined {
  for (const field of ['temperature', 'top_p', 'top_k'])
    if (field in body) return `${field}: Extra inputs are not permitted`
  if (typeof body.model !== 'string') return 'model: Field required'
  if (typeof body.max_tokens !== 'number') return 'max_tokens: Field required'
  if (!Array.isArray(body.messages) || body.messages.length === 0)
    return 'messages: at least one message is required'
  const tools = Array.isArray(body.tools) ? body.tools.filter(isObject) : []
  for (const tool of tools) {
    const schema = isObject(tool.input_schema) ? tool.input_schema : {}
    const properties = Object.keys(isObject(schema.properties) ? schema.properties : {})
    const required = Array.isArray(schema.required) ? schema.required : []
    if (tool.strict === true && schema.additionalProperties !== false)
      return `tools.${tool.name}: strict needs additionalProperties false`
    if (tool.strict === true && properties.some((name) => !required.includes(name)))
      return `tools.${tool.name}: strict needs every property in required`
  }
  return unansweredCall(body.messages)
}

/** Every tool_use must be answered in the very next message. */
function unansweredCall(messages: unknown[]): string | undefined {
  for (const [i, entry] of messages.entries()) {
    const calls = blocksOf(entry).filter((block) => block.type === 'tool_use')
    const results = blocksOf(messages[i + 1]).filter((block) => block.type === 'tool_result')
    const missing = calls.find((call) => !results.some((result) => result.tool_use_id === call.id))
    if (missing) return `messages.${i}: tool_use ${String(missing.id)} has no tool_result in the next message`
  }
  return undefined
}

const blocksOf = (message: unknown): Record<string, unknown>[] =>
  isObject(message) && Array.isArray(message.content) ? message.content.filter(isObject) : []

/** Counts about four characters to a token and keeps a prompt cache by the breakpoints of the request. */
function usageOf(body: MessagesRequest, scripted: Scripted, cache: Set<string>): Record<string, unknown> {
  const system = typeof body.system === 'string' ? [{ type: 'text', text: body.system }] : (body.system ?? [])
  const turns = body.messages.flatMap((entry): unknown[] =>
    typeof entry.content === 'string' ? [entry.content] : entry.content,
  )
  const hash = createHash('sha256')
  const tokens = { total: 0, read: 0, marked: 0 }
  const marked: string[] = []
  for (const block of [...(body.tools ?? []), ...system, ...turns]) {
    const { cache_control: mark, ...rest } = isObject(block)
      ? block
      : { cache_control: undefined, text: block }
    const text = JSON.stringify(rest)
    tokens.total += Math.ceil(text.length / 4)
    const prefix = hash.update(text).copy().digest('hex')
    if (cache.has(prefix)) tokens.read = tokens.total
    if (mark) {
      marked.push(prefix)
      tokens.marked = tokens.total
    }
  }
  const read = Math.min(tokens.read, tokens.marked)
  for (const prefix of marked) cache.add(prefix)
  const written = tokens.marked - read
  return {
    input_tokens: tokens.total - tokens.marked,
    cache_read_input_tokens: read,
    cache_creation_input_tokens: written,
    cache_creation: { ephemeral_5m_input_tokens: written, ephemeral_1h_input_tokens: 0 },
    output_tokens: Math.ceil(JSON.stringify(scripted.content ?? []).length / 4),
    service_tier: 'standard',
    ...scripted.usage,
  }
}
