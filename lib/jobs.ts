import { Duration, Validations } from 'aws-cdk-lib'
import { ArnPrincipal, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import { alarmAbove } from './alarm.ts'
import { DeskhandFunction } from './deskhand-function.ts'
import { jobsMay, secretFinding, tenantJobsMay, tenantSecrets } from './permissions.ts'
import type { Settings } from './settings.ts'
import type { StorageStack } from './storage-stack.ts'
import { oneTenant } from './tenant-role.ts'
import { timeouts } from './timeouts.ts'

export interface JobsProps {
  storage: StorageStack
  queuesKey: IKey
  settings: Settings
}

/**
 * Exports and erases what is stored, in the background: queue, dead-letter queue, function, and a role of its own that
 * it assumes for each tenant. That one may delete, which the role of `answer` may not.
 */
export class Jobs extends Construct {
  readonly queue: Queue
  readonly work: DeskhandFunction

  constructor(scope: Construct, id: string, props: JobsProps) {
    super(scope, id)
    const { storage, queuesKey, settings } = props
    const deadLetters = new Queue(this, 'DeadLetters', {
      retentionPeriod: Duration.days(14),
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: queuesKey,
      enforceSSL: true,
    })
    this.queue = new Queue(this, 'Queue', {
      visibilityTimeout: timeouts.visibility,
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: queuesKey,
      enforceSSL: true,
      deadLetterQueue: { queue: deadLetters, maxReceiveCount: 5 },
    })
    this.work = new DeskhandFunction(this, 'Work', {
      path: 'jobs/jobs',
      description: 'Deskhand: exports and erases what is stored of a customer or a tenant',
      timeout: timeouts.jobs,
      memorySize: settings.jobsMemory,
      environment: {
        CONVERSATIONS_TABLE: storage.conversations.tableName,
        CONFIGURATION_TABLE: storage.configuration.tableName,
        QUEUE_URL: this.queue.queueUrl,
        CONTENT_KEY_ID: storage.contentKey.keyArn,
      },
      logRetention: settings.logRetentionDays,
      reservedConcurrency: undefined,
      wakesItself: true,
      permissions: jobsMay(storage, this.queue, queuesKey),
    })
    // Two is the least that an event source takes; the lease of a job keeps each to one worker.
    this.work.handler.addEventSource(
      new SqsEventSource(this.queue, { batchSize: 1, maxConcurrency: 2, reportBatchItemFailures: true }),
    )

    const role = new Role(this, 'Tenant', {
      description: 'Deskhand: one tenant, to export or erase, by session tag',
      assumedBy: new ArnPrincipal(this.work.role.roleArn).withConditions(oneTenant).withSessionTags(),
    })
    for (const statement of tenantJobsMay(storage)) role.addToPolicy(statement)
    Validations.of(role.node.findChild('DefaultPolicy')).acknowledge({
      id: secretFinding(tenantSecrets),
      reason: 'Admins make secrets at run time: the path holds it to the tenant of the session.',
    })
    this.work.role.addToPolicy(
      new PolicyStatement({ actions: ['sts:AssumeRole', 'sts:TagSession'], resources: [role.roleArn] }),
    )
    this.work.handler.addEnvironment('TENANT_ROLE_ARN', role.roleArn)

    alarmAbove(
      this,
      'DeadLettersWaiting',
      deadLetters.metricApproximateNumberOfMessagesVisible(),
      0,
      'A job could not be claimed, five times: read the log of jobs, mend the cause, redrive the queue.',
    )
    alarmAbove(
      this,
      'QueueOld',
      this.queue.metricApproximateAgeOfOldestMessage(),
      Duration.hours(1).toSeconds(),
      'A job waits for over an hour to be gone on with: look for throttling, or for errors of jobs.',
    )
  }
}
