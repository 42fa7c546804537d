/** Who an author is, by the type that Intercom gives. */
import type { IntercomAuthor } from '../../schemas/intercom-api.ts'

/** An author of whom Intercom tells no id. It is nobody's. */
export const nobody = 'unknown'

export const isContact = (author: IntercomAuthor | undefined): boolean =>
  ['user', 'lead', 'contact'].includes(author?.type ?? '') && author?.from_ai_agent !== true

/** Fin, Operator and workflows; Fin also writes under other types. */
export const isBot = (author: IntercomAuthor | undefined): boolean =>
  author?.type === 'bot' || author?.from_ai_agent === true

export const isTeammate = (author: IntercomAuthor | undefined): boolean =>
  (author?.type === 'admin' || author?.type === 'team') && author.from_ai_agent !== true

/** Is it the teammate that we answer as? */
export const isOurs = (author: IntercomAuthor | undefined, adminId: string): boolean =>
  author?.type === 'admin' && author.id === adminId
