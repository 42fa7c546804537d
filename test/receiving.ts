/** A front door for tests: the real handler on the real AWS clients, with DynamoDB and AWS on this machine. */
import { createHmac, randomBytes } from 'node:crypto'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { receiveRuntime } from '../lambdas/core/aws/receive-runtime.ts'
import { createTable } from '../lambdas/core/aws/table.ts'
import { publish } from '../lambdas/core/configuration.ts'
import type { Inbound } from '../lambdas/core/helpdesk.ts'
import type { Io, Log, LogFields, Row } from '../lambdas/core/ports.ts'
import { createReceive } from '../lambdas/core/receive.ts'
import { ticketKey } from '../lambdas/core/ticket-key.ts'
import { inbound } from '../lambdas/zendesk/inbound.ts'
import { startAwsEndpoint } from '../local/aws-endpoint.ts'
import { startTables, tableNames } from '../local/tables.ts'
import type { ZendeskConnection } from '../schemas/zendesk.ts'
import { assertNothingLeaked } from './no-leak.ts'

export const noon = Date.parse('2026-11-21T12:00:00Z')
export const signingSecret = 'signing-secret-of-this-connection'
export const accountId = '22129848'

export interface LogLine extends LogFields {
  level: string
  event: string
}

/** Servers that the tests of one file share. */
export async function startDoor() {
  const tables = await startTables()
  const clock = { time: noon, now: () => clock.time }
  const aws = await startAwsEndpoint({ clock })
  const queueUrl = aws.createQueue('zendesk')
  const common = { region: 'local', credentials: aws.credentials }
  const dynamo = new DynamoDBClient({ ...common, endpoint: tables.url })
  const plain: Io = (_port, call) => call()
  const conversations = createTable(dynamo, tableNames.conversations, 'conversations', plain)
  const configuration = createTable(dynamo, tableNames.configuration, 'configuration', plain)
  const everyLine: LogLine[][] = []
  return {
    aws,
    clock,
    conversations,
    configuration,
    /** A new process: nothing cached. `ports` and `lines` tell what it did; a port in `down` fails, in `stuck` hangs. */
    process(helpdesk: Inbound<ZendeskConnection> = inbound, dynamoEndpoint = tables.url) {
      const ports: string[] = []
      const down = new Set<string>()
      const stuck = new Set<string>()
      const lines: LogLine[] = []
      everyLine.push(lines)
      const io: Io = (port, call) => {
        ports.push(port)
        if (stuck.has(port)) return new Promise(() => undefined)
        return down.has(port) ? Promise.reject(new Error(`${port} is down`)) : call()
      }
      const runtime = receiveRuntime({
        aws: { ...common, endpoint: aws.url, dynamoEndpoint },
        tableNames,
        queueUrl,
        publicUrl: 'https://hooks.deskhand.example',
        clock,
        io,
        log: recorder(lines),
      })
      const receive = createReceive(helpdesk, runtime)
      return { receive, ports, down, stuck, lines }
    },
    /** A tenant with one live connection whose secret is `signingSecret`. */
    async connect(settings: Partial<ZendeskConnection> = {}, tenant = `t-${randomBytes(8).toString('hex')}`) {
      const id = `${tenant}.${randomBytes(16).toString('base64url')}`
      const definition = {
        id,
        helpdesk: 'zendesk',
        inbound: [{ secret: 'zendesk' }],
        subdomain: 'acme',
        accountId,
        botUserId: '900000000001',
        auth: { type: 'oauth_client_credentials', clientId: 'deskhand', secret: 'zendesk-api' },
        ...settings,
      }
      aws.putSecret(`deskhand/${tenant}/inbound/zendesk`, { value: signingSecret })
      await publish(
        this.configuration,
        tenant,
        [{ kind: 'connection', id, definition }],
        'admin',
        'test',
        noon,
      )
      return { tenant, id, definition }
    },
    ticket: async (id: string, ticketId: string): Promise<Row | undefined> =>
      conversations.get('look', ticketKey(id, ticketId)),
    /** Bodies of the wake-ups of one connection. */
    wakeUps: (id: string) => aws.messages('zendesk').filter((message) => message.body.includes(id)),
    async close() {
      dynamo.destroy()
      await Promise.all([tables.close(), aws.close()])
      assertNothingLeaked(everyLine)
    },
  }
}
export type Door = Awaited<ReturnType<typeof startDoor>>

function recorder(lines: LogLine[], fixed: LogFields = {}): Log {
  const write = (level: string) => (event: string, fields?: LogFields) => {
    lines.push({ level, event, ...fixed, ...fields })
  }
  return {
    info: write('info'),
    warn: write('warn'),
    alarm: write('alarm'),
    with: (fields) => recorder(lines, { ...fixed, ...fields }),
  }
}

export const signature = 'X-Zendesk-Webhook-Signature'
export const timestampHeader = 'X-Zendesk-Webhook-Signature-Timestamp'

/** A webhook's headers, signed over the body's bytes. */
export function signed(
  body: string | Buffer,
  { secret = signingSecret, at = noon } = {},
): Record<string, string> {
  const timestamp = `${new Date(at).toISOString().slice(0, 19)}Z`
  const digest = createHmac('sha256', secret).update(timestamp).update(body).digest('base64')
  return { [signature]: digest, [timestampHeader]: timestamp }
}

/** An event of API Gateway, payload version 2: header names in lower case, body as text unless it is a Buffer. */
export const v2 = (
  connectionId: string,
  body: string | Buffer,
  headers: Record<string, string>,
  method = 'POST',
) => ({
  version: '2.0',
  routeKey: 'POST /webhooks/zendesk/{connectionId}',
  rawPath: `/webhooks/zendesk/${connectionId}`,
  rawQueryString: '',
  headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
  requestContext: { http: { method, path: `/webhooks/zendesk/${connectionId}` } },
  pathParameters: { connectionId },
  body: Buffer.isBuffer(body) ? body.toString('base64') : body,
  isBase64Encoded: Buffer.isBuffer(body),
})

/** The same of payload version 1: header names as they were sent, each with all of its values. */
export const v1 = (
  connectionId: string,
  body: string | Buffer,
  headers: Record<string, string | string[]>,
  method = 'POST',
) => {
  const many = Object.entries(headers).map(([name, value]): [string, string[]] => [name, [value].flat()])
  return {
    resource: '/webhooks/zendesk/{connectionId}',
    path: `/webhooks/zendesk/${connectionId}`,
    httpMethod: method,
    headers: Object.fromEntries(many.map(([name, values]) => [name, values.at(-1)])),
    multiValueHeaders: Object.fromEntries(many),
    pathParameters: { connectionId },
    requestContext: { stage: '$default' },
    body: Buffer.isBuffer(body) ? body.toString('base64') : body,
    isBase64Encoded: Buffer.isBuffer(body),
  }
}
