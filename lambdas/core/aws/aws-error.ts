import { DeskhandError } from '../errors.ts'

/** Client errors by their status that pass by themselves: throttling, a session that has to be renewed. */
const passing = /throttl|overlimit|limitexceeded|throughputexceeded|toomanyrequests|expired|requesttime/i

/**
 * What an AWS client threw, as ours: `unavailable` when the same call may succeed later, `bad_configuration` when
 * somebody has to change something first. `what` names the call for operators. Ours passes through.
 */
export function awsError(error: unknown, what: string): DeskhandError {
  if (error instanceof DeskhandError) return error
  const { name, status } = faultOf(error)
  const cause = status === undefined ? name : `${name}, HTTP ${status}`
  if (status === undefined || status >= 500 || status === 429 || passing.test(name)) {
    return new DeskhandError('unavailable', `${what}: AWS is not answering (${cause})`, { cause: error })
  }
  return new DeskhandError('bad_configuration', `${what}: AWS refused (${cause}). ${nextStep(name)}`, {
    cause: error,
  })
}

function faultOf(error: unknown): { name: string; status: number | undefined } {
  if (!(error instanceof Error)) return { name: 'unknown error', status: undefined }
  const metadata = '$metadata' in error ? (error.$metadata as { httpStatusCode?: number }) : {}
  return { name: error.name, status: metadata.httpStatusCode }
}

function nextStep(name: string): string {
  if (/accessdenied|unauthorized/i.test(name)) {
    return "Check that the function's role, or the tenant role's session tag, allows this call."
  }
  if (/notfound|nonexistent|doesnotexist/i.test(name)) {
    return 'Check the name in the environment of the function, or deploy the stack again.'
  }
  if (/ciphertext|incorrectkey/i.test(name)) {
    return 'It was encrypted for another tenant or by another key.'
  }
  return 'Look the call up in CloudTrail.'
}
