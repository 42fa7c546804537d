/** The two DynamoDB tables on this machine, with the keys and the index that the stacks give them. */
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  DynamoDBClient,
} from '@aws-sdk/client-dynamodb'
import dynalite from 'dynalite'

export const tableNames = { conversations: 'conversations', configuration: 'configuration' }

const keys = {
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  BillingMode: 'PAY_PER_REQUEST',
} as const
const keyAttributes = [
  { AttributeName: 'pk', AttributeType: 'S' },
  { AttributeName: 'sk', AttributeType: 'S' },
] as const

const definitions: CreateTableCommandInput[] = [
  {
    ...keys,
    KeySchema: [...keys.KeySchema],
    TableName: tableNames.conversations,
    AttributeDefinitions: [
      ...keyAttributes,
      { AttributeName: 'due', AttributeType: 'S' },
      { AttributeName: 'dueAt', AttributeType: 'N' },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: 'due',
        KeySchema: [
          { AttributeName: 'due', KeyType: 'HASH' },
          { AttributeName: 'dueAt', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'KEYS_ONLY' },
      },
    ],
  },
  {
    ...keys,
    KeySchema: [...keys.KeySchema],
    TableName: tableNames.configuration,
    AttributeDefinitions: [...keyAttributes],
  },
]

export interface LocalTables {
  url: string
  close(): Promise<void>
}

/** Starts DynamoDB (dynalite) on a free port with both tables. `path` is a directory that keeps them. */
export async function startTables(options: { path?: string } = {}): Promise<LocalTables> {
  const server = dynalite({ ...options, createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
  await new Promise<void>((done, fail) => {
    server.once('error', fail)
    server.listen(0, '127.0.0.1', done)
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = new DynamoDBClient({
    endpoint: url,
    region: 'local',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  })
  for (const definition of definitions) await createTable(client, definition)
  client.destroy()
  return {
    url,
    close: () =>
      new Promise((done, fail) => {
        server.close((error) => (error ? fail(error) : done()))
        server.closeAllConnections()
      }),
  }
}

/** A table that is on disk already is kept as it is. */
async function createTable(client: DynamoDBClient, definition: CreateTableCommandInput): Promise<void> {
  try {
    await client.send(new CreateTableCommand(definition))
  } catch (error) {
    if (!(error instanceof Error && error.name === 'ResourceInUseException')) throw error
  }
  for (;;) {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: definition.TableName }))
    if (Table?.TableStatus === 'ACTIVE') return
    await sleep(2)
  }
}
