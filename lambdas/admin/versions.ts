/** Every version of what a tenant configures: the newest is the draft, what a release names is live. */
import {
  type ConfigKind,
  type ConfigVersion,
  configKey,
  configVersion,
  indexPk,
  type Release,
  releasePk,
} from '../../schemas/configuration.ts'
import { parseRelease, releaseKey } from '../core/configuration.ts'
import { DeskhandError } from '../core/errors.ts'
import type { Row, Table } from '../core/ports.ts'

type Reading = Pick<Table, 'query' | 'batchGet' | 'get'>
export interface Of {
  table: Reading
  tenant: string
}

/** The newest version, a deletion too; `undefined` where it was never saved. */
export async function newestVersion({ table, tenant }: Of, kind: ConfigKind, id: string) {
  const { pk } = configKey(tenant, kind, id, 0)
  const [row] = await table.query('versions', { pk, skPrefix: 'v#', descending: true, limit: 1 })
  return row === undefined ? undefined : parse(row, tenant)
}

export async function versionAt({ table, tenant }: Of, kind: ConfigKind, id: string, version: number) {
  const row = await table.get('version', configKey(tenant, kind, id, version))
  return row === undefined ? undefined : parse(row, tenant)
}

/** A page of versions, newest first. */
export async function versionsOf(
  { table, tenant }: Of,
  kind: ConfigKind,
  id: string,
  page: { after?: string | undefined; limit: number },
): Promise<{ versions: ConfigVersion[]; next?: string }> {
  const { pk } = configKey(tenant, kind, id, 0)
  const rows = await table.query('versions', { pk, skPrefix: 'v#', descending: true, ...pageOf(page) })
  return { versions: rows.slice(0, page.limit).map((row) => parse(row, tenant)), ...nextOf(rows, page.limit) }
}

/** A page of what there is of one kind, each in its newest version, by id; what was deleted is left out. */
export async function newestOf(
  of: Of,
  kind: ConfigKind,
  page: { after?: string | undefined; limit: number },
): Promise<{ versions: ConfigVersion[]; next?: string }> {
  const rows = await of.table.query('index', { pk: indexPk(of.tenant, kind), ...pageOf(page) })
  const wanted = rows.slice(0, page.limit)
  const keys = wanted.map(({ sk, newest }) => configKey(of.tenant, kind, sk, Number(newest)))
  const found = keys.length === 0 ? [] : await of.table.batchGet('definitions', keys)
  const byPk = new Map(found.map((row) => [row.pk, parse(row, of.tenant)]))
  const versions: ConfigVersion[] = []
  for (const { sk } of wanted) {
    // A number ahead of what is stored: somebody is saving, or was cut off.
    const version = byPk.get(configKey(of.tenant, kind, sk, 0).pk) ?? (await newestVersion(of, kind, sk))
    if (version !== undefined && !version.deleted) versions.push(version)
  }
  return { versions, ...nextOf(rows, page.limit) }
}

/** Everything of one kind, each in its newest version. */
export async function allNewestOf(of: Of, kind: ConfigKind): Promise<ConfigVersion[]> {
  const versions: ConfigVersion[] = []
  let after: string | undefined
  do {
    const page = await newestOf(of, kind, { after, limit: 100 })
    versions.push(...page.versions)
    after = page.next
  } while (after !== undefined)
  return versions
}

export async function releaseAt({ table, tenant }: Of, number: number): Promise<Release | undefined> {
  const row = await table.get('release', releaseKey(tenant, number))
  return row === undefined ? undefined : parseRelease(row, tenant)
}

/** A page of releases, newest first. */
export async function releasesOf(
  { table, tenant }: Of,
  page: { after?: string | undefined; limit: number },
): Promise<{ releases: Release[]; next?: string }> {
  const rows = await table.query('releases', { pk: releasePk(tenant), descending: true, ...pageOf(page) })
  return {
    releases: rows.slice(0, page.limit).map((row) => parseRelease(row, tenant)),
    ...nextOf(rows, page.limit),
  }
}

/** One more than the page: whether there is another is known without asking again. */
export const pageOf = ({ after, limit }: { after?: string | undefined; limit: number }) => ({
  ...(after === undefined ? {} : { after }),
  limit: limit + 1,
})

/** The sort key that the next page begins after. */
export function nextOf(rows: readonly Row[], limit: number): { next?: string } {
  const last = rows[limit - 1]
  return rows.length > limit && last !== undefined ? { next: last.sk } : {}
}

function parse(row: Row, tenant: string): ConfigVersion {
  const parsed = configVersion.safeParse(row)
  if (parsed.success && parsed.data.tenant === tenant) return parsed.data
  throw new DeskhandError(
    'bad_configuration',
    `${row.pk} ${row.sk} is not in a format that this version reads`,
  )
}
