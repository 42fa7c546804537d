import {
  CreateSecretCommand,
  PutSecretValueCommand,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import type { Io, SecretStore } from '../ports.ts'
import { awsError } from './aws-error.ts'

/** A role that may write secrets with the tenant's tag only is denied one that does not exist: it has no tag. */
const missing = ['ResourceNotFoundException', 'AccessDeniedException']

/**
 * Writes `deskhand/<tenant>/<direction>/<name>`. `createWith`: where there is no such secret, make it under this KMS key,
 * tagged with the tenant; without it that is an error, because a tenant's session may only overwrite.
 */
export function createSecretStore(options: {
  client: SecretsManagerClient
  tenant: string
  /** Default: outbound. */
  direction?: 'inbound' | 'outbound'
  createWith?: { kmsKeyId: string }
  io: Io
}): SecretStore {
  const { client, tenant, direction = 'outbound', createWith, io } = options

  async function write(id: string, text: string): Promise<void> {
    try {
      await client.send(new PutSecretValueCommand({ SecretId: id, SecretString: text }))
    } catch (error) {
      const perhapsMissing = error instanceof Error && missing.includes(error.name)
      if (!perhapsMissing || createWith === undefined) throw error
      await client.send(
        new CreateSecretCommand({
          Name: id,
          SecretString: text,
          KmsKeyId: createWith.kmsKeyId,
          Tags: [{ Key: 'tenant', Value: tenant }],
        }),
      )
    }
  }

  return {
    async write(name, value) {
      const id = `deskhand/${tenant}/${direction}/${name}`
      try {
        await io('secrets.write', () => write(id, JSON.stringify(value)))
      } catch (error) {
        throw awsError(error, `writing the secret ${id}`)
      }
    },
  }
}
