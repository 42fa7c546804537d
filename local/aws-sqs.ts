import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Input, type Operations, onlyOwn, refuse, text, whole } from './aws-service.ts'
import type { AwsState, StoredMessage, StoredQueue } from './aws-state.ts'

/** How often a long poll looks again. */
const pollMs = 20
/** Dead letters that move at one time. */
const movedAtOnce = 4

export const queueName = (url: string): string => url.slice(url.lastIndexOf('/') + 1)
export const queueArn = (name: string): string => `arn:aws:sqs:local:000000000000:${name}`

/** One move of dead letters, as ListMessageMoveTasks tells of it. */
interface MoveTask {
  TaskHandle?: string
  Status: 'RUNNING' | 'COMPLETED' | 'FAILED'
  SourceArn: string
  DestinationArn?: string
  ApproximateNumberOfMessagesMoved: number
  ApproximateNumberOfMessagesToMove: number
  FailureReason?: string
  StartedTimestamp: number
}

/**
 * SQS standard queues: send with delay and group, receive with long polling and visibility time-outs, delete, change
 * visibility, attributes, redrive to a dead-letter queue and the move back. Time is `now()`, but a long poll lasts real
 * seconds.
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

  /** Newest first, of each dead-letter queue; forgotten with the process. */
  const moves = new Map<string, MoveTask[]>()
  const byArn = (arn: string): StoredQueue =>
    state.queues[arn.slice(arn.lastIndexOf(':') + 1)] ??
    refuse(
      'ResourceNotFoundException',
      'The resource that you specified for the SourceArn parameter does not exist.',
    )

  /** In the background, a few at a time, as SQS does; what is being looked at stays. */
  async function move(task: MoveTask, from: StoredQueue, to: StoredQueue | undefined): Promise<void> {
    for (;;) {
      await sleep(1, undefined, { ref: false })
      const some = from.messages.filter((message) => message.visibleAt <= now()).slice(0, movedAtOnce)
      if (some.length === 0) break
      for (const message of some) {
        const target = to ?? state.queues[message.from ?? '']
        if (target === undefined) {
          task.FailureReason = 'CouldNotDetermineMessageSource'
          break
        }
        from.messages.splice(from.messages.indexOf(message), 1)
        const { from: _origin, ...kept } = message
        target.messages.push({ ...kept, id: randomUUID(), visibleAt: now(), received: 0, receipt: '' })
        task.ApproximateNumberOfMessagesMoved += 1
      }
      changed()
      if (task.FailureReason !== undefined) break
    }
    task.Status = task.FailureReason === undefined ? 'COMPLETED' : 'FAILED'
    delete task.TaskHandle
  }

  const operations: Operations = {
    StartMessageMoveTask(input) {
      const SourceArn = text(input, 'SourceArn')
      const source = byArn(SourceArn)
      const name = SourceArn.slice(SourceArn.lastIndexOf(':') + 1)
      if (!Object.values(state.queues).some(({ redrive }) => redrive?.deadLetterQueue === name))
        refuse('UnsupportedOperation', 'Source queue must be configured as a Dead Letter Queue.')
      const earlier = moves.get(SourceArn) ?? []
      if (earlier[0]?.Status === 'RUNNING')
        refuse('UnsupportedOperation', 'There is already a task running. Only one active task is allowed.')
      const to = input.DestinationArn === undefined ? undefined : byArn(text(input, 'DestinationArn'))
      const task: MoveTask = {
        TaskHandle: randomUUID(),
        Status: 'RUNNING',
        SourceArn,
        ...(to === undefined ? {} : { DestinationArn: text(input, 'DestinationArn') }),
        ApproximateNumberOfMessagesMoved: 0,
        ApproximateNumberOfMessagesToMove: source.messages.filter(({ visibleAt }) => visibleAt <= now())
          .length,
        StartedTimestamp: now(),
      }
      moves.set(SourceArn, [task, ...earlier].slice(0, 10))
      void move(task, source, to)
      return { TaskHandle: task.TaskHandle }
    },

    ListMessageMoveTasks(input) {
      const SourceArn = text(input, 'SourceArn')
      byArn(SourceArn)
      return { Results: (moves.get(SourceArn) ?? []).slice(0, whole(input, 'MaxResults', 1, 10)) }
    },

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
          QueueArn: queueArn(queueName(text(input, 'QueueUrl'))),
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
    const name = Object.keys(state.queues).find((each) => state.queues[each] === queue) ?? ''
    state.queues[deadLetterQueue]?.messages.push(...spent.map((message) => ({ ...message, from: name })))
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
