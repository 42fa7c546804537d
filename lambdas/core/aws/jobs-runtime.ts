/** What `jobs` runs on: its own role reads the keys of the tables and the names of secrets; the rest is a tenant's session. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KMSClient } from '@aws-sdk/client-kms'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SQSClient } from '@aws-sdk/client-sqs'
import { STSClient } from '@aws-sdk/client-sts'
import type { JobsRuntime, JobTenant } from '../ports.ts'
import { createKeyScan } from './key-scan.ts'
import { createQueue } from './queue.ts'
import { clientConfig, type RuntimeOptions, required, withDefaults } from './runtime-options.ts'
import { createSecretNames } from './secret-names.ts'
import { createTable } from './table.ts'
import { perTenant, tenantCredentials } from './tenant-session.ts'
import { createVault } from './vault.ts'

export interface JobsRuntimeOptions extends RuntimeOptions {
  tableNames: { conversations: string; configuration: string }
  queueUrl: string
  /** The KMS key of stored ticket text. */
  keyId: string
  /** The role that is assumed for each tenant. Not that of `answer`: this one may delete. */
  roleArn: string
}

export function jobsRuntime(options: JobsRuntimeOptions): JobsRuntime {
  const { aws, clock, io, random, log } = withDefaults(options)
  const { tableNames, keyId, roleArn } = options
  const sts = new STSClient(clientConfig(aws))
  const lists = new SecretsManagerClient(clientConfig(aws))
  const scans = new DynamoDBClient(clientConfig(aws, 'dynamodb'))

  const tenants = perTenant((tenant) => {
    const credentials = tenantCredentials({ sts, roleArn, tenant, clock, io })
    const dynamo = new DynamoDBClient({ ...clientConfig(aws, 'dynamodb'), credentials })
    const kms = new KMSClient({ ...clientConfig(aws), credentials })
    const deletes = new SecretsManagerClient({ ...clientConfig(aws), credentials })
    const configuration = createTable(dynamo, tableNames.configuration, 'configuration', io)
    const value: JobTenant = {
      tenant,
      conversations: createTable(dynamo, tableNames.conversations, 'conversations', io),
      configuration,
      vault: createVault({ kms, keyId, tenant, configuration, clock, random, io }),
      secrets: createSecretNames({ lists, deletes, tenant, io }),
    }
    return {
      value,
      close() {
        for (const each of [dynamo, kms, deletes]) each.destroy()
      },
    }
  })

  return {
    clock,
    log,
    queue: createQueue(new SQSClient(clientConfig(aws)), options.queueUrl, io),
    keys: {
      conversations: createKeyScan(scans, tableNames.conversations, 'conversations', io),
      configuration: createKeyScan(scans, tableNames.configuration, 'configuration', io),
    },
    forTenant: async (tenant) => tenants(tenant),
  }
}

/** In Lambda: from CONVERSATIONS_TABLE, CONFIGURATION_TABLE, QUEUE_URL, CONTENT_KEY_ID and TENANT_ROLE_ARN. */
export const cloudJobsRuntime = (): JobsRuntime =>
  jobsRuntime({
    tableNames: {
      conversations: required('CONVERSATIONS_TABLE'),
      configuration: required('CONFIGURATION_TABLE'),
    },
    queueUrl: required('QUEUE_URL'),
    keyId: required('CONTENT_KEY_ID'),
    roleArn: required('TENANT_ROLE_ARN'),
  })
