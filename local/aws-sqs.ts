import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Input, type Operations, onlyOwn, refuse, text, whole } from './aws-service.ts'
import type { AwsState, StoredMessage, StoredQueue } from './aws-state.ts'

/** How often a long poll looks again. */
const pollMs = 20

export const queueName = (url: string): string => url.slice(url.lastIndexOf('/') + 1)

/**
 * SQS standard queues: send with delay and group, receive with long polling and visibility time-outs, delete, change
 * visibility, attributes, redrive to a dead-letter queue. Time is `now()`, but a long poll lasts real seconds.
 */
export function sqs(state: AwsState, now: () => number, changed: () => void): Operations {
  const queueOf = (input: Input): StoredQueue =>
    state.queues[queueName(text(input, 'QueueUrl'))] ??
    refuse('QueueDoesNotExist', 'The specified queue does not exist.')
  const received = (input: Input): { queue: StoredQueue; message: StoredMessage | undefined } => {
    const queue = queueOf(input)
    const receipt = text(input, 'ReceiptHandle')
    return { queue, message: queue.messages.find((message) => message.receipt === receipt) }
  }

  const operations: Operations = {
    SendMessage(input) {
      const queue = queueOf(input)
      const sentAt = now()
      const message: StoredMessage = {
        id: randomUUID(),
        body: text(input, 'MessageBody'),
        ...(typeof input.MessageGroupId === 'string' ? { group: input.MessageGroupId } : {}),
        ...traceIn(input),
        sentAt,
        visibleAt: sentAt + whole(input, 'DelaySeconds', 0, 900) * 1000,
        received: 0,
        receipt: '',
      }
      queue.messages.push(message)
      changed()
      return { MessageId: message.id, MD5OfMessageBody: md5(message.body) }
    },

    async ReceiveMessage(input) {
      const queue = queueOf(input)
      const until = Date.now() + whole(input, 'WaitTimeSeconds', 0, 20) * 1000
      const max = whole(input, 'MaxNumberOfMessages', 1, 10)
      const visibility = whole(input, 'VisibilityTimeout', queue.visibilityTimeoutSeconds, 43_200)
      for (;;) {
        redrive(queue)
        const visible = queue.messages.filter((message) => message.visibleAt <= now()).slice(0, max)
        if (visible.length > 0) {
          for (const message of visible) {
            message.received += 1
            message.receipt = randomUUID()
            message.visibleAt = now() + visibility * 1000
          }
          changed()
          return { Messages: visible.map(asReceived) }
        }
        if (Date.now() >= until) return {}
        await sleep(pollMs, undefined, { ref: false })
      }
    },

    DeleteMessage(input) {
      const { queue, message } = received(input)
      if (message) queue.messages.splice(queue.messages.indexOf(message), 1)
      changed()
      return {}
    },

    ChangeMessageVisibility(input) {
      const { message } = received(input)
      if (!message) return refuse('ReceiptHandleIsInvalid', 'The receipt handle is not the newest one.')
      message.visibleAt = now() + whole(input, 'VisibilityTimeout', 0, 43_200) * 1000
      changed()
      return {}
    },

    GetQueueAttributes(input) {
      const queue = queueOf(input)
      redrive(queue)
      const count = (which: (message: StoredMessage) => boolean) =>
        String(queue.messages.filter(which).length)
      const hidden = (message: StoredMessage) => message.visibleAt > now()
      return {
        Attributes: {
          VisibilityTimeout: String(queue.visibilityTimeoutSeconds),
          ApproximateNumberOfMessages: count((message) => !hidden(message)),
          ApproximateNumberOfMessagesDelayed: count((message) => hidden(message) && message.received === 0),
          ApproximateNumberOfMessagesNotVisible: count((message) => hidden(message) && message.received > 0),
        },
      }
    },
  }
  return Object.fromEntries(
    Object.entries(operations).map(([name, operation]) => [
      name,
      (input, caller) => {
        onlyOwn(caller, name)
        return operation(input, caller)
      },
    ]),
  )

  /** A message that was received too often moves once it becomes visible again. */
  function redrive(queue: StoredQueue): void {
    if (!queue.redrive) return
    const { deadLetterQueue, maxReceiveCount } = queue.redrive
    const spent = queue.messages.filter(
      (message) => message.received >= maxReceiveCount && message.visibleAt <= now(),
    )
    if (spent.length === 0) return
    queue.messages.splice(
      0,
      queue.messages.length,
      ...queue.messages.filter((message) => !spent.includes(message)),
    )
    state.queues[deadLetterQueue]?.messages.push(...spent)
    changed()
  }
}

function asReceived(message: StoredMessage) {
  return {
    MessageId: message.id,
    ReceiptHandle: message.receipt,
    Body: message.body,
    MD5OfBody: md5(message.body),
    Attributes: {
      ApproximateReceiveCount: String(message.received),
      SentTimestamp: String(message.sentAt),
      ...(message.group === undefined ? {} : { MessageGroupId: message.group }),
      ...(message.trace === undefined ? {} : { AWSTraceHeader: message.trace }),
    },
  }
}

/** The one system attribute that a message may be sent with. */
function traceIn({ MessageSystemAttributes: sent }: Input): { trace?: string } {
  if (sent === undefined) return {}
  const { AWSTraceHeader, ...others } = sent as Record<string, { DataType?: string; StringValue?: string }>
  const value = AWSTraceHeader?.DataType === 'String' ? AWSTraceHeader.StringValue : undefined
  return Object.keys(others).length === 0 && value !== undefined
    ? { trace: value }
    : refuse('InvalidParameterValue', 'MessageSystemAttributes may hold AWSTraceHeader, a String, alone')
}

const md5 = (body: string): string => createHash('md5').update(body).digest('hex')
