/** Is every credential that would be used there, and bound to every host it would be sent to? */
import type { Authorization } from '../../schemas/authorization.ts'
import type { ConnectionBase } from '../../schemas/connection.ts'
import type { ToolDefinition, UserDataApi } from '../../schemas/tenant-apis.ts'
import type { AdminTenant } from '../core/aws/admin-runtime.ts'
import { checkCredential } from '../core/tools/authorize.ts'
import type { Live } from './candidate.ts'
import type { Helpdesks } from './kinds.ts'
import { type Mistake, pointerTo } from './problem.ts'

/** Pointing a tool, a token URL or the User Data API elsewhere asks for the value again: a secret keeps its hosts. */
export async function unboundSecrets(tenant: AdminTenant, live: Live): Promise<(Mistake & { of: string })[]> {
  const mistakes: (Mistake & { of: string })[] = []
  for (const { of, field, url, authorization } of uses(live)) {
    const checked = await checkCredential(tenant.secrets, authorization, url)
    if (!checked.ok)
      mistakes.push({
        of,
        detail: `${checked.message}: PUT …/secrets/outbound/${authorization.secret}`,
        pointer: pointerTo(['definition', ...field]),
      })
  }
  return mistakes
}

/** What connections call their helpdesks with: no tool of the tenant may be sent with that. */
export function connectionSecrets(tenant: AdminTenant, live: Live, helpdesks: Helpdesks): Set<string> {
  const { allowance } = tenant
  const names = [...live.values()].flatMap(({ kind, definition }) => {
    if (kind !== 'connection') return []
    const connection = definition as ConnectionBase
    const setup = helpdesks[connection.helpdesk]?.setup
    return setup === undefined
      ? []
      : [setup.credential({ connection, ...(allowance === undefined ? {} : { allowance }) }).secret]
  })
  return new Set(names)
}

/** Authorizations that would lend a helpdesk's credential to tools. */
export function borrowedSecrets(
  tenant: AdminTenant,
  live: Live,
  helpdesks: Helpdesks,
): (Mistake & { of: string })[] {
  const taken = connectionSecrets(tenant, live, helpdesks)
  return [...live.values()].flatMap(({ kind, id, definition }) => {
    if (kind !== 'authorization' || !taken.has((definition as Authorization).secret)) return []
    const detail = "is what a connection calls its helpdesk with: enter a secret of the authorization's own"
    return [{ of: `authorization ${id}`, detail, pointer: '#/definition/secret' }]
  })
}

interface Use {
  of: string
  field: string[]
  url: URL
  authorization: Authorization
}

function* uses(live: Live): Generator<Use> {
  for (const { kind, id, definition } of live.values()) {
    if (kind !== 'tool' && kind !== 'user-data-api') continue
    const { authorization: name } = definition as ToolDefinition | UserDataApi
    const authorization = live.get(`authorization#${name}`)?.definition as Authorization | undefined
    if (authorization === undefined) continue
    const text =
      kind === 'tool' ? (definition as ToolDefinition).request.url : (definition as UserDataApi).url
    const url = URL.parse(text)
    const field = kind === 'tool' ? ['request', 'url'] : ['url']
    if (url !== null) yield { of: `${kind} ${id}`, field, url, authorization }
  }
}
