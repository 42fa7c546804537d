/** What an operator sees and does of a helpdesk's queue and its dead-letter queue. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  GetQueueAttributesCommand,
  ListMessageMoveTasksCommand,
  type QueueAttributeName,
  type SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs'
import { awsError } from '../aws/aws-error.ts'
import { DeskhandError } from '../errors.ts'

/** URLs, as the stack's output `Queues` has them. */
export interface QueuePair {
  queue: string
  deadLetters: string
}

/** Approximate, as SQS counts. */
export interface QueueCounts {
  waiting: number
  delayed: number
  inFlight: number
}

const pollMs = 2_000

/** Throws `unavailable` or `bad_configuration`. */
export async function countsOf(sqs: SQSClient, queueUrl: string): Promise<QueueCounts> {
  const names = [
    'ApproximateNumberOfMessages',
    'ApproximateNumberOfMessagesDelayed',
    'ApproximateNumberOfMessagesNotVisible',
  ] as const
  const attributes = await attributesOf(sqs, queueUrl, names)
  const [waiting, delayed, inFlight] = names.map((name) => Number(attributes[name] ?? 0))
  return { waiting: waiting ?? 0, delayed: delayed ?? 0, inFlight: inFlight ?? 0 }
}

/**
 * Moves every dead letter back to its queue, and answers how many moved. A move that is under way already is waited
 * for. `onProgress` hears how far it is. Throws `unavailable`, or `bad_configuration` when SQS gives up or refuses.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
 */
export async function redrive(
  sqs: SQSClient,
  { queue, deadLetters }: QueuePair,
  onProgress: (moved: number, toMove: number) => void = () => undefined,
  everyMs = pollMs,
): Promise<number> {
  const [SourceArn, DestinationArn] = await Promise.all([arnOf(sqs, deadLetters), arnOf(sqs, queue)])
  if ((await newestMove(sqs, SourceArn))?.Status !== 'RUNNING') {
    const { waiting } = await countsOf(sqs, deadLetters)
    if (waiting === 0) return 0
    await asked('redrive', () => sqs.send(new StartMessageMoveTaskCommand({ SourceArn, DestinationArn })))
  }
  for (;;) {
    const move = await newestMove(sqs, SourceArn)
    const moved = move?.ApproximateNumberOfMessagesMoved ?? 0
    onProgress(moved, Math.max(moved, move?.ApproximateNumberOfMessagesToMove ?? 0))
    if (move?.Status === 'COMPLETED') return moved
    if (move?.Status !== 'RUNNING')
      throw new DeskhandError(
        'bad_configuration',
        `SQS ended the move after ${moved} messages: ${move?.FailureReason ?? move?.Status ?? 'no such move'}. The rest is where it was: mend the cause, then redrive again.`,
      )
    await sleep(everyMs)
  }
}

const newestMove = async (sqs: SQSClient, SourceArn: string) =>
  (await asked('redrive', () => sqs.send(new ListMessageMoveTasksCommand({ SourceArn, MaxResults: 1 }))))
    .Results?.[0]

/** Throws `unavailable` or `bad_configuration`. */
export async function arnOf(sqs: SQSClient, queueUrl: string): Promise<string> {
  const { QueueArn } = await attributesOf(sqs, queueUrl, ['QueueArn'])
  if (QueueArn === undefined) throw new DeskhandError('bad_configuration', `${queueUrl} has no ARN`)
  return QueueArn
}

const attributesOf = async (
  sqs: SQSClient,
  QueueUrl: string,
  names: readonly QueueAttributeName[],
): Promise<Partial<Record<string, string>>> =>
  (
    await asked('queue.attributes', () =>
      sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...names] })),
    )
  ).Attributes ?? {}

async function asked<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw awsError(error, what)
  }
}
