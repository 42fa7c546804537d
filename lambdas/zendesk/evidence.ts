/** What one Zendesk comment tells about who wrote it. Reported as found; `identify` in core decides. */
import type { ZendeskConnection } from '../../schemas/zendesk.ts'
import type {
  ZendeskComment,
  ZendeskIdentity,
  ZendeskMetadata,
  ZendeskVia,
} from '../../schemas/zendesk-api.ts'
import { flag } from '../core/flag.ts'
import type { Channel, Evidence } from '../core/helpdesk.ts'

/**
 * REST names, event names and numbers of channels that a person can write on.
 * https://developer.zendesk.com/documentation/ticketing/reference-guides/via-types/
 */
const channels: Readonly<Record<string, Channel>> = {
  email: 'email',
  mail: 'email',
  '4': 'email',
  web: 'portal',
  web_form: 'portal',
  '0': 'portal',
  help_center: 'portal',
  helpcenter: 'portal',
  native_messaging: 'messenger',
  web_messaging: 'messenger',
  mobile_sdk: 'messenger',
  ios_sdk: 'messenger',
  android_sdk: 'messenger',
  web_widget: 'messenger',
  chat: 'messenger',
  '29': 'messenger',
  api: 'api',
  web_service: 'api',
  '5': 'api',
  whatsapp: 'social',
  facebook: 'social',
  instagram_dm: 'social',
  twitter: 'social',
  line: 'social',
  telegram: 'social',
  viber: 'social',
  wechat: 'social',
  any_channel: 'social',
  sms: 'phone',
  text_message: 'phone',
  voice: 'phone',
  phone: 'phone',
}

/** Forms for visitors that share the channel `web` with the help centre. */
const visitorForms = ['web_widget', 'zendesk_widget', 'feedback_tab']

/** A comment that a merge copied in is on no channel of its own: another ticket's customer may have written it. */
export function channelOf(via: ZendeskVia | undefined): Channel {
  if (via?.channel === undefined || isMerge(via)) return 'unknown'
  const channel = channels[via.channel.toLowerCase()] ?? 'unknown'
  return channel === 'portal' && visitorForms.includes(via.source?.rel ?? '') ? 'messenger' : channel
}

/**
 * The spelling of a merge is not documented for comments, so any of its known marks counts. A follow-up of a closed
 * ticket names that ticket too.
 */
export function isMerge(via: ZendeskVia): boolean {
  if (/merge/i.test(`${via.channel} ${via.source?.rel}`) || via.channel === '19') return true
  const { ticket_id, ticket_ids } = via.source?.from ?? {}
  return ticket_ids !== undefined || (ticket_id !== undefined && via.source?.rel !== 'follow_up')
}

/** Did a trigger or an automation write it, or is it an auto-reply (flag 4)? */
export const isAutomatic = (comment: ZendeskComment): boolean =>
  comment.via?.channel === 'rule' || comment.via?.channel === '8' || flagsOf(comment.metadata).includes('4')

/**
 * Did an agent type it in Zendesk's own interface? Mail says `email`, the API `api`, a rule `rule`; a merge copies.
 * https://developer.zendesk.com/documentation/ticketing/reference-guides/via-types/
 */
export const isTypedByAgent = ({ via }: ZendeskComment): boolean =>
  (via?.channel?.toLowerCase() === 'web' || via?.channel === '0') && !isMerge(via) && via.source?.rel === null

/** What stands around the comment. */
export interface Surroundings {
  requesterId: string
  /** Who created the ticket. */
  submitterId: string | undefined
  /** Is this the comment that the ticket began with? */
  opening: boolean
  /** Who acted, by the comment's audit; `undefined` where it was not read. */
  actorId: string | undefined
  /** The author's primary email address on file. */
  address: string | undefined
  /** The author's primary identity, where it was read. */
  identity: ZendeskIdentity | undefined
}

export function evidenceOf(
  comment: ZendeskComment,
  around: Surroundings,
  connection: ZendeskConnection,
): Evidence {
  const channel = channelOf(comment.via)
  const author = comment.author_id ?? undefined
  const authorIsRequester = author !== undefined && author === around.requesterId
  // Zendesk puts no flag on what an agent writes in a customer's name, so who created the ticket counts as one.
  const authorIsSubmitter = author !== undefined && author === around.submitterId
  const onBehalf = around.opening && !authorIsSubmitter
  const { said, trusted, unflagged, diverted, spoofed } = flagEvidence(comment.metadata, channel, connection)
  const clean = unflagged && !onBehalf
  return {
    channel,
    ...(around.address === undefined ? {} : { address: around.address }),
    ...(channel === 'email' && comment.via?.source?.from?.address !== undefined
      ? { sender: comment.via.source.from.address }
      : {}),
    ...flag('authorIsRequester', authorIsRequester),
    ...flag('authorIsSubmitter', authorIsSubmitter && author === around.actorId),
    ...flag('unflagged', clean),
    ...flag('trusted', trusted),
    ...flag('replyNotDiverted', said && !diverted),
    ...flag('addressProven', authorIsRequester && isProven(around.identity)),
    ...flag('signedIn', clean && signedIn(comment, channel, around.identity)),
    ...flag('suspicious', spoofed || diverted),
    // Zendesk makes a Reply-To the one whom it answers.
    ...flag('answersGoElsewhere', diverted),
  }
}

/** Completed by mail loop, single sign-on or signed JWT. `low` and a bare `verified` are somebody's word. */
const isProven = (identity: ZendeskIdentity | undefined): boolean =>
  ['full', 'sso', 'embed'].includes(identity?.verification_method ?? '')

/**
 * No flag 3 on a form of the help centre itself; on messaging only for users whom the tenant's own JWT names.
 * Classic widget and chat take whatever address a visitor types.
 */
function signedIn(comment: ZendeskComment, channel: Channel, identity: ZendeskIdentity | undefined): boolean {
  if (channel === 'portal') return comment.via?.source?.rel === null
  return comment.via?.channel === 'native_messaging' && identity?.verification_method === 'embed'
}

/** Flags that say nothing about who wrote it: a file was too big, a name was cut. */
const harmless = ['5', '16']
/** https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_comments/#comment-flags */
const blocking = ['0', '2', '3', '4', '11', '14', '17', '18', '20', '21', '22']
const diverting = ['20', '21']

const flagsOf = (metadata: ZendeskMetadata | undefined): string[] => [
  ...(metadata?.flags ?? []),
  ...Object.keys(metadata?.flags_options ?? {}),
]

/** Reads Zendesk's own judgement. Nothing said is nothing proven, unless the connection knows that clean means silent. */
function flagEvidence(
  metadata: ZendeskMetadata | undefined,
  channel: Channel,
  connection: ZendeskConnection,
) {
  const { cleanCommentsOmitFlags: silentMeansClean, plainEmailCarriesFlag3 } = connection
  const flags = flagsOf(metadata)
  const tolerated = channel === 'email' && plainEmailCarriesFlag3 ? ['3'] : []
  const blocks = (value: string): boolean => {
    if (harmless.includes(value) || tolerated.includes(value)) return false
    // A flag that nobody documented may only pass with Zendesk's word that it is a good one.
    return blocking.includes(value) || metadata?.flags_options?.[value]?.trusted !== true
  }
  const said = metadata !== undefined && (Array.isArray(metadata.flags) || silentMeansClean)
  // Flag 3 itself turns `trusted` off: where it is tolerated, so is that.
  const trusted =
    metadata?.trusted === true ||
    (metadata?.trusted === false && flags.some((value) => tolerated.includes(value))) ||
    (metadata !== undefined && metadata.trusted == null && silentMeansClean)
  // A message recovered from the suspended queue was let in by an agent's hand.
  const neverSuspended =
    metadata?.suspension_type_id === null ||
    (metadata !== undefined && metadata.suspension_type_id === undefined && silentMeansClean)
  return {
    said,
    trusted: said && trusted,
    unflagged: said && trusted && neverSuspended && !flags.some(blocks),
    diverted: flags.some((value) => diverting.includes(value)),
    spoofed: flags.includes('14'),
  }
}
