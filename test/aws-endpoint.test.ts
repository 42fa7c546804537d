import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ListMessageMoveTasksCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createQueue } from '../lambdas/core/aws/queue.ts'
import { createTable } from '../lambdas/core/aws/table.ts'
import type { Io } from '../lambdas/core/ports.ts'
import { type AwsEndpoint, startAwsEndpoint } from '../local/aws-endpoint.ts'
import { startTables, tableNames } from '../local/tables.ts'

const io: Io = (_port, call) => call()
const wakeUp = { connectionId: `acme.${'a'.repeat(22)}`, ticketId: '42' }

let now = 0
let aws: AwsEndpoint
let sqs: SQSClient
const config = () => ({ endpoint: aws.url, region: 'local', credentials: aws.credentials, maxAttempts: 1 })
beforeAll(async () => {
  aws = await startAwsEndpoint({ clock: { now: () => now } })
  sqs = new SQSClient(config())
})
afterAll(async () => {
  sqs.destroy()
  await aws.close()
})

describe('a queue', () => {
  let url: string
  let number = 0
  beforeEach(() => {
    now = 1_000_000
    number += 1
    aws.createQueue(`dead-${number}`)
    url = aws.createQueue(`queue-${number}`, {
      visibilityTimeoutSeconds: 60,
      redrive: { deadLetterQueue: `dead-${number}`, maxReceiveCount: 2 },
    })
  })
  const receive = async (waitSeconds = 0) => {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: url,
        WaitTimeSeconds: waitSeconds,
        MaxNumberOfMessages: 10,
        MessageSystemAttributeNames: ['All'],
      }),
    )
    return Messages
  }

  test("a wake-up arrives after its delay, in its tenant's message group", async () => {
    await createQueue(sqs, url, io).send(wakeUp, 2)
    expect(await receive()).toEqual([])
    now += 2_000
    const [message] = await receive()
    expect(JSON.parse(message?.Body ?? '')).toEqual(wakeUp)
    expect(message?.Attributes).toMatchObject({ MessageGroupId: 'acme', ApproximateReceiveCount: '1' })
  })

  test('a delay is rounded up to whole seconds and held within what SQS allows', async () => {
    const queue = createQueue(sqs, url, io)
    for (const delay of [-1, 0.2, 86_400]) await queue.send(wakeUp, delay)
    expect(aws.messages(`queue-${number}`).map((message) => message.visibleAt - now)).toEqual([
      0, 1_000, 900_000,
    ])
  })

  test('what is being worked on is invisible until its time-out, and gone once deleted', async () => {
    await createQueue(sqs, url, io).send(wakeUp, 0)
    const [first] = await receive()
    expect(await receive()).toEqual([])
    now += 60_000
    const [second] = await receive()
    expect(second?.MessageId).toBe(first?.MessageId)

    await sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: first?.ReceiptHandle ?? '' }))
    expect(aws.messages(`queue-${number}`)).toHaveLength(1)
    await sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: second?.ReceiptHandle ?? '' }))
    expect(aws.messages(`queue-${number}`)).toHaveLength(0)
  })

  describe('dead letters that are moved back', () => {
    const arnOf = (name: string): string => `arn:aws:sqs:local:000000000000:${name}`
    const dead = (): string => `${aws.url}/000000000000/dead-${number}`
    const start = (DestinationArn?: string) =>
      sqs.send(
        new StartMessageMoveTaskCommand({
          SourceArn: arnOf(`dead-${number}`),
          ...(DestinationArn === undefined ? {} : { DestinationArn }),
        }),
      )
    const ended = async () => {
      for (;;) {
        const command = new ListMessageMoveTasksCommand({ SourceArn: arnOf(`dead-${number}`) })
        const [newest] = (await sqs.send(command)).Results ?? []
        if (newest?.Status !== 'RUNNING') return newest
      }
    }
    const bury = async (bodies: string[]) => {
      for (const MessageBody of bodies)
        await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody, MessageGroupId: 'acme' }))
      for (let n = 0; n < 3; n += 1) {
        await receive()
        now += 60_000
      }
      expect(aws.messages(`dead-${number}`)).toHaveLength(bodies.length)
    }

    test('go to the queue they came from, as new messages, one move at a time', async () => {
      await bury(Array.from({ length: 10 }, (_, n) => `m${n}`))
      expect((await start()).TaskHandle).toMatch(/./)
      await expect(start()).rejects.toMatchObject({ name: 'UnsupportedOperation' })
      expect(await ended()).toMatchObject({
        Status: 'COMPLETED',
        ApproximateNumberOfMessagesMoved: 10,
        ApproximateNumberOfMessagesToMove: 10,
      })
      expect(aws.messages(`dead-${number}`)).toEqual([])
      const [message] = await receive()
      expect(message?.Attributes).toMatchObject({ ApproximateReceiveCount: '1', MessageGroupId: 'acme' })
    })

    test('stay while somebody looks at them', async () => {
      await bury(['looked at', 'not looked at'])
      await sqs.send(new ReceiveMessageCommand({ QueueUrl: dead(), MaxNumberOfMessages: 1 }))
      await start()
      expect(await ended()).toMatchObject({ Status: 'COMPLETED', ApproximateNumberOfMessagesMoved: 1 })
      expect(aws.messages(`dead-${number}`)).toHaveLength(1)
    })

    test('of which nobody knows where they came from need a destination', async () => {
      await sqs.send(new SendMessageCommand({ QueueUrl: dead(), MessageBody: 'by hand' }))
      await start()
      expect(await ended()).toMatchObject({
        Status: 'FAILED',
        FailureReason: 'CouldNotDetermineMessageSource',
      })
      await start(arnOf(`queue-${number}`))
      expect(await ended()).toMatchObject({ Status: 'COMPLETED', ApproximateNumberOfMessagesMoved: 1 })
    })

    test('are only those of a dead-letter queue', async () => {
      const command = new StartMessageMoveTaskCommand({ SourceArn: arnOf(`queue-${number}`) })
      await expect(sqs.send(command)).rejects.toMatchObject({ name: 'UnsupportedOperation' })
      const none = new StartMessageMoveTaskCommand({ SourceArn: arnOf('none') })
      await expect(sqs.send(none)).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
    })
  })

  test('a visibility of 0 gives a message back at once', async () => {
    await createQueue(sqs, url, io).send(wakeUp, 0)
    const [message] = await receive()
    const command = { QueueUrl: url, ReceiptHandle: message?.ReceiptHandle ?? '', VisibilityTimeout: 0 }
    await sqs.send(new ChangeMessageVisibilityCommand(command))
    expect(await receive()).toHaveLength(1)
  })

  test('a message received too often goes to the dead-letter queue', async () => {
    await createQueue(sqs, url, io).send(wakeUp, 0)
    for (let n = 0; n < 2; n += 1) {
      expect(await receive()).toHaveLength(1)
      now += 60_000
    }
    expect(await receive()).toEqual([])
    expect(aws.messages(`dead-${number}`).map((message) => JSON.parse(message.body))).toEqual([wakeUp])
  })

  test('its attributes count what is visible, delayed and being worked on', async () => {
    const queue = createQueue(sqs, url, io)
    await queue.send(wakeUp, 0)
    await receive()
    await queue.send(wakeUp, 0)
    await queue.send(wakeUp, 10)
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }),
    )
    expect(Attributes).toMatchObject({
      ApproximateNumberOfMessages: '1',
      ApproximateNumberOfMessagesDelayed: '1',
      ApproximateNumberOfMessagesNotVisible: '1',
    })
  })

  test('a long poll ends as soon as a message is there', async () => {
    const polled = receive(20)
    await createQueue(sqs, url, io).send(wakeUp, 0)
    expect(await polled).toHaveLength(1)
  })

  test('an unknown queue is bad_configuration, a dead endpoint unavailable', async () => {
    const unknown = createQueue(sqs, `${aws.url}/000000000000/none`, io)
    await expect(unknown.send(wakeUp, 0)).rejects.toMatchObject({ code: 'bad_configuration' })
    const deaf = new SQSClient({ ...config(), endpoint: 'http://127.0.0.1:1' })
    await expect(createQueue(deaf, url, io).send(wakeUp, 0)).rejects.toMatchObject({ code: 'unavailable' })
  })
})

test('secrets, keys and queues are kept in a directory over a restart', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'deskhand-'))
  const first = await startAwsEndpoint({ directory })
  const own = new SecretsManagerClient({ ...config(), endpoint: first.url })
  await own.send(
    new CreateSecretCommand({
      Name: 'deskhand/acme/outbound/shop',
      SecretString: '"a"',
      Tags: [{ Key: 'tenant', Value: 'acme' }],
    }),
  )
  await own.send(new PutSecretValueCommand({ SecretId: 'deskhand/acme/outbound/shop', SecretString: '"b"' }))
  const queueUrl = first.createQueue('kept')
  await createQueue(new SQSClient({ ...config(), endpoint: first.url }), queueUrl, io).send(wakeUp, 0)
  await first.close()

  const second = await startAwsEndpoint({ directory })
  second.createQueue('kept')
  expect(second.secrets()).toEqual({ 'deskhand/acme/outbound/shop': '"b"' })
  expect(second.messages('kept')).toHaveLength(1)
  await second.close()
  rmSync(directory, { recursive: true })
})

test('tables are kept in a directory over a restart', async () => {
  const path = mkdtempSync(join(tmpdir(), 'deskhand-'))
  const common = { region: 'local', credentials: aws.credentials }
  const row = { pk: 'T#acme#a', sk: 'ticket', due: 'd#1', dueAt: 5 }

  const first = await startTables({ path })
  const before = new DynamoDBClient({ ...common, endpoint: first.url })
  await createTable(before, tableNames.conversations, 'conversations', io).put('put', row)
  before.destroy()
  await first.close()

  const second = await startTables({ path })
  const after = new DynamoDBClient({ ...common, endpoint: second.url })
  expect(await createTable(after, tableNames.conversations, 'conversations', io).get('get', row)).toEqual(row)
  after.destroy()
  await second.close()
  rmSync(path, { recursive: true })
})

test('a request that nobody known has signed is refused', async () => {
  const stranger = new SecretsManagerClient({
    ...config(),
    credentials: { accessKeyId: 'ASIASTRANGER', secretAccessKey: 'x' },
  })
  aws.putSecret('deskhand/acme/outbound/shop', { value: 'x' })
  await expect(
    stranger.send(new GetSecretValueCommand({ SecretId: 'deskhand/acme/outbound/shop' })),
  ).rejects.toMatchObject({ name: 'UnrecognizedClientException' })
})
