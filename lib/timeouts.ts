import { Duration } from 'aws-cdk-lib'

/**
 * How long things may take. They fit each other: API Gateway waits longer for `receive` and the admin API than they run (30 s), a
 * ticket's lease (200 s, `lambdas/core/lease.ts`) outlives `answer`, and a message stays invisible for six times
 * the run of `answer`, as AWS asks of queues that feed a function.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
export const timeouts = {
  receive: Duration.seconds(10),
  answer: Duration.seconds(180),
  publicKeys: Duration.seconds(10),
  sweeper: Duration.seconds(50),
  /** It waits for helpdesks and a tenant's APIs, so it has all the time that API Gateway gives. */
  admin: Duration.seconds(29),
  /** As long as `answer`: a job's lease (200 s, `lambdas/core/jobs/job-lease.ts`) outlives it too. */
  jobs: Duration.seconds(180),
  visibility: Duration.minutes(18),
} as const
