import { AssumeRoleCommand, type STSClient } from '@aws-sdk/client-sts'
import { DeskhandError } from '../errors.ts'
import type { Clock, Io } from '../ports.ts'
import { awsError } from './aws-error.ts'

/** The most that AWS gives a role that assumes a role. */
const sessionSeconds = 3_600
/** The SDK's clients ask again 5 minutes before the end: by then there must be another session to give. */
const renewBeforeMs = 10 * 60_000
const openTenants = 100

export interface SessionCredentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken: string
  expiration: Date
}

/**
 * Credentials of the tenant role with the session tag `tenant`, for the `credentials` of SDK clients: all that they
 * reach is this tenant's. One session for all clients, renewed in time. Throws `unavailable` or `bad_configuration`.
 */
export function tenantCredentials(options: {
  sts: STSClient
  roleArn: string
  tenant: string
  clock: Clock
  io: Io
}): () => Promise<SessionCredentials> {
  const { sts, roleArn, tenant, clock, io } = options
  let session: Promise<SessionCredentials> | undefined
  let renewAt = 0

  async function assume(): Promise<SessionCredentials> {
    const command = new AssumeRoleCommand({
      RoleArn: roleArn,
      RoleSessionName: `deskhand-${tenant}`,
      DurationSeconds: sessionSeconds,
      Tags: [{ Key: 'tenant', Value: tenant }],
    })
    try {
      const { Credentials: given } = await io('sts.assume_role', () => sts.send(command))
      if (!given?.AccessKeyId || !given.SecretAccessKey || !given.SessionToken || !given.Expiration) {
        throw new DeskhandError('unavailable', 'STS answered without credentials')
      }
      renewAt = given.Expiration.getTime() - renewBeforeMs
      return {
        accessKeyId: given.AccessKeyId,
        secretAccessKey: given.SecretAccessKey,
        sessionToken: given.SessionToken,
        expiration: given.Expiration,
      }
    } catch (error) {
      throw awsError(error, 'assuming the tenant role')
    }
  }

  return () => {
    if (session === undefined || renewAt <= clock.now()) {
      renewAt = Number.POSITIVE_INFINITY
      const mine = assume()
      mine.catch(() => {
        if (session === mine) session = undefined
      })
      session = mine
    }
    return session
  }
}

/**
 * What is open for each tenant, made when first asked for. Of more than 100 tenants the one used longest ago is
 * closed, sockets and all.
 */
export function perTenant<T>(open: (tenant: string) => { value: T; close(): void }): (tenant: string) => T {
  const opened = new Map<string, { value: T; close(): void }>()
  return (tenant) => {
    const entry = opened.get(tenant) ?? open(tenant)
    opened.delete(tenant)
    opened.set(tenant, entry)
    for (const [oldest, { close }] of opened) {
      if (opened.size <= openTenants) break
      opened.delete(oldest)
      close()
    }
    return entry.value
  }
}
