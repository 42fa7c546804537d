import * as z from 'zod'
import { type HelpdeskName, helpdeskName, tenantOf } from '../../../schemas/names.ts'
import { createConfiguration } from '../configuration.ts'
import { DeskhandError } from '../errors.ts'
import type { Queue, Table } from '../ports.ts'
import { ring } from '../ring.ts'
import { ticketKey } from '../ticket-key.ts'

const anyConnection = z.looseObject({ helpdesk: helpdeskName })

/**
 * Rings one ticket again, as a webhook that names no message would: it is looked at, and answered if its newest message
 * has no answer yet. Answers its helpdesk, and until when the ticket is held or put off: it is not looked at before.
 * Throws `unavailable`, or `bad_configuration` where the connection is not live.
 */
export async function replay(
  tables: { conversations: Pick<Table, 'get' | 'update'>; configuration: Pick<Table, 'query' | 'batchGet'> },
  queueOf: (helpdesk: HelpdeskName) => Queue,
  wake: { connectionId: string; ticketId: string },
  now: number,
): Promise<{ helpdesk: HelpdeskName; heldUntil?: number }> {
  const { connectionId, ticketId } = wake
  const configuration = createConfiguration(tables.configuration, tenantOf(connectionId))
  const release = await configuration.live(0, now)
  const connection =
    release && (await configuration.definition(release, 'connection', connectionId, anyConnection))
  if (connection === undefined)
    throw new DeskhandError(
      'bad_configuration',
      `no live connection ${connectionId}: look its id up in the tenant's configuration, or publish it`,
    )
  const { helpdesk } = connection
  const row = await tables.conversations.get('replay', ticketKey(connectionId, ticketId))
  await ring(
    tables.conversations,
    { id: connectionId, helpdesk },
    [{ ticketId, from: 'customer', at: now }],
    now,
  )
  await queueOf(helpdesk).send(wake, 0)
  const heldUntil = typeof row?.leaseUntil === 'number' && row.leaseUntil > now ? row.leaseUntil : undefined
  return { helpdesk, ...(heldUntil === undefined ? {} : { heldUntil }) }
}
