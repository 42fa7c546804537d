/** One worker at a time has a job: by a lease with a fence, as with a ticket. Every write here is under it. */
import { type JobCall, type JobRow, jobRow } from '../../../schemas/job.ts'
import { DeskhandError, isCode } from '../errors.ts'
import type { Clock, JobsRuntime, JobTenant, Key, Log, Table } from '../ports.ts'
import { jobKey } from './job-key.ts'

/** Longer than the function may run (180 s): who claims after it knows that the holder is dead. */
export const jobLeaseMs = 200_000

/** A job under way. */
export interface JobWork {
  tenant: JobTenant
  keys: JobsRuntime['keys']
  clock: Clock
  log: Log
  key: Key
  row: JobRow
  /** Nothing long is begun any more: the next run goes on. */
  isTimeUp(): boolean
}

/** Claims a job that is due and held by nobody. */
export async function claimJob(
  table: Table,
  { tenant, job }: JobCall,
  now: number,
): Promise<{ key: Key; row: JobRow } | undefined> {
  const key = jobKey(tenant, job)
  try {
    const row = await table.update('claim_job', key, {
      update:
        'SET leaseUntil = :until, dueAt = :until, #state = :running, #fence = if_not_exists(#fence, :zero) + :one',
      condition: 'attribute_exists(due) AND (attribute_not_exists(leaseUntil) OR leaseUntil <= :now)',
      names: { '#state': 'state', '#fence': 'fence' },
      values: { ':until': now + jobLeaseMs, ':now': now, ':running': 'running', ':zero': 0, ':one': 1 },
    })
    return { key, row: jobRow.parse(row) }
  } catch (error) {
    if (isCode(error, 'condition_failed')) return undefined
    throw error
  }
}

/** What a job may write of its own row; `undefined` removes it. */
type Fields = Partial<Omit<JobRow, 'pk' | 'sk' | 'kind' | 'by' | 'at' | 'why' | 'customer' | 'fence'>> & {
  due?: undefined
  dueAt?: number | undefined
  expiresAt?: number
  /** A failure that no restart mends. */
  givenUp?: boolean
}

/** Writes to the job's row on condition that it is still ours. */
export async function saveJob(work: Pick<JobWork, 'tenant' | 'key' | 'row'>, fields: Fields): Promise<void> {
  const entries = Object.entries(fields)
  const set = entries.filter(([, value]) => value !== undefined)
  const removed = entries.filter(([, value]) => value === undefined)
  const clause = (word: string, parts: string[]) =>
    parts.length === 0 ? [] : [`${word} ${parts.join(', ')}`]
  try {
    const row = await work.tenant.conversations.update('save_job', work.key, {
      update: [
        ...clause(
          'SET',
          set.map(([name]) => `#${name} = :${name}`),
        ),
        ...clause(
          'REMOVE',
          removed.map(([name]) => `#${name}`),
        ),
      ].join(' '),
      condition: '#fence = :mine',
      names: { '#fence': 'fence', ...Object.fromEntries(entries.map(([name]) => [`#${name}`, name])) },
      values: {
        ':mine': work.row.fence,
        ...Object.fromEntries(set.map(([name, value]) => [`:${name}`, value])),
      },
    })
    work.row = jobRow.parse(row)
  } catch (error) {
    if (!isCode(error, 'condition_failed')) throw error
    throw new DeskhandError('lease_lost', 'another worker has this job, or it was stopped', { cause: error })
  }
}

/** Goes on with another step, from its beginning. */
export const beginStep = async (work: JobWork, step: string, fields: Fields = {}): Promise<void> =>
  await saveJob(work, { step, cursor: undefined, waitUntil: undefined, done: 0, waiting: 0, ...fields })
