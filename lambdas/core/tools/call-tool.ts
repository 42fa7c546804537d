/** Sends a prepared tool request, with its credential, and says how it ended and how sure that is. */
import type { Authorization, ToolDefinition } from '../../../schemas/tenant-apis.ts'
import type { Http, HttpAnswer, Secrets } from '../ports.ts'
import { authorizationHeader, withoutCredential } from './authorize.ts'
import { type ReadAnswer, readAnswer, toolFailure } from './tool-answer.ts'
import type { PreparedRequest } from './tool-request.ts'

export { type PreparedRequest, prepareRequest } from './tool-request.ts'

export interface Sending {
  effect: ToolDefinition['effect']
  response: ToolDefinition['response']
  /** For everything: look-ups, a repeat after 401, the answer. */
  timeoutMs: number
  /** Sent as `Idempotency-Key`. */
  idempotencyKey?: string | undefined
  /** The API promises to do a request once per key. */
  keyed: boolean
  /** The same bytes may have been sent before and their outcome is not known: only a success proves anything. */
  again: boolean
  /** The customer's verified address, which `response.owner` must equal. */
  customer?: string | undefined
  authorization?: Authorization | undefined
  http: Http
  secrets: Secrets
  signal: AbortSignal
}

/** How a call ended. `definite` is false when a write may or may not have been done. */
export interface Sent extends ReadAnswer {
  definite: boolean
  /** For operators, where we refused to send: what to mend. */
  message?: string
}

/**
 * Never throws for what the other side does. A 401 is a refusal, so the credential is read anew and the same request
 * sent once more. A keyed write whose connection broke is sent once more, and from then on only a success counts.
 */
export async function sendRequest(request: PreparedRequest, sending: Sending): Promise<Sent> {
  const signal = AbortSignal.any([sending.signal, AbortSignal.timeout(sending.timeoutMs)])
  let { again } = sending
  let sent = await sendOnce(request, sending, signal, {})
  if (!sent.ok) return refused(sent, sending, again)

  if (isStatus(sent.answer, 401) && sending.authorization !== undefined) {
    const repeated = await sendOnce(request, sending, signal, { fresh: true })
    if (repeated.ok) sent = repeated
  }
  if (sending.effect === 'write' && sending.keyed && !sent.answer.ok && sent.answer.cause === 'reset') {
    again ||= sent.answer.sent
    const repeated = await sendOnce(request, sending, signal, {})
    if (repeated.ok) sent = repeated
  }
  return conclude(readAnswer({ ...sending, again }, sent.answer))
}

type SentOnce = { ok: true; answer: HttpAnswer } | { ok: false; cause: string; message: string }

async function sendOnce(
  request: PreparedRequest,
  sending: Sending,
  signal: AbortSignal,
  options: { fresh?: boolean },
): Promise<SentOnce> {
  const headers = { ...request.headers }
  if (sending.idempotencyKey !== undefined) headers['idempotency-key'] = sending.idempotencyKey
  if (sending.authorization !== undefined) {
    const authorized = await authorizationHeader(
      sending.secrets,
      sending.authorization,
      new URL(request.url),
      options,
    )
    if (!authorized.ok) return authorized
    headers.authorization = authorized.value
  }
  const answer = await sending.http({
    port: 'tool',
    ...request,
    headers,
    timeoutMs: sending.timeoutMs,
    signal,
    // A keyed write is repeated above, where what a repeat proves is known.
    repeatable: sending.effect === 'read',
  })
  return { ok: true, answer: withoutCredential(answer, headers.authorization) }
}

const isStatus = (answer: HttpAnswer, status: number): boolean => answer.ok && answer.status === status

/** No credential, so nothing was sent now; whether an earlier attempt was done is as open as before. */
function refused(why: { cause: string; message: string }, sending: Sending, again: boolean): Sent {
  const failure = sending.effect === 'write' && again ? 'unknown_outcome' : 'unavailable'
  return { ...conclude({ result: toolFailure(failure), cause: why.cause }), message: why.message }
}

const conclude = (read: ReadAnswer): Sent => ({
  ...read,
  definite: read.result.ok || read.result.failure !== 'unknown_outcome',
})
