/** How Zendesk says no. */
import { errorAnswer } from '../../schemas/zendesk-api.ts'
import { DeskhandError } from '../core/errors.ts'
import type { Refusals } from '../core/helpdesk-api/failures.ts'

export const refusals: Refusals = {
  title: 'Zendesk',
  waits: [
    { name: 'retry-after', unit: 'seconds' },
    // Sent with every answer: it says how long to wait only where the limit was met.
    { name: 'ratelimit-reset', unit: 'seconds', status: 429 },
  ],
  refusal: (status, text) =>
    status === 422 && saysClosed(text)
      ? new DeskhandError('ticket_closed', 'The ticket is closed: Zendesk refuses updates')
      : undefined,
}

/**
 * A closed ticket answers 422; in which field it says so is not pinned down, so all of them are looked at. The text
 * never goes further: it may hold what a customer wrote.
 */
function saysClosed(text: string): boolean {
  try {
    const error = errorAnswer.safeParse(JSON.parse(text))
    return error.success && /\bclosed\b/i.test(JSON.stringify(error.data))
  } catch {
    return false
  }
}
