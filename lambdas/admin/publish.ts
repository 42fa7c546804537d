/** Making drafts live: checked as a whole, by somebody who may, in one release. */
import * as z from 'zod'
import type { ConfigVersion, Release } from '../../schemas/configuration.ts'
import type { ConnectionBase } from '../../schemas/connection.ts'
import type { AgentSettings, ToolDefinition, UserDataApi } from '../../schemas/tenant-apis.ts'
import { previousOf } from '../../schemas/tool-rules.ts'
import { newestRelease, saveRelease } from '../core/configuration.ts'
import { isCode } from '../core/errors.ts'
import { scheduleReconcile } from '../core/reconcile.ts'
import { allows } from './access.ts'
import { filledIn, type Live, load, mistakesIn, partsOf, policyOf } from './candidate.ts'
import { borrowedSecrets, unboundSecrets } from './check-secrets.ts'
import { type Mistake, Problem } from './problem.ts'
import { hostOf, type LiveBefore, risksOf } from './risks.ts'
import type { RawCall } from './route.ts'
import { versionsOf } from './versions.ts'

/** The caller, in the tenant that is published. */
export type Publishing = Pick<RawCall, 'now' | 'runtime' | 'helpdesks'> & {
  who: NonNullable<RawCall['who']>
  rank: NonNullable<RawCall['rank']>
  tenant: NonNullable<RawCall['tenant']>
}

export interface Published {
  release: Release
  /** `<kind>#<id>` of everything that is another than before. */
  changed: string[]
}
/** What is told of it. */
export const toldPublished = z
  .object({ release: z.number().int(), changed: z.array(z.string()) })
  .meta({ id: 'Published' })

/**
 * Publishes the release that `next` makes of the live one. Throws a problem: `invalid` with every mistake, `not_allowed`
 * or `needs_another` with every risk, `changed` when somebody else published meanwhile. `named`: the caller named each
 * version that was looked at; what is a risk is published by name only.
 */
export async function publish(
  call: Publishing,
  reason: string,
  next: (live: Release['live'], release: number) => Release['live'] | Promise<Release['live']>,
  { named = true }: { named?: boolean } = {},
): Promise<Published> {
  const { tenant, who, now } = call
  const before = await newestRelease(tenant.configuration, tenant.tenant)
  const live = await next({ ...before?.live }, before?.release ?? 0)
  const [was, toBe] = await Promise.all(
    [before?.live ?? {}, live].map(async (each) => filledIn(await load(tenant, each), call.helpdesks)),
  )
  if (was === undefined || toBe === undefined) throw new Error('both were loaded')
  const changed = changesOf(was, toBe)
  if (changed.length === 0)
    throw new Problem('conflict', 'That is live already: there is nothing to publish.')
  // What a deleted version names is not there.
  const there = new Map([...toBe].filter(([, version]) => !version.deleted))
  await mustBeRight(call, there)
  await mustBeApproved(call, was, there, changed, toBe, named)
  const release: Release = {
    tenant: tenant.tenant,
    release: (before?.release ?? 0) + 1,
    live: Object.fromEntries([...there].map(([name, { version }]) => [name, version])),
    by: who.id,
    at: now,
    why: reason,
  }
  await saveRelease(tenant.configuration, release).catch((error: unknown) => {
    if (!isCode(error, 'condition_failed')) throw error
    throw new Problem('changed', 'Somebody else published meanwhile: look at what is live, and repeat.')
  })
  await schedule(call, there, changed)
  return { release, changed }
}

const changesOf = (was: Live, toBe: Live): string[] =>
  [...new Set([...was.keys(), ...toBe.keys()])]
    .filter((name) => was.get(name)?.version !== toBe.get(name)?.version)
    .sort((a, b) => (a < b ? -1 : 1))

async function mustBeRight({ tenant, runtime, helpdesks }: Publishing, live: Live): Promise<void> {
  const policy = policyOf(runtime, tenant)
  const mistakes = [
    ...mistakesIn(live, { tenant: tenant.tenant, helpdesks, policy }),
    ...borrowedSecrets(tenant, live, helpdesks),
    ...(await unboundSecrets(tenant, live)),
  ]
  if (mistakes.length > 0)
    throw new Problem('invalid', `${mistakes.length} to mend before this can be live: see errors.`, {
      errors: mistakes.map(told),
    })
}

const told = ({ of, detail, pointer }: Mistake & { of: string }): Mistake => ({
  detail: `${of}: ${detail}`,
  ...(pointer === undefined ? {} : { pointer }),
})

/** Whoever wrote any of what makes a risk cannot be the one who makes it live. */
async function mustBeApproved(
  call: Publishing,
  was: Live,
  there: Live,
  changed: string[],
  toBe: Live,
  named: boolean,
): Promise<void> {
  const about = liveBefore(was)
  const risks: Mistake[] = []
  const authors = new Set<string>()
  for (const name of changed) {
    const { kind, id } = partsOf(name)
    const found = risksOf(kind, definitionIn(was, name), definitionIn(there, name), about)
    if (found.length === 0) continue
    risks.push(...found.map((risk) => ({ detail: `${kind} ${id}: ${risk}` })))
    for (const author of await authorsOf(call, was.get(name), toBe.get(name))) authors.add(author)
  }
  if (risks.length === 0) return
  if (!allows(call.rank, 'approve'))
    throw new Problem('not_allowed', 'An approver has to publish this: see errors.', { errors: risks })
  if (authors.has(call.who.id))
    throw new Problem(
      'needs_another',
      'You wrote some of this yourself, so an approver who did not has to publish it: see errors.',
      { errors: risks },
    )
  if (!named)
    throw new Problem(
      'invalid',
      'Name what you have looked at, with its versions: `items` of POST …/releases.',
      {
        errors: [...risks, ...changed.map((name) => ({ detail: itemOf(name, toBe) }))],
      },
    )
}

const itemOf = (name: string, toBe: Live): string =>
  JSON.stringify({ ...partsOf(name), version: toBe.get(name)?.version })

/** Of every version since the one that is live: a harmless edit on top does not hide who wrote what is beneath. */
async function authorsOf(
  { tenant }: Publishing,
  was: ConfigVersion | undefined,
  toBe: ConfigVersion | undefined,
) {
  const about = toBe ?? was
  if (about === undefined) return []
  if (toBe === undefined) return []
  const of = { table: tenant.configuration, tenant: tenant.tenant }
  const authors = new Set([toBe.by])
  let after: string | undefined
  const wasOff = (was?.definition as { enabled?: unknown } | undefined)?.enabled === false
  const floor = was === undefined || wasOff || was.version > toBe.version ? 0 : was.version
  do {
    const page = await versionsOf(of, toBe.kind, toBe.id, { after, limit: 100 })
    for (const version of page.versions)
      if (version.version > floor && version.version <= toBe.version) authors.add(version.by)
    after = (page.versions.at(-1)?.version ?? 0) > floor ? page.next : undefined
  } while (after !== undefined)
  return [...authors]
}

const definitionIn = (live: Live, name: string): unknown => live.get(name)?.definition

function liveBefore(was: Live): LiveBefore {
  const hosts = new Set<string>()
  const linkHosts = new Set<string>()
  const reliedOn = new Set<string>()
  for (const { kind, definition } of was.values()) {
    if (kind === 'tool') {
      const tool = definition as ToolDefinition
      if (tool.enabled) hosts.add(hostOf(tool.request.url))
      for (const name of toolsNamedBy(tool)) reliedOn.add(name)
    }
    if (kind === 'user-data-api') hosts.add(hostOf((definition as UserDataApi).url))
    if (kind === 'agent-settings')
      for (const host of (definition as AgentSettings).linkHosts) linkHosts.add(host)
    if (kind === 'article') {
      const { url } = definition as { url?: string }
      if (url !== undefined) linkHosts.add(hostOf(url))
    }
  }
  return { hosts, linkHosts, reliedOn }
}

function toolsNamedBy({ effect, ownership, lookup, parameters }: ToolDefinition): string[] {
  if (effect === 'read') return []
  const places = [
    ...(ownership?.by === 'seen' ? Object.values(ownership.match).flat() : []),
    ...Object.values(parameters.properties).map(({ source }) => source),
  ]
  return [
    ...(ownership?.by === 'check' ? [ownership.tool] : []),
    ...(lookup === undefined ? [] : [lookup.tool]),
    ...places.flatMap((place) => previousOf(place)?.tool ?? []),
  ]
}

/** After a crash before this, the connection is scheduled with the next publish that changes it. */
async function schedule({ tenant, now }: Publishing, there: Live, changed: string[]): Promise<void> {
  for (const name of changed) {
    const version = there.get(name)
    if (version?.kind === 'connection')
      await scheduleReconcile(tenant.conversations, version.definition as ConnectionBase, now)
  }
}
