import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createDueIndex } from '../lambdas/core/aws/due-index.ts'
import { createTable, rowOf } from '../lambdas/core/aws/table.ts'
import type { Io, Table } from '../lambdas/core/ports.ts'
import { type LocalTables, startTables, tableNames } from '../local/tables.ts'

const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
const ports: string[] = []
const io: Io = (port, call) => {
  ports.push(port)
  return call()
}

let tables: LocalTables
let client: DynamoDBClient
let table: Table
beforeAll(async () => {
  tables = await startTables()
  client = new DynamoDBClient({ endpoint: tables.url, region: 'local', credentials })
  table = createTable(client, tableNames.conversations, 'conversations', io)
})
afterAll(async () => {
  client.destroy()
  await tables.close()
})

/** A DynamoDB that answers what it is told, one answer after the other; and what it was asked. */
async function scripted(answers: { status?: number; body: object }[]) {
  const asked: Record<string, unknown>[] = []
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      asked.push(JSON.parse(Buffer.concat(chunks).toString()))
      const { status = 200, body } = answers.shift() ?? { status: 500, body: {} }
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body))
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const own = new DynamoDBClient({ endpoint, region: 'local', credentials, maxAttempts: 1 })
  return {
    asked,
    table: createTable(own, 'conversations', 'conversations', io),
    close: () => {
      own.destroy()
      server.closeAllConnections()
      return new Promise((done) => server.close(done))
    },
  }
}

describe('a table', () => {
  test('gives back what was put: text, numbers, sets, bytes, lists and maps, without what is undefined', async () => {
    const row = {
      pk: 'T#acme#a',
      sk: 'ticket',
      text: 'ä',
      number: 1.5,
      yes: true,
      nothing: null,
      set: new Set(['a', 'b']),
      bytes: new Uint8Array([0, 255]),
      list: [1, 'x'],
      map: { deep: { deeper: 1 } },
    }
    await table.put('put', { ...row, missing: undefined })
    const got = await table.get('get', { pk: row.pk, sk: row.sk })
    expect(got).toEqual(row)
    expect(got?.set).toBeInstanceOf(Set)
    expect(got?.bytes).toBeInstanceOf(Uint8Array)
    expect(await table.get('get', { pk: row.pk, sk: 'other' })).toBeUndefined()
  })

  test('names each call for the port wrapper', async () => {
    ports.length = 0
    await table.update(
      'claim',
      { pk: 'T#acme#named', sk: 'ticket' },
      { update: 'SET fence = :one', values: { ':one': 1 } },
    )
    expect(ports).toEqual(['conversations.claim'])
  })

  test('an update answers the row as it is afterwards, with its set and map changed', async () => {
    const key = { pk: 'T#acme#b', sk: 'ticket' }
    await table.put('put', { ...key, seen: new Set(['1', '2']), open: {} })
    const row = await table.update('change', key, {
      update: 'ADD rung :one, seen :more SET #open.#id = :effect',
      names: { '#open': 'open', '#id': 'effect-1' },
      values: { ':one': 1, ':more': new Set(['3']), ':effect': { at: 5 } },
    })
    expect(row).toEqual({
      ...key,
      rung: 1,
      seen: new Set(['1', '2', '3']),
      open: { 'effect-1': { at: 5 } },
    })
  })

  test('a failed condition carries the row, or nothing where there is none', async () => {
    const key = { pk: 'T#acme#c', sk: 'ticket' }
    const first = { ...key, fence: 1 }
    await table.put('put', first, { condition: 'attribute_not_exists(pk)' })

    const put = await caught(
      table.put('put', { ...key, fence: 2 }, { condition: 'attribute_not_exists(pk)' }),
    )
    expect(put).toMatchObject({ code: 'condition_failed' })
    expect(rowOf(put)).toEqual(first)

    const update = { update: 'SET fence = :two', condition: 'fence = :two', values: { ':two': 2 } }
    expect(rowOf(await caught(table.update('claim', key, update)))).toEqual(first)
    const nowhere = await caught(table.update('claim', { ...key, sk: 'none' }, update))
    expect(nowhere).toMatchObject({ code: 'condition_failed' })
    expect(rowOf(nowhere)).toBeUndefined()
    expect(rowOf(new Error('another'))).toBeUndefined()
    expect(await table.get('get', key)).toEqual(first)
  })

  test('the row that DynamoDB sends with a failed condition is taken without a second read', async () => {
    const dynamo = await scripted([
      {
        status: 400,
        body: {
          __type: 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException',
          message: 'The conditional request failed',
          Item: { pk: { S: 'p' }, sk: { S: 's' }, fence: { N: '7' } },
        },
      },
    ])
    const error = await caught(
      dynamo.table.update('claim', { pk: 'p', sk: 's' }, { update: 'SET a = :a', condition: 'fence = :a' }),
    )
    expect(rowOf(error)).toEqual({ pk: 'p', sk: 's', fence: 7 })
    expect(dynamo.asked).toHaveLength(1)
    expect(dynamo.asked[0]).toMatchObject({ ReturnValuesOnConditionCheckFailure: 'ALL_OLD' })
    await dynamo.close()
  })

  test('a query answers all pages, a prefix, the newest first, and no more than the limit', async () => {
    const pk = 'T#acme#pages'
    const large = 'x'.repeat(300_000)
    for (let n = 0; n < 8; n += 1) await table.put('put', { pk, sk: `v#${n}`, large })
    await table.put('put', { pk, sk: 'w#0' })
    const sks = async (query: Omit<Parameters<Table['query']>[1], 'pk'>) =>
      (await table.query('query', { pk, ...query })).map((row) => row.sk)
    expect(await sks({ skPrefix: 'v#' })).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((n) => `v#${n}`))
    expect(await sks({})).toHaveLength(9)
    expect(await sks({ skPrefix: 'v#', descending: true, limit: 2 })).toEqual(['v#7', 'v#6'])
    expect(await sks({ limit: 6 })).toHaveLength(6)
    expect(await sks({ skPrefix: 'none' })).toEqual([])
  })

  test('a batch of more than 100 keys is read whole', async () => {
    const keys = Array.from({ length: 130 }, (_, n) => ({ pk: `T#acme#batch#${n}`, sk: 's' }))
    await Promise.all(keys.map((key) => table.put('put', key)))
    const rows = await table.batchGet('batch', [...keys, { pk: 'T#acme#batch', sk: 'none' }])
    expect(rows).toHaveLength(130)
    expect(new Set(rows.map((row) => row.pk))).toEqual(new Set(keys.map((key) => key.pk)))
    expect(await table.batchGet('batch', [])).toEqual([])
  })

  test('keys that DynamoDB leaves unread are asked for again, but not for ever', async () => {
    const keys = [1, 2].map((n) => ({ pk: { S: `p${n}` }, sk: { S: 's' } }))
    const left = { conversations: { Keys: [keys[1]], ConsistentRead: true } }
    const some = { Responses: { conversations: [keys[0]] }, UnprocessedKeys: left }
    const dynamo = await scripted([
      { body: some },
      { body: { Responses: { conversations: [keys[1]] }, UnprocessedKeys: {} } },
      ...Array.from({ length: 9 }, () => ({ body: some })),
    ])
    const wanted = [
      { pk: 'p1', sk: 's' },
      { pk: 'p2', sk: 's' },
    ]
    expect(await dynamo.table.batchGet('batch', wanted)).toEqual(wanted)
    expect(await caught(dynamo.table.batchGet('batch', wanted))).toMatchObject({ code: 'unavailable' })
    expect(dynamo.asked).toHaveLength(2 + 5)
    await dynamo.close()
  })

  test('throttling, failures and no answer are unavailable; what somebody must mend is bad_configuration', async () => {
    const key = { pk: 'p', sk: 's' }
    const answers = [
      ['ThrottlingException', 400, 'unavailable'],
      ['ProvisionedThroughputExceededException', 400, 'unavailable'],
      ['ExpiredTokenException', 400, 'unavailable'],
      ['InternalServerError', 500, 'unavailable'],
      ['ValidationException', 400, 'bad_configuration'],
      ['AccessDeniedException', 400, 'bad_configuration'],
      ['ResourceNotFoundException', 400, 'bad_configuration'],
    ] as const
    for (const [type, status, code] of answers) {
      const dynamo = await scripted([{ status, body: { __type: type, message: 'anna@example.com' } }])
      const error = await caught(dynamo.table.get('get', key))
      expect({ type, code: (error as { code?: string }).code }).toEqual({ type, code })
      expect(String(error)).toContain(type)
      expect(String(error)).not.toContain('anna')
      await dynamo.close()
      expect(await caught(dynamo.table.get('get', key))).toMatchObject({ code: 'unavailable' })
    }
  })
})

test('the due index answers what is due of one shard, oldest first, and forgets what is not due any more', async () => {
  const index = createDueIndex(client, tableNames.conversations, io)
  for (const [sk, due, dueAt] of [
    ['late', 'd#1', 300],
    ['first', 'd#1', 100],
    ['second', 'd#1', 200],
    ['other', 'd#2', 100],
  ] as const) {
    await table.put('put', { pk: 'T#acme#due', sk, due, dueAt, more: 'x' })
  }
  await table.put('put', { pk: 'T#acme#due', sk: 'idle' })
  const row = (sk: string, dueAt: number) => ({ pk: 'T#acme#due', sk, dueAt })
  expect(await index.due('d#1', 200, 10)).toEqual([row('first', 100), row('second', 200)])
  expect(await index.due('d#1', 999, 1)).toEqual([row('first', 100)])

  await table.update('release', { pk: 'T#acme#due', sk: 'first' }, { update: 'REMOVE due, dueAt' })
  expect(await index.due('d#1', 999, 10)).toEqual([row('second', 200), row('late', 300)])
})

const caught = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'nothing was thrown',
    (error: unknown) => error,
  )
