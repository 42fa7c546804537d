import { type DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import type { Io, Key, KeyScan } from '../ports.ts'
import { awsError } from './aws-error.ts'

/**
 * The keys of one table: its role may ask for these two attributes and no other. `port` names the table for `io`.
 * DynamoDB reads 1 MB of rows for a page, whatever of it is shown.
 */
export function createKeyScan(client: DynamoDBClient, tableName: string, port: string, io: Io): KeyScan {
  return {
    async page(call, prefix, from) {
      const command = new ScanCommand({
        TableName: tableName,
        Select: 'SPECIFIC_ATTRIBUTES',
        ProjectionExpression: 'pk, sk',
        FilterExpression: 'begins_with(pk, :prefix)',
        ExpressionAttributeValues: marshall({ ':prefix': prefix }),
        ConsistentRead: true,
        ...(from === undefined ? {} : { ExclusiveStartKey: marshall({ pk: from.pk, sk: from.sk }) }),
      })
      try {
        const { Items = [], LastEvaluatedKey } = await io(`${port}.${call}`, () => client.send(command))
        const keys = Items.map((item) => unmarshall(item) as Key)
        return {
          // Whatever came back: what is deleted begins with the prefix.
          keys: keys.filter(({ pk }) => pk.startsWith(prefix)),
          ...(LastEvaluatedKey === undefined ? {} : { next: unmarshall(LastEvaluatedKey) as Key }),
        }
      } catch (error) {
        throw awsError(error, `${port}.${call}`)
      }
    },
  }
}
