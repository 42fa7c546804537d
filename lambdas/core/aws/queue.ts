import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import { tenantOf } from '../../../schemas/names.ts'
import type { Io, Queue } from '../ports.ts'
import { awsError } from './aws-error.ts'

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
const longestDelaySeconds = 900

/** A standard queue, fair among tenants: each tenant's wake-ups are one message group. Delays are 0 to 900 s. */
export function createQueue(client: SQSClient, queueUrl: string, io: Io): Queue {
  return {
    async send(wakeUp, delaySeconds) {
      const command = new SendMessageCommand({
        QueueUrl: queueUrl,
        MessageBody: JSON.stringify(wakeUp),
        MessageGroupId: 'tenant' in wakeUp ? wakeUp.tenant : tenantOf(wakeUp.connectionId),
        DelaySeconds: Math.min(longestDelaySeconds, Math.max(0, Math.ceil(delaySeconds))),
      })
      try {
        await io('queue.send', () => client.send(command))
      } catch (error) {
        throw awsError(error, 'queue.send')
      }
    },
  }
}
