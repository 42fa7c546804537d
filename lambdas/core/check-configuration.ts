/** Is a tenant's whole configuration one that we can keep our word on? Asked before it is published. */
import type * as z from 'zod'
import { type Authorization, isOAuth } from '../../schemas/authorization.ts'
import type { ConfigKind } from '../../schemas/configuration.ts'
import { configurationFile } from '../../schemas/configuration-file.ts'
import { tenantOf } from '../../schemas/names.ts'
import { hasPrice } from '../../schemas/prices.ts'
import type { AgentSettings } from '../../schemas/tenant-apis.ts'
import { checkArticles } from './check-articles.ts'
import { checkTasks } from './check-tasks.ts'
import { checkUrl, type UrlPolicy } from './egress/url-policy.ts'
import { checkReferences } from './tools/check-references.ts'
import { checkTool, type Problem } from './tools/check-tool.ts'

export interface Definition {
  kind: ConfigKind
  id: string
  definition: unknown
}

/**
 * Checks a configuration as one: schemas, URLs, references, ids. `connectionSchemas`: helpdesk to the schema of its
 * connections; `policy`: hosts of ours, and on a laptop those that may be called. Every problem comes with its path and what would be right.
 */
export function checkConfiguration(
  tenant: string,
  file: unknown,
  connectionSchemas: Readonly<Record<string, z.ZodType>>,
  policy: UrlPolicy = {},
): { ok: true; definitions: Definition[] } | { ok: false; problems: Problem[] } {
  const urlCheck = urlCheckBy(policy)
  const parsed = configurationFile.safeParse(file)
  if (!parsed.success) return { ok: false, problems: problemsOf(parsed.error, '') }
  const { connections, authorizations, tools, tasks, articles, ...rest } = parsed.data
  const problems: Problem[] = []
  const definitions: Definition[] = authorizations.map((a) => ({
    kind: 'authorization',
    id: a.name,
    definition: a,
  }))
  const names = new Set(authorizations.map(({ name }) => name))
  const saysWhose = authorizations.filter((one) => 'identity' in one && one.identity === true)
  const identityAuthorizations = new Set(saysWhose.map(({ name }) => name))

  for (const [i, one] of authorizations.entries()) {
    for (const [field, url] of urlsOf(one)) {
      const wrong = urlCheck(url)
      if (wrong !== undefined) problems.push({ path: `authorizations.${i}.${field}`, message: wrong })
    }
  }

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

  problems.push(
    ...checkTasks(tasks, new Set(tools.map(({ name }) => name))),
    ...checkArticles(articles, urlCheck),
    ...checkBudget(rest.agentSettings),
  )
  definitions.push(
    ...tasks.map((task) => ({ kind: 'task' as const, id: task.name, definition: task })),
    ...articles.map((article) => ({ kind: 'article' as const, id: article.id, definition: article })),
  )

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

/** What an authorization makes us call, or sends an admin's browser to. */
export function urlsOf(one: Authorization): [field: string, url: string][] {
  if (!isOAuth(one)) return []
  const token: [string, string] = ['tokenUrl', one.tokenUrl]
  return one.type === 'oauth_delegated' ? [token, ['authorizeUrl', one.authorizeUrl]] : [token]
}

/** Why a URL may not be called, or `undefined`. */
export const urlCheckBy =
  (policy: UrlPolicy) =>
  (url: string): string | undefined => {
    const verdict = checkUrl(url, policy)
    return verdict.ok ? undefined : verdict.reason
  }

/** A budget in money needs to know what the model costs. */
function* checkBudget(settings: AgentSettings | undefined): Generator<Problem> {
  if (settings?.costBudget === undefined || settings.price !== undefined || hasPrice(settings.model)) return
  yield {
    path: 'agentSettings.costBudget',
    message: `nobody has said what ${settings.model} costs: add agentSettings.price`,
  }
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
