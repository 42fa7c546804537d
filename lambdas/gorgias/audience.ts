/** Who besides the team receives an answer in a Gorgias ticket, or reads it. */
import type { GorgiasConnection } from '../../schemas/gorgias.ts'
import type { GorgiasMessage, GorgiasTicket } from '../../schemas/gorgias-api.ts'
import { channelOf, isInternal } from './evidence.ts'

/**
 * A Gorgias ticket has no list of participants: whoever a mail names is on that mail. So everybody counts whom any mail
 * of the ticket names, and everybody who wrote. Customers and tickets are merged without a mark that the API documents,
 * and then other people's mail stands in the thread: its addresses count too. `unknown` where Gorgias left out what it
 * documents, and once the ticket was on another channel than mail, where the answer may be shown to whoever typed an
 * address there. Of our own messages nothing need be said: they went to one address each.
 */
export function audienceOf(
  ticket: GorgiasTicket,
  messages: readonly GorgiasMessage[],
  { supportAddresses, botUserId }: GorgiasConnection,
): string[] | 'unknown' {
  const requester = ticket.customer
  if (requester?.email === undefined) return 'unknown'
  const readers = new Set([requester.email.toLowerCase()])
  const shown = messages.filter((message) => message.from_agent !== true || !isInternal(message))
  for (const message of shown) {
    const named = message.from_agent === true ? sentTo(message) : writtenBy(message, requester.id)
    if (named === 'unknown') {
      if (message.from_agent === true && message.sender?.id === botUserId) continue
      return 'unknown'
    }
    for (const reader of named) if (!supportAddresses.includes(reader)) readers.add(reader)
  }
  return [...readers]
}

/** Of the customer's side: who wrote it and whom it was sent to, which must be said. */
function writtenBy(message: GorgiasMessage, requesterId: string): string[] | 'unknown' {
  const from = message.source?.from?.address?.toLowerCase()
  const writer = message.sender?.id
  const recipients = sentTo(message)
  if (channelOf(message) !== 'email' || from === undefined || writer === undefined) return 'unknown'
  if (recipients === 'unknown' || recipients.length === 0) return 'unknown'
  return [from, ...recipients, ...(writer === requesterId ? [] : [`user:${writer}`])]
}

/** Everybody whom a mail names as recipient. */
function sentTo({ source, channel }: GorgiasMessage): string[] | 'unknown' {
  if (channel !== 'email' || source?.to === undefined) return 'unknown'
  if (source.cc === undefined || source.bcc === undefined) return 'unknown'
  const addresses = [...source.to, ...source.cc, ...source.bcc].map(({ address }) => address?.toLowerCase())
  return addresses.some((address) => address === undefined) ? 'unknown' : (addresses as string[])
}
