import type { AdminRuntime } from '../../core/aws/admin-runtime.ts'
import { DeskhandError, type ErrorCode } from '../../core/errors.ts'
import type { AdminResponse } from '../create-admin.ts'
import { documentOf, Problem, type ProblemKind } from '../problem.ts'

/** What a caller is told of our own errors; everything else is `failed`, and nothing of it is told. */
const kindOf: Partial<Record<ErrorCode, ProblemKind>> = {
  unavailable: 'unavailable',
  rate_limited: 'unavailable',
  condition_failed: 'changed',
  refused: 'conflict',
  bad_configuration: 'conflict',
  connection_broken: 'upstream',
  bad_answer: 'upstream',
  outcome_unknown: 'upstream',
  ticket_gone: 'not_found',
  ticket_closed: 'conflict',
}

type Erring = { event: unknown; error: unknown; response: AdminResponse | undefined }

/** Answers what went wrong as `application/problem+json` (RFC 9457). */
export const answerProblems = ({ log }: Pick<AdminRuntime, 'log'>) => ({
  onError: (request: Erring) => {
    const requestId = requestIdOf(request.event)
    const problem = problemOf(request.error)
    if (problem.kind === 'failed' || problem.kind === 'unavailable') {
      const cause = problem.cause ?? request.error
      log.alarm('admin_failed', {
        requestId,
        errorName: cause instanceof Error ? cause.name : 'unknown',
        ...(cause instanceof DeskhandError ? { errorMessage: cause.message, code: cause.code } : {}),
      })
    }
    const document = documentOf(problem, requestId)
    request.response = {
      statusCode: document.status,
      headers: {
        'content-type': 'application/problem+json',
        'cache-control': 'no-store',
        ...problem.headers,
      },
      body: JSON.stringify(document),
    }
  },
})

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof DeskhandError) {
    const kind = kindOf[error.code]
    if (kind !== undefined) return new Problem(kind, error.message, { cause: error })
  }
  return new Problem('failed', 'Nothing more can be said of it here: give the request to an operator.', {
    cause: error,
  })
}

export function requestIdOf(event: unknown): string {
  const id = (event as { requestContext?: { requestId?: unknown } } | undefined)?.requestContext?.requestId
  return typeof id === 'string' ? id : 'unknown'
}
