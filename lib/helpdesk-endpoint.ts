import { Duration, Validations } from 'aws-cdk-lib'
import { HttpMethod, PayloadFormatVersion } from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import { MathExpression, type Metric } from 'aws-cdk-lib/aws-cloudwatch'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import type { HelpdeskName } from '../schemas/names.ts'
import { alarmAbove } from './alarm.ts'
import { acknowledgeClaude, claudeVariables } from './claude-access.ts'
import { DeskhandFunction } from './deskhand-function.ts'
import { answerMeasures, logLines, receiveMeasures } from './log-lines.ts'
import { answerMay, inboundSecrets, receiveMay, secretFinding } from './permissions.ts'
import type { Settings } from './settings.ts'
import type { Network } from './static-egress.ts'
import type { StorageStack } from './storage-stack.ts'
import { timeouts } from './timeouts.ts'
import type { WebhookApi } from './webhook-api.ts'

export interface HelpdeskEndpointProps {
  helpdesk: HelpdeskName
  webhooks: WebhookApi
  storage: StorageStack
  queuesKey: IKey
  settings: Settings
  /** Where `answer` calls out from. */
  network?: Network | undefined
}

/** One helpdesk's way in, and the turns that follow from it: route, `receive`, queue, dead-letter queue, `answer`, alarms. */
export class HelpdeskEndpoint extends Construct {
  readonly helpdesk: HelpdeskName
  readonly receive: DeskhandFunction
  readonly answer: DeskhandFunction
  readonly queue: Queue
  readonly deadLetters: Queue
  /** What the dashboard shows besides the functions' own metrics, for this helpdesk as a whole. */
  readonly metrics: Record<'refused' | 'turns' | 'turnsFailed' | 'age' | 'waiting' | 'deadLetters', Metric>

  constructor(scope: Construct, id: string, props: HelpdeskEndpointProps) {
    super(scope, id)
    const { helpdesk, webhooks, storage, queuesKey, settings } = props
    this.helpdesk = helpdesk

    this.deadLetters = new Queue(this, 'DeadLetters', {
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
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: 5 },
    })

    const environment = {
      CONVERSATIONS_TABLE: storage.conversations.tableName,
      CONFIGURATION_TABLE: storage.configuration.tableName,
      QUEUE_URL: this.queue.queueUrl,
      PUBLIC_URL: webhooks.publicUrl,
    }
    this.receive = new DeskhandFunction(this, 'Receive', {
      path: `${helpdesk}/receive`,
      description: `Deskhand: verifies webhooks of ${helpdesk} and rings their tickets`,
      timeout: timeouts.receive,
      memorySize: settings.receiveMemory,
      environment,
      logRetention: settings.logRetentionDays,
      reservedConcurrency: settings.receiveReservedConcurrency,
      permissions: receiveMay(storage, this.queue, queuesKey),
    })
    this.receive.acknowledge(
      secretFinding(inboundSecrets),
      'Tenants are made at run time and a webhook names its own: receive reads the webhook secrets of all, and no others.',
    )
    this.answer = new DeskhandFunction(this, 'Answer', {
      path: `${helpdesk}/answer`,
      description: `Deskhand: answers tickets of ${helpdesk}`,
      timeout: timeouts.answer,
      memorySize: settings.answerMemory,
      environment: {
        ...environment,
        CONTENT_KEY_ID: storage.contentKey.keyArn,
        ...claudeVariables(storage, settings),
        OWN_HOSTS: webhooks.ownHosts,
        ...(settings.codeSender === undefined ? {} : { CODE_SENDER: settings.codeSender }),
      },
      logRetention: settings.logRetentionDays,
      reservedConcurrency: settings.answerReservedConcurrency,
      network: props.network,
      wakesItself: true,
      bedrock: settings.model === 'bedrock',
      permissions: answerMay(storage, this.queue, queuesKey, settings),
    })
    acknowledgeClaude(this.answer, settings)
    this.answer.handler.addEventSource(
      new SqsEventSource(this.queue, { batchSize: 1, maxConcurrency: 10, reportBatchItemFailures: true }),
    )

    const routes = webhooks.api.addRoutes({
      path: `/webhooks/${helpdesk}/{connectionId}`,
      // Some helpdesks ask by HEAD whether the URL is there; receive answers that before anything else.
      methods: [HttpMethod.POST, HttpMethod.HEAD],
      integration: new HttpLambdaIntegration(`${id}Receive`, this.receive.handler, {
        payloadFormatVersion: PayloadFormatVersion.VERSION_2_0,
      }),
    })
    for (const route of routes) {
      Validations.of(route).acknowledge({
        id: 'AwsSolutions-APIG4',
        reason: `${helpdesk} cannot sign requests for AWS: receive verifies its webhook secret over the raw bytes first.`,
      })
    }

    this.receive.measure(receiveMeasures)
    this.answer.measure(answerMeasures)
    this.metrics = {
      refused: this.receive.count('WebhooksRefused', logLines.webhookRefused),
      turns: this.answer.count('Turns', logLines.turn),
      turnsFailed: this.answer.count('TurnsFailed', logLines.turnFailed),
      age: this.queue.metricApproximateAgeOfOldestMessage(),
      waiting: this.queue.metricApproximateNumberOfMessagesVisible(),
      deadLetters: this.deadLetters.metricApproximateNumberOfMessagesVisible(),
    }
    alarmAbove(
      this,
      'DeadLettersWaiting',
      this.metrics.deadLetters,
      0,
      `A wake-up of ${helpdesk} could not be read or its ticket not claimed, five times: read the log of ${helpdesk}/answer, mend the cause, then npm run ops -- redrive --helpdesk ${helpdesk}.`,
    )
    alarmAbove(
      this,
      'QueueOld',
      this.metrics.age,
      Duration.minutes(10).toSeconds(),
      `Customers on ${helpdesk} wait over 10 minutes for a turn to begin: look for throttling or slow tenant APIs.`,
    )
    alarmAbove(
      this,
      'TurnsFailing',
      // A few failures at night are no rate.
      new MathExpression({
        expression: 'IF(failed >= 5, 100 * failed / (failed + FILL(ended, 0)), 0)',
        usingMetrics: { failed: this.metrics.turnsFailed, ended: this.metrics.turns },
        label: 'turns that failed, %',
        period: Duration.minutes(15),
      }),
      25,
      `More than a quarter of the turns on ${helpdesk} failed within 15 minutes, five at least: Claude, ${helpdesk} or a tenant's API is down, or a configuration is wrong. The lines turn_failed in the log of ${helpdesk}/answer name the code. Tickets wait and are tried again.`,
    )
    alarmAbove(
      this,
      'WebhooksRefused',
      this.metrics.refused,
      4,
      `receive refused 5 webhooks of ${helpdesk} within 5 minutes: a webhook secret is wrong, or somebody guesses.`,
    )
  }
}
