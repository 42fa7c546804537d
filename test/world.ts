/**
 * Everything around Deskhand on this machine, for tests: tables, AWS, a stand-in Zendesk, the demo shop and a scripted
 * Claude, all over HTTP, under one clock that moves only when told. A "process" runs the real handlers with nothing
 * cached; it can be killed before or after any I/O.
 */
import { randomBytes } from 'node:crypto'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import type { Context } from 'aws-lambda'
import { createAnswer } from '../lambdas/core/answer.ts'
import { answerRuntime } from '../lambdas/core/aws/answer-runtime.ts'
import { receiveRuntime } from '../lambdas/core/aws/receive-runtime.ts'
import { sweeperRuntime } from '../lambdas/core/aws/sweeper-runtime.ts'
import { createTable } from '../lambdas/core/aws/table.ts'
import { publish } from '../lambdas/core/configuration.ts'
import type { Helpdesk } from '../lambdas/core/helpdesk.ts'
import { createLog } from '../lambdas/core/log.ts'
import type { AnswerRuntime, Io, Row } from '../lambdas/core/ports.ts'
import { createReceive } from '../lambdas/core/receive.ts'
import { scheduleReconcile } from '../lambdas/core/reconcile.ts'
import { sweep } from '../lambdas/core/sweep.ts'
import { scheduleKey, ticketKey, ticketPk } from '../lambdas/core/ticket-key.ts'
import { helpdesks } from '../lambdas/helpdesks.ts'
import { startAwsEndpoint } from '../local/aws-endpoint.ts'
import { type Script, startClaude } from '../local/claude.ts'
import {
  demoAgentSettings,
  demoAuthorization,
  demoCodeSender,
  demoShopSecret,
  demoTenant,
  demoTools,
  demoUserDataApi,
  findRefundTool,
  refundTool,
} from '../local/demo-data.ts'
import { demoHelpdesks } from '../local/demo-helpdesks.ts'
import { startShop } from '../local/shop.ts'
import type { DemoHelpdesk, SeenMessage } from '../local/stand-in.ts'
import { startTables, tableNames } from '../local/tables.ts'
import type { Comment, Entry } from '../local/zendesk/account.ts'
import { demoCustomers, demoZendesk } from '../local/zendesk/demo.ts'
import { zendeskHeaders } from '../local/zendesk/sign.ts'
import type { ZendeskStandIn } from '../local/zendesk/stand-in.ts'
import type { ConfigKind } from '../schemas/configuration.ts'
import type { HelpdeskName } from '../schemas/names.ts'
import { assertNothingLeaked } from './no-leak.ts'

const second = 1000
const hour = 60 * 60 * second
const fullLambdaMs = 180_000
export const publicUrl = 'https://hooks.deskhand.example'
/** Nobody may ever see it. */
export const claudeKey = 'canary-anthropic-key-7d1f'

export interface LogLine {
  level: string
  event: string
  [field: string]: unknown
}

type NewTicket = Parameters<ZendeskStandIn['createTicket']>[0]

/** What happens at the n-th I/O of a process; with `port`, at the n-th of that name. */
export interface Plan {
  n: number
  port?: string
  when: 'before' | 'after'
  /** What happens there; default: nothing besides what `dies` says. */
  act?: () => Promise<void>
  /** Does the process die there? Default: only where there is no `act`. */
  dies?: boolean
}

/** What a process runs under. */
export interface Circumstances {
  /** I/Os that fail as a broken connection does. */
  fails?: (port: string) => boolean
  /** The function's time when a wake-up comes, ms. */
  lambdaMs?: number
}

/** One run of the real handlers, with nothing cached. */
export interface Process {
  /** Names of the I/Os it made. */
  ports: string[]
  /**
   * Delivers a signed webhook: for a message by its id, for the newest one, or (Zendesk) with this body. `died` when the
   * process was killed.
   */
  deliver(ticketId: string, event?: object | string, connectionId?: string): Promise<number | 'died'>
  /** Sends bytes and headers to the front door as they are; answers the status. */
  knock(
    rawBody: string | Buffer,
    headers: Record<string, string>,
    about?: { connectionId?: string; method?: string },
  ): Promise<number>
  /** Handles one wake-up, by default the ticket's own; `failed` when it goes back to the queue. */
  answer(body: string): Promise<'ended' | 'failed' | 'died'>
}

export type World = Awaited<ReturnType<typeof startWorld>>

const suedwind = {
  id: 'suedwind',
  connectionId: 'suedwind.otherConnection00000BB',
  webhookSecret: 'suedwind-zendesk-webhook-signing-secret',
}

type Deployment = Awaited<ReturnType<typeof startDeployment>>
/** What the tenants of one deployment share. */
async function startDeployment(script: Script) {
  const clock = { time: Date.parse('2026-11-21T09:00:00Z'), now: () => clock.time }
  const lines: LogLine[] = []
  const current = { script }
  const aws = await startAwsEndpoint({ clock })
  return {
    clock,
    lines,
    current,
    aws,
    tables: await startTables(),
    claude: await startClaude({ script: (request, n) => current.script(request, n) }),
    keyId: aws.createKey('content'),
    identityKeyArn: aws.createSigningKey('identity'),
    allowance: { hosts: new Set<string>() },
    log: createLog({ clock, write: (line) => lines.push(JSON.parse(line) as LogLine) }),
  }
}

export async function startWorld(options: {
  script: Script
  /** Does the shop honour, and the tool declare, an idempotency key? */
  idempotency?: 'key' | 'lookup' | 'none'
  refundIdentity?: 'mailbox' | 'signed_in'
  mode?: 'reply' | 'note'
  /** Does the deploy name a sender? Default: none, so there are no one-time codes. */
  sender?: boolean
  /** Default: Zendesk, and with it everything here that speaks of comments. */
  helpdesk?: HelpdeskName
  /** Another tenant on the same deployment, or the same one's other helpdesk; with an account and a shop of its own. */
  beside?: { deployment: Deployment; sameTenant?: true }
}) {
  const name = options.helpdesk ?? 'zendesk'
  const demo: DemoHelpdesk = demoHelpdesks[name]
  const helpdesk: Helpdesk = helpdesks[name]
  const tenant =
    options.beside === undefined || options.beside.sameTenant
      ? { id: demoTenant, connectionId: demo.connectionId, webhookSecret: demo.webhookSecret }
      : suedwind
  const deployment = options.beside?.deployment ?? (await startDeployment(options.script))
  const { clock, aws, tables, claude, keyId, identityKeyArn, allowance, log, lines } = deployment
  const queueUrl = aws.createQueue(name, { visibilityTimeoutSeconds: 1080 })
  const idempotency = options.idempotency ?? 'key'
  const standIn = await demo.start({ now: clock.now, unlimited: true })
  const zendesk = standIn as ZendeskStandIn
  const shop = await startShop({ now: clock.now, honoursKeys: idempotency === 'key' })
  for (const { url } of [standIn, shop]) allowance.hosts.add(new URL(url).host)

  const secrets = {
    inbound: Object.fromEntries(
      Object.keys(demo.secrets(standIn.url).inbound).map((each) => [each, { value: tenant.webhookSecret }]),
    ),
    outbound: { ...demo.secrets(standIn.url).outbound, ...demoShopSecret(shop.url) },
  }
  for (const [direction, values] of Object.entries(secrets)) {
    for (const [name, value] of Object.entries(values)) {
      aws.putSecret(`deskhand/${tenant.id}/${direction}/${name}`, value)
    }
  }

  const webhook = {
    url: `${publicUrl}/webhooks/${name}/${tenant.connectionId}`,
    secret: tenant.webhookSecret,
  }
  const shared = {
    aws: { endpoint: aws.url, dynamoEndpoint: tables.url, region: 'local', credentials: aws.credentials },
    tableNames,
    clock,
  }
  const plain: Io = (_port, call) => call()
  const answering = (io: Io = plain) =>
    answerRuntime({
      ...shared,
      queueUrl,
      keyId,
      identityKeyArn,
      publicUrl,
      roleArn: aws.roleArn,
      ...(options.sender === true ? { codeSender: demoCodeSender } : {}),
      anthropic: { apiKey: claudeKey, baseURL: claude.url },
      allowance,
      io,
      random: randomBytes,
      log,
    })
  const { configuration } = await answering().forTenant(tenant.id)

  const sweeper = sweeperRuntime({ ...shared, queueUrls: { [name]: queueUrl }, log })

  const world = {
    clock,
    aws,
    standIn,
    /** Where the helpdesk sends its webhooks. */
    webhook,
    zendesk,
    shop,
    claude,
    tables,
    lines,
    deployment,
    answering,
    tenant: tenant.id,
    connectionId: tenant.connectionId,
    get script(): Script {
      return deployment.current.script
    },
    set script(script: Script) {
      deployment.current.script = script
    },

    /** Publishes the demo's configuration with the refund tool; of two definitions with one id the later counts. */
    async publish(more: { kind: ConfigKind; id: string; definition: unknown }[] = []) {
      const refund = { ...refundTool(shop.url, idempotency), identity: options.refundIdentity ?? 'mailbox' }
      const lookups = idempotency === 'lookup' ? [findRefundTool(shop.url)] : []
      const tools = [...demoTools(shop.url), ...lookups, refund]
      await publish(
        configuration,
        tenant.id,
        [
          {
            kind: 'connection',
            id: tenant.connectionId,
            definition: world.connection(),
          },
          { kind: 'user-data-api', id: 'default', definition: demoUserDataApi(shop.url) },
          { kind: 'authorization', id: 'shop', definition: demoAuthorization },
          { kind: 'agent-settings', id: 'default', definition: demoAgentSettings },
          ...tools.map((definition) => ({ kind: 'tool' as const, id: definition.name, definition })),
          ...more,
        ],
        'test',
        'test',
        clock.now(),
      )
    },

    /** The connection's definition with some settings changed, to be published. */
    connection: (change: object = {}) => ({
      ...demo.connection(standIn.url),
      id: tenant.connectionId,
      mode: options.mode ?? 'reply',
      ...change,
    }),

    /** A customer opens a ticket; nothing is delivered yet. */
    openTicket(text: string, entry: Partial<Entry> = {}, fields: Partial<NewTicket> = {}): string {
      const author = entry.author ?? demoCustomers.zoe
      return String(
        zendesk.createTicket(
          { subject: 'Order 1042', requester: author, ...fields },
          { author, text, ...entry },
        ),
      )
    },
    /** The customer writes again; nothing is delivered yet. Answers the comment's id. */
    write(ticketId: string, text: string, entry: Partial<Entry> = {}): string {
      return String(zendesk.addComment(Number(ticketId), { author: demoCustomers.zoe, text, ...entry }))
    },

    /** A customer opens a ticket, and everything that follows has happened. Answers the ticket's id. */
    async ask(text: string, entry?: Partial<Entry>, fields?: Partial<NewTicket>): Promise<string> {
      const ticketId = world.openTicket(text, entry, fields)
      await world.deliver(ticketId)
      await world.untilQuiet(ticketId)
      return ticketId
    },
    /** The customer writes again, and everything that follows has happened. */
    async askAgain(ticketId: string, text: string, entry?: Partial<Entry>): Promise<void> {
      world.write(ticketId, text, entry)
      await world.deliver(ticketId)
      await world.untilQuiet(ticketId)
    },

    /** A process with nothing cached. `plan` acts at one of its I/Os; `ports` names those it made. */
    process(
      plan?: Plan,
      wrap: (runtime: AnswerRuntime) => AnswerRuntime = (runtime) => runtime,
      { fails = () => false, lambdaMs = fullLambdaMs }: Circumstances = {},
    ): Process {
      const life = createLife(plan, fails)
      // Each half is a function of its own, and most processes here are only one of them.
      const answer = lazy(() => createAnswer(helpdesk, wrap(answering(life.io))))
      const receive = lazy(() =>
        createReceive(
          helpdesk,
          receiveRuntime({
            ...shared,
            queueUrl,
            publicUrl,
            io: life.io,
            log,
          }),
        ),
      )
      return {
        ports: life.ports,
        deliver: async (
          ticketId: string,
          event?: object | string,
          connectionId: string = tenant.connectionId,
        ): Promise<number | 'died'> => {
          const { body, headers } = signed(ticketId, event)
          const request = apiGateway(name, connectionId, body, headers)
          const result = await Promise.race([receive()(request), life.death])
          return result === 'died' ? 'died' : result.statusCode
        },
        knock: async (rawBody, headers, about = {}) => {
          const to = about.connectionId ?? tenant.connectionId
          return (await receive()(apiGateway(name, to, rawBody, headers, about.method))).statusCode
        },
        answer: async (body) => {
          const end = clock.now() + lambdaMs
          const context = { getRemainingTimeInMillis: () => end - clock.now() } as Context
          const record = { messageId: 'm', body } as never
          const handled = answer()({ Records: [record] }, context).catch(() => 'failed' as const)
          const result = await Promise.race([handled, life.death])
          if (result === 'died' || result === 'failed') return result
          return (result as { batchItemFailures: unknown[] }).batchItemFailures.length > 0
            ? 'failed'
            : 'ended'
        },
      }
    },

    /** Delivers the newest comment's webhook until it is accepted, as the helpdesk would. */
    async deliver(ticketId: string, event?: object | string): Promise<void> {
      for (let tries = 0; tries < 4; tries++) {
        const status = await world.process().deliver(ticketId, event)
        if (status === 200) return
      }
      throw new Error('webhook not accepted')
    },

    /**
     * A few seconds pass: the wake-ups that came are handled, the ticket's by `process`; without any, a minute passes
     * and the sweeper runs. Answers whether `process` had something to do.
     */
    async step(ticketId: string, process: Process = world.process()): Promise<boolean> {
      clock.time += 5 * second
      const bodies = await takeMessages()
      if (bodies.length === 0) {
        // While the lease of a dead process lasts nothing can happen, so those minutes need no sweeps.
        const leaseUntil = (await world.row(ticketId))?.leaseUntil ?? 0
        clock.time = Math.max(clock.time + 60 * second, Number(leaseUntil))
        await world.sweep()
      }
      const mine = world.wakeUp(ticketId)
      for (const body of bodies) await (body === mine ? process : world.process()).answer(body)
      return bodies.includes(mine)
    },

    /** Steps until the ticket's next wake-up was handled, by `process`. */
    async run(ticketId: string, process: Process = world.process()): Promise<void> {
      for (let rounds = 0; rounds < 60; rounds++) if (await world.step(ticketId, process)) return
      throw new Error(`ticket ${ticketId} had no wake-up in 60 rounds`)
    },

    /**
     * Runs wake-ups and sweeps, moving the clock, until the ticket is settled, or waits for nothing but a proposal's end.
     * Answers the I/Os of every run.
     */
    async untilQuiet(ticketId: string, first?: Process): Promise<string[][]> {
      const ran: string[][] = []
      let process = first ?? world.process()
      for (let rounds = 0; rounds < 120; rounds++) {
        const row = await world.row(ticketId)
        if (row?.due === undefined) return ran
        if (row.dueSince === undefined && Number(row.dueAt) > clock.time + hour) return ran
        if (!(await world.step(ticketId, process))) continue
        ran.push(process.ports)
        process = world.process()
      }
      throw new Error(`ticket ${ticketId} is not settled after 120 rounds`)
    },

    /** The body of the ticket's wake-up. */
    wakeUp: (ticketId: string): string => JSON.stringify({ connectionId: tenant.connectionId, ticketId }),
    /** Wake-ups that are in the queue. */
    queued: (): number => aws.messages(name).length,
    /** Takes every wake-up out of the queue, unhandled. */
    async loseWakeUps(): Promise<void> {
      clock.time += 5 * second
      await takeMessages()
    },
    /** `ticket.comment_added` for one comment of the ticket. */
    event: (ticketId: string, commentId: string): object =>
      JSON.parse(standIn.webhookOf(ticketId, commentId, webhook).rawBody) as object,
    /** What we wrote into a ticket, on any helpdesk: replies and notes, oldest first. */
    said: (ticketId: string): SeenMessage[] =>
      (standIn.ticket(ticketId)?.messages ?? []).filter(({ by }) => by === 'us'),

    sweep: (): Promise<number> => sweep(sweeper),
    /** Publishes the connection's schedule, as publishing the connection does. */
    schedule: (change: object = {}): Promise<void> =>
      scheduleReconcile(conversations, helpdesk.connection.parse(world.connection(change)), clock.now()),
    /** The schedule's row. */
    scheduled: (): Promise<Row | undefined> => conversations.get('look', scheduleKey(tenant.connectionId)),
    /** The sweeper runs, and the helpdesk is asked what moved by `process`; wake-ups of tickets stay in the queue. */
    async reconcile(process: Process = world.process()): Promise<void> {
      await world.sweep()
      const body = JSON.stringify({ connectionId: tenant.connectionId, reconcile: true })
      await process.answer(body)
    },
    row: (ticketId: string): Promise<Row | undefined> =>
      conversations.get('look', ticketKey(tenant.connectionId, ticketId)),
    rows: (ticketId: string): Promise<Row[]> =>
      conversations.query('look', { pk: ticketPk(tenant.connectionId, ticketId) }),
    comments: (ticketId: string): Comment[] =>
      zendesk.account.conversations.get(Number(ticketId))?.comments ?? [],
    replies: (ticketId: string): Comment[] =>
      world.comments(ticketId).filter((c) => c.public && c.author_id === demoZendesk.botUserId),
    notes: (ticketId: string): Comment[] =>
      world.comments(ticketId).filter((c) => !c.public && c.author_id === demoZendesk.botUserId),
    tags: (ticketId: string): string[] =>
      zendesk.account.conversations.get(Number(ticketId))?.ticket.tags ?? [],

    async close() {
      dynamo.destroy()
      sqs.destroy()
      const common = options.beside === undefined ? [tables, aws, claude] : []
      await Promise.all([standIn, shop, ...common].map((each) => each.close()))
      assertNothingLeaked(lines)
    },
  }

  const dynamo = new DynamoDBClient({ endpoint: tables.url, region: 'local', credentials: aws.credentials })
  const sqs = new SQSClient({ endpoint: aws.url, region: 'local', credentials: aws.credentials })
  const conversations = createTable(dynamo, tableNames.conversations, 'conversations', plain)

  async function takeMessages(): Promise<string[]> {
    const queued = aws.messages(name)
    if (queued.length === 0) return []
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }),
    )
    for (const { ReceiptHandle } of Messages) {
      await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }))
    }
    return Messages.flatMap(({ Body }) => Body ?? [])
  }

  function signed(ticketId: string, event: object | string | undefined) {
    if (typeof event !== 'object') {
      const { rawBody, headers } = standIn.webhookOf(ticketId, event, webhook)
      return { body: rawBody, headers }
    }
    const body = JSON.stringify(event)
    return {
      body,
      headers: zendeskHeaders({
        secret: tenant.webhookSecret,
        rawBody: body,
        accountId: demoZendesk.accountId,
        webhookId: demoZendesk.webhookId,
        now: clock.now(),
      }),
    }
  }

  await world.publish()
  return world
}

const apiGateway = (
  helpdesk: HelpdeskName,
  connectionId: string,
  body: string | Buffer,
  headers: Record<string, string>,
  method = 'POST',
) => ({
  version: '2.0',
  routeKey: `${method} /webhooks/${helpdesk}/{connectionId}`,
  rawPath: `/webhooks/${helpdesk}/${connectionId}`,
  rawQueryString: '',
  headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
  pathParameters: { connectionId },
  requestContext: { http: { method, path: `/webhooks/${helpdesk}/${connectionId}` } },
  body: typeof body === 'string' ? body : body.toString('base64'),
  isBase64Encoded: typeof body !== 'string',
})

function lazy<T>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}

/** The life of a process: a dead one never does anything again, whatever was under way. */
export function createLife(plan: Plan | undefined, fails: (port: string) => boolean) {
  const ports: string[] = []
  const never = new Promise<never>(() => {})
  let dead = false
  let die: (value: 'died') => void = () => {}
  const death = new Promise<'died'>((resolve) => {
    die = resolve
  })
  const act = async (): Promise<void> => {
    await plan?.act?.()
    if (!(plan?.dies ?? plan?.act === undefined)) return
    dead = true
    die('died')
    await never
  }
  const io: Io = async (port, call) => {
    if (dead) return await never
    ports.push(port)
    const n = plan?.port === undefined ? ports.length : ports.filter((name) => name === plan.port).length
    const isPlanned = plan?.n === n && (plan.port ?? port) === port
    if (isPlanned && plan.when === 'before') await act()
    if (fails(port)) throw new Error('connect ECONNREFUSED')
    const result = await call()
    if (isPlanned && plan.when === 'after') await act()
    if (dead) return await never
    return result
  }
  return { ports, io, death }
}
