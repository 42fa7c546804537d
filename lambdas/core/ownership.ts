/** Whose record is it? How a real customer is kept from acting on a stranger's. */

import { previousOf } from '../../schemas/tool-rules.ts'
import { resultsForAddress } from './earlier-results.ts'
import { effectId } from './ledger.ts'
import { type Stopped, stoppedRead } from './live-agent.ts'
import { sendTool } from './send-tool.ts'
import type { AgentConfiguration } from './tenant-configuration.ts'
import { answersOwnOnly } from './tools/check-references.ts'
import type { Tool } from './tools/check-tool.ts'
import { namesRecord } from './tools/check-write.ts'
import type { Json } from './tools/placeholder.ts'
import { bindArguments, type Facts, validateArguments } from './tools/tool-arguments.ts'
import { prepareRequest } from './tools/tool-request.ts'
import type { Turn } from './turn.ts'
import { idsAt, valuesAt } from './user-data.ts'

type Values = Readonly<Record<string, Json>>

/**
 * What an admin has not said is not allowed, however the definition came into the table: the rules of publishing that
 * keep strangers' records safe hold here too.
 */
export function undeclared(tool: Tool, agent: AgentConfiguration): Stopped | undefined {
  const { ownership, authorization, parameters } = tool
  if (namesRecord(tool) && ownership === undefined) {
    return ['not_allowed', 'this tool does not say whose record it changes; a human has to look at it']
  }
  if (ownership?.by === 'api' && !saysWhose(agent.authorizations.get(authorization ?? ''))) {
    return ['not_allowed', 'this tool does not tell its system whose record it is; a human has to look at it']
  }
  const strangers = Object.values(parameters.properties).some(({ source }) => {
    const previous = previousOf(source)
    const other = previous === undefined ? undefined : agent.tools.get(previous.tool)
    return previous !== undefined && (other === undefined || !answersOwnOnly(other))
  })
  return strangers
    ? ['not_allowed', 'this tool would change what may be a stranger’s record; a human has to look at it']
    : undefined
}

/** Does the authorization send `Deskhand-Identity` along? */
export const saysWhose = (authorization: object | undefined): boolean =>
  authorization !== undefined && 'identity' in authorization && authorization.identity === true

/** By `seen`: the first value that stands nowhere where this customer's own ids do. */
export async function unseen(turn: Turn, tool: Tool, values: Values): Promise<Stopped | undefined> {
  if (tool.ownership?.by !== 'seen') return undefined
  for (const [name, places] of Object.entries(tool.ownership.match)) {
    if (!(await isSeen(turn, [places].flat(), String(values[name])))) return notTheirs(name)
  }
  return undefined
}

async function isSeen(turn: Turn, places: readonly string[], value: string): Promise<boolean> {
  for (const place of places) {
    const previous = previousOf(place)
    if (previous === undefined) {
      if (valuesAt(turn.userDataText, place).has(value)) return true
      continue
    }
    // However the definition came into the table: what shows strangers' records proves nothing.
    const reader = turn.agent.tools.get(previous.tool)
    if (reader === undefined || !answersOwnOnly(reader)) continue
    for await (const result of resultsForAddress(turn, previous.tool))
      if (idsAt(result, previous.path).has(value)) return true
  }
  return false
}

/**
 * By `check`: the read tool is asked for the record, and its answer must name this customer as the owner. A record
 * that is not there and one of somebody else are told apart by nothing.
 */
export async function checkOwner(
  turn: Turn,
  tool: Tool,
  values: Values,
  facts: Facts,
): Promise<Stopped | undefined> {
  const { ownership } = tool
  if (ownership?.by !== 'check') return undefined
  const reader = turn.agent.tools.get(ownership.tool)
  if (reader?.effect !== 'read' || reader.response.owner === undefined) return misconfigured(turn, tool)
  const stopped = await stoppedRead(turn, reader)
  if (stopped !== undefined) return stopped
  const asked = Object.fromEntries(
    Object.entries(ownership.match).map(([mine, theirs]) => [theirs, values[mine]]),
  )
  const checked = validateArguments(reader, asked)
  if (!checked.ok) return notTheirs(Object.keys(ownership.match)[0] ?? '')
  const bound = bindArguments(reader, checked.args, facts)
  if (!bound.ok) return [bound.failure, bound.message]
  const prepared = prepareRequest(reader, bound.values)
  if (!prepared.ok) return ['bad_arguments', prepared.message]
  const result = await sendTool(turn, reader, prepared.request, {
    id: await effectId(
      turn.tenant.vault,
      turn.lease.key.pk,
      'owner',
      turn.message.id,
      tool.name,
      reader.name,
    ),
    identity: turn.identity,
    arguments: checked.args,
  })
  turn.log.info('ownership_checked', { tool: tool.name, code: result.ok ? 'own' : result.failure })
  if (result.ok) return undefined
  const later = result.failure === 'unavailable' || result.failure === 'rate_limited'
  return later
    ? [result.failure, 'whose record it is cannot be checked just now; nothing was done']
    : notTheirs(Object.keys(ownership.match)[0] ?? '')
}

export function misconfigured(turn: Pick<Turn, 'log'>, tool: Tool): Stopped {
  turn.log.alarm('tool_misconfigured', { tool: tool.name, cause: 'reference_missing' })
  return ['unavailable', 'this tool is not set up correctly; a human has to look at it']
}

const notTheirs = (name: string): Stopped => [
  'not_allowed',
  `${name} is not among this customer's own records; look it up in the customer data`,
]
