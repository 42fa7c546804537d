/** The credential for a tenant's own API, given out only for a host it is bound to. */
import { type Authorization, outboundSecret } from '../../../schemas/tenant-apis.ts'
import { isCode } from '../errors.ts'
import type { HttpAnswer, Secrets } from '../ports.ts'

/** The value of the `Authorization` header, or why there is none. `message` is for operators and holds no secret. */
export type Authorized =
  | { ok: true; value: string }
  | { ok: false; cause: AuthorizationFailure; message: string }
export type AuthorizationFailure =
  | 'secret_missing'
  | 'secret_unreadable'
  | 'secret_host'
  /** Secrets Manager did not answer: it may later. */
  | 'secrets_unavailable'

/** Reads the credential for a call to `url`; `fresh` passes the cache by, after a 401. */
export async function authorizationHeader(
  secrets: Secrets,
  authorization: Authorization,
  url: URL,
  options: { fresh?: boolean } = {},
): Promise<Authorized> {
  const { name, secret } = authorization
  const stored = await read(secrets, secret, options)
  if (stored === unavailable) {
    return {
      ok: false,
      cause: 'secrets_unavailable',
      message: `secret ${secret} cannot be read at the moment`,
    }
  }
  if (stored === undefined) {
    return {
      ok: false,
      cause: 'secret_missing',
      message: `authorization ${name}: there is no secret ${secret} tagged with this tenant; enter its value`,
    }
  }
  const parsed = outboundSecret.safeParse(stored)
  // Anything else would let a value break out of its header.
  if (!parsed.success || !/^[\x21-\x7e]+$/.test(parsed.data.value)) {
    return {
      ok: false,
      cause: 'secret_unreadable',
      message: `authorization ${name}: secret ${secret} must hold a value of printable ASCII and its hosts; enter it again`,
    }
  }
  if (!parsed.data.hosts.some((host) => isHostOf(url, host))) {
    return {
      ok: false,
      cause: 'secret_host',
      message: `authorization ${name}: secret ${secret} is not bound to ${url.host}; enter the value again with this host`,
    }
  }
  return { ok: true, value: `Bearer ${parsed.data.value}` }
}

/** An answer that echoes the credential it got loses it here: it must not reach a prompt, a reply or a row. */
export function withoutCredential(answer: HttpAnswer, authorization: string | undefined): HttpAnswer {
  const credential = authorization?.slice(authorization.indexOf(' ') + 1)
  if (!answer.ok || credential === undefined) return answer
  return { ...answer, text: answer.text.replaceAll(credential, '[credential]') }
}

const unavailable = Symbol('unavailable')

async function read(secrets: Secrets, name: string, options: { fresh?: boolean }): Promise<unknown> {
  try {
    return await secrets.read(name, options)
  } catch (error) {
    if (isCode(error, 'unavailable', 'rate_limited')) return unavailable
    throw error
  }
}

/** `host` means the scheme's default port. */
function isHostOf(url: URL, host: string): boolean {
  const defaultPort = url.protocol === 'https:' ? '443' : '80'
  const wanted = host.toLowerCase()
  return wanted === url.host || wanted === `${url.hostname}:${url.port || defaultPort}`
}
