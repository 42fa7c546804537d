import { cloudJobsRuntime } from '../core/aws/jobs-runtime.ts'
import { createJobs } from '../core/jobs/run-jobs.ts'

export const handler = createJobs(cloudJobsRuntime())
