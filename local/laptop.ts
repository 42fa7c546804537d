/** Deskhand on one machine: the real handlers between local AWS services, a stand-in Zendesk, a demo shop and Claude. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SQSClient } from '@aws-sdk/client-sqs'
import { createAnswer } from '../lambdas/core/answer.ts'
import { answerRuntime } from '../lambdas/core/aws/answer-runtime.ts'
import { receiveRuntime } from '../lambdas/core/aws/receive-runtime.ts'
import { sweeperRuntime } from '../lambdas/core/aws/sweeper-runtime.ts'
import { createTable } from '../lambdas/core/aws/table.ts'
import { publish } from '../lambdas/core/configuration.ts'
import { createLog } from '../lambdas/core/log.ts'
import type { Io } from '../lambdas/core/ports.ts'
import { createReceive } from '../lambdas/core/receive.ts'
import { sweep } from '../lambdas/core/sweep.ts'
import { zendesk as zendeskHelpdesk } from '../lambdas/zendesk/helpdesk.ts'
import { inbound } from '../lambdas/zendesk/inbound.ts'
import { type AwsEndpoint, startAwsEndpoint } from './aws-endpoint.ts'
import { type ClaudeStandIn, type Script, startClaude } from './claude.ts'
import {
  demoAgentSettings,
  demoAuthorization,
  demoConnection,
  demoConnectionId,
  demoSecrets,
  demoTenant,
  demoTools,
  demoUserDataApi,
  demoWebhookSecret,
} from './demo-data.ts'
import { type DemoMessage, demoMessageRoute } from './demo-message.ts'
import { openFrontDoor } from './front-door.ts'
import type { Line } from './print.ts'
import { type QueueHandler, startQueueWorkers } from './queue-worker.ts'
import { type ShopStandIn, startShop } from './shop.ts'
import { startTables, tableNames } from './tables.ts'
import { startZendesk, type ZendeskStandIn } from './zendesk.ts'

export interface LaptopOptions {
  /** 0: any free one. */
  port: number
  /** Real Claude, or a server that speaks its API. Without it a scripted stand-in is started. */
  anthropic?: { apiKey: string; baseURL?: string }
  /** What the stand-in for Claude says. */
  script?: Script
  /** `host:port` on this machine that egress and helpdesk addresses may reach besides the stand-ins. */
  allowHosts?: readonly string[]
  /** Keeps tables, secrets, keys and queues. Default: memory. */
  dataDirectory?: string
  /** Gets every log line and every event of the laptop itself. */
  onLine?: (line: Line) => void
}

export interface Laptop {
  url: string
  webhookUrl: string
  zendesk: ZendeskStandIn
  shop: ShopStandIn
  /** Absent where Claude is real. */
  claude: ClaudeStandIn | undefined
  aws: AwsEndpoint
  /** A customer of the demo writes. Answers the ticket's id. */
  write(message: DemoMessage): number
  /** Waits until every webhook is delivered and every wake-up worked on, at most `ms`. */
  settled(ms: number): Promise<void>
  close(): Promise<void>
}

/** How often lost wake-ups are looked for, as in the cloud. */
const sweepEveryMs = 60_000
const helpdesk = 'zendesk'

/** Starts everything and publishes the demo tenant's configuration. Rejects when the port is taken. */
export async function startLaptop(options: LaptopOptions): Promise<Laptop> {
  const onLine = options.onLine ?? (() => undefined)
  const closing: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const end of closing.splice(0).toReversed()) await end()
  }
  const opened = <T extends { close(): Promise<unknown> }>(one: T): T => {
    closing.push(() => one.close())
    return one
  }
  /** The stand-ins stand on the next ports, so that their addresses are the same each time. */
  const beside = (n: number) => (options.port === 0 ? 0 : options.port + n)
  try {
    const directory = options.dataDirectory
    const tables = opened(
      await startTables(directory === undefined ? {} : { path: join(directory, 'tables') }),
    )
    const aws = opened(await startAwsEndpoint(directory === undefined ? {} : { directory }))
    const zendesk = opened(
      await startZendesk({
        port: beside(1),
        ...(directory === undefined ? {} : { file: join(directory, 'zendesk.json') }),
      }),
    )
    const shop = opened(await startShop({ port: beside(2) }))
    const claude = options.anthropic
      ? undefined
      : opened(await startClaude({ port: beside(3), ...(options.script ? { script: options.script } : {}) }))

    const cloud = {
      aws: { region: 'local', endpoint: aws.url, dynamoEndpoint: tables.url, credentials: aws.credentials },
      io: timed(onLine),
      log: createLog({ write: (line) => onLine(JSON.parse(line) as Line), clock: Date }),
      tableNames,
    }
    aws.createQueue(`${helpdesk}-dead`)
    const queueUrl = aws.createQueue(helpdesk, {
      visibilityTimeoutSeconds: 1080,
      redrive: { deadLetterQueue: `${helpdesk}-dead`, maxReceiveCount: 5 },
    })
    await seed({ aws, dynamoUrl: tables.url, zendeskUrl: zendesk.url, shopUrl: shop.url })

    const receive = createReceive(inbound, receiveRuntime({ ...cloud, queueUrl }))
    const answer = createAnswer(
      zendeskHelpdesk,
      answerRuntime({
        ...cloud,
        queueUrl,
        keyId: aws.createKey('content'),
        roleArn: aws.roleArn,
        anthropic: options.anthropic ?? { apiKey: 'stand-in', ...(claude ? { baseURL: claude.url } : {}) },
        allowance: {
          hosts: new Set([new URL(zendesk.url).host, new URL(shop.url).host, ...(options.allowHosts ?? [])]),
        },
      }),
    )
    const sweeper = sweeperRuntime({ ...cloud, queueUrls: { [helpdesk]: queueUrl } })

    const message = demoMessageRoute(zendesk, onLine)
    const door = opened(
      await openFrontDoor(
        {
          webhooks: { [helpdesk]: receive },
          message: message.route,
          hello: () => `Deskhand on this machine. Tickets: ${zendesk.url}\n`,
          onWebhook: (webhook) => onLine({ event: 'webhook_in', ...webhook }),
        },
        options.port,
      ),
    )
    const webhookUrl = `${door.url}/webhooks/${helpdesk}/${demoConnectionId}`
    zendesk.connect({ url: webhookUrl, secret: demoWebhookSecret })

    const sqs = new SQSClient({ region: 'local', endpoint: aws.url, credentials: aws.credentials })
    const workers = startQueueWorkers({
      sqs,
      queueUrl,
      handler: answer as QueueHandler,
      workers: 4,
      onWakeUp: () => onLine({ event: 'wake_up' }),
    })
    closing.push(async () => {
      await workers.stop()
      sqs.destroy()
    })
    const sweeps = setInterval(() => void sweep(sweeper).catch(() => undefined), sweepEveryMs)
    closing.push(async () => clearInterval(sweeps))
    await sweep(sweeper)

    const settled = async (ms: number) => {
      const until = Date.now() + ms
      await zendesk.settled()
      while (aws.messages(helpdesk).length > 0 && Date.now() < until) await sleep(10)
    }
    return { url: door.url, webhookUrl, zendesk, shop, claude, aws, write: message.write, settled, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Times every I/O of the handlers. */
const timed =
  (onLine: (line: Line) => void): Io =>
  async (port, call) => {
    const started = performance.now()
    const result = await call()
    onLine({ event: 'io', port, ms: performance.now() - started })
    return result
  }

/** The demo tenant: its secrets, and its configuration published as the admin would. */
async function seed(about: { aws: AwsEndpoint; dynamoUrl: string; zendeskUrl: string; shopUrl: string }) {
  const { aws, zendeskUrl, shopUrl } = about
  const secrets = demoSecrets(zendeskUrl, shopUrl)
  for (const [direction, values] of Object.entries(secrets))
    for (const [name, value] of Object.entries(values))
      aws.putSecret(`deskhand/${demoTenant}/${direction}/${name}`, value)
  const dynamo = new DynamoDBClient({
    region: 'local',
    endpoint: about.dynamoUrl,
    credentials: aws.credentials,
  })
  const table = createTable(dynamo, tableNames.configuration, 'seed', (_port, call) => call())
  await publish(
    table,
    demoTenant,
    [
      { kind: 'connection', id: demoConnectionId, definition: demoConnection(zendeskUrl) },
      { kind: 'authorization', id: demoAuthorization.name, definition: demoAuthorization },
      { kind: 'user-data-api', id: 'user-data', definition: demoUserDataApi(shopUrl) },
      { kind: 'agent-settings', id: 'agent', definition: demoAgentSettings },
      ...demoTools(shopUrl).map((tool) => ({ kind: 'tool' as const, id: tool.name, definition: tool })),
    ],
    'laptop',
    'the demo tenant',
    Date.now(),
  )
  dynamo.destroy()
}
