/**
 * Which changes need a second pair of eyes: those by which an agent may do more, say more, or to more people than
 * before. Read from what was live and what is to be, never from what an author says of it.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Article } from '../../schemas/article.ts'
import type { ConfigKind } from '../../schemas/configuration.ts'
import type { ConnectionBase } from '../../schemas/connection.ts'
import { type Assurance, atLeast } from '../../schemas/names.ts'
import type { Task } from '../../schemas/task.ts'
import {
  type AgentSettings,
  agentSettings,
  type ToolDefinition,
  type UserDataApi,
} from '../../schemas/tenant-apis.ts'
import { resolveTool } from '../core/tools/check-tool.ts'
import { namesRecord } from '../core/tools/check-write.ts'

/** What of the release before counts beyond the thing itself. */
export interface LiveBefore {
  /** Hosts that tools and the User Data API called. */
  hosts: ReadonlySet<string>
  /** Hosts that replies could link to. */
  linkHosts: ReadonlySet<string>
  /** Tools by whose answers a live write is let through. */
  reliedOn: ReadonlySet<string>
}

type Risks = (before: never, after: never, live: LiveBefore) => string[]

/** Why publishing `after` in place of `before` (`undefined`: it was, or is to be, not there) asks for an approver. */
export const risksOf = (kind: ConfigKind, before: unknown, after: unknown, live: LiveBefore): string[] =>
  isDeepStrictEqual(before, after) ? [] : byKind[kind](before as never, after as never, live)

const byKind: Record<ConfigKind, Risks> = {
  tool: (before: ToolDefinition | undefined, after: ToolDefinition | undefined, live) => {
    // Switching off, and nothing else, is always quick.
    if (after === undefined || (!after.enabled && isOnlySwitched(before, after))) return []
    if (after.effect === 'write') return after.enabled ? ['publishes a write tool'] : []
    if (before?.effect === 'write') return ['makes a read of what was a write']
    if (after.request.method !== 'GET' && !isDeepStrictEqual(before?.request, after.request))
      return [`sends ${after.request.method}, which may change something`]
    if (before !== undefined && live.reliedOn.has(after.name) && !isOnlySwitched(before, after))
      return ['changes a tool by whose answers a write is let through']
    const lowered = before !== undefined && lower(resolveTool(before).identity, resolveTool(after).identity)
    return [
      ...(lowered ? ['lowers the identity that a tool asks for'] : []),
      ...(before?.response.owner !== undefined && before.response.owner !== after.response.owner
        ? ["changes how a tool's answers are held against the customer's address"]
        : []),
      ...((before?.response.redact ?? []).some((name) => !after.response.redact?.includes(name))
        ? ['shows what was taken out of answers before']
        : []),
      ...(after.authorization !== undefined && before?.enabled && before.authorization !== after.authorization
        ? ['calls with another credential']
        : []),
      ...(after.authorization !== undefined && !before?.enabled && isUnowned(after)
        ? ['answers with a credential of yours, whoever the record is of']
        : []),
      ...(live.hosts.has(hostOf(after.request.url)) ? [] : ['calls a host that nothing called before']),
    ]
  },
  'user-data-api': (before: UserDataApi | undefined, after: UserDataApi | undefined, live) => {
    if (after === undefined) return []
    return [
      ...(before !== undefined && lower(before.identity, after.identity)
        ? ['lowers the identity that the User Data API asks for']
        : []),
      ...(before === undefined ? ['begins to ask who a customer is'] : []),
      ...(before !== undefined && before.url !== after.url ? ['asks another URL who a customer is'] : []),
      ...(before !== undefined && before.authorization !== after.authorization
        ? ['asks with another credential']
        : []),
      ...(live.hosts.has(hostOf(after.url)) ? [] : ['calls a host that nothing called before']),
    ]
  },
  task: (before: Task | undefined, after: Task | undefined) => {
    const open = (before?.tools ?? []).filter((tool) => !after?.tools.includes(tool))
    return [
      ...(before !== undefined && after !== undefined && lower(before.identity, after.identity)
        ? ['lowers the identity that a task asks for']
        : []),
      ...(open.length > 0 ? ['takes a tool out of the task that held it'] : []),
    ]
  },
  article: (_before: Article | undefined, after: Article | undefined, { linkHosts }) =>
    after?.url === undefined || isLinkable(hostOf(after.url), linkHosts)
      ? []
      : ['lets replies link to a host that they could not link to before'],
  authorization: (before: object | undefined, after: object | undefined) =>
    before === undefined || after === undefined ? [] : ['changes the credential that calls carry'],
  'agent-settings': (given: AgentSettings | undefined, to: AgentSettings | undefined) => {
    const [before, after] = [given ?? agentSettings.parse({}), to ?? agentSettings.parse({})]
    return [
      ...(after.linkHosts.some((host) => !before.linkHosts.includes(host))
        ? ['lets replies link to more hosts']
        : []),
      ...(!before.writesEnabled && after.writesEnabled ? ['switches writes on again'] : []),
      ...(!before.traceContent && after.traceContent ? ['keeps what customers write in the trace'] : []),
    ]
  },
  connection: (before: ConnectionBase | undefined, after: ConnectionBase | undefined) => {
    if (after === undefined || !after.enabled) return []
    const was = before?.enabled ? before : undefined
    const risky = Object.keys({ ...was, ...after }).filter((name) => {
      const [from, to] = [settingOf(was, name), settingOf(after, name)]
      return !isDeepStrictEqual(from, to) && isRisky(name, from, to, was === undefined)
    })
    return risky.map((name) => `changes ${name} of a connection that answers`)
  },
}

/** Does the model choose the record, and nothing compares whose it is? */
const isUnowned = (tool: ToolDefinition): boolean => tool.response.owner === undefined && namesRecord(tool)

const isOnlySwitched = (before: object | undefined, after: object): boolean =>
  before !== undefined && isDeepStrictEqual({ ...before, enabled: true }, { ...after, enabled: true })

/** Of a connection: what only makes it do less, or concerns our own team alone. */
const harmless = new Set(['id', 'helpdesk', 'enabled', 'reconcile', 'handOver'])
/** Of a new connection, what it could be wrong to believe. All else of it is what makes it that connection. */
const believed = new Set(['mode', 'attestations', 'approvers'])

function isRisky(name: string, from: unknown, to: unknown, isNew: boolean): boolean {
  if (harmless.has(name)) return false
  if (name === 'mode') return to === 'reply'
  if (name === 'approvers') return (to as string[]).some((id) => !((from ?? []) as string[]).includes(id))
  if (name === 'attestations')
    return Object.entries(to as Record<string, boolean>).some(
      ([each, value]) => value && (from as Record<string, boolean> | undefined)?.[each] !== true,
    )
  // What a vendor's facts are read as (`cleanCommentsOmitFlags` and its like) is believed too.
  if (typeof to === 'boolean') return to && from !== true
  return isNew ? believed.has(name) : true
}

const settingOf = (connection: ConnectionBase | undefined, name: string): unknown =>
  connection !== undefined && Object.hasOwn(connection, name)
    ? connection[name as keyof ConnectionBase]
    : undefined

const lower = (before: Assurance, after: Assurance): boolean => !atLeast(after, before)

/** Placeholders stand in the path alone, so this is a URL whose host is what it is. */
export const hostOf = (url: string): string => URL.parse(url)?.host ?? ''

const isLinkable = (host: string, linkHosts: ReadonlySet<string>): boolean =>
  [...linkHosts].some((one) => (one.startsWith('*.') ? host.endsWith(one.slice(1)) : host === one))
