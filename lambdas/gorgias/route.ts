/** The way back to who wrote a message. Made when the ticket is read, used when an answer is posted. */
import type { GorgiasConnection } from '../../schemas/gorgias.ts'
import type { GorgiasMessage, GorgiasTicket } from '../../schemas/gorgias-api.ts'
import type { Message } from '../core/helpdesk.ts'
import { channelOf } from './evidence.ts'

/** `from`: the address of ours that the customer wrote to, and so the one that answers. */
export type Route =
  | { by: 'email'; from: string; to: string | undefined }
  | { by: 'chat'; conversation: string }
  /** Gorgias documents no way to answer it by the API. */
  | { by: 'none' }

/** Mail, forms and what came by the API are answered by mail; a chat only where there is no doubt which one it is. */
export function routeOf(
  message: GorgiasMessage,
  ticket: GorgiasTicket,
  chats: readonly string[],
  { supportAddresses: [fallback = ''], supportAddresses }: GorgiasConnection,
): Route {
  const channel = channelOf(message)
  if (channel === 'messenger') {
    const conversation = ticket.meta?.chat?.conversation_id ?? (chats.length === 1 ? chats[0] : undefined)
    return conversation === undefined ? { by: 'none' } : { by: 'chat', conversation }
  }
  if (channel !== 'email' && channel !== 'portal' && channel !== 'api') return { by: 'none' }
  const written = (message.source?.to ?? []).flatMap(({ address }) => address?.toLowerCase() ?? [])
  return {
    by: 'email',
    from: written.find((address) => supportAddresses.includes(address)) ?? fallback,
    to: channel === 'email' ? message.source?.from?.address : message.sender?.email,
  }
}

/**
 * Where an answer goes. The verified address is the only one it may reach, and then it goes by mail whatever the way
 * it came by.
 */
export function routeTo(
  answers: Message,
  to: string | undefined,
  { supportAddresses }: GorgiasConnection,
): Route {
  const route = answers.route as Route
  if (to === undefined) return route
  return { by: 'email', from: route.by === 'email' ? route.from : (supportAddresses[0] ?? ''), to }
}
