/** Does each connection work? Its helpdesk is asked with the stored credentials; nothing is written. */

import type { ConnectionBase } from '../../schemas/connection.ts'
import type { Definition } from './check-configuration.ts'
import { DeskhandError } from './errors.ts'
import type { Finding, Helpdesk, HelpdeskApi } from './helpdesk.ts'

/** The tenant's ways out, as a turn would have them. */
export type CheckRuntime = Pick<HelpdeskApi<ConnectionBase>, 'http' | 'secrets' | 'now' | 'log' | 'allowance'>

/** What is missing on each connection among `definitions`, and how to mend it. */
export async function checkConnections(
  helpdesks: Readonly<Record<string, Helpdesk>>,
  definitions: readonly Definition[],
  runtime: CheckRuntime,
): Promise<{ connectionId: string; findings: Finding[] }[]> {
  const checked: { connectionId: string; findings: Finding[] }[] = []
  for (const { kind, id, definition } of definitions) {
    if (kind !== 'connection') continue
    const connection = definition as ConnectionBase
    const api = { ...runtime, connection, tokens: new Map() }
    const findings = await helpdesks[connection.helpdesk]?.check(api).catch((error: unknown): Finding[] => {
      if (!(error instanceof DeskhandError)) throw error
      return [{ what: 'connection', ok: false, message: error.message }]
    })
    checked.push({ connectionId: id, findings: findings ?? [] })
  }
  return checked
}
