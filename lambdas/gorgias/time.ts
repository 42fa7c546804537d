import { DeskhandError } from '../core/errors.ts'

/** ms since the epoch. Gorgias writes times without a zone; they are UTC. Throws `bad_answer`. */
export function momentOf(text: string): number {
  const at = Date.parse(/(?:Z|[+-]\d{2}:?\d{2})$/i.test(text) ? text : `${text}Z`)
  if (Number.isFinite(at)) return at
  throw new DeskhandError('bad_answer', 'Gorgias answered a message without a readable time')
}
