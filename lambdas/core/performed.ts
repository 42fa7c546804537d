/** What came of a tool call, for the agent. */
import type { AgentEnd } from './agent.ts'
import type { ToolFailure, ToolResult } from './tools/tool-answer.ts'

/** What came of one tool call: what the model reads, or the end of the turn. */
export interface Performed {
  text: string
  /** The call failed or was refused. */
  error?: boolean
  /** Which failure it is, from the closed set of `ToolFailure`. */
  cause?: string
  /** Refused by a rule before anything was sent. */
  refused?: boolean
  end?: AgentEnd
}

export const fromResult = (result: ToolResult): Performed =>
  result.ok ? { text: result.text } : failure(result.failure, result.message)
export const failure = (cause: ToolFailure, message: string): Performed => ({
  text: `${cause}: ${message}`,
  error: true,
  cause,
})
export const refusal = (cause: ToolFailure, message: string): Performed => ({
  ...failure(cause, message),
  refused: true,
})
