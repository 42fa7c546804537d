/** Intercom's JSON as its API answers it. */
import type { Answered } from '../serve.ts'
import type { Contact, Conversation, Part } from './account.ts'

/** `GET /conversations/{id}` gives at most so many parts, the newest. */
export const mostParts = 500

export function conversationJson(conversation: Conversation, plain: boolean, hidden: number): object {
  const { parts, ...rest } = conversation
  const shown = hidden > 0 ? parts.slice(0, -1) : parts
  return {
    ...rest,
    source: { ...rest.source, body: plain ? toPlain(rest.source.body) : rest.source.body },
    conversation_parts: {
      type: 'conversation_part.list',
      conversation_parts: shown.slice(-mostParts).map((part) => (plain ? plainPart(part) : part)),
      total_count: shown.length,
    },
  }
}

export const plainPart = (part: Part): Part => ({
  ...part,
  body: part.body === null ? null : toPlain(part.body),
})

/** `merge_history` is there for users only, and where it is asked for. */
export function contactJson(contact: Contact, withHistory: boolean): object {
  const { merge_history, ...rest } = contact
  return withHistory && contact.role === 'user' ? { ...rest, merge_history } : rest
}

/** `display_as=plaintext`. */
export const toPlain = (html: string): string =>
  html
    .replaceAll(/<br\s*\/?>/g, '\n')
    .replaceAll(/<\/p>\s*(?=<)/g, '\n\n')
    .replaceAll(/<li>/g, '- ')
    .replaceAll(/<\/li>/g, '\n')
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim()

export const errors = (status: number, code: string, message: string): Answered => ({
  status,
  json: {
    type: 'error.list',
    request_id: 'b2qvh9hvhp1s8s0q0m0g',
    errors: [{ code, message, field: null }],
  },
})
export const notFound = errors(404, 'not_found', 'Resource Not Found')
