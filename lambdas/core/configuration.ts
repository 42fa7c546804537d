import type * as z from 'zod'
import {
  type ConfigKind,
  type ConfigVersion,
  configKey,
  configVersion,
  erasedPk,
  indexPk,
  keyNumber,
  type Release,
  releasePk,
  release as releaseSchema,
} from '../../schemas/configuration.ts'
import { createBoundedCache } from './bounded-cache.ts'
import { DeskhandError, isCode } from './errors.ts'
import type { Key, Row, Table } from './ports.ts'

/** Versions kept in memory for one tenant; they never change, so only their number is bounded. */
const versionsKept = 500

type Schemas = Partial<Record<ConfigKind, z.ZodType>>
/** What one release has of each kind, by id. */
export type Definitions<S extends Schemas> = {
  [K in keyof S]: S[K] extends z.ZodType ? { id: string; definition: z.output<S[K]> }[] : never
}

/** One tenant's published configuration. */
export interface Configuration {
  /** The highest release, as read at most `maxAgeMs` ago; `undefined` for a tenant that has none. */
  live(maxAgeMs: number, now: number): Promise<Release | undefined>
  /** One release, live or not: what a turn that goes on began with. Throws `bad_configuration` where there is none. */
  release(number: number): Promise<Release>
  /**
   * Everything the release has of the kinds that `schemas` names, sorted by id, in one read. Throws
   * `bad_configuration` naming kind, id, version and path where a definition does not fit its schema.
   */
  definitions<S extends Schemas>(release: Release, schemas: S): Promise<Definitions<S>>
  /** One definition, or `undefined` where the release has none of that id. Throws `bad_configuration`. */
  definition<S extends z.ZodType>(
    release: Release,
    kind: ConfigKind,
    id: string,
    schema: S,
  ): Promise<z.output<S> | undefined>
}

export function createConfiguration(table: Pick<Table, 'query' | 'batchGet'>, tenant: string): Configuration {
  const versions = createBoundedCache<ConfigVersion>(versionsKept)
  let newest: { release: Release | undefined; readAt: number } | undefined

  const read = async (wanted: readonly Reference[]): Promise<ConfigVersion[]> => {
    const found = new Map<Reference, ConfigVersion>()
    for (const reference of wanted) {
      const version = versions.get(cacheKey(tenant, reference))
      if (version) found.set(reference, version)
    }
    const missing = wanted.filter((reference) => !found.has(reference))
    const rows = missing.length > 0 ? await table.batchGet('definitions', missing.map(keyOf(tenant))) : []
    for (const reference of missing) {
      const version = parseVersion(rows, tenant, reference)
      versions.set(cacheKey(tenant, reference), version)
      found.set(reference, version)
    }
    return wanted.flatMap((reference) => found.get(reference) ?? [])
  }

  return {
    live: async (maxAgeMs, now) => {
      if (newest === undefined || now - newest.readAt >= maxAgeMs) {
        newest = { release: await newestRelease(table, tenant), readAt: now }
      }
      return newest.release
    },
    release: async (number) => {
      if (newest?.release?.release === number) return newest.release
      const [row] = await table.batchGet('release', [releaseKey(tenant, number)])
      if (row !== undefined) return parseRelease(row, tenant)
      throw new DeskhandError('bad_configuration', `tenant ${tenant} has no release ${number}`)
    },
    definitions: async (release, schemas) => {
      const kinds = Object.keys(schemas) as ConfigKind[]
      const found = await read(referencesIn(release).filter(({ kind }) => kinds.includes(kind)))
      const byKind = kinds.map((kind) => [
        kind,
        found.flatMap((version) => {
          const schema = version.kind === kind ? schemas[kind] : undefined
          return schema ? [{ id: version.id, definition: parseDefinition(version, schema) }] : []
        }),
      ])
      return Object.fromEntries(byKind)
    },
    definition: async (release, kind, id, schema) => {
      const reference = referencesIn(release).filter((one) => one.kind === kind && one.id === id)
      const [version] = await read(reference)
      return version && parseDefinition(version, schema)
    },
  }
}

/**
 * Saves new versions of these definitions and makes them live in one release; what is not named stays as it is, or
 * with `replace` is live no more. Throws `condition_failed` when somebody else published meanwhile, `refused` for an erased tenant. The caller has validated the definitions.
 */
export async function publish(
  table: Pick<Table, 'query' | 'put'>,
  tenant: string,
  definitions: readonly { kind: ConfigKind; id: string; definition: unknown }[],
  by: string,
  why: string,
  now: number,
  { replace = false }: { replace?: boolean } = {},
): Promise<Release> {
  await assertNotErased(table, tenant)
  const before = await newestRelease(table, tenant)
  const live: Release['live'] = replace ? {} : { ...before?.live }
  for (const { kind, id, definition } of definitions) {
    const { pk } = configKey(tenant, kind, id, 0)
    const [last] = await table.query('versions', { pk, descending: true, limit: 1 })
    const version = (last ? Number(last.sk.slice('v#'.length)) : 0) + 1
    const saved: ConfigVersion = { tenant, kind, id, version, definition, by, at: now, why }
    await saveVersion(table, saved)
    live[`${kind}#${id}`] = version
  }
  const next: Release = { tenant, release: (before?.release ?? 0) + 1, live, by, at: now, why }
  await saveRelease(table, next)
  return next
}

/**
 * Stores a version, after its number in the list of its kind: a crash between the two leaves a number ahead of what is
 * stored, never behind it. Throws `condition_failed` when there is this version already: somebody else saved meanwhile.
 */
export async function saveVersion(table: Pick<Table, 'put'>, saved: ConfigVersion): Promise<void> {
  const { tenant, kind, id, version } = saved
  const entry = { pk: indexPk(tenant, kind), sk: id, newest: version }
  const isNewer = {
    condition: 'attribute_not_exists(pk) OR newest < :newest',
    values: { ':newest': version },
  }
  await table.put('index', entry, isNewer).catch((error: unknown) => {
    if (!isCode(error, 'condition_failed')) throw error
  })
  await table.put('version', { ...configKey(tenant, kind, id, version), ...saved }, isNew)
}

/** Makes a release live. Throws `condition_failed` when there is one of this number: somebody else published meanwhile. */
export const saveRelease = (table: Pick<Table, 'put'>, release: Release): Promise<void> =>
  table.put('release', { ...releaseKey(release.tenant, release.release), ...release }, isNew)

/** Throws `refused` for a tenant that was erased, or is being erased: its id is not used again. */
export async function assertNotErased(table: Pick<Table, 'query'>, tenant: string): Promise<void> {
  const rows = await table.query('erased', { pk: erasedPk(tenant), limit: 1 })
  if (rows.length > 0)
    throw new DeskhandError('refused', `tenant ${tenant} was erased: choose another id for a new one`)
}

/** Ids of the connections that the newest release has, switched on or not. */
export async function liveConnections(table: Pick<Table, 'query'>, tenant: string): Promise<string[]> {
  const newest = await newestRelease(table, tenant)
  return newest === undefined
    ? []
    : referencesIn(newest).flatMap(({ kind, id }) => (kind === 'connection' ? [id] : []))
}

const isNew = { condition: 'attribute_not_exists(pk)' }

export interface Reference {
  kind: ConfigKind
  id: string
  version: number
}

/** Sorted: DynamoDB keeps no order in a map, and what is built from this is cached by its bytes. */
function referencesIn(release: Release): Reference[] {
  return Object.entries(release.live)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, version]) => {
      const cut = name.indexOf('#')
      return { kind: name.slice(0, cut) as ConfigKind, id: name.slice(cut + 1), version }
    })
}

const keyOf =
  (tenant: string) =>
  ({ kind, id, version }: Reference): Key =>
    configKey(tenant, kind, id, version)

const cacheKey = (tenant: string, { kind, id, version }: Reference): string =>
  `${tenant}#${kind}#${id}#${version}`

export const releaseKey = (tenant: string, number: number): Key => ({
  pk: releasePk(tenant),
  sk: `r#${keyNumber(number)}`,
})

/** The live release: the highest. */
export async function newestRelease(
  table: Pick<Table, 'query'>,
  tenant: string,
): Promise<Release | undefined> {
  const [row] = await table.query('release', { pk: releasePk(tenant), descending: true, limit: 1 })
  return row && parseRelease(row, tenant)
}

export function parseRelease(row: Row, tenant: string): Release {
  const parsed = releaseSchema.safeParse(row)
  if (parsed.success && parsed.data.tenant === tenant) return parsed.data
  throw bad(`release ${row.sk} of tenant ${tenant}`, parsed.error)
}

export function parseVersion(rows: readonly Row[], tenant: string, reference: Reference): ConfigVersion {
  const { pk, sk } = keyOf(tenant)(reference)
  const row = rows.find((one) => one.pk === pk && one.sk === sk)
  const what = nameOf(reference)
  if (row === undefined) throw new DeskhandError('bad_configuration', `${what} is released but not stored`)
  const parsed = configVersion.safeParse(row)
  if (parsed.success && parsed.data.tenant === tenant) return parsed.data
  throw bad(what, parsed.error)
}

function parseDefinition<S extends z.ZodType>(version: ConfigVersion, schema: S): z.output<S> {
  const parsed = schema.safeParse(version.definition)
  if (parsed.success) return parsed.data
  throw bad(nameOf(version), parsed.error)
}

const nameOf = ({ kind, id, version }: Reference): string => `${kind} ${id} version ${version}`

/** Names the place and what is expected there, never the value that stands there. */
function bad(what: string, error: z.ZodError | undefined): DeskhandError {
  const issue = error?.issues[0]
  const where = issue === undefined ? 'its tenant' : `${issue.path.join('.') || 'the top'}: ${issue.message}`
  return new DeskhandError('bad_configuration', `${what} does not parse at ${where}`)
}
