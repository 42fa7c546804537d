import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import { tenantOf } from '../../../schemas/names.ts'
import type { Io, Queue } from '../ports.ts'
import { invocationTrace } from '../trace-header.ts'
import { awsError } from './aws-error.ts'

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
const longestDelaySeconds = 900

/**
 * A standard queue, fair among tenants: each tenant's wake-ups are one message group. Delays are 0 to 900 s. A wake-up
 * carries the trace of the invocation that sends it: X-Ray then links both, and so do their log lines.
 */
export function createQueue(client: SQSClient, queueUrl: string, io: Io): Queue {
  return {
    async send(wakeUp, delaySeconds) {
      const trace = invocationTrace()
      const command = new SendMessageCommand({
        QueueUrl: queueUrl,
        MessageBody: JSON.stringify(wakeUp),
        MessageGroupId: 'tenant' in wakeUp ? wakeUp.tenant : tenantOf(wakeUp.connectionId),
        DelaySeconds: Math.min(longestDelaySeconds, Math.max(0, Math.ceil(delaySeconds))),
        ...(trace !== undefined && {
          MessageSystemAttributes: { AWSTraceHeader: { DataType: 'String', StringValue: trace } },
        }),
      })
      try {
        await io('queue.send', () => client.send(command))
      } catch (error) {
        throw awsError(error, 'queue.send')
      }
    },
  }
}
