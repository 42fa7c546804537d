/**
 * Who wrote this message, and how surely do we know? Adapters report evidence, this file alone decides, per message.
 * Absent evidence never raises a level. What a one-time code of ours proved comes from our own store, as evidence too.
 */
import type { Assurance } from '../../schemas/names.ts'
import type { Message, Ticket } from './helpdesk.ts'

declare const verified: unique symbol
/** A lower-case address that a message was proven to come from, at `mailbox` or above. Made in this file only. */
export type VerifiedEmail = string & { readonly [verified]: true }
const verify = (address: string): VerifiedEmail => address as VerifiedEmail

/** Why the level is what it is. */
export type IdentityReason =
  | 'proven'
  | 'not_customer' // the team or a rule wrote it
  | 'no_channel' // a channel that carries no address, or none that we know
  | 'no_address' // no usable address on file
  | 'bad_sender' // the sender's address is missing, malformed or more than one
  | 'not_requester'
  | 'flagged' // flagged by the helpdesk, or it did not say
  | 'other_sender' // sent from another address than the one on file
  | 'reply_diverted'
  | 'other_audience'
  | 'side_doors_open' // the connection does not attest what closes them
  | 'not_signed_in'
  | 'address_unproven'
  | 'typed' // a channel on which anybody can name any address

export interface Identity {
  level: Assurance
  /** Only at `mailbox` or above. */
  address?: VerifiedEmail
  /** The address on file of who the author says to be, where nothing proves it. */
  claimed?: string
  why: IdentityReason
  /** A stranger may be using someone else's address: one neutral reply that echoes nothing. */
  suspicious: boolean
}

/**
 * `confirmed`: the address that a one-time code of ours proved for this message's author, by our own store. It counts
 * while it is the author's address on file still.
 */
export function identify(
  message: Message,
  ticket: Ticket,
  sideDoorsClosed: boolean,
  confirmed?: string,
): Identity {
  const { evidence } = message
  const suspicious = evidence.suspicious === true
  const none = (why: IdentityReason): Identity => ({ level: 'none', why, suspicious })

  if (message.author.role !== 'customer') return none('not_customer')
  const channel = evidence.channel ?? 'unknown'
  if (channel === 'social' || channel === 'phone' || channel === 'unknown') return none('no_channel')
  const address = emailAddress(evidence.address)
  if (address === undefined) return none('no_address')
  if (channel === 'email' && emailAddress(evidence.sender) === undefined)
    return { ...none('bad_sender'), claimed: address }

  const isRequester = evidence.authorIsRequester === true && message.author.id === ticket.requester.id
  if (confirmed === address && isRequester && !suspicious)
    return { level: 'confirmed', address: verify(address), why: 'proven', suspicious }
  const why = doubt(message, ticket, address, sideDoorsClosed)
  if (why !== undefined) return { level: 'claimed', claimed: address, why, suspicious }
  const level = channel === 'email' ? 'mailbox' : 'signed_in'
  return { level, address: verify(address), why: 'proven', suspicious }
}

/** The first thing that keeps this message from being proven, or `undefined`. */
function doubt(
  message: Message,
  ticket: Ticket,
  address: string,
  sideDoorsClosed: boolean,
): IdentityReason | undefined {
  const { evidence } = message
  if (evidence.authorIsRequester !== true || message.author.id !== ticket.requester.id) return 'not_requester'
  if (evidence.unflagged !== true || evidence.suspicious === true) return 'flagged'
  switch (evidence.channel) {
    case 'email':
      if (emailAddress(evidence.sender) !== address) return 'other_sender'
      if (evidence.replyNotDiverted !== true) return 'reply_diverted'
      if (!audienceIsOnly(ticket, address)) return 'other_audience'
      return sideDoorsClosed ? undefined : 'side_doors_open'
    case 'portal':
    case 'messenger':
      if (evidence.trusted !== true || evidence.authorIsSubmitter !== true || evidence.signedIn !== true)
        return 'not_signed_in'
      return evidence.addressProven === true ? undefined : 'address_unproven'
    default:
      return 'typed'
  }
}

/** Does the answer reach exactly this address and nobody else outside the team? */
export const audienceIsOnly = (ticket: Pick<Ticket, 'audience'>, address: string): boolean =>
  ticket.audience !== 'unknown' &&
  ticket.audience.length === 1 &&
  emailAddress(ticket.audience[0]) === emailAddress(address) &&
  emailAddress(address) !== undefined

/**
 * One plain ASCII address in lower case, or `undefined`. No dot, plus or Unicode folding: two spellings that a mail
 * system might deliver to two people stay two addresses.
 */
export function emailAddress(text: string | undefined): string | undefined {
  if (text === undefined || text.length > 254 || !plainAddress.test(text)) return undefined
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}
const plainAddress =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([A-Za-z0-9-]+\.)+[A-Za-z0-9-]+$/
