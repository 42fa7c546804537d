/** Text for colleagues. It passes the same checks as a reply: what a customer or the model wrote may be in it. */
import type { ConnectionBase } from '../../schemas/connection.ts'
import { checkReply } from './check-reply.ts'
import { contentOf } from './ledger.ts'
import type { AgentConfiguration } from './tenant-configuration.ts'
import { truncate } from './truncate.ts'
import type { Work } from './turn.ts'

/** Note mode: everything is said in internal notes, nothing is changed. */
export const isNoteMode = (connection: ConnectionBase): boolean => connection.mode === 'note'

/** Joins lines that pass the checks; what does not pass is left out, visibly. */
export function safeNote(lines: string[], linkHosts: string[]): string {
  return lines
    .map((line) => checkReply(line, { linkHosts }))
    .map((checked) => (checked.ok ? checked.text : `(left out: ${checked.cause})`))
    .join('\n\n')
}

/** A note may name the tenant's own APIs besides the hosts that replies may link to. */
export const noteHosts = (agent: AgentConfiguration): string[] => [
  ...agent.links,
  ...[...agent.tools.values()].map(
    (tool) => URL.parse(tool.request.url.replaceAll(/[{}]/g, ''))?.hostname ?? '',
  ),
]

/** Inline code, cut, on one line: what the checks turn into a line break is one before it is taken out. */
export function code(text: string, linkHosts: string[]): string {
  if (text === '') return ''
  const checked = safeNote([truncate(text, 2000).text], linkHosts)
  return `\`${checked.replaceAll('`', "'").replaceAll('\n', ' ')}\``
}

/** The writes of this ticket with their requests and outcomes. */
export async function effectLines(work: Work, linkHosts: string[]): Promise<string[]> {
  const lines: string[] = []
  for (const [id, effect] of work.effects) {
    const { kind, tool, state, at } = effect
    if (kind !== 'tool') continue
    const told = (await contentOf(work.tenant.vault, effect)) ?? ''
    const how = state === 'unknown' ? '**outcome unknown**' : state
    lines.push(
      `- ${tool}: ${how} at ${new Date(at).toISOString()}, effect ${id.slice(0, 16)} ${code(told, linkHosts)}`,
    )
  }
  return lines
}
