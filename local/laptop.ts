/** Deskhand on one machine: the real handlers between local AWS services, stand-ins for helpdesks, a demo shop and Claude. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SQSClient } from '@aws-sdk/client-sqs'
import type { Context } from 'aws-lambda'
import { createAdmin } from '../lambdas/admin/create-admin.ts'
import { createAnswer } from '../lambdas/core/answer.ts'
import { adminRuntime } from '../lambdas/core/aws/admin-runtime.ts'
import { answerRuntime } from '../lambdas/core/aws/answer-runtime.ts'
import { jobsRuntime } from '../lambdas/core/aws/jobs-runtime.ts'
import { publicKeysRuntime } from '../lambdas/core/aws/public-keys-runtime.ts'
import { receiveRuntime } from '../lambdas/core/aws/receive-runtime.ts'
import { sweeperRuntime } from '../lambdas/core/aws/sweeper-runtime.ts'
import { createTable } from '../lambdas/core/aws/table.ts'
import { checkConfiguration } from '../lambdas/core/check-configuration.ts'
import { publish } from '../lambdas/core/configuration.ts'
import type { Helpdesk } from '../lambdas/core/helpdesk.ts'
import { createJobs } from '../lambdas/core/jobs/run-jobs.ts'
import { createLog } from '../lambdas/core/log.ts'
import type { Allowance, AnswerRuntime, Io } from '../lambdas/core/ports.ts'
import { createReceive } from '../lambdas/core/receive.ts'
import { scheduleReconcile } from '../lambdas/core/reconcile.ts'
import { createPublicKeys } from '../lambdas/core/serve-public-keys.ts'
import { sweep } from '../lambdas/core/sweep.ts'
import { ticketPk } from '../lambdas/core/ticket-key.ts'
import { readTrace } from '../lambdas/core/trace.ts'
import { helpdesks } from '../lambdas/helpdesks.ts'
import { type HelpdeskName, helpdeskNames } from '../schemas/names.ts'
import type { TraceRecord } from '../schemas/trace.ts'
import { type AwsEndpoint, startAwsEndpoint } from './aws-endpoint.ts'
import { type ClaudeStandIn, type Script, startClaude } from './claude.ts'
import {
  demoAgentSettings,
  demoAuthorization,
  demoCodeSender,
  demoShopSecret,
  demoTask,
  demoTenant,
  demoTools,
  demoUserDataApi,
  demoWriteTools,
} from './demo-data.ts'
import { demoHelpdesks } from './demo-helpdesks.ts'
import { type DemoMessage, demoMessageRoute } from './demo-message.ts'
import { type FrontDoorRoutes, openFrontDoor } from './front-door.ts'
import { createIdentityProvider } from './identity-provider.ts'
import { localOperator, seedOperator, tokenRoute } from './operators.ts'
import type { Line } from './print.ts'
import { type QueueHandler, startQueueWorkers } from './queue-worker.ts'
import { type ShopStandIn, startShop } from './shop.ts'
import type { DemoHelpdesk, StandIn } from './stand-in.ts'
import { startTables, tableNames } from './tables.ts'

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
  webhookUrl(helpdesk: HelpdeskName): string
  /** A token for the admin API, good for 12 hours. */
  operatorToken: string
  standIns: Readonly<Record<HelpdeskName, StandIn>>
  shop: ShopStandIn
  /** Absent where Claude is real. */
  claude: ClaudeStandIn | undefined
  aws: AwsEndpoint
  /** A customer of the demo writes. Answers the ticket's id. */
  write(message: DemoMessage): string
  /** Waits until every webhook is delivered and every wake-up worked on, at most `ms`. */
  settled(ms: number): Promise<void>
  /** What an admin reads of a ticket, oldest run first. */
  trace(helpdesk: HelpdeskName, ticketId: string): Promise<TraceRecord[]>
  close(): Promise<void>
}

/** What the tokens of this machine say of who gave them. */
const localIssuer = 'https://identity.deskhand.local'

/** How often lost wake-ups are looked for, as in the cloud. */
const sweepEveryMs = 60_000
/** Not at the start: the demo shows one ticket, by its webhook. */
const firstReconcileMs = 15 * 60_000

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
    const aws = opened(
      await startAwsEndpoint({
        ...(directory === undefined ? {} : { directory }),
        onMail: ({ to, subject, text }) => onLine({ event: 'mail', to: to.join(', '), subject, text }),
      }),
    )
    const standIns = await startStandIns(directory, beside, opened)
    const others = helpdeskNames.length
    const shop = opened(await startShop({ port: beside(others + 1) }))
    const claude = options.anthropic
      ? undefined
      : opened(
          await startClaude({
            port: beside(others + 2),
            ...(options.script ? { script: options.script } : {}),
          }),
        )

    const contentKey = aws.createKey('content')
    const identityKey = aws.createSigningKey('identity')
    const cloud = {
      aws: { region: 'local', endpoint: aws.url, dynamoEndpoint: tables.url, credentials: aws.credentials },
      io: timed(onLine),
      log: createLog({ write: (line) => onLine(JSON.parse(line) as Line), clock: Date }),
      tableNames,
    }
    const identityProvider = await createIdentityProvider({
      issuer: localIssuer,
      ...(directory === undefined ? {} : { keyFile: join(directory, 'identity-provider.pem') }),
    })
    const stoodIn = [shop, ...Object.values(standIns)].map(({ url }) => new URL(url).host)
    const allowance = { hosts: new Set([...stoodIn, ...(options.allowHosts ?? [])]) }
    await seed({ aws, dynamoUrl: tables.url, standIns, shopUrl: shop.url, allowance })

    const message = demoMessageRoute(standIns, onLine)
    const publicKeys = createPublicKeys(publicKeysRuntime({ ...cloud, keyArns: [identityKey] }))
    const webhooks: FrontDoorRoutes['webhooks'] = {}
    const admin: NonNullable<FrontDoorRoutes['admin']> = {
      identityProvider,
      handle: () => Promise.reject(new Error('not up yet')),
    }
    const door = opened(
      await openFrontDoor(
        {
          webhooks,
          publicKeys: (event) => publicKeys(event as Parameters<typeof publicKeys>[0], {} as Context),
          admin,
          token: tokenRoute(identityProvider),
          message: message.route,
          hello: () =>
            `Deskhand on this machine. Tickets:\n${helpdeskNames.map((name) => `${standIns[name].url}  ${demoHelpdesks[name].title}\n`).join('')}`,
          onWebhook: (webhook) => onLine({ event: 'webhook_in', ...webhook }),
        },
        options.port,
      ),
    )
    const webhookUrl = (name: HelpdeskName) =>
      `${door.url}/webhooks/${name}/${demoHelpdesks[name].connectionId}`

    const sqs = new SQSClient({ region: 'local', endpoint: aws.url, credentials: aws.credentials })
    closing.push(async () => sqs.destroy())
    const queueUrls: Record<string, string> = {}
    const runtimes: Partial<Record<HelpdeskName, AnswerRuntime>> = {}
    for (const name of helpdeskNames) {
      const helpdesk: Helpdesk = helpdesks[name]
      aws.createQueue(`${name}-dead`)
      const queueUrl = aws.createQueue(name, {
        visibilityTimeoutSeconds: 1080,
        redrive: { deadLetterQueue: `${name}-dead`, maxReceiveCount: 5 },
      })
      queueUrls[name] = queueUrl
      webhooks[name] = createReceive(helpdesk, receiveRuntime({ ...cloud, queueUrl, publicUrl: door.url }))
      runtimes[name] = answerRuntime({
        ...cloud,
        queueUrl,
        keyId: contentKey,
        identityKeyArn: identityKey,
        publicUrl: door.url,
        roleArn: aws.roleArn,
        codeSender: demoCodeSender,
        anthropic: options.anthropic ?? { apiKey: 'stand-in', ...(claude ? { baseURL: claude.url } : {}) },
        allowance,
      })
      const answer = createAnswer(helpdesk, runtimes[name])
      standIns[name].connect({ url: webhookUrl(name), secret: demoHelpdesks[name].webhookSecret })
      opened(
        queueWorkers({
          sqs,
          queueUrl,
          handler: answer as QueueHandler,
          workers: 4,
          isOff: () => aws.isOff(name),
          onWakeUp: () => onLine({ event: 'wake_up' }),
        }),
      )
    }
    const administer = createAdmin({
      helpdesks,
      runtime: adminRuntime({
        ...cloud,
        queueUrls,
        keyId: contentKey,
        secretsKeyId: 'secrets',
        identityKeyArn: identityKey,
        publicUrl: door.url,
        roleArn: aws.adminRoleArn,
        allowance,
        claude: options.anthropic ?? { apiKey: 'stand-in', ...(claude ? { baseURL: claude.url } : {}) },
      }),
    })
    admin.handle = (event) => administer(event, {} as Context)
    aws.createQueue('jobs-dead')
    const jobsQueue = aws.createQueue('jobs', {
      visibilityTimeoutSeconds: 1080,
      redrive: { deadLetterQueue: 'jobs-dead', maxReceiveCount: 5 },
    })
    queueUrls.jobs = jobsQueue
    const jobs = createJobs(
      jobsRuntime({ ...cloud, queueUrl: jobsQueue, keyId: contentKey, roleArn: aws.jobsRoleArn }),
    )
    opened(queueWorkers({ sqs, queueUrl: jobsQueue, handler: jobs as QueueHandler, workers: 1 }))
    if (directory !== undefined) writeOutputs(directory, { aws, dynamoUrl: tables.url, queueUrls })
    const sweeper = sweeperRuntime({ ...cloud, queueUrls })
    const sweeps = setInterval(() => void sweep(sweeper).catch(() => undefined), sweepEveryMs)
    closing.push(async () => clearInterval(sweeps))
    await sweep(sweeper)

    const settled = async (ms: number) => {
      const until = Date.now() + ms
      await Promise.all(Object.values(standIns).map((each) => each.settled()))
      const waiting = () => helpdeskNames.some((name) => aws.messages(name).length > 0)
      while (waiting() && Date.now() < until) await sleep(10)
    }
    const trace: Laptop['trace'] = async (name, ticketId) => {
      const tenant = await runtimes[name]?.forTenant(demoTenant)
      if (tenant === undefined) return []
      const pk = ticketPk(demoHelpdesks[name].connectionId, ticketId)
      return await readTrace(tenant.conversations, tenant.vault, pk)
    }
    const { write } = message
    const operatorToken = await identityProvider.token(localOperator)
    return {
      url: door.url,
      webhookUrl,
      operatorToken,
      standIns,
      shop,
      claude,
      aws,
      write,
      settled,
      trace,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

const queueWorkers = (options: Parameters<typeof startQueueWorkers>[0]) => {
  const workers = startQueueWorkers(options)
  return { close: () => workers.stop() }
}

/** One of each helpdesk, on ports of their own. */
async function startStandIns(
  directory: string | undefined,
  beside: (n: number) => number,
  opened: (standIn: StandIn) => StandIn,
): Promise<Record<HelpdeskName, StandIn>> {
  const started: [HelpdeskName, StandIn][] = []
  for (const [i, name] of helpdeskNames.entries()) {
    const file = directory === undefined ? {} : { file: join(directory, `${name}.json`) }
    started.push([name, opened(await demoHelpdesks[name].start({ port: beside(i + 1), ...file }))])
  }
  return Object.fromEntries(started) as Record<HelpdeskName, StandIn>
}

/** What `cdk deploy --outputs-file` writes of the cloud, for `npm run ops`. */
function writeOutputs(
  directory: string,
  { aws, dynamoUrl, queueUrls }: { aws: AwsEndpoint; dynamoUrl: string; queueUrls: Record<string, string> },
): void {
  const queues = Object.fromEntries(
    Object.entries(queueUrls).map(([name, queue]) => [name, { queue, deadLetters: `${queue}-dead` }]),
  )
  const outputs = {
    DeskhandStorage: {
      ConversationsTable: tableNames.conversations,
      ConfigurationTable: tableNames.configuration,
    },
    Deskhand: { Queues: JSON.stringify(queues) },
    Laptop: { Endpoint: aws.url, DynamoEndpoint: dynamoUrl },
  }
  writeFileSync(join(directory, 'outputs.json'), `${JSON.stringify(outputs, null, 2)}\n`)
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
async function seed(about: {
  aws: AwsEndpoint
  dynamoUrl: string
  standIns: Record<HelpdeskName, StandIn>
  shopUrl: string
  allowance: Allowance
}) {
  const { aws, standIns, shopUrl } = about
  const secrets = [
    { inbound: {}, outbound: demoShopSecret(shopUrl) },
    ...helpdeskNames.map((name) => demoHelpdesks[name].secrets(standIns[name].url)),
  ]
  for (const each of secrets)
    for (const [direction, values] of Object.entries(each))
      for (const [name, value] of Object.entries(values))
        aws.putSecret(`deskhand/${demoTenant}/${direction}/${name}`, value)
  const connections = helpdeskNames.map((name) => {
    const { connection, approvers = [] }: DemoHelpdesk = demoHelpdesks[name]
    return { ...connection(standIns[name].url), approvers }
  })
  const dynamo = new DynamoDBClient({
    region: 'local',
    endpoint: about.dynamoUrl,
    credentials: aws.credentials,
  })
  const table = createTable(dynamo, tableNames.configuration, 'seed', (_port, call) => call())
  const schemas = Object.fromEntries(
    Object.values(helpdesks).map(({ name, connection }) => [name, connection]),
  )
  const file = {
    connections,
    authorizations: [demoAuthorization],
    userDataApi: demoUserDataApi(shopUrl),
    agentSettings: demoAgentSettings,
    tools: [...demoTools(shopUrl), ...demoWriteTools(shopUrl)],
    tasks: [demoTask],
  }
  const checked = checkConfiguration(demoTenant, file, schemas, { allowance: about.allowance })
  if (!checked.ok) throw new Error(`the demo's configuration: ${JSON.stringify(checked.problems)}`)
  await publish(table, demoTenant, checked.definitions, 'laptop', 'the demo tenant', Date.now())
  await seedOperator(table, { issuer: localIssuer, tenant: demoTenant, name: 'Nordlicht', now: Date.now() })
  const conversations = createTable(dynamo, tableNames.conversations, 'seed', (_port, call) => call())
  for (const definition of connections) {
    const { connection }: Helpdesk = helpdesks[definition.helpdesk]
    await scheduleReconcile(conversations, connection.parse(definition), Date.now() + firstReconcileMs)
  }
  dynamo.destroy()
}
