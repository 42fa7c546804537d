/** Who besides the team receives an answer in a conversation, or reads along. */
import type { IntercomContact, IntercomConversation, IntercomEmail } from '../../schemas/intercom-api.ts'
import { channelOf } from './evidence.ts'
import { isBot, isTeammate } from './inbound.ts'
import { mailOf } from './mail.ts'
import { publicTypes } from './public-types.ts'

/**
 * The contacts of the conversation, everybody else who wrote in it, and everybody whom a mail names. `unknown` where
 * Intercom left out what it documents, where the requester's contact cannot be read, and after a merge.
 */
export function audienceOf(
  conversation: IntercomConversation,
  requesterId: string,
  contact: IntercomContact | undefined,
): string[] | 'unknown' {
  const contacts = conversation.contacts?.contacts ?? []
  const { source } = conversation
  const parts = conversation.conversation_parts.conversation_parts
  if (contacts.length === 0 || contact === undefined || source === undefined) return 'unknown'
  // The spelling of a merge is not documented, so any of its marks counts.
  if (parts.some(({ part_type }) => part_type === undefined || /merge/i.test(part_type))) return 'unknown'

  const mails = [source, ...parts].flatMap((each) => mailSeenBy(each, each === source && isMail(source.type)))
  const writers = [source, ...parts.filter(isPublic)].map(({ author }) => author)
  const strangers = writers.filter((author) => !isTeammate(author) && !isBot(author))
  if (mails.includes(undefined) || strangers.some((author) => author?.id === undefined)) return 'unknown'
  const ids = [...contacts, ...strangers].map((one) => one?.id ?? '')
  const requester = contact.email?.toLowerCase() ?? `user:${requesterId}`
  return [
    ...new Set([
      requester,
      ...ids.filter((id) => id !== requesterId).map((id) => `user:${id}`),
      ...mails.flatMap((address) => address ?? []),
    ]),
  ]
}

const isMail = (type: string | undefined): boolean => channelOf(type) === 'email'

const isPublic = (part: { part_type?: string | undefined; body?: string | undefined }): boolean =>
  publicTypes.includes(part.part_type ?? '') || !/note|assign/i.test(part.part_type ?? '')

interface Mailed {
  author?: { type?: string | undefined; from_ai_agent?: boolean | undefined } | undefined
  email_message_metadata?: IntercomEmail
}

/** Addresses that a mail names; `undefined` for a mail whose headers were left out. The team's From is the team. */
function mailSeenBy(
  { author, email_message_metadata: metadata }: Mailed,
  mustBe: boolean,
): (string | undefined)[] {
  if (!metadata) return mustBe ? [undefined] : []
  const { known, seenBy, sender } = mailOf(metadata)
  if (!known) return [undefined]
  const ofTeam = isTeammate(author) || isBot(author)
  return seenBy.filter((address) => !(ofTeam && address === sender))
}
