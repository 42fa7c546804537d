/** Is a tenant's whole configuration one that we can keep our word on? Asked before it is published. */
import type * as z from 'zod'
import type { ConfigKind } from '../../schemas/configuration.ts'
import { configurationFile } from '../../schemas/configuration-file.ts'
import { tenantOf } from '../../schemas/names.ts'
import { checkUrl } from './egress/url-policy.ts'
import { checkReferences } from './tools/check-references.ts'
import { checkTool, type Problem } from './tools/check-tool.ts'

export interface Definition {
  kind: ConfigKind
  id: string
  definition: unknown
}

/**
 * Checks a configuration as one: schemas, URLs, references, ids. `connectionSchemas`: helpdesk to the schema of its
 * connections. Every problem comes with its path and what would be right.
 */
export function checkConfiguration(
  tenant: string,
  file: unknown,
  connectionSchemas: Readonly<Record<string, z.ZodType>>,
): { ok: true; definitions: Definition[] } | { ok: false; problems: Problem[] } {
  const parsed = configurationFile.safeParse(file)
  if (!parsed.success) return { ok: false, problems: problemsOf(parsed.error, '') }
  const { connections, authorizations, tools, ...rest } = parsed.data
  const problems: Problem[] = []
  const definitions: Definition[] = authorizations.map((a) => ({
    kind: 'authorization',
    id: a.name,
    definition: a,
  }))
  const names = new Set(authorizations.map(({ name }) => name))
  const saysWhose = authorizations.filter((one) => 'identity' in one && one.identity === true)
  const identityAuthorizations = new Set(saysWhose.map(({ name }) => name))

  for (const [i, connection] of connections.entries()) {
    const schema = Object.hasOwn(connectionSchemas, connection.helpdesk)
      ? connectionSchemas[connection.helpdesk]
      : undefined
    if (schema === undefined) {
      const known = Object.keys(connectionSchemas).join(', ')
      problems.push({ path: `connections.${i}.helpdesk`, message: `no such helpdesk; there is ${known}` })
      continue
    }
    const baseUrl = typeof connection.baseUrl === 'string' ? urlCheck(connection.baseUrl) : undefined
    if (baseUrl !== undefined) problems.push({ path: `connections.${i}.baseUrl`, message: baseUrl })
    const checked = schema.safeParse(connection)
    if (!checked.success) problems.push(...problemsOf(checked.error, `connections.${i}`))
    else if (tenantOf(connection.id) !== tenant) {
      problems.push({ path: `connections.${i}.id`, message: `must begin with ${tenant}. (this tenant)` })
    } else definitions.push({ kind: 'connection', id: connection.id, definition: checked.data })
  }

  const checkedTools = tools.map((tool) =>
    checkTool(tool, { urlCheck, authorizations: names, identityAuthorizations }),
  )
  // How tools fit together can be told once each of them is right.
  const allRight = checkedTools.every(({ ok }) => ok)
  const byName = new Map(checkedTools.flatMap((c) => (c.ok ? [[c.tool.name, c.tool] as const] : [])))
  for (const [i, checked] of checkedTools.entries()) {
    const references = checked.ok && allRight ? [...checkReferences(checked.tool, byName)] : []
    const found = checked.ok ? references : checked.problems
    problems.push(...found.map((p) => ({ ...p, path: `tools.${i}.${p.path}` })))
    if (checked.ok) definitions.push({ kind: 'tool', id: checked.tool.name, definition: checked.tool })
  }

  if (rest.userDataApi !== undefined) {
    const { url, authorization: name } = rest.userDataApi
    const wrong = urlCheck(url)
    if (wrong !== undefined) problems.push({ path: 'userDataApi.url', message: wrong })
    if (name !== undefined && !names.has(name)) {
      problems.push({ path: 'userDataApi.authorization', message: `there is no authorization ${name}` })
    }
    definitions.push({ kind: 'user-data-api', id: 'default', definition: rest.userDataApi })
  }
  if (rest.agentSettings !== undefined) {
    definitions.push({ kind: 'agent-settings', id: 'default', definition: rest.agentSettings })
  }
  problems.push(...twice(definitions))
  return problems.length === 0 ? { ok: true, definitions } : { ok: false, problems }
}

const urlCheck = (url: string): string | undefined => {
  const verdict = checkUrl(url, {})
  return verdict.ok ? undefined : verdict.reason
}

function twice(definitions: Definition[]): Problem[] {
  const seen = new Set<string>()
  return definitions.flatMap(({ kind, id }) => {
    const name = `${kind} ${id}`
    if (!seen.has(name)) {
      seen.add(name)
      return []
    }
    return [{ path: name, message: 'is there twice: names are unique' }]
  })
}

const problemsOf = (error: z.ZodError, under: string): Problem[] =>
  error.issues.map(({ path, message }) => ({
    path: [...(under === '' ? [] : [under]), ...path].join('.') || 'the file',
    message,
  }))
