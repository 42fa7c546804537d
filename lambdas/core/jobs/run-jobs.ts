/** The worker of jobs: claims one, works on it for as long as the function runs, and sends itself on until it is done. */
import middy from '@middy/core'
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda'
import { type JobCall, type JobKind, jobCall } from '../../../schemas/job.ts'
import { DeskhandError } from '../errors.ts'
import { parseJson } from '../parse-json.ts'
import type { JobsRuntime } from '../ports.ts'
import { eraseCustomer } from './erase-customer.ts'
import { eraseTenant } from './erase-tenant.ts'
import { exportCustomer } from './export-customer.ts'
import { exportTenant } from './export-tenant.ts'
import { claimJob, type JobWork, saveJob } from './job-lease.ts'

const second = 1000
const minute = 60 * second
/** Kept of the function's time: the longest that one ticket or one page of keys takes. */
const reserveMs = 40 * second
/** Waits for what is under way: after so many looks the time between them grows no more. */
const waitsMs = [15 * second, minute, 5 * minute, 15 * minute] as const
/** An outage is waited out for about half a day. */
const maxAttempts = 50
/** Who asked for it may be asked about it this long: claims lapse after three years in many countries. */
const auditDays = 1_100
const day = 24 * 60 * minute

/** A job is done, or goes on later: at once, after a wait of its own, or when what is under way has ended. */
export type JobEnd = 'done' | { later: number } | { later: 'under_way' }

const steps: Record<JobKind, (work: JobWork) => Promise<JobEnd>> = {
  'export-customer': exportCustomer,
  'erase-customer': eraseCustomer,
  'export-tenant': exportTenant,
  'erase-tenant': eraseTenant,
}

/** Makes the Lambda handler of `jobs`. What cannot be parsed or claimed goes back to the queue. */
export function createJobs(runtime: JobsRuntime) {
  return middy<SQSEvent, SQSBatchResponse>({ timeoutEarlyInMillis: 0 }).handler(
    async (event, context: Context) => {
      const batchItemFailures: { itemIdentifier: string }[] = []
      for (const record of event.Records) {
        const body = parseJson(Buffer.from(record.body))
        const call = jobCall.safeParse(body.ok ? body.value : undefined)
        if (call.success) {
          await runJob(
            runtime,
            call.data,
            runtime.clock.now() + context.getRemainingTimeInMillis() - reserveMs,
          )
          continue
        }
        runtime.log.alarm('wake_up_unreadable', { requestId: record.messageId })
        batchItemFailures.push({ itemIdentifier: record.messageId })
      }
      return { batchItemFailures }
    },
  )
}

/**
 * One run of a job, until `deadline` (ms): from where the last one stood, however that ended. Nothing happens where it
 * is not due or another worker has it. Throws only when it cannot be claimed.
 */
export async function runJob(runtime: JobsRuntime, call: JobCall, deadline: number): Promise<void> {
  const { clock } = runtime
  const log = runtime.log.with({ tenant: call.tenant, requestId: call.job })
  const tenant = await runtime.forTenant(call.tenant)
  const started = clock.now()
  const claimed = await claimJob(tenant.conversations, call, started)
  if (claimed === undefined) return log.info('wake_up_dropped', { code: 'not_due' })
  const isTimeUp = () => clock.now() >= deadline
  const work: JobWork = { tenant, keys: runtime.keys, clock, log, isTimeUp, ...claimed }
  try {
    const end = await steps[work.row.kind](work)
    if (end === 'done') await endJob(work)
    else await goOnLater(runtime, work, call, end)
    log.info('job_ran', {
      code: work.row.kind,
      cause: work.row.state,
      step: work.row.done,
      ms: clock.now() - started,
    })
  } catch (error) {
    await endFailed(runtime, work, call, error)
  }
}

async function goOnLater(
  runtime: JobsRuntime,
  work: JobWork,
  call: JobCall,
  end: Exclude<JobEnd, 'done'>,
): Promise<void> {
  const isWaiting = end.later === 'under_way'
  const waits = isWaiting ? work.row.waits + 1 : 0
  const ms = end.later === 'under_way' ? (waitsMs[work.row.waits] ?? 15 * minute) : end.later
  await saveJob(work, { dueAt: work.clock.now() + ms, leaseUntil: undefined, attempts: 0, waits })
  await wakeLater(runtime, call, ms)
}

async function endJob(work: JobWork): Promise<void> {
  const now = work.clock.now()
  await saveJob(work, {
    state: 'done',
    endedAt: now,
    due: undefined,
    dueAt: undefined,
    leaseUntil: undefined,
    address: undefined,
    cursor: undefined,
    waitUntil: undefined,
    expiresAt: expiryOf(now),
  })
  work.log.info('job_done', { code: work.row.kind })
}

/** What may pass by itself is tried again; anything else, and an outage without end, is an operator's. */
async function endFailed(runtime: JobsRuntime, work: JobWork, call: JobCall, error: unknown): Promise<void> {
  const known = error instanceof DeskhandError ? error : undefined
  const fields = {
    code: known?.code ?? 'unexpected',
    errorName: error instanceof Error ? error.name : 'unknown',
    ...(known === undefined ? {} : { errorMessage: known.message }),
  }
  if (known?.code === 'lease_lost') return work.log.warn('lease_lost', fields)
  const attempts = work.row.attempts + 1
  const now = work.clock.now()
  try {
    if (known?.transient === true && attempts < maxAttempts) {
      work.log.warn('job_failed', { ...fields, attempt: attempts })
      const ms = waitsMs[Math.min(attempts, waitsMs.length) - 1] ?? minute
      await saveJob(work, { dueAt: now + ms, leaseUntil: undefined, attempts })
      return await wakeLater(runtime, call, ms)
    }
    work.log.alarm('job_failed', fields)
    const message =
      known?.message ?? 'it ended unexpectedly: read the log of jobs, mend the cause, restart the job'
    await saveJob(work, {
      state: 'failed',
      endedAt: now,
      error: { code: fields.code, message },
      due: undefined,
      dueAt: undefined,
      leaseUntil: undefined,
      expiresAt: expiryOf(now),
    })
  } catch (problem) {
    // Found again by the end of the lease.
    work.log.warn('job_not_saved', { errorName: problem instanceof Error ? problem.name : 'unknown' })
  }
}

const expiryOf = (now: number): number => Math.floor((now + auditDays * day) / second)

/** Lost, the sweeper wakes the job. */
async function wakeLater({ queue, log }: JobsRuntime, call: JobCall, ms: number): Promise<void> {
  try {
    await queue.send(call, Math.ceil(ms / second))
  } catch (error) {
    log.warn('wake_up_failed', {
      tenant: call.tenant,
      errorName: error instanceof Error ? error.name : 'unknown',
    })
  }
}
