/**
 * Exports a tenant's configuration: every release, and every version of what was ever released, with who, when and why.
 * Secrets are stored apart and named by it only.
 */
import { type ConfigKind, configKey, release, releasePk } from '../../../schemas/configuration.ts'
import type { Row } from '../ports.ts'
import { pagesUntil, writePages } from './export-pages.ts'
import { beginStep, type JobWork, saveJob } from './job-lease.ts'
import type { JobEnd } from './run-jobs.ts'

export async function exportTenant(work: JobWork): Promise<JobEnd> {
  const { configuration, tenant } = work.tenant
  const releases = await configuration.query('releases', { pk: releasePk(tenant) })
  if (work.row.step === undefined) {
    await beginStep(work, 'releases', { pagesUntil: pagesUntil(work) })
  }
  if (work.row.step === 'releases') {
    const pages = await writePages(
      work,
      releases.map((row) => ({ record: 'release', ...withoutKey(row) })),
    )
    await beginStep(work, 'versions', { pages })
  }
  for (const name of namesIn(releases)) {
    if (name <= (work.row.cursor?.after ?? '')) continue
    const cut = name.indexOf('#')
    const { pk } = configKey(tenant, name.slice(0, cut) as ConfigKind, name.slice(cut + 1), 1)
    const versions = await configuration.query('versions', { pk })
    const pages = await writePages(
      work,
      versions.map((row) => ({ record: 'version', ...withoutKey(row) })),
    )
    await saveJob(work, { pages, cursor: { after: name }, done: work.row.done + 1 })
    if (work.isTimeUp()) return { later: 0 }
  }
  return 'done'
}

/** `<kind>#<id>` of everything that any release has, sorted. */
const namesIn = (releases: readonly Row[]): string[] =>
  [...new Set(releases.flatMap((row) => Object.keys(release.parse(row).live)))].sort()

const withoutKey = ({ pk: _, sk: __, ...rest }: Row): object => rest
