/** One step's tool calls: Claude decided when, this decides whether. */
import { atLeast } from '../../schemas/names.ts'
import type { Call } from './agent.ts'
import { askWhoItIs } from './consent/ask-who.ts'
import { mayProposeByCode } from './consent/propose.ts'
import { isNoteMode } from './note.ts'
import { failure, fromResult, type Performed, refusal } from './performed.ts'
import { sendTool } from './send-tool.ts'
import { prepareRequest } from './tools/call-tool.ts'
import { isAboutCustomer } from './tools/check-tool.ts'
import { bindArguments, validateArguments } from './tools/tool-arguments.ts'
import type { Turn } from './turn.ts'
import { writeOnce } from './write-once.ts'

/** Runs the calls of one step: reads side by side, then writes one after the other, stopping at the first unsure one. */
export async function performTools(turn: Turn, calls: Call[]): Promise<Performed[]> {
  const isWrite = (call: Call): boolean => turn.agent.tools.get(call.name)?.effect === 'write'
  const results = new Map<string, Performed>()
  await Promise.all(
    calls
      .filter((call) => !isWrite(call))
      .map(async (call) => results.set(call.id, await perform(turn, call))),
  )
  for (const call of calls.filter(isWrite)) {
    const performed = await perform(turn, call)
    results.set(call.id, performed)
    if (performed.end !== undefined) break
  }
  return calls.map(
    (call) =>
      results.get(call.id) ?? failure('not_allowed', 'not run: an earlier call of this step ended the turn'),
  )
}

async function perform(turn: Turn, call: Call): Promise<Performed> {
  const started = turn.clock.now()
  const performed = await decide(turn, call)
  turn.log.info('tool_called', {
    tool: turn.agent.tools.has(call.name) ? call.name : 'unknown',
    code: performed.refused ? 'refused' : performed.error ? 'failed' : 'done',
    ...(performed.cause === undefined ? {} : { cause: performed.cause }),
    ms: turn.clock.now() - started,
  })
  return performed
}

async function decide(turn: Turn, call: Call): Promise<Performed> {
  const tool = turn.agent.tools.get(call.name)
  if (tool === undefined) return refusal('not_allowed', 'there is no such tool')
  const checked = validateArguments(tool, call.input)
  if (!checked.ok) return refusal('bad_arguments', checked.message)
  const byCode = !atLeast(turn.identity.level, tool.identity)
  if (byCode && (isNoteMode(turn.connection) || !mayProposeByCode(turn, tool)))
    return await askWhoItIs(turn, tool)
  const bound = bindArguments(tool, checked.args, {
    customer: {
      email: turn.identity.address,
      // A code that is still to come will have proved it when this is sent.
      assurance: byCode ? 'confirmed' : turn.identity.level,
      name: turn.message.author.name,
    },
    ticket: { id: turn.ticket.id, channel: turn.ticket.channel, subject: turn.ticket.subject },
    tenant: { id: turn.tenant.tenant },
  })
  if (!bound.ok) return refusal(bound.failure, bound.message)
  const prepared = prepareRequest(tool, bound.values)
  if (!prepared.ok) return refusal('bad_arguments', prepared.message)

  if (tool.authorization !== undefined && !turn.agent.authorizations.has(tool.authorization)) {
    turn.log.alarm('tool_misconfigured', { tool: tool.name, cause: 'authorization_missing' })
    return failure('unavailable', 'this tool is not set up correctly; a human has to look at it')
  }

  if (tool.effect === 'read') {
    if (tool.identity !== 'none' || isAboutCustomer(tool)) turn.personal = true
    return fromResult(await sendTool(turn, tool, prepared.request, undefined))
  }
  return await writeOnce(turn, tool, checked.args, prepared.request)
}
