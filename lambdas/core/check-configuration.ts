/** Is a tenant's whole configuration one that we can keep our word on? Asked before it is published. */
import type * as z from 'zod'
import type { Article } from '../../schemas/article.ts'
import { type Authorization, isOAuth } from '../../schemas/authorization.ts'
import type { ConfigKind } from '../../schemas/configuration.ts'
import { configurationFile } from '../../schemas/configuration-file.ts'
import type { ConnectionBase } from '../../schemas/connection.ts'
import { ruleOf } from '../../schemas/hand-over.ts'
import { tenantOf } from '../../schemas/names.ts'
import { hasPrice } from '../../schemas/prices.ts'
import type { AgentSettings } from '../../schemas/tenant-apis.ts'
import { checkArticles } from './check-articles.ts'
import { checkReply } from './check-reply.ts'
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

  problems.push(...checkHandOverTeams(definitions, rest.agentSettings))

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
    ...checkHandOverText(rest.agentSettings, articles),
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

/** What the customer is told at a hand-over passes the checks of a reply word for word. */
function* checkHandOverText(
  settings: AgentSettings | undefined,
  articles: readonly Article[],
): Generator<Problem> {
  const linkHosts = [...(settings?.linkHosts ?? []), ...articles.flatMap(({ url }) => url ?? [])]
  for (const [language, text] of Object.entries(settings?.handOverText ?? {})) {
    const checked = checkReply(text, { linkHosts })
    if (checked.ok && checked.text === text.trim()) continue
    yield {
      path: `agentSettings.handOverText.${language}`,
      message: `a reply could not carry it as it is (${checked.ok ? checked.removed.join(', ') || 'rewritten' : checked.cause}): plain words, and links only to agentSettings.linkHosts`,
    }
  }
}

/** A team for a rule that is not there would never get anything. */
function* checkHandOverTeams(
  definitions: readonly Definition[],
  settings: AgentSettings | undefined,
): Generator<Problem> {
  const rules = new Set(settings?.handOverRules.map(({ name }) => name))
  for (const { kind, id, definition } of definitions) {
    if (kind !== 'connection') continue
    for (const reason of Object.keys((definition as ConnectionBase).handOverTeams)) {
      const rule = ruleOf(reason)
      if (rule === undefined || rules.has(rule)) continue
      yield {
        path: `connections.${id}.handOverTeams.${reason}`,
        message: `there is no rule ${rule}: add it to agentSettings.handOverRules, or remove this`,
      }
    }
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
