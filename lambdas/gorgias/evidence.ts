/** What one Gorgias message tells about who wrote it. Reported as found; `identify` in core decides. */
import type { GorgiasMessage, GorgiasTicket } from '../../schemas/gorgias-api.ts'
import { isAutoSubject } from '../core/auto-reply.ts'
import type { Channel, Evidence } from '../core/helpdesk.ts'

/** https://developers.gorgias.com/reference/ticket-messages: the channels on which a person can write. */
const channels: Readonly<Record<string, Channel>> = {
  email: 'email',
  contact_form: 'portal',
  'help-center': 'portal',
  chat: 'messenger',
  api: 'api',
  whatsapp: 'social',
  sms: 'phone',
  phone: 'phone',
  aircall: 'phone',
}
const social = /^(facebook|instagram|twitter|yotpo|tiktok)/

/**
 * Mail that came in as mail is `email`. The same channel by the API, a rule, a shop, an import or a form says what
 * whoever called Gorgias wanted it to say, so it is only as good as that.
 */
export function channelOf({
  channel,
  via,
}: {
  channel?: string | undefined
  via?: string | undefined
}): Channel {
  const name = channel?.toLowerCase() ?? ''
  const known = social.test(name) ? 'social' : (channels[name] ?? 'unknown')
  if (known !== 'email' || via === 'email') return known
  return via === undefined ? 'unknown' : 'api'
}

/** Everything but a message that is surely one of the team's own notes may have reached a customer. */
export const isInternal = ({ channel, public: shown }: GorgiasMessage): boolean =>
  shown === false || channel === 'internal-note'

/** The value of a mail header; `undefined` where it is absent. Names may come in any case, and more than once. */
export const headerValues = (message: GorgiasMessage, name: string): string[] =>
  Object.entries(message.headers ?? {}).flatMap(([key, value]) =>
    key.toLowerCase() === name ? (Array.isArray(value) ? value : [value]).map(String) : [],
  )

/** A person's auto-reply, by its headers (RFC 3834) or subject, bulk mail, a rule, Gorgias's own AI Agent or a flow of its widget. */
export function isAutomatic(message: GorgiasMessage): boolean {
  if (message.rule_id != null || message.via === 'rule') return true
  if (message.from_agent !== false)
    return (
      message.sender == null ||
      Object.keys(message.meta ?? {}).some((key) => /^(is_)?(ai[_-]?agent|automat|bot)/i.test(key)) ||
      message.via === 'self_service'
    )
  return (
    isAutoSubject(message.subject) ||
    headerValues(message, 'auto-submitted').some((value) => !/^no\b/i.test(value)) ||
    headerValues(message, 'precedence').some((value) => /^(bulk|junk|list|auto)/i.test(value)) ||
    ['x-autoreply', 'x-autorespond', 'list-id'].some((name) => headerValues(message, name).length > 0)
  )
}

/**
 * Did a user write this note by hand in Gorgias itself? A note by the API, a rule, a macro of a flow or the AI Agent says
 * another way in, a rule or a reference of its own; what is not said counts as that.
 */
export const isTypedByUser = (message: GorgiasMessage, botUserId: string): boolean =>
  message.from_agent === true &&
  message.public === false &&
  message.channel === 'internal-note' &&
  message.via === 'helpdesk' &&
  message.rule_id === null &&
  message.external_id === null &&
  message.sender != null &&
  message.sender.id !== botUserId &&
  !isAutomatic(message)

/**
 * Gorgias has no verified address, no login that a message shows and no result of SPF, DKIM or DMARC: nothing here
 * ever speaks for a signed-in customer.
 */
export function evidenceOf(message: GorgiasMessage, ticket: GorgiasTicket): Evidence {
  const channel = channelOf(message)
  const { customer } = ticket
  const isRequester = customer?.id !== undefined && message.sender?.id === customer.id
  const address = isRequester ? customer.email : customer && message.sender?.email
  const sender = message.source?.from?.address
  const diverted = channel === 'email' && isDiverted(message)
  return {
    channel,
    ...(address == null ? {} : { address }),
    ...(channel === 'email' && sender !== undefined ? { sender } : {}),
    ...(isRequester ? { authorIsRequester: true } : {}),
    ...(isClean(message, ticket) ? { unflagged: true } : {}),
    // Without its headers nobody knows where a mail's answers go.
    ...(message.headers !== undefined && !diverted ? { replyNotDiverted: true } : {}),
    ...(diverted || ticket.spam === true ? { suspicious: true } : {}),
  }
}

/** Gorgias looked and found no spam, and the message is mail as its sender sent it, not one that somebody passed on. */
const isClean = ({ source, from_agent }: GorgiasMessage, { spam }: GorgiasTicket): boolean =>
  spam === false && from_agent === false && source?.type === 'email'

/** `Name <address>` or a bare address; whatever else it says is another address. */
function isDiverted(message: GorgiasMessage): boolean {
  const from = message.source?.from?.address?.toLowerCase()
  return headerValues(message, 'reply-to').some((value) => bareAddress(value) !== from)
}

const bareAddress = (value: string): string =>
  (/^[^<>,;]*<([^<>,;]*)>\s*$/.exec(value)?.[1] ?? value).trim().toLowerCase()
