/** What the admin API runs on. Its own role knows who is an operator and which tenants there are; the rest is a tenant's. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SQSClient } from '@aws-sdk/client-sqs'
import { STSClient } from '@aws-sdk/client-sts'
import * as z from 'zod'
import type { SecretRecord } from '../../../schemas/admin.ts'
import { DeskhandError } from '../errors.ts'
import type { Clock, Log, Model, Queue, Random, SecretStore, Table, TenantRuntime } from '../ports.ts'
import { type ClaudeAccess, cloudClaude, createClaude } from './claude.ts'
import { openTenant, type TenantOptions } from './open-tenant.ts'
import { createQueue } from './queue.ts'
import { clientConfig, type RuntimeOptions, required, withDefaults } from './runtime-options.ts'
import { createSecretStore } from './secret-store.ts'
import { createTable } from './table.ts'
import { perTenant } from './tenant-session.ts'

/** What the admin API has for one tenant, on a session of that tenant's administering role. */
export interface AdminTenant extends TenantRuntime {
  /** Writes secrets of either direction, and makes them where there are none. */
  store(direction: SecretRecord['direction']): SecretStore
}

export interface AdminRuntime {
  clock: Clock
  random: Random
  log: Log
  /** By our own role: the partitions `OPERATORS` and `TENANTS`, and no tenant's. */
  own: Table
  /** The queue of one helpdesk. */
  queue(helpdesk: string): Queue
  /** Where we are reached, without a slash at its end. */
  publicUrl: string
  /** Hosts of ours that no configured URL may name. */
  ownHosts: readonly string[]
  /** Claude, for simulating. */
  model: Model
  /** Whoever asks has been found to have rights there. */
  forTenant(tenant: string): AdminTenant
}

export interface AdminRuntimeOptions extends RuntimeOptions, TenantOptions {
  queueUrls: Readonly<Record<string, string>>
  /** The KMS key that secrets are made under. */
  secretsKeyId: string
  claude: ClaudeAccess
}

export function adminRuntime(options: AdminRuntimeOptions): AdminRuntime {
  const { aws, clock, io, random, log } = withDefaults(options)
  const { tableNames, secretsKeyId, publicUrl, queueUrls, ownHosts = [] } = options
  const sts = new STSClient(clientConfig(aws))
  const sqs = new SQSClient(clientConfig(aws))
  const dynamo = new DynamoDBClient(clientConfig(aws, 'dynamodb'))

  const createWith = { kmsKeyId: secretsKeyId }
  const tenants = perTenant((tenant) => {
    const opened = openTenant({ aws, clock, io, random, sts }, options, tenant, createWith)
    const { secretsManager: client, close } = opened
    const value: AdminTenant = {
      ...opened.value,
      store: (direction) => createSecretStore({ client, tenant, createWith, io, direction }),
    }
    return { value, close }
  })

  return {
    clock,
    random,
    log,
    publicUrl,
    ownHosts,
    model: createClaude(options.claude, { aws, clock, io }),
    own: createTable(dynamo, tableNames.configuration, 'own', io),
    queue(helpdesk) {
      const url = Object.hasOwn(queueUrls, helpdesk) ? queueUrls[helpdesk] : undefined
      if (url === undefined)
        throw new DeskhandError('bad_configuration', `there is no queue for the helpdesk ${helpdesk}`)
      return createQueue(sqs, url, io)
    },
    forTenant: tenants,
  }
}

/**
 * In Lambda: from CONVERSATIONS_TABLE, CONFIGURATION_TABLE, QUEUE_URLS (JSON of helpdesk to queue URL), CONTENT_KEY_ID,
 * SECRETS_KEY_ID, IDENTITY_KEY_ARN, PUBLIC_URL, OWN_HOSTS (hosts of ours, with commas), TENANT_ROLE_ARN, and what
 * `cloudClaude` reads.
 */
export function cloudAdminRuntime(): AdminRuntime {
  return adminRuntime({
    tableNames: {
      conversations: required('CONVERSATIONS_TABLE'),
      configuration: required('CONFIGURATION_TABLE'),
    },
    queueUrls: z.record(z.string(), z.string()).parse(JSON.parse(required('QUEUE_URLS'))),
    keyId: required('CONTENT_KEY_ID'),
    secretsKeyId: required('SECRETS_KEY_ID'),
    identityKeyArn: required('IDENTITY_KEY_ARN'),
    publicUrl: required('PUBLIC_URL'),
    ownHosts: required('OWN_HOSTS').split(','),
    roleArn: required('TENANT_ROLE_ARN'),
    claude: cloudClaude(),
  })
}
