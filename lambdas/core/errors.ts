/** What can go wrong, once: is it worth trying again, is anything perhaps done, and may a caller see the text. */
const codes = {
  /** The vendor or a tenant's limit says "later". Nothing was done. */
  rate_limited: { transient: true },
  /** Down, unreachable or failing before anything was done. */
  unavailable: { transient: true },
  /** The request was written and no usable answer came: it may or may not have been done. */
  outcome_unknown: { transient: true },
  /** The helpdesk refuses our credentials or scopes: an operator has to mend the connection. */
  connection_broken: { transient: true },
  /** The ticket changed since it was read: read it again. */
  ticket_changed: { transient: true },
  /** The ticket is closed for good. */
  ticket_closed: { transient: false },
  /** No such ticket, or no right to see it. */
  ticket_gone: { transient: false },
  /** The helpdesk understood and refused the content (422 and the like). */
  refused: { transient: false },
  /** Somebody else holds the ticket's lease now: stop at once, do nothing more. */
  lease_lost: { transient: false },
  /** A row's condition did not hold. */
  condition_failed: { transient: false },
  /** Configuration or a stored row does not parse. */
  bad_configuration: { transient: false },
  /** The vendor sent something its contract does not allow. */
  bad_answer: { transient: true },
} as const

export type ErrorCode = keyof typeof codes

/** The one error class. `message` names the cause and, for operators, the next step; it never holds personal data. */
export class DeskhandError extends Error {
  readonly code: ErrorCode
  /** May the same thing succeed later without anybody changing anything? */
  readonly transient: boolean
  /** Wait at least this long before trying again, ms. */
  readonly retryAfterMs: number | undefined
  constructor(code: ErrorCode, message: string, more: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(message, 'cause' in more ? { cause: more.cause } : undefined)
    this.name = 'DeskhandError'
    this.code = code
    this.transient = codes[code].transient
    this.retryAfterMs = more.retryAfterMs
  }
}

/** Is `error` a DeskhandError with one of these codes? */
export const isCode = (error: unknown, ...wanted: ErrorCode[]): boolean =>
  error instanceof DeskhandError && wanted.includes(error.code)
