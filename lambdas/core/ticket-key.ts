import { createHash } from 'node:crypto'
import { connectionId as connectionIdSchema, tenantOf, vendorId } from '../../schemas/names.ts'
import type { Key } from './ports.ts'

/** Sort key of the ticket row; everything else of a ticket shares its partition. */
export const ticketSk = 'ticket'

/** Partition key of everything we keep of one ticket. */
export const ticketPk = (connectionId: string, ticketId: string): string =>
  `T#${tenantOf(connectionId)}#ticket#${connectionId}#${ticketId}`

export const ticketKey = (connectionId: string, ticketId: string): Key => ({
  pk: ticketPk(connectionId, ticketId),
  sk: ticketSk,
})

/** When a connection's helpdesk is next asked what moved. */
export const scheduleKey = (connectionId: string): Key => ({
  pk: `T#${tenantOf(connectionId)}#reconcile#${connectionId}`,
  sk: 'schedule',
})

/** The connection of a partition key made by `scheduleKey`; `undefined` for any other text. */
export function parseSchedulePk(pk: string): string | undefined {
  const connectionId = connectionIdSchema.safeParse(pk.split('#')[3])
  return connectionId.success && scheduleKey(connectionId.data).pk === pk ? connectionId.data : undefined
}

/** What a partition key made by `ticketPk` names; `undefined` for any other text. */
export function parseTicketPk(
  pk: string,
): { tenant: string; connectionId: string; ticketId: string } | undefined {
  const [, , , connection, ticket] = pk.split('#')
  const connectionId = connectionIdSchema.safeParse(connection)
  const ticketId = vendorId.safeParse(ticket)
  if (!connectionId.success || !ticketId.success) return undefined
  if (ticketPk(connectionId.data, ticketId.data) !== pk) return undefined
  return { tenant: tenantOf(connectionId.data), connectionId: connectionId.data, ticketId: ticketId.data }
}

/** Partitions of the sparse index of due tickets: enough that no single one is hot, few enough to query all. */
export const dueShards = ['d0', 'd1', 'd2', 'd3', 'd4', 'd5', 'd6', 'd7'] as const
export type DueShard = (typeof dueShards)[number]

/** The shard of a ticket: the same in every process, for good. */
export function dueShard(pk: string): DueShard {
  const byte = createHash('sha256').update(pk).digest().readUInt8(0)
  return dueShards[byte % dueShards.length] ?? 'd0'
}
