/** Dead letters that are moved back do nothing to what is finished: the row is the truth, the wake-up only says "look". */
import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { countsOf, redrive } from '../lambdas/core/operate/queues.ts'
import { calls, callsThenSays, echoes } from './claude-scripts.ts'
import { startWorld, type World } from './world.ts'

const hour = 3_600_000
const refunds = callsThenSays(
  [['refund_order', { order_id: '1042', amount: 20 }]],
  'Your refund is on its way.',
)

let world: World
let sqs: SQSClient
let pair: { queue: string; deadLetters: string }
beforeAll(async () => {
  world = await startWorld({ script: echoes })
  sqs = new SQSClient({ endpoint: world.aws.url, region: 'local', credentials: world.aws.credentials })
  pair = {
    deadLetters: world.aws.createQueue('zendesk-dead'),
    queue: world.aws.createQueue('zendesk', {
      visibilityTimeoutSeconds: 1080,
      redrive: { deadLetterQueue: 'zendesk-dead', maxReceiveCount: 5 },
    }),
  }
})
afterAll(async () => {
  sqs.destroy()
  await world.close()
})
beforeEach(() => {
  world.clock.time += 2 * hour
})

/** Received five times and never deleted, as by a function that cannot claim: the queue gives them up. */
async function bury(bodies: string[]): Promise<void> {
  for (const body of bodies)
    await sqs.send(new SendMessageCommand({ QueueUrl: pair.queue, MessageBody: body, MessageGroupId: 'x' }))
  for (let times = 0; times < 6; times++) {
    for (let taken = 0; taken < bodies.length; taken += 10)
      await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: pair.queue, MaxNumberOfMessages: 10, VisibilityTimeout: 1 }),
      )
    world.clock.time += 2_000
  }
  expect(await countsOf(sqs, pair.queue)).toMatchObject({ waiting: 0, inFlight: 0 })
  expect((await countsOf(sqs, pair.deadLetters)).waiting).toBe(bodies.length)
}

/** What the event source does with everything that is in the queue. Answers how many wake-ups there were. */
async function workOff(): Promise<number> {
  let handled = 0
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: pair.queue, MaxNumberOfMessages: 10 }),
    )
    if (Messages.length === 0) return handled
    for (const { Body = '', ReceiptHandle } of Messages) {
      expect(await world.process().answer(Body)).toBe('ended')
      await sqs.send(new DeleteMessageCommand({ QueueUrl: pair.queue, ReceiptHandle }))
      handled++
    }
  }
}

/** All that anybody outside could notice. */
const seen = (ticketIds: string[]) => ({
  comments: ticketIds.map((ticketId) => world.comments(ticketId).length),
  tags: ticketIds.map((ticketId) => world.tags(ticketId)),
  refunds: world.shop.refunds.length,
  calls: world.shop.requests.length,
  model: world.claude.requests.length,
  helpdesk: world.zendesk.requests.length,
})

test('finished tickets, a refund, a hand-over and a plain answer among them: no effect, no reply, not even a read', async () => {
  world.script = refunds
  const refunded = await world.ask('Please refund 20 EUR of my order 1042.')
  world.script = () => calls(['hand_over', { reason: 'asked', summary: 'a human, please' }])
  const handedOver = await world.ask('I want a human.')
  world.script = echoes
  const answered = await world.ask('Hello')
  const tickets = [refunded, handedOver, answered]
  expect(world.shop.refunds).toHaveLength(1)
  for (const ticketId of tickets) expect((await world.row(ticketId))?.due).toBeUndefined()
  const rows = await Promise.all(tickets.map((ticketId) => world.rows(ticketId)))

  // Each of them more than once, as duplicates come.
  await bury([...tickets, ...tickets, ...tickets].map((ticketId) => world.wakeUp(ticketId)))
  const before = seen(tickets)
  const progress: [number, number][] = []
  expect(await redrive(sqs, pair, (moved, of) => progress.push([moved, of]), 5)).toBe(9)
  expect(progress.at(-1)).toEqual([9, 9])
  expect((await countsOf(sqs, pair.deadLetters)).waiting).toBe(0)

  expect(await workOff()).toBe(9)
  expect(seen(tickets)).toEqual(before)
  expect(await Promise.all(tickets.map((ticketId) => world.rows(ticketId)))).toEqual(rows)
  expect(world.queued()).toBe(0)
})

test('a ticket that never was answered is answered, once, however many dead letters it has', async () => {
  const ticketId = world.openTicket('Hello')
  await world.deliver(ticketId)
  await world.loseWakeUps()
  await bury([1, 2, 3].map(() => world.wakeUp(ticketId)))
  await redrive(sqs, pair, undefined, 5)
  expect(await workOff()).toBe(3)
  expect(world.replies(ticketId)).toHaveLength(1)
})

test('a message older than 24 hours gets no reply: a human has it', async () => {
  const ticketId = world.openTicket('Hello, is anybody there?')
  await world.deliver(ticketId)
  await world.loseWakeUps()
  await bury([world.wakeUp(ticketId)])
  world.clock.time += 25 * hour
  const asked = world.claude.requests.length
  await redrive(sqs, pair, undefined, 5)
  expect(await workOff()).toBe(1)
  expect(world.replies(ticketId)).toEqual([])
  expect(world.tags(ticketId)).toContain('ai-handed-over')
  expect(world.claude.requests).toHaveLength(asked)
})

test('a wake-up that cannot be read is a dead letter again, and stops no other', async () => {
  const ticketId = await world.ask('Hello')
  const comments = world.comments(ticketId).length
  await bury(['not json', world.wakeUp(ticketId)])
  await redrive(sqs, pair, undefined, 5)
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: pair.queue, MaxNumberOfMessages: 10 }),
  )
  const results = await Promise.all(Messages.map(({ Body = '' }) => world.process().answer(Body)))
  expect(new Set(results)).toEqual(new Set(['failed', 'ended']))
  expect(world.comments(ticketId)).toHaveLength(comments)
  for (const { ReceiptHandle } of Messages)
    await sqs.send(new DeleteMessageCommand({ QueueUrl: pair.queue, ReceiptHandle }))
})

test('without dead letters nothing is started', async () => {
  const before = world.aws.calls.length
  expect(await redrive(sqs, pair)).toBe(0)
  expect(world.aws.calls.slice(before)).not.toContain('sqs.StartMessageMoveTask')
})

test('a queue that is the dead-letter queue of none is refused, with what to do', async () => {
  const stray = { ...pair, deadLetters: world.aws.createQueue('stray') }
  await sqs.send(new SendMessageCommand({ QueueUrl: stray.deadLetters, MessageBody: 'x' }))
  await expect(redrive(sqs, stray)).rejects.toMatchObject({
    code: 'bad_configuration',
    message: expect.stringMatching(/UnsupportedOperation/),
  })
})
