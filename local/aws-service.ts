/** What the services behind the local AWS endpoint share: who calls, what they may do, how they refuse. */

/**
 * Whoever signed a request: this machine's own credentials, or a session of a role with a tenant's tag; `administers`
 * where that is the role of admins, `erases` where it is that of jobs.
 */
export type Caller = { tenant?: string; administers?: boolean; erases?: boolean }

/** One service: operation name to what it does. The input is the request's JSON (or form) as it came. */
export type Operations = Record<string, (input: Input, caller: Caller) => unknown>
export type Input = Record<string, unknown>

/** An error as AWS answers it: `code` is the exception's name. */
export interface AwsRefusal extends Error {
  awsCode: string
  status: number
}

export function refuse(awsCode: string, message: string, status = 400): never {
  throw Object.assign(new Error(message), { awsCode, status })
}

export const isRefusal = (error: unknown): error is AwsRefusal => error instanceof Error && 'awsCode' in error

/** A required string of the input. */
export function text(input: Input, name: string): string {
  const value = input[name]
  return typeof value === 'string' && value !== ''
    ? value
    : refuse('ValidationException', `${name} is required`)
}

/** An optional whole number of the input, within bounds. */
export function whole(input: Input, name: string, fallback: number, max: number): number {
  const value = input[name] ?? fallback
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max
    ? value
    : refuse('InvalidParameterValue', `${name} must be a whole number from 0 to ${max}`)
}

/** For operations that no tenant's session may use. */
export function onlyOwn(caller: Caller, what: string): void {
  if (caller.tenant !== undefined) {
    refuse('AccessDeniedException', `the tenant role does not allow ${what}`)
  }
}
