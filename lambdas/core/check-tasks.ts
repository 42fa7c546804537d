/** Do a tenant's tasks name what exists? Asked before they are published. */
import type { Task } from '../../schemas/task.ts'
import { handOverReference, referencesIn } from './task-text.ts'
import type { Problem } from './tools/check-tool.ts'

const mostTasks = 50

/** `tools`: names of the tenant's tools, those that are switched off too. */
export function* checkTasks(tasks: readonly Task[], tools: ReadonlySet<string>): Generator<Problem> {
  if (tasks.length > mostTasks) yield { path: 'tasks', message: `at most ${mostTasks}` }
  const withinTasks = new Set(tasks.flatMap((task) => task.tools))
  for (const [i, task] of tasks.entries()) {
    for (const [n, name] of task.tools.entries()) {
      if (!tools.has(name)) yield { path: `tasks.${i}.tools.${n}`, message: `there is no tool ${name}` }
    }
    const texts: [string, string][] = [
      ...task.steps.map((step, n): [string, string] => [`tasks.${i}.steps.${n}`, step]),
      [`tasks.${i}.guidance`, task.guidance],
    ]
    for (const [path, text] of texts) yield* checkReferences(text, path, task, tools, withinTasks)
  }
}

function* checkReferences(
  text: string,
  path: string,
  task: Task,
  tools: ReadonlySet<string>,
  withinTasks: ReadonlySet<string>,
): Generator<Problem> {
  for (const name of referencesIn(text)) {
    if (name === handOverReference) continue
    if (!tools.has(name)) {
      yield {
        path,
        message: `{{${name}}} names no tool: add it under tools, or write {{${handOverReference}}} for the hand-over`,
      }
    } else if (withinTasks.has(name) && !task.tools.includes(name)) {
      yield { path, message: `{{${name}}} belongs to another task: list it under this task's tools, too` }
    }
  }
  if (/\{\{|\}\}/.test(text.replaceAll(/\{\{[^{}]*\}\}/g, '')))
    yield { path, message: 'double braces hold the name of a tool: {{get_order}}' }
}
