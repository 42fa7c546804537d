/**
 * The few requests that the scripted stand-in carries out: refund, cancel, send somewhere else. It takes the customer's
 * word for everything and calls whatever tool fits: what comes of that, code decides.
 */
import type Anthropic from '@anthropic-ai/sdk'
import type { MessagesRequest } from './claude.ts'
import { isObject } from './serve.ts'

export interface Errand {
  /** What the customer wrote. */
  newest: string
  /** What stands in `<done_on_this_ticket>`. */
  done: string
  /** Is a task under way from an earlier message? */
  inTask: boolean
  request: MessagesRequest
  tools: Anthropic.Tool[]
}
interface Call {
  name: string
  input: Record<string, unknown>
}
/** What it wants next: a call, words for the customer, or a human. */
export type Next = Call | { say: string[] } | { handOver: string }

/** What it does next for one of these requests; `undefined`: it is none of them. */
export function nextOfErrand(errand: Errand): Next | undefined {
  if (decision.test(errand.newest)) return tellDecided(errand)
  const made = callsIn(errand.request)
  const writes = [...refund(errand), ...newAddress(errand), ...cancellation(errand, made)]
  if (writes.length === 0) return undefined
  const next = [...lookUp(errand), ...writes].find((call) => !made.some(({ name }) => name === call.name))
  return next ?? tellMade(made)
}

/** A message that begins with a token or a one-time code. */
const decision = /^\s*(?:[0-9A-Z]{4}-[0-9A-Z]{4}|\d{6})\b/

function tellDecided({ done, inTask, request }: Errand): Next {
  const came = [...done.matchAll(/^\S+ (\w+): (.*)$/gm)].filter(([, tool]) => tool !== 'start_task')
  const newest = came.at(-1)
  if (newest === undefined) return { handOver: 'A token or code came, and nothing waits for one' }
  const [, tool = '', state = ''] = newest
  const isDone = /^done\b/.test(state)
  const ends = inTask && isDone && !callsIn(request).some(({ name }) => name === 'finish_task')
  if (ends)
    return {
      name: 'finish_task',
      input: { outcome: 'completed', summary: `${plain(tool)}: confirmed and done` },
    }
  if (isDone) return { say: [`Thank you. It is done: ${plain(tool)}.`] }
  return { say: [`It is not done: ${plain(tool)} is ${state.replace(/ \{.*$/, '')}.`] }
}

const plain = (name: string): string => name.replaceAll('_', ' ')

/** What all calls of this turn came to. */
function tellMade(made: Made[]): Next {
  const waits = made.find(({ result }) => result.startsWith('needs_confirmation'))
  if (waits !== undefined)
    return {
      say: [
        /colleague/.test(waits.result)
          ? `I have passed that on (${plain(waits.name)}). A colleague decides, and you will hear from us here.`
          : `I have prepared that (${plain(waits.name)}). It waits for your confirmation.`,
      ],
    }
  const impossible = made.map(({ result }) => parsed(result)).find(({ possible }) => possible === false)
  if (impossible !== undefined)
    return { say: [`I am sorry, that is not possible any more: ${String(impossible.why)}.`] }
  const came = made.map(({ name, result }) => `${name}: ${result.split(':')[0]?.slice(0, 60)}`)
  return { handOver: `Could not be done (${came.join('; ')})` }
}

const orderNumber = (text: string): string | undefined =>
  /(?:order|#)[^\d\n]{0,20}(\d{3,12})/i.exec(text)?.[1]

const toolFor = ({ tools }: Errand, name: RegExp): string | undefined =>
  tools.find((tool) => name.test(tool.name))?.name

/** The call of a tool that fits the name, for the order that the customer names. */
function forOrder(errand: Errand, name: RegExp, input: Record<string, unknown> = {}): Call[] {
  const [tool, id] = [toolFor(errand, name), orderNumber(errand.newest)]
  return tool === undefined || id === undefined ? [] : [{ name: tool, input: { order_id: id, ...input } }]
}

const lookUp = (errand: Errand): Call[] =>
  /\b(where|when|state|status)\b/i.test(errand.newest) ? forOrder(errand, /^(get|find)_order$/) : []

function refund(errand: Errand): Call[] {
  const amount = /(\d+(?:[.,]\d{1,2})?)\s*(?:EUR|GBP|€|£)/.exec(errand.newest)?.[1]
  if (!/refund/i.test(errand.newest) || amount === undefined) return []
  return forOrder(errand, /^refund/, { amount: Number(amount.replace(',', '.')) })
}

function newAddress(errand: Errand): Call[] {
  const address = /\baddress:\s*(\S.{9,199}?)\.?\s*$/im.exec(errand.newest)?.[1]
  return address === undefined ? [] : forOrder(errand, /address/, { address })
}

/** The task, what its steps look up, and the write if that says it is possible. */
function cancellation(errand: Errand, made: Made[]): Call[] {
  const start = errand.tools.find(({ name }) => name === 'start_task')
  const task = tasksOf(start).find((name) => name.includes('cancel'))
  if (!/cancel/i.test(errand.newest) || task === undefined) return []
  const checks = forOrder(errand, /check.*cancel/)
  if (checks.length === 0) return []
  const possible = made.some(
    ({ name, result }) => name === checks[0]?.name && parsed(result).possible === true,
  )
  return [
    { name: 'start_task', input: { name: task } },
    ...checks,
    ...(possible ? forOrder(errand, /^cancel/) : []),
  ]
}

function tasksOf(start: Anthropic.Tool | undefined): string[] {
  const properties = start?.input_schema.properties
  const name = isObject(properties) ? properties.name : undefined
  return isObject(name) && Array.isArray(name.enum) ? name.enum.map(String) : []
}

interface Made extends Call {
  result: string
}
/** The calls of this turn with what they answered. */
function callsIn({ messages }: MessagesRequest): Made[] {
  const blocks = messages.flatMap(({ content }) => (typeof content === 'string' ? [] : content))
  return blocks.flatMap((block) => {
    if (block.type !== 'tool_use') return []
    const answer = blocks.find((each) => each.type === 'tool_result' && each.tool_use_id === block.id)
    const content = answer?.type === 'tool_result' ? answer.content : undefined
    const result = typeof content === 'string' ? content : JSON.stringify(content ?? '')
    return [{ name: block.name, input: isObject(block.input) ? block.input : {}, result }]
  })
}

function parsed(result: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(result)
    return isObject(value) ? value : {}
  } catch {
    return {}
  }
}
