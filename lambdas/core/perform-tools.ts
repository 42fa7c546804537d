/** One step's tool calls: Claude decided when, this decides whether. */
import { atLeast } from '../../schemas/names.ts'
import type { Call } from './agent.ts'
import { type BoundCall, bindCall } from './bind-call.ts'
import { askWhoItIs } from './consent/ask-who.ts'
import { mayProposeByCode } from './consent/propose.ts'
import { stoppedRead, stoppedWrite } from './live-agent.ts'
import { isNoteMode } from './note.ts'
import { isBuiltIn, performBuiltIn } from './perform-built-ins.ts'
import { failure, fromResult, type Performed, refusal } from './performed.ts'
import { sendTool } from './send-tool.ts'
import { outsideTask } from './task-state.ts'
import { type PreparedRequest, prepareRequest } from './tools/call-tool.ts'
import { isAboutCustomer, needsAddress, type Tool } from './tools/check-tool.ts'
import { validateArguments } from './tools/tool-arguments.ts'
import { toolEntry } from './trace-turn.ts'
import type { Turn } from './turn.ts'
import { giveBackLimits, guessEnded, takeLimits } from './write-limits.ts'
import { writeOnce } from './write-once.ts'

/** Runs the calls of one step: reads side by side, then writes one after the other, stopping at the first unsure one. */
export async function performTools(turn: Turn, calls: Call[]): Promise<Performed[]> {
  const isWrite = (call: Call): boolean => turn.agent.tools.get(call.name)?.effect === 'write'
  const results = new Map<string, Performed>()
  // A task that starts opens its tools for the rest of its step.
  for (const call of calls.filter(isBuiltIn)) results.set(call.id, await perform(turn, call, calls))
  const reads = calls.filter((call) => !isWrite(call) && !isBuiltIn(call))
  // Each of these may ask the customer for a code, and all of them together ask for one.
  for (const call of reads.filter((read) => asksWho(turn, read)))
    results.set(call.id, await perform(turn, call, calls))
  const others = reads.filter((read) => !asksWho(turn, read))
  const ended = await Promise.allSettled(
    others.map(async (call) => results.set(call.id, await perform(turn, call, calls))),
  )
  // Thrown once all have ended: nothing goes on after its run.
  for (const one of ended) if (one.status === 'rejected') throw one.reason
  for (const call of calls.filter(isWrite)) {
    const performed = await perform(turn, call, calls)
    results.set(call.id, performed)
    if (performed.end !== undefined) break
  }
  return calls.map(
    (call) =>
      results.get(call.id) ?? failure('not_allowed', 'not run: an earlier call of this step ended the turn'),
  )
}

async function perform(turn: Turn, call: Call, calls: readonly Call[]): Promise<Performed> {
  const started = turn.clock.now()
  const performed = isBuiltIn(call) ? await performBuiltIn(turn, call, calls) : await decide(turn, call)
  turn.log.info('tool_called', {
    tool: isBuiltIn(call) || turn.agent.tools.has(call.name) ? call.name : 'unknown',
    code: performed.refused ? 'refused' : performed.error ? 'failed' : 'done',
    ...(performed.cause === undefined ? {} : { cause: performed.cause }),
    ms: turn.clock.now() - started,
  })
  turn.trace.add(toolEntry(turn, call, performed, turn.clock.now() - started))
  return performed
}

async function decide(turn: Turn, call: Call): Promise<Performed> {
  const tool = turn.agent.tools.get(call.name)
  if (tool === undefined) return refusal('not_allowed', 'there is no such tool')
  const outside = outsideTask(turn, tool.name)
  if (outside !== undefined) return outside
  const checked = validateArguments(tool, call.input)
  if (!checked.ok) return refusal('bad_arguments', checked.message)
  const { identity } = turn
  const isShort = provesTooLittle(turn, tool)
  if (isShort && (isNoteMode(turn.connection) || !mayProposeByCode(turn, tool))) {
    // Nobody is asked who they are for what may not be done.
    const stopped = tool.effect === 'write' ? await stoppedWrite(turn, tool) : undefined
    return stopped === undefined || isNoteMode(turn.connection)
      ? await askWhoItIs(turn, tool)
      : refusal(...stopped)
  }
  // A code that is still to come will have proved it when this is sent.
  const as: Turn = isShort ? { ...turn, identity: { ...identity, level: 'confirmed' } } : turn
  const bound = await bindCall(as, tool, checked.args)
  if (!bound.ok) return refusal(bound.failure, bound.message)
  const prepared = prepareRequest(tool, bound.call.values)
  if (!prepared.ok) return refusal('bad_arguments', prepared.message)

  if (tool.authorization !== undefined && !turn.agent.authorizations.has(tool.authorization)) {
    turn.log.alarm('tool_misconfigured', { tool: tool.name, cause: 'authorization_missing' })
    return failure('unavailable', 'this tool is not set up correctly; a human has to look at it')
  }
  return tool.effect === 'read'
    ? await readOnce(turn, tool, bound.call, prepared.request)
    : await writeOnce(turn, tool, bound.call, prepared.request)
}

/** Is it below the tool's level, or does it lack the address that the tool goes by? */
const provesTooLittle = ({ identity }: Turn, tool: Tool): boolean =>
  !atLeast(identity.level, tool.identity) || (needsAddress(tool) && identity.address === undefined)

function asksWho(turn: Turn, { name }: Call): boolean {
  const tool = turn.agent.tools.get(name)
  return tool !== undefined && provesTooLittle(turn, tool)
}

async function readOnce(
  turn: Turn,
  tool: Tool,
  { id, args, values }: BoundCall,
  request: PreparedRequest,
): Promise<Performed> {
  const stopped = await stoppedRead(turn, tool)
  if (stopped !== undefined) return refusal(...stopped)
  const limits = await takeLimits(turn, tool, id, values)
  if ('stopped' in limits) return refusal(...limits.stopped)
  if (tool.identity !== 'none' || isAboutCustomer(tool)) turn.personal = true
  const result = await sendTool(turn, tool, request, { id, identity: turn.identity, arguments: args })
  await giveBackLimits(turn, id, limits.counted, guessEnded(result))
  return fromResult(result)
}
