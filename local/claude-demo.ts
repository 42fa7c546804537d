/**
 * What the scripted stand-in says without a script: it looks an order up with whichever order tool it is offered and
 * puts the result into a sentence, or runs one of its errands. It understands nothing; anything else it hands over.
 */
import type Anthropic from '@anthropic-ai/sdk'
import type { MessagesRequest, Scripted } from './claude.ts'
import { type Next, nextOfErrand } from './claude-errands.ts'
import { isObject } from './serve.ts'

export function demoAnswer(request: MessagesRequest): Scripted {
  const prompt = textOf(request.messages[0]?.content)
  const newest = inner(section(prompt, 'newest_message') ?? prompt)
  const data = linesOf(section(prompt, 'customer_data') ?? '')
  const name = firstName(prompt, data)
  const results = toolResults(request)
  const tools = (request.tools ?? []).filter((tool): tool is Anthropic.Tool => 'input_schema' in tool)

  const next = nextOfErrand({
    newest,
    done: section(prompt, 'done_on_this_ticket') ?? '',
    inTask: section(prompt, 'task_under_way') !== undefined,
    request,
    tools,
  })
  if (next !== undefined) return scripted(next, name, newest)

  const found = results.flatMap((result) => ordersIn(result.text))
  if (found.length > 0) return say(`${greeting(name)}\n\n${found.map(describeOrder).join('\n')}${closing}`)
  if (results.some((result) => /not_found/.test(result.text)))
    return say(
      `${greeting(name)}\n\nI could not find that order among yours. Could you check the number in your confirmation email?${closing}`,
    )
  if (results.length > 0) return handOver('The look-up failed', newest)

  if (/refund|cancel|human|erstatt|storn/i.test(newest))
    return handOver('That is for a human to decide', newest)
  const number = /(?:order|bestellung|commande|pedido|#)[^\d\n]{0,20}(\d{3,12})/i.exec(newest)?.[1]
  const order = tools.find(
    (tool) => parametersOf(tool).some((parameter) => /order|^id$/.test(parameter)) && isRead(tool),
  )
  const key = order && parametersOf(order).find((parameter) => /order|^id$/.test(parameter))
  if (number !== undefined && order && key) return use(order.name, { [key]: number })
  const list = tools.find(
    (tool) => /order/.test(tool.name) && parametersOf(tool).length === 0 && isRead(tool),
  )
  if (list && /order|parcel|package|delivery|bestellung|paket/i.test(newest)) return use(list.name, {})

  const known = data.split('\n').filter((line) => asksAbout(newest, line))
  if (known.length > 0)
    return say(
      `${greeting(name)}\n\nThis is what I have on file:\n\n${known.map((line) => `- ${line}`).join('\n')}${closing}`,
    )
  return handOver('The scripted stand-in only knows about orders and customer data', newest)
}

const closing = '\n\nAnything else? Just reply to this message.'
const greeting = (name: string | undefined): string => (name ? `Hi ${name},` : 'Hello,')
const say = (text: string): Scripted => ({ content: [{ type: 'text', text }] })
const use = (name: string, input: Record<string, unknown>): Scripted => ({
  content: [{ type: 'tool_use', name, input }],
})
const handOver = (reason: string, newest: string): Scripted =>
  use('hand_over', { reason, summary: `The customer wrote: ${newest.slice(0, 500)}` })
const scripted = (next: Next, name: string | undefined, newest: string): Scripted => {
  if ('say' in next) return say(`${greeting(name)}\n\n${next.say.join('\n')}${closing}`)
  return 'handOver' in next ? handOver(next.handOver, newest) : use(next.name, next.input)
}

const parametersOf = (tool: Anthropic.Tool): string[] =>
  Object.keys(isObject(tool.input_schema.properties) ? tool.input_schema.properties : {})
const isRead = (tool: Anthropic.Tool): boolean => /^(get|list|find|look|show|read)/.test(tool.name)

const textOf = (content: MessagesRequest['messages'][number]['content'] | undefined): string =>
  typeof content === 'string'
    ? content
    : (content ?? []).map((block) => (block.type === 'text' ? block.text : '')).join('\n')

/** What stands between a tag's lines, its escapes undone. */
function section(prompt: string, tag: string): string | undefined {
  const text = new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(prompt)?.[1]
  return text === undefined ? undefined : undoEscapes(text.trim())
}
const inner = (text: string): string => text.replace(/^<message[^>]*>|<\/message>$/g, '').trim()
const undoEscapes = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&')

/** A JSON record as lines `key: value`; other text as it is. */
function linesOf(data: string): string {
  try {
    const record: unknown = JSON.parse(data)
    if (!isObject(record)) return data
    return Object.entries(record)
      .map(
        ([key, value]) =>
          `${key.replaceAll('_', ' ')}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
      )
      .join('\n')
  } catch {
    return data
  }
}

/** The customer's record knows the name best, then the helpdesk. */
const firstName = (prompt: string, data: string): string | undefined => {
  const name = /^\s*"?name"?\s*:\s*"?([^"\n]+)/im.exec(data)?.[1] ?? section(prompt, 'customer_name')
  return name?.trim().split(/\s+/)[0] || undefined
}

const toolResults = (request: MessagesRequest): { text: string }[] =>
  request.messages.flatMap((message) =>
    message.role === 'user' && typeof message.content !== 'string'
      ? message.content.flatMap((block) =>
          block.type === 'tool_result'
            ? [
                {
                  text:
                    typeof block.content === 'string' ? block.content : JSON.stringify(block.content ?? ''),
                },
              ]
            : [],
        )
      : [],
  )

interface KnownOrder {
  id: string
  state: string
  date: string | undefined
  carrier: string | undefined
}

/** Every object with an id and a state, wherever the result holds it. */
function ordersIn(text: string): KnownOrder[] {
  const start = text.search(/[[{]/)
  if (start < 0) return []
  try {
    return collect(JSON.parse(text.slice(start)))
  } catch {
    return []
  }
}
function collect(value: unknown): KnownOrder[] {
  if (Array.isArray(value)) return value.flatMap(collect)
  if (!isObject(value)) return []
  const state = value.state ?? value.status
  const id = value.id ?? value.order_id
  if (typeof state === 'string' && (typeof id === 'string' || typeof id === 'number')) {
    const text = (field: unknown) => (typeof field === 'string' && field !== '' ? field : undefined)
    return [{ id: String(id), state, date: text(value.delivery_date), carrier: text(value.carrier) }]
  }
  return Object.values(value).flatMap(collect)
}

function describeOrder({ id, state, date, carrier }: KnownOrder): string {
  const day =
    date === undefined
      ? undefined
      : new Intl.DateTimeFormat('en-GB', {
          weekday: 'long',
          day: 'numeric',
          month: 'long',
          timeZone: 'UTC',
        }).format(new Date(date))
  const by = carrier === undefined ? '' : ` with ${carrier}`
  if (state === 'delivered') return `Your order ${id} was delivered${by}${day ? ` on ${day}` : ''}.`
  const now = state === 'in_transit' ? `is on its way${by}` : `is ${state.replaceAll('_', ' ')}`
  return `Your order ${id} ${now}${day ? `, and should be with you on ${day}` : ''}.`
}

/** Does the message name what a line `Key: value` is about? */
function asksAbout(message: string, line: string): boolean {
  const key = /^([^:]{3,40}):/.exec(line)?.[1]?.toLowerCase()
  if (key === undefined || key === 'name' || key === 'orders') return false
  return key.split(/\s+/).some((word) => word.length > 4 && message.toLowerCase().includes(word))
}
