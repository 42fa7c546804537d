/**
 * Erases a tenant that has switched everything off: its secrets, and every row of both tables whose key begins with its
 * id. Counted before and after. What stays is the row that says so, which keeps the id from being used again, and the
 * job's own row.
 */
import { erasedPk } from '../../../schemas/configuration.ts'
import type { RowCounts } from '../../../schemas/job.ts'
import { liveConnections } from '../configuration.ts'
import { DeskhandError, isCode } from '../errors.ts'
import type { Key } from '../ports.ts'
import { beginStep, type JobWork, saveJob } from './job-lease.ts'
import { addCounts, countRows } from './row-kinds.ts'
import type { JobEnd } from './run-jobs.ts'
import { together } from './together.ts'

/**
 * Nothing that began before is alive after it: a turn ends with its lease (200 s), a process goes by a release that it
 * read 10 s ago at most, and lists of secrets lag five minutes behind.
 * https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html
 */
const quietMs = 6 * 60_000
/** Times that the tenant is gone through before somebody has to look why it is not empty. */
const mostRounds = 5

type TableName = keyof JobWork['keys']

export async function eraseTenant(work: JobWork): Promise<JobEnd> {
  for (;;) {
    const end = await nextStep(work)
    if (end !== 'next') return end
    if (work.isTimeUp()) return { later: 0 }
  }
}

/** Does what the row says is next, as far as time allows. */
async function nextStep(work: JobWork): Promise<JobEnd | 'next'> {
  switch (work.row.step) {
    case undefined:
      await begin(work)
      return 'next'
    case 'quiet':
      return await afterQuiet(work, async () => {
        if ((await connectionsOf(work)).length > 0) return await stop(work)
        const secrets = await work.tenant.secrets.list()
        await beginStep(work, 'count_conversations', { before: countSecrets(secrets) })
      })
    case 'count_conversations':
      return await goThrough(work, 'conversations', 'count_configuration', countBefore)
    case 'count_configuration':
      return await goThrough(work, 'configuration', 'secrets', countBefore)
    case 'secrets':
      await together(await work.tenant.secrets.list(), (name) => work.tenant.secrets.delete(name))
      await beginStep(work, 'erase_conversations')
      return 'next'
    case 'erase_conversations':
      return await goThrough(work, 'conversations', 'erase_configuration', eraseKeys)
    case 'erase_configuration':
      return await goThrough(work, 'configuration', 'settle', eraseKeys)
    case 'settle':
      return await afterQuiet(work, async () => {
        const secrets = await work.tenant.secrets.list()
        await beginStep(work, 'prove_conversations', { after: countSecrets(secrets) })
      })
    case 'prove_conversations':
      return await goThrough(work, 'conversations', 'prove_configuration', countAfter)
    case 'prove_configuration':
      return await goThrough(work, 'configuration', 'proven', countAfter)
    case 'proven':
      return await proven(work)
    default:
      throw new DeskhandError(
        'bad_configuration',
        `the job stands at ${work.row.step}, which this version does not know`,
      )
  }
}

const erasedKey = (tenant: string): Key => ({ pk: erasedPk(tenant), sk: 'tenant' })
const connectionsOf = ({ tenant }: JobWork): Promise<string[]> =>
  liveConnections(tenant.configuration, tenant.tenant)
const countSecrets = ({ length }: readonly string[]): RowCounts => (length === 0 ? {} : { secret: length })

/** From here on nothing is published for this tenant: what was being published shows once it is quiet. */
async function begin(work: JobWork): Promise<void> {
  if ((await connectionsOf(work)).length > 0) return await stop(work)
  const { by, why, sk: job } = work.row
  try {
    await work.tenant.configuration.put(
      'mark_erased',
      { ...erasedKey(work.tenant.tenant), job, by, why, at: work.clock.now() },
      { condition: 'attribute_not_exists(pk)' },
    )
  } catch (error) {
    // A run that was cut off, or another job with the same aim.
    if (!isCode(error, 'condition_failed')) throw error
  }
  await beginStep(work, 'quiet', { waitUntil: work.clock.now() + quietMs })
}

/** Somebody has switched something on: nothing was erased yet, and nothing is. */
async function stop(work: JobWork): Promise<never> {
  try {
    await work.tenant.configuration.delete('unmark_erased', erasedKey(work.tenant.tenant), {
      condition: 'job = :job',
      values: { ':job': work.row.sk },
    })
  } catch (error) {
    if (!isCode(error, 'condition_failed')) throw error
  }
  await saveJob(work, { step: undefined, cursor: undefined, waitUntil: undefined })
  throw new DeskhandError('refused', 'the tenant has a live connection again: publish an empty release first')
}

async function afterQuiet(work: JobWork, then: () => Promise<void>): Promise<JobEnd | 'next'> {
  const left = (work.row.waitUntil ?? 0) - work.clock.now()
  if (left > 0) return { later: left }
  await then()
  return 'next'
}

/** What is done with the tenant's keys on one page, as the fields that say so. */
type OnPage = (
  work: JobWork,
  table: TableName,
  keys: Key[],
) => Promise<{ before?: RowCounts; after?: RowCounts }>

const countBefore: OnPage = async ({ row }, _table, keys) => ({
  before: addCounts(row.before, countRows(keys)),
})
const countAfter: OnPage = async ({ row }, _table, keys) => ({ after: addCounts(row.after, countRows(keys)) })

const eraseKeys: OnPage = async (work, table, keys) => {
  await together(
    keys.filter((key) => !stays(work, key)),
    (key) => work.tenant[table].delete('erase', key),
  )
  return {}
}

/** The proof itself. */
const stays = ({ key, tenant }: JobWork, { pk, sk }: Key): boolean =>
  (pk === key.pk && sk === key.sk) || pk === erasedPk(tenant.tenant)

/** Goes through a whole table, page by page; the page and what came of it are saved in one update. */
async function goThrough(
  work: JobWork,
  table: TableName,
  next: string,
  onPage: OnPage,
): Promise<JobEnd | 'next'> {
  do {
    const page = await work.keys[table].page('keys', `T#${work.tenant.tenant}#`, cursorOf(work))
    const fields = await onPage(work, table, page.keys)
    const done = work.row.done + page.keys.length
    if (page.next === undefined) {
      await beginStep(work, next, {
        ...fields,
        ...(next === 'settle' && { waitUntil: work.clock.now() + quietMs }),
      })
      return 'next'
    }
    await saveJob(work, { ...fields, done, cursor: { pk: page.next.pk, sk: page.next.sk } })
  } while (!work.isTimeUp())
  return { later: 0 }
}

function cursorOf({ row: { cursor } }: JobWork): Key | undefined {
  return cursor?.pk === undefined || cursor.sk === undefined ? undefined : { pk: cursor.pk, sk: cursor.sk }
}

/** Is nothing left but the proof? Else everything once more. */
async function proven(work: JobWork): Promise<JobEnd | 'next'> {
  const { job = 0, erased = 0, ...rest } = work.row.after ?? {}
  if (job === 1 && erased === 1 && Object.keys(rest).length === 0) return 'done'
  if (work.row.rounds >= mostRounds)
    throw new DeskhandError(
      'bad_configuration',
      `after ${mostRounds} rounds there are still rows or secrets: see the counts, find what writes them, restart the job`,
    )
  await beginStep(work, 'secrets', { rounds: work.row.rounds + 1 })
  return 'next'
}
