import { type DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import type { DueIndex, Io, Key } from '../ports.ts'
import { awsError } from './aws-error.ts'

/** The table's sparse, keys-only index `due`: partition key `due` (a shard), sort key `dueAt`. */
export function createDueIndex(client: DynamoDBClient, tableName: string, io: Io): DueIndex {
  return {
    async due(shard, until, limit) {
      const command = new QueryCommand({
        TableName: tableName,
        IndexName: 'due',
        KeyConditionExpression: 'due = :shard AND dueAt <= :until',
        ExpressionAttributeValues: marshall({ ':shard': shard, ':until': until }),
        Limit: limit,
      })
      try {
        const { Items = [] } = await io('index.due', () => client.send(command))
        return Items.map((item) => {
          const { pk, sk, dueAt } = unmarshall(item) as Key & { dueAt: number }
          return { pk, sk, dueAt }
        })
      } catch (error) {
        throw awsError(error, 'index.due')
      }
    },
  }
}
