/** What one Intercom message tells about who wrote it. Reported as found; `identify` in core decides. */
import type { IntercomConnection } from '../../schemas/intercom.ts'
import type {
  IntercomAuthor,
  IntercomContact,
  IntercomConversation,
  IntercomEmail,
} from '../../schemas/intercom-api.ts'
import type { Channel, Evidence } from '../core/helpdesk.ts'
import { isContact } from './inbound.ts'
import { type Mail, mailOf } from './mail.ts'

/** `source.type`. https://developers.intercom.com/docs/references/rest-api/api.intercom.io/models/conversation_source */
const channels: Readonly<Record<string, Channel>> = {
  conversation: 'messenger',
  messenger: 'messenger',
  email: 'email',
  whatsapp: 'social',
  facebook: 'social',
  instagram: 'social',
  twitter: 'social',
  sms: 'phone',
  phone_call: 'phone',
  phone_switch: 'phone',
}

export const channelOf = (type: string | undefined): Channel => channels[type ?? ''] ?? 'unknown'

/** One message, the source or a part, as far as it is evidence. */
export interface Written {
  author: IntercomAuthor | undefined
  /** The conversation began with it. */
  opening: boolean
  app_package_code?: unknown
  reply_to?: { email?: string | undefined }[] | undefined
  email_message_metadata?: IntercomEmail
}

/** What stands around the message. */
export interface Surroundings {
  conversation: IntercomConversation
  requesterId: string
  /** The requester's contact; `undefined` where it is gone or was merged. */
  contact: IntercomContact | undefined
}

/** A mail may come in the middle of a Messenger conversation, and the other way round. */
export function messageChannel(written: Written, { conversation }: Surroundings): Channel {
  const opened = channelOf(conversation.source?.type)
  if (opened !== 'email' && opened !== 'messenger') return opened
  if (written.opening) return opened
  if (written.email_message_metadata) return 'email'
  // Said not to be a mail: whatever it is, nobody proves its author.
  return opened === 'email' && written.email_message_metadata === null ? 'messenger' : opened
}

export function evidenceOf(written: Written, around: Surroundings, connection: IntercomConnection): Evidence {
  const { author } = written
  const channel = messageChannel(written, around)
  const isRequester = isContact(author) && author?.id === around.requesterId
  // Of others the address that they give; of nobody in particular none.
  const given = author?.id === undefined ? undefined : author.email
  const address = isRequester ? around.contact?.email : given
  const base: Evidence = {
    channel,
    ...(address === undefined ? {} : { address }),
    ...(isRequester ? { authorIsRequester: true } : {}),
  }
  if (channel === 'email') return { ...base, ...mailEvidence(written, around, connection) }
  if (channel !== 'messenger' || !isSignedIn(written, around, connection)) return base
  return {
    ...base,
    authorIsSubmitter: true,
    unflagged: true,
    trusted: true,
    signedIn: true,
    ...(connection.messenger.emailSigned ? { addressProven: true } : {}),
  }
}

/** Intercom shows no judgement on a mail, so only a mail whose author, headers and origin are all told is clean. */
function mailEvidence(written: Written, around: Surroundings, connection: IntercomConnection): Evidence {
  const mail = mailOf(written.email_message_metadata)
  const sender = mail.sender
  const replies = repliesOf(written, mail, connection)
  const known = replies.filter((address) => address !== '')
  const diverted = known.some((address) => address !== sender)
  const fromContact = written.opening
    ? around.conversation.source?.delivered_as === 'customer_initiated'
    : written.app_package_code === null
  const clean = fromContact && sender !== undefined && written.author?.email?.toLowerCase() === sender
  return {
    ...(sender === undefined ? {} : { sender }),
    ...(clean ? { unflagged: true } : {}),
    ...(replies.length > 0 && replies.every((address) => address === sender)
      ? { replyNotDiverted: true }
      : {}),
    // Intercom takes no recipient, and whether it answers to a Reply-To is not documented.
    ...(diverted ? { suspicious: true, answersGoElsewhere: true } : {}),
  }
}

/**
 * Where replies to this mail go; none where that is not told. `reply_to` of the source is documented: an empty list says
 * that replies go to the sender. Of a later mail only the headers are, and whether Reply-To is among them is not confirmed.
 */
function repliesOf(
  { opening, reply_to }: Written,
  mail: Mail,
  { laterMailNamesReplyTo }: IntercomConnection,
): string[] {
  const told = [...(reply_to ?? []).map(({ email }) => email?.toLowerCase() ?? ''), ...mail.replyTo]
  if (told.length > 0) return told
  const silentMeansSender = reply_to !== undefined || (!opening && mail.known && laterMailNamesReplyTo)
  return silentMeansSender && mail.sender !== undefined ? [mail.sender] : []
}

/**
 * A user of the tenant's own JWT wrote it in the Messenger. A mail, an app or a lead that was merged into the user later
 * leaves this unproven, and so does whatever Intercom does not say.
 */
function isSignedIn(written: Written, around: Surroundings, { messenger }: IntercomConnection): boolean {
  const { conversation, contact, requesterId } = around
  const contacts = conversation.contacts?.contacts ?? []
  return (
    messenger.jwtEnforced &&
    messenger.noAppWritesAsContacts &&
    channelOf(conversation.source?.type) === 'messenger' &&
    written.author?.type === 'user' &&
    written.author.id === requesterId &&
    contacts.length === 1 &&
    contacts[0]?.id === requesterId &&
    contact?.role === 'user' &&
    contact.external_id !== undefined &&
    wasNeverMerged(contact) &&
    (written.opening ? openedByCustomer(written, around) : writtenInMessenger(written, around))
  )
}

const openedByCustomer = (written: Written, { conversation }: Surroundings): boolean =>
  conversation.source?.delivered_as === 'customer_initiated' && !written.email_message_metadata

/** A customer may answer a chat by mail or on another channel: each part has to say that it is neither. */
const writtenInMessenger = (written: Written, { conversation }: Surroundings): boolean =>
  written.app_package_code === null &&
  written.email_message_metadata === null &&
  channelOf(conversation.channel?.current) === 'messenger'

/** The shape of the history is not pinned down: an empty list, alone or in `data`, says that there is none. */
function wasNeverMerged({ merge_history: history }: IntercomContact): boolean {
  const list: unknown =
    typeof history === 'object' && history !== null && 'data' in history ? history.data : history
  return Array.isArray(list) && list.length === 0
}
