import { DeskhandError } from '../errors.ts'

/** For checks: the value of a call, or why there is none, in words for an admin. Throws what is no DeskhandError. */
export async function tried<T>(call: () => Promise<T>): Promise<{ value: T } | { failure: string }> {
  try {
    return { value: await call() }
  } catch (error) {
    if (error instanceof DeskhandError) return { failure: error.message }
    throw error
  }
}
