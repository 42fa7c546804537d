import { Duration, Stack } from 'aws-cdk-lib'
import { Alarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import { Rule, Schedule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import { Construct } from 'constructs'
import { alarmName } from './alarm.ts'
import { DeskhandFunction } from './deskhand-function.ts'
import type { HelpdeskEndpoint } from './helpdesk-endpoint.ts'
import type { Jobs } from './jobs.ts'
import { sweeperMay } from './permissions.ts'
import type { Settings } from './settings.ts'
import type { StorageStack } from './storage-stack.ts'
import { timeouts } from './timeouts.ts'

export interface SweeperProps {
  endpoints: HelpdeskEndpoint[]
  jobs: Jobs
  storage: StorageStack
  queuesKey: IKey
  settings: Settings
}

/** Every minute, rings the tickets and jobs that are due and lost their wake-up. */
export class Sweeper extends Construct {
  readonly sweep: DeskhandFunction

  constructor(scope: Construct, id: string, props: SweeperProps) {
    super(scope, id)
    const { endpoints, jobs, storage, queuesKey, settings } = props
    this.sweep = new DeskhandFunction(this, 'Sweep', {
      path: 'sweeper/sweeper',
      description: 'Deskhand: rings tickets that are due and lost their wake-up',
      timeout: timeouts.sweeper,
      memorySize: settings.sweeperMemory,
      environment: {
        CONVERSATIONS_TABLE: storage.conversations.tableName,
        QUEUE_URLS: Stack.of(this).toJsonString(
          Object.fromEntries([
            ...endpoints.map(({ helpdesk, queue }) => [helpdesk, queue.queueUrl]),
            ['jobs', jobs.queue.queueUrl],
          ]),
        ),
      },
      logRetention: settings.logRetentionDays,
      reservedConcurrency: undefined,
      permissions: sweeperMay(storage, [...endpoints.map(({ queue }) => queue), jobs.queue], queuesKey),
    })
    // Never repeated: the next minute's sweep does the same and knows more.
    this.sweep.handler.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.minutes(1) })
    new Rule(this, 'EveryMinute', {
      description: 'Deskhand: starts the sweeper',
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [
        new LambdaFunction(this.sweep.handler, { retryAttempts: 0, maxEventAge: Duration.minutes(1) }),
      ],
    })
    // "Nothing lost" rests on it, and a sweeper that does not run raises no error.
    new Alarm(this, 'Silent', {
      alarmName: alarmName(this, 'Silent'),
      metric: this.sweep.handler.metricInvocations({ period: Duration.minutes(5), statistic: 'Sum' }),
      threshold: 1,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.BREACHING,
      alarmDescription:
        'The sweeper did not run for 5 minutes: is its rule disabled, or the account out of concurrency?',
    })
  }
}
