/** Calls of Deskhand's own tools: nothing leaves the process but a mark on the ticket row. */
import type { Call } from './agent.ts'
import { finishTask, searchArticles, startTask } from './built-ins.ts'
import { type Performed, refusal } from './performed.ts'
import { performTaskCall } from './task-state.ts'
import { textField } from './text-field.ts'
import type { Turn } from './turn.ts'

const names: ReadonlySet<string> = new Set([startTask, finishTask, searchArticles])

export const isBuiltIn = (call: Call): boolean => names.has(call.name)

/** `calls`: all of the step, in order. */
export async function performBuiltIn(turn: Turn, call: Call, calls: readonly Call[]): Promise<Performed> {
  const { tasks, articles } = turn.agent
  if (call.name !== searchArticles) {
    return tasks.size === 0
      ? refusal('not_allowed', 'there are no tasks')
      : await performTaskCall(turn, call, calls)
  }
  if (!articles.searchable) return refusal('not_allowed', 'there are no articles to search')
  const query = textField(call.input, 'query')
  return query === undefined ? refusal('bad_arguments', 'query: a text') : { text: articles.search(query) }
}
