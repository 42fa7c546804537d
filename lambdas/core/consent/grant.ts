/** What a one-time code proved, as evidence for `identify`. */
import type { Message, Ticket } from '../helpdesk.ts'
import type { Vault } from '../ports.ts'
import type { Work } from '../turn.ts'
import { addressOnRecord, placeOf } from './record-address.ts'

/** HMAC of an address: what rows keep of it. */
export const hashAddress = async (vault: Pick<Vault, 'hmac'>, address: string): Promise<string> =>
  await vault.hmac(`address|${address}`)

/** The same within a run. */
export const addressTag = async (
  { tenant }: Pick<Work, 'tenant'>,
  address: string | undefined,
): Promise<string> => await hashAddress(tenant.vault, address ?? '')

/**
 * The address that a code proved for this message: on email for the message that carried the code, in a chat for what
 * its author writes in the half hour after. `undefined` when the author's address on record is another by now.
 */
export async function confirmedAddress(
  work: Pick<Work, 'tenant' | 'lease'>,
  ticket: Ticket,
  message: Message,
): Promise<string | undefined> {
  const { grant } = work.lease.row
  if (grant === undefined || grant.author !== message.author.id) return undefined
  const holds =
    grant.until === undefined
      ? message.id === grant.messageId
      : placeOf(message) === 'chat' && message.at < grant.until
  const address = holds ? addressOnRecord(ticket, message) : undefined
  return address !== undefined && (await addressTag(work, address)) === grant.address ? address : undefined
}
