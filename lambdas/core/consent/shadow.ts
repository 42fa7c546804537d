/** Note mode is shadow mode: what would have been asked or done, for the note. */
import { atLeast } from '../../../schemas/names.ts'
import { code } from '../note.ts'
import type { Tool } from '../tools/check-tool.ts'
import { validateArguments } from '../tools/tool-arguments.ts'
import type { Turn } from '../turn.ts'
import { deciderOf, languageOfCustomer } from './propose.ts'
import { summaryOf } from './summary.ts'

/** One line of what the call would have led to; under a proposal, how the customer or the approver would read it. */
export function wouldHave(turn: Turn, call: { name: string; input: unknown }, hosts: string[]): string[] {
  const tool = turn.agent.tools.get(call.name)
  if (tool === undefined) return []
  const what = `${call.name} ${code(JSON.stringify(call.input), hosts)}`
  const isShort = !atLeast(turn.identity.level, tool.identity)
  if (tool.effect === 'read') return isShort ? [`- would have asked for a one-time code before ${what}`] : []
  const by = deciderOf(turn, tool)
  if (by === undefined) return [`- would have called ${what}`]
  const asked = {
    customer: 'would have asked the customer to confirm',
    code: 'would have asked the customer for a one-time code for',
    agent: 'would have asked an approver about',
  }
  return [`- ${asked[by]} ${what}`, ...proposalLines(turn, tool, call.input)]
}

function proposalLines(turn: Turn, tool: Tool, input: unknown): string[] {
  const checked = validateArguments(tool, input)
  const summary = checked.ok ? summaryOf(tool, checked.args, languageOfCustomer(turn)) : undefined
  return summary?.ok ? [summary.text] : []
}
