/** What goes wrong in a call of the admin API, as RFC 9457 tells it. */
import * as z from 'zod'

/** Every kind of problem: its status, and its title, which is the same each time. */
const kinds = {
  malformed: { status: 400, title: 'The request cannot be read' },
  not_signed_in: { status: 401, title: 'Nobody is signed in' },
  not_allowed: { status: 403, title: 'This is not for you to do' },
  needs_another: { status: 403, title: 'Somebody else has to approve this' },
  not_found: { status: 404, title: 'There is no such thing' },
  method: { status: 405, title: 'This cannot be done here' },
  exists: { status: 409, title: 'It is there already' },
  in_use: { status: 409, title: 'Something refers to it' },
  conflict: { status: 409, title: 'It is not in a state for this' },
  changed: { status: 412, title: 'Somebody else changed it meanwhile' },
  too_large: { status: 413, title: 'The request is too large' },
  not_json: { status: 415, title: 'Send JSON' },
  invalid: { status: 422, title: 'The request is not right yet' },
  no_precondition: { status: 428, title: 'Say which version you mean' },
  too_many: { status: 429, title: 'Too many calls' },
  failed: { status: 500, title: 'Deskhand failed' },
  upstream: { status: 502, title: 'Another service did not do its part' },
  unavailable: { status: 503, title: 'Try again' },
} as const
export type ProblemKind = keyof typeof kinds

export const statusOf = (kind: ProblemKind): number => kinds[kind].status
export const titleOf = (kind: ProblemKind): string => kinds[kind].title

/** One mistake: what would be right, and where it is, as a JSON Pointer into the body (`#/definition/request/url`). */
export const mistake = z.object({
  detail: z.string(),
  pointer: z.string().optional(),
})
export type Mistake = z.infer<typeof mistake>

/** https://www.rfc-editor.org/rfc/rfc9457 */
export const problemDocument = z
  .object({
    type: z.string().meta({ description: 'Names the kind of problem: `urn:deskhand:problem:<kind>`.' }),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().meta({ description: 'What is wrong here, and what to do.' }),
    instance: z.string().optional().meta({ description: 'The request: quote it to an operator.' }),
    errors: z.array(mistake).optional(),
    users: z.array(z.string()).optional().meta({ description: 'What refers to it, as `<kind> <id>`.' }),
  })
  .meta({ id: 'Problem' })
export type ProblemDocument = z.infer<typeof problemDocument>

/** Ends a call: `detail` is for the caller. */
export class Problem extends Error {
  readonly kind: ProblemKind
  readonly more: Partial<Pick<ProblemDocument, 'errors' | 'users'>>
  readonly headers: Record<string, string>
  constructor(
    kind: ProblemKind,
    detail: string,
    more: Problem['more'] & { headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    const { headers = {}, cause, ...rest } = more
    super(detail, cause === undefined ? undefined : { cause })
    this.name = 'Problem'
    this.kind = kind
    this.more = rest
    this.headers = headers
  }
  get status(): number {
    return kinds[this.kind].status
  }
}

/** The document that tells of it. */
export const documentOf = (problem: Problem, requestId: string): ProblemDocument => ({
  type: `urn:deskhand:problem:${problem.kind}`,
  title: kinds[problem.kind].title,
  status: problem.status,
  detail: problem.message,
  instance: `urn:deskhand:request:${requestId}`,
  ...problem.more,
})

/** A JSON Pointer as a URI fragment: RFC 6901, section 6. */
export const pointerTo = (path: readonly PropertyKey[]): string =>
  `#${path.map((part) => `/${encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('')}`

/** What zod found, beneath `under`. */
export const mistakesOf = (error: z.ZodError, under: readonly PropertyKey[] = []): Mistake[] =>
  error.issues.map(({ path, message }) => ({ detail: message, pointer: pointerTo([...under, ...path]) }))

/** What a check of ours found, whose paths are dotted, beneath `under`. */
export const mistakesAt = (
  found: readonly { path: string; message: string }[],
  under: readonly PropertyKey[] = [],
): Mistake[] =>
  found.map(({ path, message }) => ({
    detail: message,
    pointer: pointerTo([...under, ...path.split('.').filter((part) => part !== '')]),
  }))
