/** What the event source is in the cloud: takes wake-ups from the queue, one at a time, and runs the handler on each. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { DeleteMessageCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'

/** How long `answer` may run in the cloud. */
const timeoutMs = 180_000
const waitSeconds = 10
/** How soon an event source that is switched on again is seen. */
const offMs = 500

export type QueueHandler = (event: SQSEvent, context: Context) => Promise<SQSBatchResponse>

/** Starts `workers` of them. `stop` ends the waiting and lets a running turn finish. */
export function startQueueWorkers(options: {
  sqs: SQSClient
  queueUrl: string
  handler: QueueHandler
  workers: number
  /** Its event source is switched off: nothing is taken. */
  isOff?: () => boolean
  onWakeUp?: () => void
}): { stop(): Promise<void> } {
  const { sqs, queueUrl, handler } = options
  const stopping = new AbortController()

  async function work(): Promise<void> {
    while (!stopping.signal.aborted) {
      const message = await take()
      if (message === undefined) continue
      options.onWakeUp?.()
      const failed = await handler({ Records: [recordOf(message)] }, contextOf()).catch(() => undefined)
      // Not deleted, it is seen again after its visibility time-out, as in the cloud.
      if (failed?.batchItemFailures.length === 0)
        await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: message.ReceiptHandle }))
    }
  }

  async function take() {
    if (options.isOff?.() === true) {
      await sleep(offMs, undefined, { signal: stopping.signal }).catch(() => undefined)
      return undefined
    }
    try {
      const command = new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        WaitTimeSeconds: waitSeconds,
        MessageSystemAttributeNames: ['All'],
      })
      const { Messages = [] } = await sqs.send(command, { abortSignal: stopping.signal })
      return Messages[0]
    } catch (error) {
      if (stopping.signal.aborted) return undefined
      process.stderr.write(`queue worker: ${String(error)}\n`)
      await sleep(1000)
      return undefined
    }
  }

  const running = Array.from({ length: options.workers }, work)
  return {
    async stop() {
      stopping.abort()
      await Promise.all(running)
    },
  }
}

interface Taken {
  MessageId?: string | undefined
  ReceiptHandle?: string | undefined
  Body?: string | undefined
  MD5OfBody?: string | undefined
  Attributes?: Partial<Record<string, string>> | undefined
}

function recordOf(message: Taken): SQSRecord {
  return {
    messageId: message.MessageId ?? '',
    receiptHandle: message.ReceiptHandle ?? '',
    body: message.Body ?? '',
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: '0',
      SenderId: 'local',
      ApproximateFirstReceiveTimestamp: '0',
      ...message.Attributes,
    },
    messageAttributes: {},
    md5OfBody: message.MD5OfBody ?? '',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:local:000000000000:local',
    awsRegion: 'local',
  }
}

function contextOf(): Context {
  const endsAt = Date.now() + timeoutMs
  const unused = () => undefined
  return {
    callbackWaitsForEmptyEventLoop: false,
    functionName: 'answer',
    functionVersion: '$LATEST',
    invokedFunctionArn: 'arn:aws:lambda:local:000000000000:function:answer',
    memoryLimitInMB: '512',
    awsRequestId: randomUUID(),
    logGroupName: 'local',
    logStreamName: 'local',
    getRemainingTimeInMillis: () => endsAt - Date.now(),
    done: unused,
    fail: unused,
    succeed: unused,
  }
}
