/** Is every credential that would be used there, and bound to every host it would be sent to? */
import type { Authorization } from '../../schemas/authorization.ts'
import type { ToolDefinition, UserDataApi } from '../../schemas/tenant-apis.ts'
import type { AdminTenant } from '../core/aws/admin-runtime.ts'
import { checkCredential } from '../core/tools/authorize.ts'
import type { Live } from './candidate.ts'
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
