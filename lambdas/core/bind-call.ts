/** A call's values: the model's arguments, and over them what code knows. */
import { isChosen } from '../../schemas/tool-rules.ts'
import { earlierResults } from './earlier-results.ts'
import { effectId } from './ledger.ts'
import type { Tool } from './tools/check-tool.ts'
import type { Json } from './tools/placeholder.ts'
import type { ToolFailure } from './tools/tool-answer.ts'
import { bindArguments, type Facts } from './tools/tool-arguments.ts'
import type { Turn } from './turn.ts'

export interface BoundCall {
  /** Id of the effect. */
  id: string
  /** What makes the call this one, and is shown before it is consented to: every value that is chosen. */
  args: Record<string, Json>
  /** Everything that is sent. */
  values: Record<string, Json>
  facts: Facts
}

/** Binds a call, names it, and fills its own name in where the tool sends that along. */
export async function bindCall(
  turn: Turn,
  tool: Tool,
  chosen: Record<string, Json>,
): Promise<{ ok: true; call: BoundCall } | { ok: false; failure: ToolFailure; message: string }> {
  const known = { ...factsOf(turn), previous: await earlierResults(turn, tool) }
  // A write has an id; what it is, its values say.
  const isWrite = tool.effect === 'write'
  const bound = bindArguments(tool, chosen, isWrite ? { ...known, effect: { id: '' } } : known)
  if (!bound.ok) return bound
  const args = Object.fromEntries(
    Object.entries(tool.parameters.properties).flatMap(([name, { source }]) => {
      const value = isChosen(source) ? bound.values[name] : undefined
      return value === undefined ? [] : [[name, value] as const]
    }),
  )
  const id = await effectId(turn.tenant.vault, turn.lease.key.pk, 'tool', tool.name, args)
  const facts: Facts = isWrite ? { ...known, effect: { id } } : known
  const named = bindArguments(tool, chosen, facts)
  return named.ok ? { ok: true, call: { id, args, values: named.values, facts } } : named
}

const factsOf = ({ identity, message, ticket, tenant }: Turn): Facts => ({
  customer: { email: identity.address, assurance: identity.level, name: message.author.name },
  ticket: { id: ticket.id, channel: ticket.channel, subject: ticket.subject },
  tenant: { id: tenant.tenant },
})
