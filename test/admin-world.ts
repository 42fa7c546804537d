/** The admin API on this machine, for tests: real tables, AWS and tokens, called over HTTP through the front door. */
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import type { Context } from 'aws-lambda'
import { createAdmin } from '../lambdas/admin/create-admin.ts'
import { identityKey } from '../lambdas/admin/principal.ts'
import { adminRuntime } from '../lambdas/core/aws/admin-runtime.ts'
import { createTable } from '../lambdas/core/aws/table.ts'
import { createLog } from '../lambdas/core/log.ts'
import type { Io, Row } from '../lambdas/core/ports.ts'
import { helpdesks } from '../lambdas/helpdesks.ts'
import { startAwsEndpoint } from '../local/aws-endpoint.ts'
import { openFrontDoor } from '../local/front-door.ts'
import { createIdentityProvider } from '../local/identity-provider.ts'
import { startTables, tableNames } from '../local/tables.ts'
import { memberPk, operatorsPk, type Role, tenantsPk } from '../schemas/admin.ts'
import { helpdeskNames } from '../schemas/names.ts'
import type { World } from './world.ts'

export interface Answered {
  status: number
  etag: string | undefined
  type: string
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it as they expect it to be
  body: any
  text: string
}

export type AdminWorld = Awaited<ReturnType<typeof startAdminWorld>>

type OnDeployment =
  | 'claude'
  | 'clock'
  | 'lines'
  | 'tables'
  | 'aws'
  | 'log'
  | 'keyId'
  | 'identityKeyArn'
  | 'allowance'

const issuer = 'https://identity.example'

/** `on`: what another world already runs on; its tenants are these. */
export async function startAdminWorld(
  options: { tenants?: string[]; on?: Pick<World['deployment'], OnDeployment> } = {},
) {
  const clock: World['deployment']['clock'] = options.on?.clock ?? {
    time: Date.parse('2026-11-21T09:00:00Z'),
    now: () => clock.time,
  }
  const lines: World['deployment']['lines'] = options.on?.lines ?? []
  const ports: string[] = []
  const allowance = options.on?.allowance ?? { hosts: new Set<string>() }
  let trouble: Io | undefined
  const io: Io = (port, call) => {
    ports.push(port)
    return trouble === undefined ? call() : trouble(port, call)
  }
  const [tables, aws, identityProvider] = await Promise.all([
    options.on?.tables ?? startTables(),
    options.on?.aws ?? startAwsEndpoint({ clock }),
    createIdentityProvider({ issuer }),
  ])
  const queueUrls = Object.fromEntries(helpdeskNames.map((name) => [name, aws.createQueue(name)]))
  queueUrls.jobs = aws.createQueue('jobs')
  const dynamo = new DynamoDBClient({ region: 'local', endpoint: tables.url, credentials: aws.credentials })
  const table = createTable(dynamo, tableNames.configuration, 'test', (_port, call) => call())
  const conversations = createTable(dynamo, tableNames.conversations, 'test', (_port, call) => call())
  const runtime = adminRuntime({
    aws: { region: 'local', endpoint: aws.url, dynamoEndpoint: tables.url, credentials: aws.credentials },
    io,
    clock,
    log: options.on?.log ?? createLog({ clock, write: (line) => lines.push(JSON.parse(line)) }),
    tableNames,
    queueUrls,
    keyId: options.on?.keyId ?? aws.createKey('content'),
    secretsKeyId: 'secrets',
    identityKeyArn: options.on?.identityKeyArn ?? aws.createSigningKey('identity'),
    publicUrl: 'https://deskhand.acme.com',
    ownHosts: ['deskhand.acme.com'],
    roleArn: aws.adminRoleArn,
    claude: { apiKey: 'test', baseURL: options.on?.claude.url ?? 'http://127.0.0.1:9' },
    allowance,
  })
  const handle = createAdmin({ runtime, helpdesks })
  const admin = { identityProvider, handle: (event: unknown) => handle(event, {} as Context) }
  const nothing = { statusCode: 404, headers: {}, body: '' }
  const door = await openFrontDoor(
    { webhooks: {}, publicKeys: async () => nothing, message: () => nothing, hello: () => '', admin },
    0,
  )

  const by = { by: 'test', at: clock.time }
  const operator = { issuer, subject: 'olga' }
  await table.put('operator', {
    pk: operatorsPk,
    sk: identityKey(operator),
    ...operator,
    name: 'Olga',
    ...by,
  })
  const { tenants = ['acme', 'bolt'] } = options
  for (const id of tenants) await table.put('tenant', { pk: tenantsPk, sk: id, id, name: id, ...by })

  /** Gives `subject` a role; everybody's name is the subject. */
  const enrol = async (tenant: string, subject: string, role: Role) => {
    const who = { issuer, subject }
    await table.put('member', {
      pk: memberPk(tenant),
      sk: identityKey(who),
      ...who,
      name: subject,
      role,
      ...by,
    })
  }

  const send = async (
    method: string,
    path: string,
    more: { token?: string; body?: unknown; headers?: Record<string, string>; ifMatch?: string } = {},
  ): Promise<Answered> => {
    const response = await fetch(`${door.url}${path}`, {
      method,
      headers: {
        ...(more.token === undefined ? {} : { authorization: `Bearer ${more.token}` }),
        ...(more.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(more.ifMatch === undefined ? {} : { 'if-match': more.ifMatch }),
        ...more.headers,
      },
      ...(more.body === undefined
        ? {}
        : { body: typeof more.body === 'string' ? more.body : JSON.stringify(more.body) }),
    })
    const text = await response.text()
    const type = response.headers.get('content-type') ?? ''
    return {
      status: response.status,
      etag: response.headers.get('etag') ?? undefined,
      type,
      headers: response.headers,
      body: type.includes('json') ? JSON.parse(text) : undefined,
      text,
    }
  }

  /** Calls as somebody who is signed in. */
  const as = (subject: string) => {
    const call =
      (method: string) =>
      async (
        path: string,
        body?: unknown,
        more: { ifMatch?: string; headers?: Record<string, string> } = {},
      ) =>
        await send(method, path, { token: await identityProvider.token(subject), body, ...more })
    return {
      get: call('GET'),
      post: call('POST'),
      put: call('PUT'),
      patch: call('PATCH'),
      delete: call('DELETE'),
    }
  }

  return {
    clock,
    lines,
    ports,
    /** `host:port` on this machine that may be called. */
    allowance,
    aws,
    table,
    conversations,
    runtime,
    handle,
    url: door.url,
    issuer,
    identityProvider,
    send,
    as,
    enrol,
    /** What happens at each I/O from now on. */
    trouble: (io: Io | undefined) => {
      trouble = io
    },
    /** Every row of both tables. */
    rows: async (): Promise<Row[]> => {
      const found = await Promise.all(
        Object.values(tableNames).map((TableName) => dynamo.send(new ScanCommand({ TableName }))),
      )
      return found.flatMap(({ Items = [] }) => Items.map((item) => unmarshall(item) as Row))
    },
    close: async () => {
      await door.close()
      dynamo.destroy()
      if (options.on === undefined) await Promise.all([tables.close(), aws.close()])
    },
  }
}

/** A tool that reads and asks nobody. */
export const readTool = {
  name: 'get_parcel',
  description: 'Where a parcel is, by its number.',
  effect: 'read',
  request: { method: 'GET', url: 'https://api.acme.com/parcels/{number}' },
  parameters: {
    type: 'object',
    required: ['number'],
    properties: { number: { type: 'string', description: 'As on the label' } },
  },
}

export const writeTool = {
  name: 'cancel_order',
  description: "Cancels one of the customer's orders.",
  effect: 'write',
  request: { method: 'POST', url: 'https://api.acme.com/orders/{order_id}/cancel' },
  parameters: {
    type: 'object',
    required: ['order_id'],
    properties: { order_id: { type: 'string', description: 'As on the receipt' } },
  },
  ownership: { by: 'seen', match: { order_id: 'orders[].id' } },
}
