/** What the sweeper runs on. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SQSClient } from '@aws-sdk/client-sqs'
import * as z from 'zod'
import { DeskhandError } from '../errors.ts'
import type { SweeperRuntime } from '../ports.ts'
import { createDueIndex } from './due-index.ts'
import { createQueue } from './queue.ts'
import { clientConfig, type RuntimeOptions, required, withDefaults } from './runtime-options.ts'
import { createTable } from './table.ts'

export interface SweeperRuntimeOptions extends RuntimeOptions {
  tableNames: { conversations: string }
  /** Helpdesk, and `jobs`, to the URL of its queue. */
  queueUrls: Record<string, string>
}

export function sweeperRuntime(options: SweeperRuntimeOptions): SweeperRuntime {
  const { aws, clock, io, log } = withDefaults(options)
  const dynamo = new DynamoDBClient(clientConfig(aws, 'dynamodb'))
  const sqs = new SQSClient(clientConfig(aws))
  return {
    clock,
    log,
    index: createDueIndex(dynamo, options.tableNames.conversations, io),
    conversations: createTable(dynamo, options.tableNames.conversations, 'conversations', io),
    queue(name) {
      const url = Object.hasOwn(options.queueUrls, name) ? options.queueUrls[name] : undefined
      if (url === undefined) {
        throw new DeskhandError('bad_configuration', `there is no queue for ${name}: deploy the stack again`)
      }
      return createQueue(sqs, url, io)
    },
  }
}

/** In Lambda: from CONVERSATIONS_TABLE and QUEUE_URLS, JSON of helpdesk or `jobs` to queue URL. */
export function cloudSweeperRuntime(): SweeperRuntime {
  return sweeperRuntime({
    tableNames: { conversations: required('CONVERSATIONS_TABLE') },
    queueUrls: z.record(z.string(), z.string()).parse(JSON.parse(required('QUEUE_URLS'))),
  })
}
