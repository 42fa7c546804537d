/** What `answer` runs on: its own role reaches the queue, the Anthropic key and the tenant role, nothing else. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KMSClient } from '@aws-sdk/client-kms'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SQSClient } from '@aws-sdk/client-sqs'
import { STSClient } from '@aws-sdk/client-sts'
import { tenantId } from '../../../schemas/names.ts'
import { createEgress, type EgressOptions } from '../egress/egress.ts'
import { DeskhandError } from '../errors.ts'
import { createSignIdentity } from '../identity/sign-identity.ts'
import { createAccessTokens } from '../oauth/access-tokens.ts'
import type { AnswerRuntime, TenantRuntime } from '../ports.ts'
import { type ClaudeAccess, cloudClaude, createClaude } from './claude.ts'
import { createMail } from './mail.ts'
import { createQueue } from './queue.ts'
import { clientConfig, type RuntimeOptions, required, withDefaults } from './runtime-options.ts'
import { createSecretStore } from './secret-store.ts'
import { createSecrets } from './secrets.ts'
import { createSigner } from './signer.ts'
import { createTable } from './table.ts'
import { perTenant, tenantCredentials } from './tenant-session.ts'
import { createVault } from './vault.ts'

export interface AnswerRuntimeOptions
  extends RuntimeOptions,
    Pick<EgressOptions, 'allowance' | 'resolve' | 'ownHosts'> {
  tableNames: { conversations: string; configuration: string }
  queueUrl: string
  /** The KMS key of stored ticket text. */
  keyId: string
  /** The KMS key that signs `Deskhand-Identity`: its ARN. */
  identityKeyArn: string
  /** Where the public keys are served, without a slash at its end. */
  publicUrl: string
  /** The role that is assumed for each tenant. */
  roleArn: string
  anthropic: ClaudeAccess
  /** The address that one-time codes come from. Without one there are none. */
  codeSender?: string
}

export function answerRuntime(options: AnswerRuntimeOptions): AnswerRuntime {
  const { aws, clock, io, random, log } = withDefaults(options)
  const { tableNames, keyId, roleArn, anthropic, identityKeyArn, publicUrl } = options
  const sts = new STSClient(clientConfig(aws))

  const tenants = perTenant((tenant) => {
    const credentials = tenantCredentials({ sts, roleArn, tenant, clock, io })
    const dynamo = new DynamoDBClient({ ...clientConfig(aws, 'dynamodb'), credentials })
    const kms = new KMSClient({ ...clientConfig(aws), credentials })
    const client = new SecretsManagerClient({ ...clientConfig(aws), credentials })
    const configuration = createTable(dynamo, tableNames.configuration, 'configuration', io)
    const egress = {
      tenant,
      io,
      ...(options.allowance ? { allowance: options.allowance } : {}),
      ...(options.resolve ? { resolve: options.resolve } : {}),
      ...(options.ownHosts ? { ownHosts: options.ownHosts } : {}),
    }
    const conversations = createTable(dynamo, tableNames.conversations, 'conversations', io)
    const secrets = createSecrets({ client, tenant, direction: 'outbound', clock, io })
    const http = createEgress(egress)
    const store = createSecretStore({ client, tenant, io })
    const value: TenantRuntime = {
      tenant,
      conversations,
      configuration,
      secrets,
      tokens: createAccessTokens({ tenant, http, secrets, store, table: conversations, clock, random }),
      signIdentity: createSignIdentity({
        issuer: `${publicUrl}/t/${tenant}`,
        signer: createSigner({ kms, keyArn: identityKeyArn, io }),
        now: clock.now,
      }),
      vault: createVault({ kms, keyId, tenant, configuration, clock, random, io }),
      http,
      ...(options.allowance ? { allowance: options.allowance } : {}),
    }
    return {
      value,
      close() {
        for (const each of [dynamo, kms, client]) each.destroy()
      },
    }
  })

  return {
    clock,
    log,
    queue: createQueue(new SQSClient(clientConfig(aws)), options.queueUrl, io),
    model: createClaude(anthropic, { aws, clock, io }),
    ...(options.codeSender === undefined ? {} : { mail: createMail(aws, options.codeSender, io) }),
    async forTenant(tenant) {
      if (!tenantId.safeParse(tenant).success) {
        throw new DeskhandError('bad_configuration', 'a wake-up names something that is not a tenant id')
      }
      return tenants(tenant)
    },
  }
}

/**
 * In Lambda: from CONVERSATIONS_TABLE, CONFIGURATION_TABLE, QUEUE_URL, CONTENT_KEY_ID, TENANT_ROLE_ARN,
 * IDENTITY_KEY_ARN, PUBLIC_URL, and OWN_HOSTS: hosts of ours, with commas, that no configured URL
 * may name. CODE_SENDER may name the address that one-time codes come from.
 */
export function cloudAnswerRuntime(): AnswerRuntime {
  return answerRuntime({
    tableNames: {
      conversations: required('CONVERSATIONS_TABLE'),
      configuration: required('CONFIGURATION_TABLE'),
    },
    queueUrl: required('QUEUE_URL'),
    keyId: required('CONTENT_KEY_ID'),
    roleArn: required('TENANT_ROLE_ARN'),
    anthropic: cloudClaude(),
    identityKeyArn: required('IDENTITY_KEY_ARN'),
    publicUrl: required('PUBLIC_URL'),
    ownHosts: required('OWN_HOSTS').split(','),
    ...(process.env.CODE_SENDER ? { codeSender: process.env.CODE_SENDER } : {}),
  })
}
