/** `npm run ops`, as an operator runs it. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LambdaClient, ListEventSourceMappingsCommand } from '@aws-sdk/client-lambda'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { demoTenant } from '../local/demo-data.ts'
import { startQueueWorkers } from '../local/queue-worker.ts'
import { tableNames } from '../local/tables.ts'
import { helpdeskNames } from '../schemas/names.ts'
import { echoes } from './claude-scripts.ts'
import { startWorld, type World } from './world.ts'

const directory = mkdtempSync(join(tmpdir(), 'deskhand-ops-'))
const outputs = join(directory, 'outputs.json')
let world: World
let sqs: SQSClient
const queues: Record<string, { queue: string; deadLetters: string }> = {}
beforeAll(async () => {
  world = await startWorld({ script: echoes })
  // The command goes by the machine's clock.
  world.clock.time = Date.now()
  await world.publish()
  for (const name of helpdeskNames)
    queues[name] = {
      deadLetters: world.aws.createQueue(`${name}-dead`),
      queue: world.aws.createQueue(name, {
        visibilityTimeoutSeconds: 1080,
        redrive: { deadLetterQueue: `${name}-dead`, maxReceiveCount: 5 },
      }),
    }
  writeFileSync(
    outputs,
    JSON.stringify({
      DeskhandStorage: {
        ConversationsTable: tableNames.conversations,
        ConfigurationTable: tableNames.configuration,
        SecretsKeyArn: 'and others',
      },
      Deskhand: { Queues: JSON.stringify(queues), WebhookUrl: 'and others' },
      Laptop: { Endpoint: world.aws.url, DynamoEndpoint: world.tables.url },
    }),
  )
  sqs = new SQSClient({ endpoint: world.aws.url, region: 'local', credentials: world.aws.credentials })
})
afterAll(async () => {
  sqs.destroy()
  await world.close()
  rmSync(directory, { recursive: true })
})

/** Runs the command in a process of its own. */
const ops = (...args: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((done) => {
    const command = [join(__dirname, '../bin/ops.ts'), ...args, '--outputs', outputs]
    execFile(process.execPath, command, (error, out, err) =>
      done({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    )
  })

test('status: what waits on each helpdesk, how long, and what is paused of a tenant', async () => {
  const ticketId = world.openTicket('Hello')
  await world.deliver(ticketId)
  await sqs.send(new SendMessageCommand({ QueueUrl: queues.intercom?.deadLetters ?? '', MessageBody: 'x' }))
  const { code, out } = await ops('status', '--tenant', demoTenant)
  expect(code).toBe(0)
  const row = (name: string): string[] =>
    out
      .split('\n')
      .find((line) => line.trim().startsWith(name))
      ?.trim()
      .split(/ {2,}/) ?? []
  expect(row('zendesk')).toEqual(['zendesk', 'Enabled', '1', '0', '0', '1, the oldest for 0 min'])
  expect(row('intercom')).toEqual(['intercom', 'Enabled', '0', '0', '1', '0'])
  expect(out).toContain(`Nothing of ${demoTenant} is paused.`)
  await world.untilQuiet(ticketId)
})

test('pause and resume of a tenant say who and why, and hold', async () => {
  expect((await ops('pause', '--tenant', demoTenant, '--why', 'refunds look wrong')).code).toBe(0)
  expect((await ops('status', '--tenant', demoTenant)).out).toMatch(
    new RegExp(`Paused: all of ${demoTenant}, by \\S+, 0 min ago: refunds look wrong`),
  )
  const ticketId = world.openTicket('Hello')
  await world.deliver(ticketId)
  await world.run(ticketId)
  expect(world.replies(ticketId)).toEqual([])
  const resumed = await ops('resume', '--tenant', demoTenant, '--why', 'mended')
  expect(resumed.out).toContain('within 2 minutes')
  await world.untilQuiet(ticketId)
  expect(world.replies(ticketId)).toHaveLength(1)
})

test('pause of a helpdesk: nothing takes wake-ups from its queue, until it is resumed', async () => {
  const lambda = new LambdaClient({
    endpoint: world.aws.url,
    region: 'local',
    credentials: world.aws.credentials,
  })
  const stateOf = async (name: string) => {
    const command = new ListEventSourceMappingsCommand({
      EventSourceArn: `arn:aws:sqs:local:000000000000:${name}`,
    })
    return (await lambda.send(command)).EventSourceMappings?.map(({ State }) => State)
  }
  expect((await ops('pause', '--helpdesk', 'gorgias')).out).toContain('gorgias: Disabling')
  expect(await stateOf('gorgias')).toEqual(['Disabled'])
  expect(await stateOf('zendesk')).toEqual(['Enabled'])

  const taken: string[] = []
  const worker = startQueueWorkers({
    sqs,
    queueUrl: queues.gorgias?.queue ?? '',
    workers: 1,
    isOff: () => world.aws.isOff('gorgias'),
    handler: async ({ Records }) => {
      taken.push(...Records.map(({ body }) => body))
      return { batchItemFailures: [] }
    },
  })
  await sqs.send(new SendMessageCommand({ QueueUrl: queues.gorgias?.queue ?? '', MessageBody: 'x' }))
  await new Promise((done) => setTimeout(done, 300))
  expect(taken).toEqual([])
  expect((await ops('resume', '--helpdesk', 'all')).out.match(/Enabling/g)).toHaveLength(helpdeskNames.length)
  for (let tries = 0; taken.length === 0 && tries < 100; tries++)
    await new Promise((done) => setTimeout(done, 50))
  expect(taken).toEqual(['x'])
  await worker.stop()
  lambda.destroy()
})

test('redrive prints how far it is, and replay looks at a ticket again', async () => {
  const { deadLetters = '' } = queues.zendesk ?? {}
  const ticketId = world.openTicket('Anybody there?')
  await sqs.send(new SendMessageCommand({ QueueUrl: deadLetters, MessageBody: world.wakeUp(ticketId) }))
  expect((await ops('redrive', '--helpdesk', 'zendesk')).out).toMatch(
    /1 of about 1 moved\nBack in the queue of zendesk: 1\./,
  )
  expect((await ops('redrive', '--helpdesk', 'zendesk')).out).toBe('No dead letters of zendesk to move.\n')

  const replayed = await ops('replay', '--connection', world.connectionId, '--ticket', ticketId)
  expect(replayed).toMatchObject({ code: 0, out: `Ticket ${ticketId} on zendesk is looked at now.\n` })
  await world.untilQuiet(ticketId)
  expect(world.replies(ticketId)).toHaveLength(1)
})

describe('what is wrong', () => {
  test.each([
    [['sweep'], 2, /one command: status, redrive, replay, pause, resume/],
    [['redrive'], 2, /--helpdesk: which one/],
    [['redrive', '--helpdesk', 'all'], 2, /One at a time/],
    [['pause', '--helpdesk', 'zendsk'], 2, /--helpdesk zendsk: /],
    [
      ['pause', '--tenant', 'acme', '--helpdesk', 'zendesk'],
      2,
      /one of --helpdesk, --tenant and --connection/,
    ],
    [['pause', '--tenant', 'acme'], 2, /--why: the reason/],
    [['pause', '--tenant', 'A B', '--why', 'x'], 2, /--tenant A B: a tenant id is 3 to 36/],
    [['replay', '--connection', 'acme', '--ticket', '1'], 2, /--connection acme: a connection id is/],
    [['replay', '--connection', `acme.${'x'.repeat(22)}`], 2, /--ticket: the helpdesk's id/],
    [['replay', '--connection', `acme.${'x'.repeat(22)}`, '--ticket', '1'], 1, /no live connection acme\./],
    [['status', '--outputs', 'none.json'], 1, /--outputs none.json: .*npm run deploy writes it/],
  ] as [string[], number, RegExp][])('%j', async (args, code, message) => {
    const command = args.includes('--outputs') ? args : [...args, '--outputs', outputs]
    const { status, err } = await new Promise<{ status: number; err: string }>((done) => {
      execFile(process.execPath, [join(__dirname, '../bin/ops.ts'), ...command], (error, _out, stderr) =>
        done({ status: typeof error?.code === 'number' ? error.code : 0, err: stderr }),
      )
    })
    expect(err).toMatch(message)
    expect(status).toBe(code)
  })
})
