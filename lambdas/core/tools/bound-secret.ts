/** A credential for a tenant's own API: read, and given out only for the hosts it is bound to. */
import { outboundSecret } from '../../../schemas/secrets.ts'
import { isCode } from '../errors.ts'
import type { Secrets } from '../ports.ts'

/** The value of a secret, or why there is none. `message` is for operators and holds no secret. */
export type Bound = { ok: true; value: string } | { ok: false; cause: BoundFailure; message: string }
export type BoundFailure =
  | 'secret_missing'
  | 'secret_unreadable'
  | 'secret_host'
  | 'secret_header'
  /** Secrets Manager did not answer: it may later. */
  | 'secrets_unavailable'

/**
 * Reads the secret of `authorization` for calls to all of `urls`; `fresh` passes the cache by, after a 401. `fits`: can
 * the value be sent as it is meant to, in `header`?
 */
export async function boundSecret(
  secrets: Secrets,
  { name, secret }: { name: string; secret: string },
  urls: readonly URL[],
  options: { fresh: boolean; header: string; fits(value: string): boolean },
): Promise<Bound> {
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
  if (!parsed.success || !options.fits(parsed.data.value)) {
    return {
      ok: false,
      cause: 'secret_unreadable',
      message: `authorization ${name}: secret ${secret} must hold a value that can be sent and its hosts; enter it again`,
    }
  }
  const { value, hosts, header } = parsed.data
  const strange = urls.find((url) => !hosts.some((host) => isHostOf(url, host)))
  if (strange !== undefined) {
    return {
      ok: false,
      cause: 'secret_host',
      message: `authorization ${name}: secret ${secret} is not bound to ${strange.host}; enter the value again with this host`,
    }
  }
  if (header !== undefined && header.toLowerCase() !== options.header.toLowerCase()) {
    return {
      ok: false,
      cause: 'secret_header',
      message: `authorization ${name}: secret ${secret} is bound to another header; enter the value again with this one`,
    }
  }
  return { ok: true, value }
}

const unavailable = Symbol('unavailable')

async function read(secrets: Secrets, name: string, options: { fresh: boolean }): Promise<unknown> {
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
