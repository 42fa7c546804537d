/** What `receive` runs on. Apart from the other runtimes: it must not load KMS, STS, egress or the Anthropic SDK. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SQSClient } from '@aws-sdk/client-sqs'
import type { ReceiveRuntime } from '../ports.ts'
import { createQueue } from './queue.ts'
import { clientConfig, type RuntimeOptions, required, withDefaults } from './runtime-options.ts'
import { createSecrets } from './secrets.ts'
import { createTable } from './table.ts'

export interface ReceiveRuntimeOptions extends RuntimeOptions {
  tableNames: { conversations: string; configuration: string }
  queueUrl: string
  publicUrl: string
}

export function receiveRuntime(options: ReceiveRuntimeOptions): ReceiveRuntime {
  const { aws, clock, io, log } = withDefaults(options)
  const dynamo = new DynamoDBClient(clientConfig(aws, 'dynamodb'))
  const secretsManager = new SecretsManagerClient(clientConfig(aws))
  return {
    clock,
    log,
    conversations: createTable(dynamo, options.tableNames.conversations, 'conversations', io),
    configuration: createTable(dynamo, options.tableNames.configuration, 'configuration', io),
    inboundSecrets: (tenant) =>
      createSecrets({ client: secretsManager, tenant, direction: 'inbound', clock, io }),
    queue: createQueue(new SQSClient(clientConfig(aws)), options.queueUrl, io),
    publicUrl: options.publicUrl.replace(/\/+$/, ''),
  }
}

/** In Lambda: from CONVERSATIONS_TABLE, CONFIGURATION_TABLE, QUEUE_URL and PUBLIC_URL. */
export function cloudReceiveRuntime(): ReceiveRuntime {
  return receiveRuntime({
    tableNames: {
      conversations: required('CONVERSATIONS_TABLE'),
      configuration: required('CONFIGURATION_TABLE'),
    },
    queueUrl: required('QUEUE_URL'),
    publicUrl: required('PUBLIC_URL'),
  })
}
