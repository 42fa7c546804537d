/** Reasons not to say anything to the customer: what stands in the ticket may be read, or was written, by somebody else. */
import { addressTag } from './consent/grant.ts'
import type { Ticket } from './helpdesk.ts'
import { audienceIsOnly, type Identity } from './identify.ts'
import { suspiciousSender } from './neutral-reply.ts'
import type { Work } from './turn.ts'

/** Why a human has to answer whoever `identity` is, or `undefined`. */
export async function barredBy(
  work: Work,
  ticket: Ticket,
  identity: Identity,
): Promise<'suspicious_sender' | 'identity_dropped' | 'audience_changed' | undefined> {
  if (identity.suspicious) return suspiciousSender
  const told = work.lease.row.personal
  if (told === undefined) return undefined
  if (identity.address === undefined) return 'identity_dropped'
  const sameReader =
    told === (await addressTag(work, identity.address)) && audienceIsOnly(ticket, identity.address)
  return sameReader ? undefined : 'audience_changed'
}
