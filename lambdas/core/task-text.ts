/** A task's text: the references in it, and how the model reads it. */
import type { Task } from '../../schemas/task.ts'
import { handOverTool } from './prompt.ts'

/** `{{handover}}` in a text stands for the hand-over. */
export const handOverReference = 'handover'
const reference = /\{\{\s*([^{}]*?)\s*\}\}/g

/** What stands between double braces, in order. */
export const referencesIn = (text: string): string[] =>
  [...text.matchAll(reference)].map(([, name = '']) => name)

/** References as the names of what the model calls. */
const rendered = (text: string): string =>
  text.replace(reference, (_, name: string) => `\`${name === handOverReference ? handOverTool.name : name}\``)

/** For the instructions: when to start it. */
export function taskListing({ name, description, examples, negativeExamples }: Task): string {
  const quoted = (lines: readonly string[]): string => lines.map((line) => JSON.stringify(line)).join(', ')
  return [
    `- ${name}: ${description}`,
    `  For example: ${quoted(examples)}`,
    ...(negativeExamples.length === 0 ? [] : [`  Not for: ${quoted(negativeExamples)}`]),
  ].join('\n')
}

/** The steps, for when it is under way. */
export function taskText(task: Task): string {
  const { name, steps, guidance, tools } = task
  return [
    `Task ${name}, step by step:`,
    ...steps.map((step, i) => `${i + 1}. ${rendered(step)}`),
    ...(guidance === '' ? [] : [`Guidance for this task: ${rendered(guidance)}`]),
    ...(tools.length === 0 ? [] : [`You may now also call: ${tools.join(', ')}.`]),
    'It goes on over several messages of the customer until you call finish_task or hand over. Ask for what is missing, and reply; go on when the answer comes.',
  ].join('\n')
}
