import * as z from 'zod'
import { assurance } from './names.ts'

const toolName = z.string().regex(/^[a-z][a-z0-9_]{1,47}$/)
const line = z.string().min(1).max(300)

/**
 * Step-by-step instructions in plain language. `{{tool_name}}` in steps and guidance names a tool, `{{handover}}` the
 * hand-over; `check-task.ts` checks that they exist.
 */
export const task = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]{1,47}$/, 'a task name is 2 to 48 lower-case letters, digits or _'),
  /** When to start it and when not. */
  description: z.string().min(10).max(1000),
  /** What customers write when it is for them. */
  examples: z.array(line).min(2).max(10),
  /** What sounds like it and is not. */
  negativeExamples: z.array(line).max(10).default([]),
  steps: z.array(z.string().min(1).max(1000)).min(1).max(30),
  guidance: z.string().max(5000).default(''),
  /** Tools that may be called only within this task (and within others that list them). */
  tools: z.array(toolName).max(30).default([]),
  /** Least assurance of the message that starts it, and of every message it goes on with. */
  identity: assurance.default('none'),
  enabled: z.boolean().default(true),
})
export type Task = z.infer<typeof task>
