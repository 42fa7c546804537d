/** Sends a prepared tool request, with its credential, and says how it ended and how sure that is. */
import type { ToolDefinition } from '../../../schemas/tenant-apis.ts'
import { type Sender, sendAuthorized, sendOnce } from './send-authorized.ts'
import { type ReadAnswer, readAnswer, toolFailure } from './tool-answer.ts'
import type { PreparedRequest } from './tool-request.ts'

export { type PreparedRequest, prepareRequest } from './tool-request.ts'

export interface Sending extends Sender {
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
export async function sendRequest(prepared: PreparedRequest, sending: Sending): Promise<Sent> {
  const { idempotencyKey: key } = sending
  const request = {
    port: 'tool' as const,
    ...prepared,
    headers: { ...prepared.headers, ...(key === undefined ? {} : { 'idempotency-key': key }) },
    timeoutMs: sending.timeoutMs,
    signal: AbortSignal.any([sending.signal, AbortSignal.timeout(sending.timeoutMs)]),
    // A keyed write is repeated below, where what a repeat proves is known.
    repeatable: sending.effect === 'read',
  }
  let { again } = sending
  let sent = await sendAuthorized(request, sending)
  if (!sent.ok) return refused(sent, sending, again)

  if (sending.effect === 'write' && sending.keyed && !sent.answer.ok && sent.answer.cause === 'reset') {
    again ||= sent.answer.sent
    const repeated = await sendOnce(request, sending)
    if (repeated.ok) sent = repeated
  }
  return conclude(readAnswer({ ...sending, again }, sent.answer))
}

/** No credential, so nothing was sent now; whether an earlier attempt was done is as open as before. */
function refused(why: { cause: string; message: string }, sending: Sending, again: boolean): Sent {
  const failure = sending.effect === 'write' && again ? 'unknown_outcome' : 'unavailable'
  return { ...conclude({ result: toolFailure(failure), cause: why.cause }), message: why.message }
}

const conclude = (read: ReadAnswer): Sent => ({
  ...read,
  definite: read.result.ok || read.result.failure !== 'unknown_outcome',
})
