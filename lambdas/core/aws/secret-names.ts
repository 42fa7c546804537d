import {
  DeleteSecretCommand,
  ListSecretsCommand,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import type { Io, SecretNames } from '../ports.ts'
import { awsError } from './aws-error.ts'

/**
 * The secrets `deskhand/<tenant>/...`. Listing cannot be allowed for some names only, so `lists` is a client of the
 * function's own role; `deletes` is one of the tenant's session.
 */
export function createSecretNames(options: {
  lists: SecretsManagerClient
  deletes: SecretsManagerClient
  tenant: string
  io: Io
}): SecretNames {
  const { lists, deletes, tenant, io } = options
  const prefix = `deskhand/${tenant}/`

  async function listAll(): Promise<string[]> {
    const names: string[] = []
    let from: string | undefined
    do {
      // The filter goes by the beginning of a name, whatever the case.
      const { SecretList = [], NextToken } = await lists.send(
        new ListSecretsCommand({ Filters: [{ Key: 'name', Values: [prefix] }], NextToken: from }),
      )
      names.push(...SecretList.flatMap(({ Name }) => Name ?? []))
      from = NextToken
    } while (from !== undefined)
    return names.filter((name) => name.startsWith(prefix))
  }

  return {
    async list() {
      try {
        return await io('secrets.list', listAll)
      } catch (error) {
        throw awsError(error, `listing the secrets ${prefix}`)
      }
    },
    async delete(name) {
      try {
        // Forced, it succeeds for one that is gone too.
        await io('secrets.delete', () =>
          deletes.send(new DeleteSecretCommand({ SecretId: name, ForceDeleteWithoutRecovery: true })),
        )
      } catch (error) {
        throw awsError(error, `deleting the secret ${name}`)
      }
    },
  }
}
