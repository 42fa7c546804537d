/** The way back to whoever wrote a message: its channel, and what HubSpot knows the sender by there. */
import type { HubspotEntry } from '../../schemas/hubspot-api.ts'
import { DeskhandError } from '../core/errors.ts'
import type { Outgoing } from '../core/helpdesk.ts'
import { addressesOf, identifiersOf } from './parties.ts'

/** Kept in `Message.route`, which is opaque to core. */
interface Route {
  channelId: string
  channelAccountId: string
  subject?: string
  sender: { actorId?: string; name?: string; identifiers: { type: string; value: string }[] }
  /** The sender is known by a mail address. */
  mail: boolean
}

/** `undefined` where HubSpot leaves out what an answer needs. */
export function routeOf({ channelId, channelAccountId, subject, senders }: HubspotEntry): Route | undefined {
  const [sender] = senders ?? []
  if (channelId === undefined || channelAccountId === undefined || sender === undefined) return undefined
  const { actorId, name } = sender
  return {
    channelId,
    channelAccountId,
    ...(subject === undefined ? {} : { subject }),
    sender: {
      ...(actorId === undefined ? {} : { actorId }),
      ...(name === undefined ? {} : { name }),
      identifiers: identifiersOf(sender).flatMap(({ type, value }) =>
        type === undefined || value === undefined ? [] : [{ type, value }],
      ),
    },
    mail: addressesOf(sender).length > 0,
  }
}

/**
 * Channel, recipients and subject of a reply. By mail a verified address is the one recipient there is, whatever the
 * message says; a chat window is its visitor's, who wrote what is answered. Throws `refused`.
 */
export function wayBack({ answers, to }: Outgoing & { kind: 'reply' }): Record<string, unknown> {
  const route = answers.route as Route | undefined
  if (route === undefined || (route.sender.identifiers.length === 0 && route.sender.actorId === undefined))
    throw new DeskhandError('refused', 'HubSpot does not say on which channel this message can be answered')
  const { channelId, channelAccountId, subject, sender, mail } = route
  const { actorId, name, identifiers } = sender
  const named = name === undefined ? {} : { name }
  const recipient = mail
    ? {
        ...named,
        deliveryIdentifiers: to === undefined ? identifiers : [{ type: 'HS_EMAIL_ADDRESS', value: to }],
      }
    : { ...named, ...(actorId === undefined ? {} : { actorId }), deliveryIdentifiers: identifiers }
  return {
    channelId,
    channelAccountId,
    recipients: [mail ? { recipientField: 'TO', ...recipient } : recipient],
    ...(mail ? { subject: replySubject(subject) } : {}),
  }
}

const replySubject = (subject = ''): string => (/^re:/i.test(subject) ? subject : `Re: ${subject}`.trim())
