/**
 * Tools of Deskhand's own, besides `hand_over`. They are offered with the same bytes in every request of a release;
 * whether a call is allowed is decided when it comes.
 */
import type Anthropic from '@anthropic-ai/sdk'
import type { Task } from '../../schemas/task.ts'

export const startTask = 'start_task'
export const finishTask = 'finish_task'
export const searchArticles = 'search_articles'

/** Those that this tenant's configuration gives something to do. `tasks` are sorted by name. */
export const builtInTools = (tasks: readonly Task[], searchable: boolean): Anthropic.Tool[] => [
  ...(tasks.length === 0 ? [] : [startTool(tasks), finishTool]),
  ...(searchable ? [searchTool] : []),
]

const startTool = (tasks: readonly Task[]): Anthropic.Tool => ({
  name: startTask,
  description:
    'Starts one of the company’s tasks. The result holds its steps, which are instructions to follow. Start it as soon as the request is one that the task is for.',
  strict: true,
  input_schema: {
    type: 'object',
    additionalProperties: false,
    required: ['name'],
    properties: { name: { type: 'string', enum: tasks.map(({ name }) => name) } },
  },
})

/** How a task may end besides by a hand-over. */
export const outcomes = ['completed', 'abandoned'] as const

const finishTool: Anthropic.Tool = {
  name: finishTask,
  description:
    'Ends the task that is under way: completed when its last step is done, abandoned when the customer does not want it any more or it is not for them. Call it alone, after the results of the other tools.',
  strict: true,
  input_schema: {
    type: 'object',
    additionalProperties: false,
    required: ['outcome', 'summary'],
    properties: {
      outcome: { type: 'string', enum: [...outcomes] },
      summary: { type: 'string', description: 'What was done, or why not, in one sentence' },
    },
  },
}

const searchTool: Anthropic.Tool = {
  name: searchArticles,
  description:
    'Searches the company’s articles (policies, help pages) and answers the parts that fit best. Use words that the article would use, in its language.',
  strict: true,
  input_schema: {
    type: 'object',
    additionalProperties: false,
    required: ['query'],
    properties: { query: { type: 'string' } },
  },
}
