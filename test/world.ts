/**
 * Everything around Deskhand on this machine, for tests: tables, AWS, a stand-in Zendesk, the demo shop and a scripted
 * Claude, all over HTTP, under one clock that moves only when told. A "process" runs the real handlers with nothing
 * cached; it can be killed before or after any I/O.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import type { Context } from 'aws-lambda'
import { createAnswer } from '../lambdas/core/answer.ts'
import { answerRuntime } from '../lambdas/core/answer-runtime.ts'
import { createTable } from '../lambdas/core/aws-table.ts'
import { publish } from '../lambdas/core/configuration.ts'
import { createLog } from '../lambdas/core/log.ts'
import type { AnswerRuntime, Io, Row } from '../lambdas/core/ports.ts'
import { createReceive } from '../lambdas/core/receive.ts'
import { receiveRuntime } from '../lambdas/core/receive-runtime.ts'
import { sweep } from '../lambdas/core/sweep.ts'
import { sweeperRuntime } from '../lambdas/core/sweeper-runtime.ts'
import { ticketKey, ticketPk } from '../lambdas/core/ticket-key.ts'
import { zendesk as helpdesk } from '../lambdas/zendesk/helpdesk.ts'
import { inbound } from '../lambdas/zendesk/inbound.ts'
import { startAwsEndpoint } from '../local/aws-endpoint.ts'
import { type Script, startClaude } from '../local/claude.ts'
import {
  demoAgentSettings,
  demoAuthorization,
  demoConnection,
  demoConnectionId,
  demoCustomers,
  demoSecrets,
  demoTenant,
  demoTools,
  demoUserDataApi,
  demoWebhookSecret,
  demoZendesk,
  refundTool,
} from '../local/demo-data.ts'
import { startShop } from '../local/shop.ts'
import { zendeskHeaders } from '../local/sign-zendesk.ts'
import { startTables, tableNames } from '../local/tables.ts'
import { startZendesk } from '../local/zendesk.ts'
import type { Comment } from '../local/zendesk-account.ts'
import type { ConfigKind } from '../schemas/configuration.ts'

const second = 1000
const lambdaMs = 180_000

export interface LogLine {
  level: string
  event: string
  [field: string]: unknown
}

/** What happens at the n-th I/O of a process. */
export interface Plan {
  n: number
  when: 'before' | 'after'
  /** Default: the process dies there. */
  act?: () => Promise<void>
}

/** One run of the real handlers, with nothing cached. */
export interface Process {
  /** Names of the I/Os it made. */
  ports: string[]
  /** Delivers a signed webhook, by default for the newest comment; `died` when the process was killed. */
  deliver(ticketId: string, event?: object): Promise<number | 'died'>
  /** Handles one wake-up; `died` when the process was killed. */
  answer(body: string): Promise<'ended' | 'failed' | 'died'>
}

export type World = Awaited<ReturnType<typeof startWorld>>

export async function startWorld(options: {
  script: Script
  /** Does the shop honour, and the tool declare, an idempotency key? */
  idempotency?: 'key' | 'none'
  refundIdentity?: 'mailbox' | 'signed_in'
  mode?: 'reply' | 'note'
}) {
  const clock = { time: Date.parse('2026-11-21T09:00:00Z'), now: () => clock.time }
  const idempotency = options.idempotency ?? 'key'
  const tables = await startTables()
  const aws = await startAwsEndpoint({ clock })
  const zendesk = await startZendesk({ now: clock.now, requestsPerMinute: 1_000_000 })
  const shop = await startShop({ now: clock.now, honoursKeys: idempotency === 'key' })
  const claude = await startClaude({ script: (request, n) => world.script(request, n) })
  const queueUrl = aws.createQueue('zendesk', { visibilityTimeoutSeconds: 1080 })
  const keyId = aws.createKey('content')
  const allowance = { hosts: new Set([zendesk.url, shop.url].map((url) => new URL(url).host)) }
  const lines: LogLine[] = []

  const secrets = demoSecrets(zendesk.url, shop.url)
  for (const [direction, values] of Object.entries(secrets)) {
    for (const [name, value] of Object.entries(values)) {
      aws.putSecret(`deskhand/${demoTenant}/${direction}/${name}`, value)
    }
  }

  const shared = {
    aws: { endpoint: aws.url, dynamoEndpoint: tables.url, region: 'local', credentials: aws.credentials },
    tableNames,
    clock,
  }
  const log = createLog({ clock, write: (line) => lines.push(JSON.parse(line) as LogLine) })
  const answering = (io: Io) =>
    answerRuntime({
      ...shared,
      queueUrl,
      keyId,
      roleArn: aws.roleArn,
      anthropic: { apiKey: 'test-key', baseURL: claude.url },
      allowance,
      io,
      random: randomBytes,
      log,
    })
  const plain: Io = (_port, call) => call()
  const admin = answering(plain)
  const { configuration } = await admin.forTenant(demoTenant)

  const world = {
    clock,
    aws,
    zendesk,
    shop,
    claude,
    tables,
    lines,
    script: options.script,
    connectionId: demoConnectionId,
    queueUrl,

    /** Publishes a configuration: by default the demo's, with the refund tool. */
    async publish(more: { kind: ConfigKind; id: string; definition: unknown }[] = []) {
      const refund = { ...refundTool(shop.url, idempotency), identity: options.refundIdentity ?? 'mailbox' }
      const tools = [...demoTools(shop.url), refund]
      await publish(
        configuration as never,
        demoTenant,
        [
          {
            kind: 'connection',
            id: demoConnectionId,
            definition: { ...demoConnection(zendesk.url), mode: options.mode ?? 'reply' },
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

    /** A customer opens a ticket; nothing is delivered yet. */
    openTicket(text: string, entry: Partial<Parameters<typeof zendesk.addComment>[1]> = {}): string {
      const author = entry.author ?? demoCustomers.zoe
      return String(
        zendesk.createTicket({ subject: 'Order 1042', requester: author }, { author, text, ...entry }),
      )
    },
    /** The customer writes again; nothing is delivered yet. Answers the comment's id. */
    write(
      ticketId: string,
      text: string,
      entry: Partial<Parameters<typeof zendesk.addComment>[1]> = {},
    ): string {
      return String(zendesk.addComment(Number(ticketId), { author: demoCustomers.zoe, text, ...entry }))
    },

    /** A process with nothing cached. `plan` acts at one of its I/Os; `ports` names those it made. */
    process(plan?: Plan, wrap: (runtime: AnswerRuntime) => AnswerRuntime = (runtime) => runtime): Process {
      const life = createLife(plan)
      const answer = createAnswer(helpdesk, wrap(answering(life.io)))
      const receive = createReceive(inbound, receiveRuntime({ ...shared, queueUrl, io: life.io, log }))
      return {
        ports: life.ports,
        deliver: async (
          ticketId: string,
          event: object = newestEvent(ticketId),
        ): Promise<number | 'died'> => {
          const { body, headers } = signed(event)
          const result = await Promise.race([receive(apiGateway(body, headers)), life.death])
          return result === 'died' ? 'died' : result.statusCode
        },
        answer: async (body) => {
          const end = clock.now() + lambdaMs
          const context = { getRemainingTimeInMillis: () => end - clock.now() } as Context
          const record = { messageId: 'm', body } as never
          const result = await Promise.race([answer({ Records: [record] }, context), life.death])
          if (result === 'died') return 'died'
          return (result as { batchItemFailures: unknown[] }).batchItemFailures.length > 0
            ? 'failed'
            : 'ended'
        },
      }
    },

    /** Delivers the newest comment's webhook until it is accepted, as the helpdesk would. */
    async deliver(ticketId: string, event?: object): Promise<void> {
      for (let tries = 0; tries < 4; tries++) {
        const status = await world.process().deliver(ticketId, event)
        if (status === 200) return
      }
      throw new Error('webhook not accepted')
    },

    /** Runs wake-ups and sweeps, moving the clock, until the ticket is settled. Answers the I/Os of every run. */
    async untilQuiet(ticketId: string, first?: Process): Promise<string[][]> {
      const ran: string[][] = []
      let process = first
      for (let rounds = 0; rounds < 60; rounds++) {
        if ((await world.row(ticketId))?.due === undefined) return ran
        clock.time += 5 * second
        const bodies = await takeMessages()
        if (bodies.length === 0) {
          clock.time += 60 * second
          await world.sweep()
        }
        for (const body of bodies) {
          const next = process ?? world.process()
          process = undefined
          await next.answer(body)
          ran.push(next.ports)
        }
      }
      throw new Error(`ticket ${ticketId} is not settled after 60 rounds`)
    },

    sweep: (): Promise<number> => sweep(sweeperRuntime({ ...shared, queueUrls: { zendesk: queueUrl }, log })),
    row: (ticketId: string): Promise<Row | undefined> =>
      conversations.get('look', ticketKey(demoConnectionId, ticketId)),
    rows: (ticketId: string): Promise<Row[]> =>
      conversations.query('look', { pk: ticketPk(demoConnectionId, ticketId) }),
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
      await Promise.all([tables.close(), aws.close(), zendesk.close(), shop.close(), claude.close()])
    },
  }

  const dynamo = new DynamoDBClient({ endpoint: tables.url, region: 'local', credentials: aws.credentials })
  const sqs = new SQSClient({ endpoint: aws.url, region: 'local', credentials: aws.credentials })
  const conversations = createTable(dynamo, tableNames.conversations, 'conversations', plain)

  async function takeMessages(): Promise<string[]> {
    const queued = aws.messages('zendesk')
    if (queued.length === 0) return []
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }),
    )
    for (const { ReceiptHandle } of Messages) {
      await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }))
    }
    return Messages.flatMap(({ Body }) => Body ?? [])
  }

  function newestEvent(ticketId: string) {
    const newest = world.comments(ticketId).at(-1)
    return commentAdded(ticketId, String(newest?.id), newest?.author_id ?? 0)
  }

  function signed(event: object) {
    const body = JSON.stringify(event)
    return {
      body,
      headers: zendeskHeaders({
        secret: demoWebhookSecret,
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

/** `ticket.comment_added` as Zendesk documents it. */
const commentAdded = (ticketId: string, commentId: string, author: number) => ({
  type: 'zen:event-type:ticket.comment_added',
  account_id: demoZendesk.accountId,
  id: randomUUID(),
  time: '2026-11-21T09:00:00Z',
  zendesk_event_version: '2022-11-06',
  subject: `zen:ticket:${ticketId}`,
  detail: {
    id: ticketId,
    actor_id: String(author),
    requester_id: String(author),
    is_public: true,
    status: 'OPEN',
  },
  event: {
    comment: { id: commentId, body: '…', is_public: true, author: { id: String(author), is_staff: false } },
  },
})

const apiGateway = (body: string, headers: Record<string, string>) => ({
  version: '2.0',
  routeKey: 'POST /webhooks/zendesk/{connectionId}',
  rawPath: `/webhooks/zendesk/${demoConnectionId}`,
  rawQueryString: '',
  headers,
  pathParameters: { connectionId: demoConnectionId },
  requestContext: { http: { method: 'POST', path: `/webhooks/zendesk/${demoConnectionId}` } },
  body,
  isBase64Encoded: false,
})

/** The life of a process: a dead one never does anything again, whatever was under way. */
function createLife(plan?: Plan) {
  const ports: string[] = []
  const never = new Promise<never>(() => {})
  let dead = false
  let die: (value: 'died') => void = () => {}
  const death = new Promise<'died'>((resolve) => {
    die = resolve
  })
  const act = async (): Promise<void> => {
    if (plan?.act !== undefined) return await plan.act()
    dead = true
    die('died')
    await never
  }
  const io: Io = async (port, call) => {
    if (dead) return await never
    const n = ports.push(port)
    if (plan?.n === n && plan.when === 'before') await act()
    const result = await call()
    if (plan?.n === n && plan.when === 'after') await act()
    if (dead) return await never
    return result
  }
  return { ports, io, death }
}
