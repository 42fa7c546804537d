import { type JobCall, jobId } from '../../../schemas/job.ts'
import { tenantId } from '../../../schemas/names.ts'
import type { Key } from '../ports.ts'

/** Partition of a tenant's jobs, so that one query lists them. */
export const jobsPk = (tenant: string): string => `T#${tenant}#job`
export const jobKey = (tenant: string, job: string): Key => ({ pk: jobsPk(tenant), sk: job })

/** The job of a key made by `jobKey`; `undefined` for any other. */
export function parseJobKey({ pk, sk }: Key): JobCall | undefined {
  const tenant = tenantId.safeParse(pk.split('#')[1])
  const job = jobId.safeParse(sk)
  if (!tenant.success || !job.success || jobsPk(tenant.data) !== pk) return undefined
  return { tenant: tenant.data, job: job.data }
}

/** Partition of what a job exported. */
export const pagesPk = (tenant: string, job: string): string => `T#${tenant}#export#${job}`
