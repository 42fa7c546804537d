/**
 * Where proposals wait for an approver, over all tickets of a tenant: row `T#<tenant>#waiting`, sort key its end and its
 * id. Written before the proposal counts and never taken away, it is only a hint: the ticket row says what still waits.
 */
import * as z from 'zod'
import { connectionId, vendorId } from '../../../schemas/names.ts'
import { ticketRow } from '../../../schemas/ticket-row.ts'
import type { Table } from '../ports.ts'
import { ticketKey } from '../ticket-key.ts'
import { isOpen } from './proposals.ts'

const waitingPk = (tenant: string): string => `T#${tenant}#waiting`
const keptAfterMs = 24 * 60 * 60_000
const digits = (at: number): string => String(at).padStart(13, '0')

const hint = z.object({ sk: z.string(), id: z.string(), tool: z.string(), connectionId, ticketId: vendorId })

/** One proposal, and the ticket that it waits on. */
export interface Waiting {
  id: string
  tool: string
  connectionId: string
  ticketId: string
  /** ms */
  at: number
  until: number
}

export async function putWaiting(
  { tenant, conversations }: { tenant: string; conversations: Pick<Table, 'put'> },
  waiting: Waiting,
): Promise<void> {
  const { id, tool, connectionId, ticketId, until } = waiting
  await conversations.put('waiting', {
    pk: waitingPk(tenant),
    sk: `${digits(until)}#${id}`,
    id,
    tool,
    connectionId,
    ticketId,
    expiresAt: Math.ceil((until + keptAfterMs) / 1000),
  })
}

/** A page of what waits now, what ends soonest first. `next`: where the next page begins. */
export async function waitingOf(
  { tenant, conversations }: { tenant: string; conversations: Pick<Table, 'query' | 'get'> },
  page: { after?: string | undefined; limit: number; now: number },
): Promise<{ items: Waiting[]; next?: string }> {
  const { limit, now } = page
  const rows = await conversations.query('waiting', {
    pk: waitingPk(tenant),
    after: page.after ?? digits(now),
    limit: limit + 1,
  })
  const hints = rows.slice(0, limit).map((row) => hint.parse(row))
  const items: Waiting[] = []
  for (const { id, tool, connectionId, ticketId } of hints) {
    const row = await conversations.get('ticket', ticketKey(connectionId, ticketId))
    const mark = ticketRow.pick({ proposals: true }).parse(row ?? {}).proposals[tool]
    if (mark?.id !== id || mark.by !== 'agent' || !isOpen(mark, now)) continue
    items.push({ id, tool, connectionId, ticketId, at: mark.at, until: mark.until })
  }
  const last = hints.at(-1)
  return { items, ...(rows.length > limit && last !== undefined ? { next: last.sk } : {}) }
}
