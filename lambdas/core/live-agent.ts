/** The kill switches: what is live now decides about every call, whatever release a turn began with. */
import { isDeepStrictEqual } from 'node:util'
import { DeskhandError } from './errors.ts'
import { isNoteMode } from './note.ts'
import type { AgentConfiguration } from './tenant-configuration.ts'
import type { Tool } from './tools/check-tool.ts'
import type { ToolFailure } from './tools/tool-answer.ts'
import type { Work } from './turn.ts'

/** A read may go by what was live this long ago: it changes nothing. */
const readAgeMs = 10_000

/** Why the call may not be made any more, for the model. */
export type Stopped = [ToolFailure, string]

/** A read's switch: its tool is still among the live ones. */
export async function stoppedRead(work: Work, tool: Tool): Promise<Stopped | undefined> {
  const { tools } = await liveAgent(work, readAgeMs)
  return tools.has(tool.name) ? undefined : switchedOff
}

/**
 * A write's switches, by one strongly consistent read of the newest release: asked right before each write. The tool is
 * live and word for word what the turn knows, the tenant's writes are on, and the connection is on and in reply mode.
 */
export async function stoppedWrite(work: Work, tool: Tool): Promise<Stopped | undefined> {
  const agent = await liveAgent(work, 0)
  const live = agent.tools.get(tool.name)
  if (live === undefined) return switchedOff
  if (!isDeepStrictEqual(live, tool)) return ['not_allowed', 'this tool was changed meanwhile; hand over']
  if (!agent.settings.writesEnabled) {
    return ['not_allowed', 'the company has stopped all changes for now; hand over']
  }
  return (await isConnectionWriting(work))
    ? undefined
    : ['not_allowed', 'the agent was switched off or to note mode meanwhile; hand over']
}

const switchedOff: Stopped = ['not_allowed', 'this tool was changed or switched off meanwhile; hand over']

/** The agent as the newest release has it, read at most `maxAgeMs` ago. Releases already loaded are not read again. */
export async function liveAgent(work: Work, maxAgeMs: number): Promise<AgentConfiguration> {
  const live = await work.configuration.live(maxAgeMs, work.clock.now())
  if (live === undefined) throw new DeskhandError('bad_configuration', 'the tenant has published nothing yet')
  return await work.loadAgent(live)
}

/** By the release that `liveAgent` has just read. */
async function isConnectionWriting({ configuration, clock, helpdesk, wake }: Work): Promise<boolean> {
  const live = await configuration.live(readAgeMs, clock.now())
  if (live === undefined) return false
  const connection = await configuration.definition(
    live,
    'connection',
    wake.connectionId,
    helpdesk.connection,
  )
  return connection?.enabled === true && !isNoteMode(connection)
}
