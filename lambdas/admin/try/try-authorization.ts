/** Gets the credential of an authorization, and says where it would go. Its value is shown to nobody. */
import type { Authorization } from '../../../schemas/authorization.ts'
import { isOAuth } from '../../../schemas/authorization.ts'
import { outboundSecret } from '../../../schemas/secrets.ts'
import { isCode } from '../../core/errors.ts'
import type { HttpAnswer } from '../../core/ports.ts'
import { madeUpIdentity } from '../../core/simulate/made-up-ticket.ts'
import { authorize } from '../../core/tools/authorize.ts'
import { sendAuthorized } from '../../core/tools/send-authorized.ts'
import { hidden, type TryRuntime, tryEffect, trySender } from './asker.ts'
import { observedHttp } from './observed.ts'

const allowedMs = 10_000
/** What `Deskhand-Identity` calls it: no tool of a tenant can have a hyphen in its name. */
const authorizationTool = 'try-authorization'

export interface TriedAuthorization {
  /** There is a credential, and the request, where one was asked for, was not refused for it. */
  ok: boolean
  /** Why not, from a closed set in code: `secret_missing`, `secret_host`, `token_refused`, `status_401`, ... */
  cause?: string
  /** What to mend. */
  message?: string
  /** Hosts that the secret is bound to. */
  hosts: string[]
  /** The header it is sent in, with the value hidden: `authorization: Bearer ••••`. */
  header: string
  /** It is signed who asks: `Deskhand-Identity`. */
  signsIdentity: boolean
  /** Until there was a credential: for OAuth, with the token request. */
  ms: number
  /** What the request of `url` came to; its body is read by nobody. */
  get?: { status?: number; cause?: string; ms: number; bytes?: number; contentType?: string }
}

/**
 * `url`: sends a real GET with the credential. It must be of a host that the secret is bound to: the credential leaves
 * for no other. Without one, a client's token is asked for and nothing else is called.
 */
export async function tryAuthorization(
  runtime: TryRuntime,
  authorization: Authorization,
  url?: string,
): Promise<TriedAuthorization> {
  const about = {
    hosts: await boundHosts(runtime, authorization),
    header: headerOf(authorization),
    signsIdentity: authorization.identity === true,
  }
  const target = url ?? `https://${apiHost(authorization, about.hosts)}/`
  if (!URL.canParse(target))
    return { ...about, ok: false, cause: 'url_refused', message: 'url: an absolute https URL', ms: 0 }
  const started = runtime.now()
  const signal = AbortSignal.timeout(allowedMs)
  const credential = await authorize(runtime, authorization, new URL(target), { signal })
  const ms = runtime.now() - started
  if (!credential.ok) return { ...about, ok: false, cause: credential.cause, message: credential.message, ms }
  if (url === undefined) return { ...about, ok: true, ms }
  return { ...about, ms, ...(await get(runtime, authorization, url, signal)) }
}

async function get(
  runtime: TryRuntime,
  authorization: Authorization,
  url: string,
  signal: AbortSignal,
): Promise<Pick<TriedAuthorization, 'ok' | 'cause' | 'message' | 'get'>> {
  const observed = observedHttp(runtime.http, runtime.now)
  const identity = madeUpIdentity({ level: 'none' })
  const started = runtime.now()
  const sent = await sendAuthorized(
    { port: 'tool', method: 'GET', url, timeoutMs: allowedMs, repeatable: true, signal },
    {
      ...trySender(
        { ...runtime, http: observed.http },
        { effect: tryEffect(), tool: authorizationTool, identity },
      ),
      authorization,
    },
  )
  if (!sent.ok) return { ok: false, cause: sent.cause, message: sent.message }
  const seen = observed.seen()
  const came = { ...seen, ms: runtime.now() - started }
  const failed = failureOf(sent.answer)
  return {
    ok: failed === undefined,
    ...failed,
    get: {
      ms: came.ms,
      ...(came.status === undefined ? {} : { status: came.status }),
      ...(came.bytes === undefined ? {} : { bytes: came.bytes }),
      ...(came.contentType === undefined ? {} : { contentType: came.contentType }),
      ...(sent.answer.ok ? {} : { cause: sent.answer.cause }),
    },
  }
}

/** Another status than these may be the URL's: the credential was taken. */
function failureOf(answer: HttpAnswer): { cause: string; message: string } | undefined {
  if (!answer.ok) return { cause: answer.cause, message: answer.message }
  if (answer.status !== 401 && answer.status !== 403) return undefined
  const message =
    answer.status === 401
      ? 'the API refuses the credential, also read anew: enter its value again'
      : 'the API knows the credential and does not allow this: check its rights or scopes'
  return { cause: `status_${answer.status}`, message }
}

async function boundHosts({ secrets }: TryRuntime, { secret }: Authorization): Promise<string[]> {
  try {
    const parsed = outboundSecret.safeParse(await secrets.read(secret, { fresh: true }))
    return parsed.success ? parsed.data.hosts : []
  } catch (error) {
    // `authorize` says so.
    if (isCode(error, 'unavailable', 'rate_limited')) return []
    throw error
  }
}

/** A host to ask for; of an OAuth client one that is not its token server's, where there is any. */
function apiHost(authorization: Authorization, hosts: readonly string[]): string {
  const tokenHost = isOAuth(authorization) ? new URL(authorization.tokenUrl).host : undefined
  return hosts.find((host) => host !== tokenHost) ?? hosts[0] ?? 'unbound.invalid'
}

/** How the credential is sent, without it. */
export function headerOf(authorization: Authorization): string {
  switch (authorization.type) {
    case 'api_key':
      return `${authorization.header.toLowerCase()}: ${hidden}`
    case 'basic':
      return `authorization: Basic ${hidden}`
    default:
      return `authorization: Bearer ${hidden}`
  }
}
