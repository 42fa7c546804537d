import {
  type AttributeValue,
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { DeskhandError } from '../errors.ts'
import type { Expression, Io, Key, Query, Row, Table } from '../ports.ts'
import { awsError } from './aws-error.ts'

/** https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html */
const batchKeys = 100
const batchRounds = 5

type Attributes = Record<string, AttributeValue>

/** The row as it stood when (or shortly after) a condition on it failed; `undefined` when there is none. */
export const rowOf = (error: unknown): Row | undefined =>
  error instanceof DeskhandError && error.code === 'condition_failed'
    ? (error.cause as Row | undefined)
    : undefined

/** One DynamoDB table. `port` names it for `io`, as in `conversations.claim`. */
export function createTable(client: DynamoDBClient, tableName: string, port: string, io: Io): Table {
  const table = { TableName: tableName }

  async function run<T>(call: string, operation: () => Promise<T>): Promise<T> {
    try {
      return await io(`${port}.${call}`, operation)
    } catch (error) {
      throw awsError(error, `${port}.${call}`)
    }
  }

  async function read(key: Key): Promise<Row | undefined> {
    const { Item } = await client.send(
      new GetItemCommand({ ...table, Key: keyOf(key), ConsistentRead: true }),
    )
    return Item && rowFrom(Item)
  }

  /**
   * DynamoDB sends the row along with a failed condition (dynalite, which stands in for it on a laptop, does not:
   * then it is read, and may be a little newer than what failed).
   */
  async function conditionally<T>(key: Key, operation: () => Promise<T>): Promise<T> {
    try {
      return await operation()
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error
      const row = error.Item ? rowFrom(error.Item) : await read(key)
      throw new DeskhandError('condition_failed', `a row of ${port} is not as expected`, { cause: row })
    }
  }

  return {
    get: (call, key) => run(call, () => read(key)),

    batchGet: (call, keys) =>
      run(call, async () => {
        const rows: Row[] = []
        for (let start = 0; start < keys.length; start += batchKeys) {
          rows.push(...(await readBatch(keys.slice(start, start + batchKeys))))
        }
        return rows
      }),

    put: (call, row, condition) =>
      run(call, () =>
        conditionally(row, async () => {
          await client.send(
            new PutItemCommand({
              ...table,
              Item: marshall(row, { removeUndefinedValues: true }),
              ...expressionOf(condition),
            }),
          )
        }),
      ),

    update: (call, key, expression) =>
      run(call, () =>
        conditionally(key, async () => {
          const { Attributes } = await client.send(
            new UpdateItemCommand({
              ...table,
              Key: keyOf(key),
              UpdateExpression: expression.update,
              ...expressionOf(expression),
              ReturnValues: 'ALL_NEW',
            }),
          )
          return rowFrom(Attributes ?? keyOf(key))
        }),
      ),

    delete: (call, key, condition) =>
      run(call, () =>
        conditionally(key, async () => {
          await client.send(new DeleteItemCommand({ ...table, Key: keyOf(key), ...expressionOf(condition) }))
        }),
      ),

    query: (call, query) => run(call, () => readAll(query)),
  }

  async function readBatch(keys: Key[]): Promise<Row[]> {
    const rows: Row[] = []
    let left: Attributes[] = keys.map(keyOf)
    for (let round = 0; left.length > 0; round += 1) {
      if (round === batchRounds) {
        throw new DeskhandError('unavailable', `${port}: DynamoDB left ${left.length} keys of a batch unread`)
      }
      if (round > 0) await new Promise((done) => setTimeout(done, 25 * 2 ** round))
      const { Responses, UnprocessedKeys } = await client.send(
        new BatchGetItemCommand({ RequestItems: { [tableName]: { Keys: left, ConsistentRead: true } } }),
      )
      rows.push(...(Responses?.[tableName] ?? []).map(rowFrom))
      left = UnprocessedKeys?.[tableName]?.Keys ?? []
    }
    return rows
  }

  async function readAll(query: Query): Promise<Row[]> {
    const rows: Row[] = []
    let from = query.after === undefined ? undefined : keyOf({ pk: query.pk, sk: query.after })
    do {
      const page = await client.send(
        new QueryCommand({
          ...table,
          KeyConditionExpression:
            query.skPrefix === undefined ? 'pk = :pk' : 'pk = :pk AND begins_with(sk, :sk)',
          ExpressionAttributeValues: marshall(
            { ':pk': query.pk, ':sk': query.skPrefix },
            { removeUndefinedValues: true },
          ),
          ConsistentRead: true,
          ScanIndexForward: !query.descending,
          ...(query.limit === undefined ? {} : { Limit: query.limit - rows.length }),
          ...(from ? { ExclusiveStartKey: from } : {}),
        }),
      )
      rows.push(...(page.Items ?? []).map(rowFrom))
      from = page.LastEvaluatedKey
    } while (from && (query.limit === undefined || rows.length < query.limit))
    return rows
  }
}

/** The condition, names and values of a write, as DynamoDB takes them: an empty map is refused. */
function expressionOf(expression: Omit<Expression, 'update'> | undefined) {
  const { condition, names = {}, values = {} } = expression ?? {}
  return {
    ...(condition === undefined
      ? {}
      : { ConditionExpression: condition, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const }),
    ...(Object.keys(names).length === 0 ? {} : { ExpressionAttributeNames: names }),
    ...(Object.keys(values).length === 0
      ? {}
      : { ExpressionAttributeValues: marshall(values, { removeUndefinedValues: true }) }),
  }
}

/** The two key attributes alone: a whole row is a key too, and DynamoDB refuses its other attributes. */
const keyOf = ({ pk, sk }: Key): Attributes => marshall({ pk, sk })

const rowFrom = (attributes: Attributes): Row => unmarshall(attributes) as Row
