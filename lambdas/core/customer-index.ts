/**
 * Finds a customer's tickets by an HMAC of the address: one row for each ticket and each address on it, also for one
 * that nothing proves. What an export and an erase go by.
 */
import { addressTag } from './consent/grant.ts'
import type { Ticket } from './helpdesk.ts'
import { emailAddress } from './identify.ts'
import { change, ticketExpiry } from './lease.ts'
import type { Work } from './turn.ts'

const day = 24 * 60 * 60 * 1000
/** Written anew this often while the ticket lives, so that the rows expire after all that they find. */
const writtenAgainMs = 30 * day
/** The ticket row names them and is kept small. */
const mostAddresses = 50

/** Partition of one customer; each sort key is the partition key of a ticket. */
export const customerPk = (tenant: string, tag: string): string => `T#${tenant}#customer#${tag}`

/**
 * Makes the ticket findable by every address on it, before anything of it is stored. The ticket row remembers which: a
 * ticket with nobody new costs no call.
 */
export async function indexCustomers(
  work: Pick<Work, 'tenant' | 'lease' | 'clock'>,
  ticket: Ticket,
): Promise<void> {
  const { tenant, lease, clock } = work
  const now = clock.now()
  const known = [...(lease.row.customers ?? [])] as string[]
  const here = await Promise.all(addressesOn(ticket).map((address) => addressTag(work, address)))
  const isFresh = lease.row.indexedAt !== undefined && now < lease.row.indexedAt + writtenAgainMs
  if (isFresh && here.every((tag) => known.includes(tag))) return
  const tags = new Set([...known, ...here])
  if (tags.size === 0) return
  const expiresAt = ticketExpiry(now + 2 * writtenAgainMs)
  await Promise.all(
    [...tags].map((tag) =>
      tenant.conversations.put('index_customer', {
        pk: customerPk(tenant.tenant, tag),
        sk: lease.key.pk,
        at: now,
        expiresAt,
      }),
    ),
  )
  await change(tenant.conversations, lease, 'customers_indexed', {
    update: 'SET indexedAt = :now ADD customers :tags',
    values: { ':now': now, ':tags': tags },
  })
}

/** Of the requester, and of every customer who wrote: on file and on the envelope. */
function addressesOn({ requester, messages }: Ticket): string[] {
  const written = messages
    .filter(({ author }) => author.role === 'customer')
    .flatMap(({ evidence }) => [evidence.address, evidence.sender])
  const addresses = [requester.address, ...written].flatMap((address) => emailAddress(address) ?? [])
  return [...new Set(addresses)].slice(0, mostAddresses)
}
