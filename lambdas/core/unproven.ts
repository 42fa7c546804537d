/** Unproven addresses get few replies: whoever writes in somebody else's name must not make us flood them, or pay. */
import { isCode } from './errors.ts'
import type { Message } from './helpdesk.ts'
import type { Identity } from './identify.ts'
import type { TenantRuntime } from './ports.ts'
import type { Work } from './turn.ts'

/** To one unproven address, in one UTC day, over all tickets of the tenant. */
const repliesPerDay = 2
const keptDays = 3
const day = 24 * 60 * 60 * 1000

/** Partition of one address's days. */
export const unprovenPk = async (
  { tenant, vault }: Pick<TenantRuntime, 'tenant' | 'vault'>,
  address: string,
): Promise<string> => `T#${tenant}#unproven#${await vault.hmac(`unproven|${address}`)}`

/**
 * Takes one of the day's replies to this address, before the model is asked. The same message takes one however often
 * it is begun, and two turns at once cannot both take the last.
 */
export async function mayReplyUnproven(work: Work, message: Message, identity: Identity): Promise<boolean> {
  const { tenant, clock, lease } = work
  // In a messenger the answer goes to whoever typed the address; elsewhere the helpdesk mails it there.
  if (identity.claimed === undefined || message.evidence.channel === 'messenger') return true
  const now = clock.now()
  try {
    await tenant.conversations.update(
      'unproven',
      {
        pk: await unprovenPk(tenant, identity.claimed),
        sk: `day#${new Date(now).toISOString().slice(0, 10)}`,
      },
      {
        update: 'ADD answered :message SET expiresAt = :expiresAt',
        condition: 'attribute_not_exists(answered) OR contains(answered, :id) OR size(answered) < :most',
        values: {
          ':message': new Set([`${lease.key.pk}#${message.id}`]),
          ':id': `${lease.key.pk}#${message.id}`,
          ':most': repliesPerDay,
          ':expiresAt': Math.floor((now + keptDays * day) / 1000),
        },
      },
    )
    return true
  } catch (error) {
    if (isCode(error, 'condition_failed')) return false
    throw error
  }
}
