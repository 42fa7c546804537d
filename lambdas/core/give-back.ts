/** A ticket given back from outside the helpdesk: what the admin API calls. */
import type { ConnectionBase } from '../../schemas/connection.ts'
import { isCode } from './errors.ts'
import type { Table } from './ports.ts'
import { dueShard, ticketKey } from './ticket-key.ts'

/**
 * The ticket is the agent's again: neither the mark of a hand-over that stands on it, nor what humans wrote until now,
 * silences it any more. Rings it in the same update, so that a message that has no answer gets one. A human who is
 * assigned there still has it. `unknown`: no such ticket.
 */
export async function giveBackTicket(
  conversations: Pick<Table, 'update'>,
  connection: Pick<ConnectionBase, 'id' | 'helpdesk'>,
  about: { ticketId: string; now: number },
): Promise<'given_back' | 'unknown'> {
  const key = ticketKey(connection.id, about.ticketId)
  try {
    await conversations.update('give_back', key, {
      update:
        'SET givenBackAt = :now, markIgnored = :true, customer = :true, due = :shard, dueAt = if_not_exists(leaseUntil, :now), ' +
        'dueSince = if_not_exists(dueSince, :now), helpdesk = :helpdesk REMOVE handedOver, expiresAt ADD rung :one',
      condition: 'attribute_exists(pk)',
      values: {
        ':now': about.now,
        ':true': true,
        ':shard': dueShard(key.pk),
        ':helpdesk': connection.helpdesk,
        ':one': 1,
      },
    })
    return 'given_back'
  } catch (error) {
    if (isCode(error, 'condition_failed')) return 'unknown'
    throw error
  }
}
