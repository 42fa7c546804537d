/** What would be live: the release there is with some changes, checked as a whole before anything becomes true. */
import * as z from 'zod'
import {
  type ConfigKind,
  type ConfigVersion,
  configKey,
  configKinds,
  type Release,
} from '../../schemas/configuration.ts'
import { tenantId } from '../../schemas/names.ts'
import type { AdminRuntime, AdminTenant } from '../core/aws/admin-runtime.ts'
import { checkConfiguration } from '../core/check-configuration.ts'
import { parseVersion } from '../core/configuration.ts'
import type { UrlPolicy } from '../core/egress/url-policy.ts'
import { type Helpdesks, kindOf } from './kinds.ts'
import { type Mistake, mistakesAt } from './problem.ts'

/** What is live, by name `<kind>#<id>`, in the versions that a release names. */
export type Live = ReadonlyMap<string, ConfigVersion>

export const policyOf = (runtime: AdminRuntime, tenant: AdminTenant): UrlPolicy => ({
  ownHosts: runtime.ownHosts,
  ...(tenant.allowance === undefined ? {} : { allowance: tenant.allowance }),
})

export const nameOf = (kind: ConfigKind, id: string): string => `${kind}#${id}`

export function partsOf(name: string): { kind: ConfigKind; id: string } {
  const cut = name.indexOf('#')
  const kind = configKinds.find((one) => one === name.slice(0, cut))
  if (kind === undefined) throw new Error(`${name} names no kind`)
  return { kind, id: name.slice(cut + 1) }
}

/** Everything that `live` names, in one read. */
export async function load(tenant: AdminTenant, live: Release['live']): Promise<Live> {
  const names = Object.entries(live).sort(([a], [b]) => (a < b ? -1 : 1))
  const references = names.map(([name, version]) => ({ ...partsOf(name), version }))
  if (references.length === 0) return new Map()
  const keys = references.map(({ kind, id, version }) => configKey(tenant.tenant, kind, id, version))
  const rows = await tenant.configuration.batchGet('definitions', keys)
  return new Map(
    references.map((reference) => [
      nameOf(reference.kind, reference.id),
      parseVersion(rows, tenant.tenant, reference),
    ]),
  )
}

/**
 * With the defaults of today filled in: what was stored by an older version, or from elsewhere, may lack some. What does
 * not fit its schema stays as it is, for a check to tell.
 */
export const filledIn = (live: Live, helpdesks: Helpdesks): Live =>
  new Map([...live].map(([name, version]) => [name, { ...version, definition: filled(version, helpdesks) }]))

function filled({ kind, definition }: ConfigVersion, helpdesks: Helpdesks): unknown {
  const schema = kindOf(kind).schemaOf(definition, helpdesks)
  const parsed = schema instanceof z.ZodType ? schema.safeParse(definition) : undefined
  return parsed?.success ? parsed.data : definition
}

/** A tenant's whole configuration as one file: what `checkConfiguration` reads and `config export` writes. */
export function fileOf(live: Live) {
  const all = (kind: ConfigKind) =>
    [...live.values()].filter((version) => version.kind === kind).map(({ definition }) => definition)
  const one = (kind: ConfigKind, field: string) => {
    const [definition] = all(kind)
    return definition === undefined ? {} : { [field]: definition }
  }
  return {
    connections: all('connection'),
    ...one('user-data-api', 'userDataApi'),
    authorizations: all('authorization'),
    tools: all('tool'),
    tasks: all('task'),
    articles: all('article'),
    ...one('agent-settings', 'agentSettings'),
  }
}

/** What is wrong with `live` as a whole: each mistake says which thing it is of. */
export function mistakesIn(
  live: Live,
  context: { tenant: string; helpdesks: Helpdesks; policy: UrlPolicy },
): (Mistake & { of: string })[] {
  const schemas = Object.fromEntries(
    Object.values(context.helpdesks).map(({ name, connection }) => [name, connection]),
  )
  const checked = checkConfiguration(tenantId.parse(context.tenant), fileOf(live), schemas, context.policy)
  if (checked.ok) return []
  return checked.problems.flatMap(({ path, message }) => {
    const { of, rest } = placeIn(live, path)
    return mistakesAt([{ path: rest, message }], ['definition']).map((mistake) => ({ ...mistake, of }))
  })
}

const fields: Record<string, ConfigKind> = {
  connections: 'connection',
  authorizations: 'authorization',
  tools: 'tool',
  tasks: 'task',
  articles: 'article',
  userDataApi: 'user-data-api',
  agentSettings: 'agent-settings',
}

/** Which thing a path of the file (`tools.3.request.url`) is in, and where in it. */
function placeIn(live: Live, path: string): { of: string; rest: string } {
  const [field = '', index = '', ...rest] = path.split('.')
  const kind = fields[field]
  if (kind === undefined) return { of: 'the whole', rest: path }
  if (kindOf(kind).single) return { of: `${kind} default`, rest: [index, ...rest].join('.') }
  const ids = [...live.values()].filter((version) => version.kind === kind).map(({ id }) => id)
  const id = ids[Number(index)]
  return id === undefined ? { of: kind, rest: '' } : { of: `${kind} ${id}`, rest: rest.join('.') }
}

/** What refers to something, as `<kind> <id>`: while there is any, it cannot be deleted. */
export function usersOf(
  live: Live,
  kind: ConfigKind,
  id: string,
  context: Parameters<typeof mistakesIn>[1],
): string[] {
  const without = new Map(live)
  without.delete(nameOf(kind, id))
  const before = new Set(mistakesIn(live, context).map(keyOfMistake))
  const after = mistakesIn(without, context).filter((mistake) => !before.has(keyOfMistake(mistake)))
  return [...new Set(after.map(({ of }) => of))].sort()
}

const keyOfMistake = ({ of, detail, pointer }: Mistake & { of: string }): string =>
  JSON.stringify([of, detail, pointer])
