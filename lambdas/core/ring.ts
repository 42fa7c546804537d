import type { ConnectionBase } from '../../schemas/connection.ts'
import type { Doorbell } from '../../schemas/doorbell.ts'
import { rowOf } from './aws/table.ts'
import { isCode } from './errors.ts'
import type { Expression, Table } from './ports.ts'
import { dueShard, ticketKey } from './ticket-key.ts'

/** A ticket whose wake-up is lost is rung by the sweeper after this time. */
const wakeUpLostAfterMs = 60_000

/** At most this many doorbells in one ring: DynamoDB allows 300 operators and 4 KB in an expression. */
export const ringAtMost = 100

/**
 * Marks a ticket as due, in one update. `rung` is false when every doorbell had been rung before; `due` tells whether
 * the ticket still waits to be looked at. The doorbells are of one ticket, at most `ringAtMost`. Throws `unavailable`.
 */
export async function ring(
  conversations: Pick<Table, 'update'>,
  connection: Pick<ConnectionBase, 'id' | 'helpdesk'>,
  doorbells: readonly [Doorbell, ...Doorbell[]],
  now: number,
): Promise<{ rung: boolean; due: boolean }> {
  const key = ticketKey(connection.id, doorbells[0].ticketId)
  try {
    const { update, values, unlessKnown } = expressionFor(
      connection.helpdesk,
      doorbells,
      dueShard(key.pk),
      now,
    )
    const condition = unlessKnown && { condition: unlessKnown.condition }
    await conversations.update('ring', key, {
      update,
      ...condition,
      values: { ...values, ...unlessKnown?.values },
    })
    return { rung: true, due: true }
  } catch (error) {
    if (!isCode(error, 'condition_failed')) throw error
    const row = rowOf(error)
    // A wake-up too many costs nothing, one too few costs a minute: without the row, say due.
    return { rung: false, due: row === undefined || row.due !== undefined }
  }
}

/** Clocks differ, and a look that began just before a change may not have seen it. */
const lookMarginMs = 2 * 60_000

/**
 * Rings a ticket that the helpdesk says has moved, unless it is being worked on or was looked at since; one that only
 * waits for its time has no `dueSince`. Answers whether it rang. Throws `unavailable`.
 */
export async function ringMoved(
  conversations: Pick<Table, 'update'>,
  connection: Pick<ConnectionBase, 'id' | 'helpdesk'>,
  doorbell: Doorbell,
  now: number,
): Promise<boolean> {
  const key = ticketKey(connection.id, doorbell.ticketId)
  const { update, values } = expressionFor(
    connection.helpdesk,
    [{ ...doorbell, at: now }],
    dueShard(key.pk),
    now,
  )
  try {
    await conversations.update('ring_moved', key, {
      update,
      condition:
        '(attribute_not_exists(due) OR attribute_not_exists(dueSince)) AND (attribute_not_exists(lookedAt) OR lookedAt < :moved)',
      values: { ...values, ':moved': doorbell.at + lookMarginMs },
    })
    return true
  } catch (error) {
    if (isCode(error, 'condition_failed')) return false
    throw error
  }
}

function expressionFor(
  helpdesk: string,
  doorbells: readonly Doorbell[],
  shard: string,
  now: number,
): Expression & {
  /** Holds while one of the doorbells did not ring before. Its values belong to it alone: DynamoDB refuses unused ones. */
  unlessKnown?: { condition: string; values: Record<string, string> }
} {
  const ids = [...new Set(doorbells.flatMap((doorbell) => idOf(doorbell) ?? []))]
  const customers = doorbells.filter((doorbell) => doorbell.from === 'customer')
  const wanted = new Set(customers.flatMap((doorbell) => doorbell.messageId ?? []))
  const set = [
    'due = :shard',
    'dueAt = :dueAt',
    'dueSince = if_not_exists(dueSince, :now)',
    // The sweeper knows the ticket by its key alone, and each helpdesk has a queue of its own.
    'helpdesk = :helpdesk',
    ...(customers.length > 0 ? ['customer = :true'] : []),
  ]
  const add = [
    'rung :one',
    ...(ids.length > 0 ? ['seen :ids'] : []),
    ...(wanted.size > 0 ? ['wanted :wanted'] : []),
  ]
  // A doorbell without an id cannot be told from an earlier one, so it always rings.
  const known = doorbells.every(idOf) ? ids.map((_, i) => `contains(seen, :id${i})`) : []
  return {
    // A ticket that is due does not expire: the release that settles it sets the time.
    update: `SET ${set.join(', ')} REMOVE expiresAt ADD ${add.join(', ')}`,
    ...(known.length > 0
      ? {
          unlessKnown: {
            condition: `NOT (${known.join(' AND ')})`,
            values: Object.fromEntries(ids.map((id, i) => [`:id${i}`, id])),
          },
        }
      : {}),
    values: {
      ':shard': shard,
      ':helpdesk': helpdesk,
      ':dueAt': now + wakeUpLostAfterMs,
      ':now': now,
      ':one': 1,
      ...(customers.length > 0 ? { ':true': true } : {}),
      ...(ids.length > 0 ? { ':ids': new Set(ids) } : {}),
      ...(wanted.size > 0 ? { ':wanted': wanted } : {}),
    },
  }
}

/** By what we tell a doorbell from one that rang before: the delivery, else the message. */
const idOf = (doorbell: Doorbell): string | undefined =>
  doorbell.deliveryId ?? (doorbell.messageId === undefined ? undefined : `m:${doorbell.messageId}`)
