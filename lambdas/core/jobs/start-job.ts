/** Jobs as the admin API knows them: started, listed, read, tried again. */
import { type JobCall, type JobKind, type JobRow, jobKind, jobRow } from '../../../schemas/job.ts'
import { assertNotErased, liveConnections } from '../configuration.ts'
import { hashAddress } from '../consent/grant.ts'
import { DeskhandError, isCode } from '../errors.ts'
import { emailAddress } from '../identify.ts'
import type { Clock, Log, Queue, Random, Row, Table, Vault } from '../ports.ts'
import { dueShard } from '../ticket-key.ts'
import { jobKey, jobsPk } from './job-key.ts'

const minute = 60_000
/** A job whose wake-up is lost is found by the sweeper after this time. */
export const wakeUpLostAfterMs = minute
const longestWhy = 500

/** One tenant's jobs, on rights that admit no other tenant. */
export interface JobContext {
  tenant: string
  conversations: Pick<Table, 'get' | 'put' | 'query' | 'update'>
  configuration: Pick<Table, 'query'>
  vault: Vault
  /** The queue `jobs`. */
  queue: Queue
  clock: Clock
  random: Random
  log: Log
}

/** A job as an admin sees it: no address, and nothing of the leases. */
export interface Job
  extends Pick<
    JobRow,
    'kind' | 'state' | 'by' | 'at' | 'why' | 'step' | 'done' | 'waiting' | 'before' | 'after'
  > {
  id: string
  /** HMAC of the customer's address. */
  customer: string | undefined
  endedAt: number | undefined
  /** Pages that `readExport` has, and until when, ms. */
  pages: number
  pagesUntil: number | undefined
  error: JobRow['error']
}

/**
 * Starts a job of the tenant. Who may is the caller's to check; `by` and `why` are kept. `email` is for a job about a
 * customer: it is sealed, and gone when the job ends. Throws `refused` with what to change, or `unavailable`.
 */
export async function startJob(
  context: JobContext,
  about: { kind: JobKind; by: string; why: string; email?: string },
): Promise<{ id: string }> {
  const { tenant, conversations, clock, random } = context
  const address = checked(about)
  await assertNotErased(context.configuration, tenant)
  if (about.kind === 'erase-tenant') await assertSwitchedOff(context.configuration, tenant)
  const at = clock.now()
  const id = `${String(at).padStart(13, '0')}-${random(16).toString('base64url')}`
  const key = jobKey(tenant, id)
  await conversations.put(
    'start_job',
    {
      ...key,
      kind: about.kind,
      state: 'queued',
      by: about.by,
      why: about.why,
      at,
      ...(address === undefined
        ? {}
        : {
            customer: await hashAddress(context.vault, address),
            address: await context.vault.seal({ ...key, field: 'address' }, address),
          }),
      due: dueShard(key.pk),
      dueAt: at + wakeUpLostAfterMs,
    },
    { condition: 'attribute_not_exists(pk)' },
  )
  await wake(context, { tenant, job: id })
  return { id }
}

/** Throws `refused` where there is nothing to go by. Answers the address in lower case. */
function checked(about: { kind: JobKind; by: string; why: string; email?: string }): string | undefined {
  if (!jobKind.safeParse(about.kind).success) throw refused('kind: no such job')
  if (about.by === '') throw refused('by: say who asks for it')
  if (about.why.trim() === '' || about.why.length > longestWhy)
    throw refused(`why: give a reason of 1 to ${longestWhy} characters, for example a ticket number`)
  const isAboutCustomer = about.kind === 'export-customer' || about.kind === 'erase-customer'
  if (!isAboutCustomer) {
    if (about.email !== undefined) throw refused('email: leave it out, this job is about the whole tenant')
    return undefined
  }
  const address = emailAddress(about.email)
  if (address === undefined) throw refused('email: give one plain address, for example zoe@example.com')
  if (about.why.toLowerCase().includes(address))
    throw refused('why: leave the address out, the reason is kept when the customer is erased')
  return address
}

/** Nothing of a tenant may be at work when it is erased. */
export async function assertSwitchedOff(table: Pick<Table, 'query'>, tenant: string): Promise<void> {
  const live = await liveConnections(table, tenant)
  if (live.length > 0)
    throw refused(`the tenant has ${live.length} live connection(s): publish an empty release first`)
}

/** All jobs of the tenant, newest first. */
export async function listJobs({
  tenant,
  conversations,
}: Pick<JobContext, 'tenant' | 'conversations'>): Promise<Job[]> {
  const rows = await conversations.query('jobs', { pk: jobsPk(tenant), descending: true })
  return rows.map((row) => jobOf(row))
}

/** `undefined` where the tenant has no such job. */
export async function readJob(
  { tenant, conversations }: Pick<JobContext, 'tenant' | 'conversations'>,
  id: string,
): Promise<Job | undefined> {
  const row = await conversations.get('job', jobKey(tenant, id))
  return row === undefined ? undefined : jobOf(row)
}

/** Lets a job that failed go on from where it stood, once its cause is mended. False when it has not failed. */
export async function restartJob(context: JobContext, id: string): Promise<boolean> {
  const { tenant, conversations, clock } = context
  const key = jobKey(tenant, id)
  try {
    await conversations.update('restart_job', key, {
      update:
        'SET #state = :queued, attempts = :zero, due = :shard, dueAt = :dueAt REMOVE #error, leaseUntil, expiresAt',
      condition: '#state = :failed AND attribute_not_exists(givenUp)',
      names: { '#state': 'state', '#error': 'error' },
      values: {
        ':queued': 'queued',
        ':failed': 'failed',
        ':zero': 0,
        ':shard': dueShard(key.pk),
        ':dueAt': clock.now() + wakeUpLostAfterMs,
      },
    })
  } catch (error) {
    if (isCode(error, 'condition_failed')) return false
    throw error
  }
  await wake(context, { tenant, job: id })
  return true
}

/** Without a wake-up the sweeper finds the job: its row says that it is due. */
async function wake({ queue, log }: Pick<JobContext, 'queue' | 'log'>, call: JobCall): Promise<void> {
  try {
    await queue.send(call, 0)
  } catch (error) {
    log.warn('wake_up_failed', {
      tenant: call.tenant,
      errorName: error instanceof Error ? error.name : 'unknown',
    })
  }
}

function jobOf(row: Row): Job {
  const { sk, kind, state, by, at, why, step, done, waiting, before, after, ...rest } = jobRow.parse(row)
  const { customer, endedAt, pages, pagesUntil, error } = rest
  const told = { kind, state, by, at, why, step, done, waiting, before, after }
  return { id: sk, ...told, customer, endedAt, pages, pagesUntil, error }
}

const refused = (message: string): DeskhandError => new DeskhandError('refused', message)
