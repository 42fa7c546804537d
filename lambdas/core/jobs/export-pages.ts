/** What a job exports: lines of JSON on sealed pages that expire, because nothing else here may keep a file. */
import { jobRow } from '../../../schemas/job.ts'
import type { Key, Table, Vault } from '../ports.ts'
import { jobKey, pagesPk } from './job-key.ts'
import type { JobWork } from './job-lease.ts'

const day = 24 * 60 * 60 * 1000
/** An export is kept this long after its first page. */
const keptDays = 7
/** A page is full beyond this; DynamoDB takes rows of 400 KB. */
const pageBytes = 150_000

const pageKey = (tenant: string, job: string, page: number): Key => ({
  pk: pagesPk(tenant, job),
  sk: `page#${String(page).padStart(6, '0')}`,
})

/** Until when the pages of a job are kept, ms. */
export const pagesUntil = ({ row, clock }: JobWork): number => row.pagesUntil ?? clock.now() + keptDays * day

/**
 * Writes the records after the pages that the job's row counts, and answers how many there are then. The caller saves
 * that with how far it came: cut off before, the same pages are written again.
 */
export async function writePages(work: JobWork, records: readonly object[]): Promise<number> {
  const { tenant, row } = work
  const expiresAt = Math.floor(pagesUntil(work) / 1000)
  let { pages } = row
  for (const text of pagesOf(records)) {
    const key = pageKey(tenant.tenant, row.sk, ++pages)
    const sealed = await tenant.vault.seal({ ...key, field: 'page' }, text)
    await tenant.conversations.put('page', { ...key, page: sealed, expiresAt })
  }
  return pages
}

/** Whole lines, as many as fit. */
function pagesOf(records: readonly object[]): string[] {
  const pages: string[] = []
  let page = ''
  for (const record of records) {
    const line = `${JSON.stringify(record)}\n`
    if (page !== '' && Buffer.byteLength(page) + Buffer.byteLength(line) > pageBytes) {
      pages.push(page)
      page = ''
    }
    page += line
  }
  return page === '' ? pages : [...pages, page]
}

/** One page of an export, by its number from 1. */
export interface ExportPage {
  page: number
  pages: number
  /** ms */
  until: number
  /** One JSON object on each line. */
  text: string
}

/**
 * A page of a job that is done. `undefined` where there is none, or none any more. Who may read it is the caller's to
 * check. Throws `unavailable` or `bad_configuration`.
 */
export async function readExport(
  context: {
    tenant: string
    conversations: Pick<Table, 'get'>
    vault: Pick<Vault, 'open'>
    clock: { now(): number }
  },
  job: string,
  page: number,
): Promise<ExportPage | undefined> {
  const { tenant, conversations, vault, clock } = context
  const row = jobRow.optional().parse(await conversations.get('job', jobKey(tenant, job)))
  if (row?.state !== 'done' || row.pagesUntil === undefined || row.pagesUntil <= clock.now()) return undefined
  if (!Number.isInteger(page) || page < 1 || page > row.pages) return undefined
  const key = pageKey(tenant, job, page)
  const stored = await conversations.get('page', key)
  if (!(stored?.page instanceof Uint8Array)) return undefined
  const text = await vault.open({ ...key, field: 'page' }, stored.page)
  return { page, pages: row.pages, until: row.pagesUntil, text }
}
