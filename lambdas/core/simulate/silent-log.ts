import type { Log, LogFields } from '../ports.ts'

/** What went wrong on the way, for whoever simulates. */
export interface Problem {
  event: string
  cause?: string
  /** Words of our own, without personal data. */
  message?: string
}

/** A log that counts nowhere: a simulated turn raises no alarm. Its warnings are kept. */
export function createSilentLog(): { log: Log; problems: Problem[] } {
  const problems: Problem[] = []
  const keep = (event: string, { cause, code, errorMessage }: LogFields = {}): void => {
    const why = cause ?? code
    problems.push({
      event,
      ...(why === undefined ? {} : { cause: why }),
      ...(errorMessage === undefined ? {} : { message: errorMessage }),
    })
  }
  const log: Log = { info: () => undefined, warn: keep, alarm: keep, with: () => log }
  return { log, problems }
}
