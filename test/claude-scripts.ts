/** What a scripted Claude reads and says, in a few words. */
import type { MessagesRequest, Script, Scripted } from '../local/claude.ts'

export const says = (text: string): Scripted => ({ content: [{ type: 'text', text }] })

/** Calls these tools in one step. */
export const calls = (...tools: [name: string, input: Record<string, unknown>][]): Scripted => ({
  content: tools.map(([name, input]) => ({ type: 'tool_use', name, input })),
})

/** Everything the model was shown in this request's messages. */
export const shown = (request: MessagesRequest): string => JSON.stringify(request.messages)

/** The newest message, as the prompt marks it. */
export const newest = (request: MessagesRequest): string =>
  /<newest_message>\\n<message [^>]*>(.*?)<\/message>/.exec(shown(request))?.[1] ?? ''

/** Results of the step before; empty in a turn's first step. */
export function results(request: MessagesRequest): string[] {
  const content = request.messages.at(-1)?.content
  return typeof content === 'string' || content === undefined
    ? []
    : content.flatMap((block) => (block.type === 'tool_result' ? [String(block.content)] : []))
}

/** First these calls, then this answer. */
export const callsThenSays =
  (tools: [name: string, input: Record<string, unknown>][], text: string): Script =>
  (request) =>
    results(request).length === 0 ? calls(...tools) : says(text)

/** Answers with the newest message's own words. */
export const echoes: Script = (request) => says(`You wrote: ${newest(request)}`)
