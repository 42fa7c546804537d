/** What a function has for one tenant, all of it on one session of a role with that tenant's tag. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KMSClient } from '@aws-sdk/client-kms'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { STSClient } from '@aws-sdk/client-sts'
import { createEgress, type EgressOptions } from '../egress/egress.ts'
import { createSignIdentity } from '../identity/sign-identity.ts'
import { createAccessTokens } from '../oauth/access-tokens.ts'
import type { Clock, Io, Random, TenantRuntime } from '../ports.ts'
import { type AwsOptions, clientConfig } from './runtime-options.ts'
import { createSecretStore } from './secret-store.ts'
import { createSecrets } from './secrets.ts'
import { createSigner } from './signer.ts'
import { createTable } from './table.ts'
import { tenantCredentials } from './tenant-session.ts'
import { createVault } from './vault.ts'

export interface TenantOptions extends Pick<EgressOptions, 'allowance' | 'resolve' | 'ownHosts'> {
  tableNames: { conversations: string; configuration: string }
  /** The KMS key of stored ticket text. */
  keyId: string
  /** The KMS key that signs `Deskhand-Identity`: its ARN. */
  identityKeyArn: string
  /** Where the public keys are served, without a slash at its end. */
  publicUrl: string
  /** The role that is assumed for each tenant. */
  roleArn: string
}

/** `createWith`: a refresh token's secret may be made under this KMS key, where there is none. */
export function openTenant(
  { aws, clock, io, random, sts }: { aws: AwsOptions; clock: Clock; io: Io; random: Random; sts: STSClient },
  options: TenantOptions,
  tenant: string,
  createWith?: { kmsKeyId: string },
): { value: TenantRuntime; secretsManager: SecretsManagerClient; close(): void } {
  const { tableNames, keyId, roleArn, identityKeyArn, publicUrl, allowance, resolve, ownHosts } = options
  const credentials = tenantCredentials({ sts, roleArn, tenant, clock, io })
  const dynamo = new DynamoDBClient({ ...clientConfig(aws, 'dynamodb'), credentials })
  const kms = new KMSClient({ ...clientConfig(aws), credentials })
  const client = new SecretsManagerClient({ ...clientConfig(aws), credentials })
  const configuration = createTable(dynamo, tableNames.configuration, 'configuration', io)
  const conversations = createTable(dynamo, tableNames.conversations, 'conversations', io)
  const secrets = createSecrets({ client, tenant, direction: 'outbound', clock, io })
  const http = createEgress({
    tenant,
    io,
    ...(allowance ? { allowance } : {}),
    ...(resolve ? { resolve } : {}),
    ...(ownHosts ? { ownHosts } : {}),
  })
  const store = createSecretStore({ client, tenant, io, ...(createWith ? { createWith } : {}) })
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
    ...(allowance ? { allowance } : {}),
  }
  return {
    value,
    secretsManager: client,
    close() {
      for (const each of [dynamo, kms, client]) each.destroy()
    },
  }
}
