import * as z from 'zod'
import type { ConnectionBase } from '../../schemas/connection.ts'
import { connectionId, tenantOf } from '../../schemas/names.ts'
import { inboundSecret } from '../../schemas/secrets.ts'
import { createBoundedCache } from './bounded-cache.ts'
import { type Configuration, createConfiguration } from './configuration.ts'
import type { Inbound } from './helpdesk.ts'
import type { ReceiveRuntime } from './ports.ts'

/** A publish counts here after at most this time; until then an id that is not there is not looked for again. */
const releaseAgeMs = 10_000
/** Ids come from anybody, so the tenants they name are bounded. */
const tenantsKept = 1000

const anyConnection = z.looseObject({ helpdesk: z.string() })

/**
 * Finds the live connection that a path names; `undefined` for a malformed or unknown id and for a connection of
 * another helpdesk. Throws `unavailable` or `bad_configuration`.
 */
export function createFindConnection<C extends ConnectionBase>(
  inbound: Inbound<C>,
  table: ReceiveRuntime['configuration'],
): (id: string, now: number) => Promise<C | undefined> {
  const tenants = createBoundedCache<Configuration>(tenantsKept)
  const configurationOf = (tenant: string): Configuration => {
    const configuration = tenants.get(tenant) ?? createConfiguration(table, tenant)
    tenants.set(tenant, configuration)
    return configuration
  }
  return async (id, now) => {
    if (!connectionId.safeParse(id).success) return undefined
    const configuration = configurationOf(tenantOf(id))
    const release = await configuration.live(releaseAgeMs, now)
    if (release === undefined) return undefined
    const found = await configuration.definition(release, 'connection', id, anyConnection)
    if (found?.helpdesk !== inbound.name || found.id !== id) return undefined
    return configuration.definition(release, 'connection', id, inbound.connection)
  }
}

/**
 * The webhook secrets that count now. One that has expired or does not parse is left out. `missing` names one that
 * cannot be read: what it signed shall be sent again once that is mended. Throws `unavailable`.
 */
export async function activeSecrets(
  connection: ConnectionBase,
  inboundSecrets: ReceiveRuntime['inboundSecrets'],
  now: number,
): Promise<{ values: string[]; missing?: string }> {
  const secrets = inboundSecrets(tenantOf(connection.id))
  const values: string[] = []
  let missing: string | undefined
  for (const { secret, expiresAt } of connection.inbound) {
    if (expiresAt !== undefined && Date.parse(expiresAt) <= now) continue
    const stored = await secrets.read(secret)
    if (stored === undefined) missing = secret
    const parsed = inboundSecret.safeParse(stored)
    if (parsed.success) values.push(parsed.data.value)
  }
  return { values, ...(missing === undefined ? {} : { missing }) }
}
