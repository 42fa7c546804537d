/** One request to a tenant's own API with everything that says who calls. Nothing of it comes back with the answer. */
import type { Authorization } from '../../../schemas/authorization.ts'
import { DeskhandError, isCode } from '../errors.ts'
import { identityHeader, type SignedRequest } from '../identity/sign-identity.ts'
import type { Http, HttpAnswer, HttpRequest, Rehearsed } from '../ports.ts'
import { type Access, authorize, type Credential, withoutValues } from './authorize.ts'

/** How one call is sent. */
export interface Sender extends Access {
  authorization?: Authorization | undefined
  /** Signs who asks for what; asked only where the authorization opts in. */
  identify(request: SignedRequest): Promise<string>
  http: Http
  /** In a simulation: what comes of the request. It is asked before a credential is. */
  rehearse?: ((request: SignedRequest) => Rehearsed) | undefined
}

/** An answer, or why nothing was sent: `cause` from a closed set in code, `message` for operators. */
export type SentOnce =
  | { ok: true; answer: HttpAnswer; credential: Credential }
  | { ok: false; cause: string; message: string }

const none: Credential = { headers: {}, values: [] }

/**
 * Sends once, and once more with a new credential where the answer is 401. That goes for every request, a write without
 * a key included: who is asked first "who are you?" has done nothing (RFC 9110, section 15.5.2), and a 401 is taken for
 * a definite failure everywhere else, so that the next turn would send the same again.
 */
export async function sendAuthorized(
  request: HttpRequest & { signal: AbortSignal },
  sender: Sender,
): Promise<SentOnce> {
  const first = await sendOnce(request, sender)
  if (!first.ok || sender.authorization === undefined) return first
  if (!first.answer.ok || first.answer.status !== 401) return first
  const second = await sendOnce(request, sender, first.credential)
  return second.ok ? second : first
}

/** Sends once. `after401`: a credential that the API did not take. */
export async function sendOnce(
  request: HttpRequest & { signal: AbortSignal },
  sender: Sender,
  after401?: Credential,
): Promise<SentOnce> {
  const { authorization, rehearse } = sender
  const { signal, method, url, body } = request
  const rehearsed = rehearse?.({ method, url, body })
  if (rehearsed !== undefined && 'answer' in rehearsed)
    return { ok: true, answer: rehearsed.answer, credential: none }
  if (rehearsed !== undefined && 'cause' in rehearsed) return { ok: false, ...rehearsed }
  const { http } = rehearsed ?? sender
  const credential =
    authorization === undefined
      ? { ok: true as const, ...none }
      : await authorize(sender, authorization, new URL(request.url), { after401, signal })
  if (!credential.ok) return credential
  const identity = authorization?.identity === true ? await identityOf(request, sender) : undefined
  if (identity instanceof DeskhandError)
    return {
      ok: false,
      cause: 'identity_unsigned',
      message: `nothing was sent unsigned: ${identity.message}`,
    }

  const answer = await http({
    ...request,
    headers: {
      ...request.headers,
      ...credential.headers,
      ...(identity === undefined ? {} : { [identityHeader]: identity }),
    },
  })
  const values = identity === undefined ? credential.values : [...credential.values, identity]
  return { ok: true, answer: withoutValues(answer, values), credential }
}

async function identityOf(request: SignedRequest, { identify }: Sender): Promise<string | DeskhandError> {
  try {
    const { method, url, body } = request
    return await identify({ method, url, body })
  } catch (error) {
    if (error instanceof DeskhandError && isCode(error, 'unavailable', 'rate_limited', 'bad_configuration'))
      return error
    throw error
  }
}
