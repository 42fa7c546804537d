/** Access tokens of one tenant, in this process: kept until shortly before they end, and asked for once at a time. */
import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { Authorization, OAuthAuthorization } from '../../../schemas/authorization.ts'
import { createBoundedCache } from '../bounded-cache.ts'
import { isCode } from '../errors.ts'
import { type GrantContext, renewGrant } from './renew-grant.ts'
import { askAsClient, type Token, type TokenAnswer } from './token-request.ts'

const tokensKept = 100
/** A token is not used in its last minute, or in the last half of a life that is shorter than two. */
const marginMs = 60_000

export interface AccessTokens {
  /**
   * An access token, from memory where there is one. `refused` is one that the API did not take: another is asked for,
   * unless somebody already has. Throws only what is no answer of the server's or of AWS's.
   */
  get(
    authorization: OAuthAuthorization,
    clientSecret: string,
    options: { refused?: string | undefined; signal: AbortSignal },
  ): Promise<TokenAnswer<Pick<Token, 'token'>>>
}

interface Kept {
  token: string
  until: number
}

/** `context.http` is the tenant's egress: a token URL passes the same guard as every other. */
export function createAccessTokens(context: GrantContext): AccessTokens {
  const kept = createBoundedCache<Kept>(tokensKept)
  const renewing = new Map<string, Promise<TokenAnswer>>()
  const { tenant, http, clock } = context

  async function renew(
    key: string,
    authorization: OAuthAuthorization,
    clientSecret: string,
    refused: string | undefined,
  ): Promise<TokenAnswer> {
    const given =
      authorization.type === 'oauth_delegated'
        ? await renewGrant(context, authorization, clientSecret, refused)
        : await askAsClient({ authorization, clientSecret, http, now: clock.now })
    if (given.ok) kept.set(key, { token: given.token, until: usableUntil(given, clock.now()) })
    return given
  }

  return {
    async get(authorization, clientSecret, { refused, signal }) {
      // A changed definition or client secret is another client: what the old one got is not used for it.
      const key = `${tenant}|${authorization.name}|${versionOf(authorization)}|${digest(clientSecret)}`
      const known = kept.get(key)
      if (known !== undefined && known.token !== refused && known.until > clock.now())
        return { ok: true, token: known.token }
      const mine =
        renewing.get(key) ??
        settled(authorization.name, renew(key, authorization, clientSecret, refused)).finally(() =>
          renewing.delete(key),
        )
      renewing.set(key, mine)
      return await untilAborted(mine, signal, authorization.name)
    },
  }
}

/** What a definition says, as one word: it changes whenever a word of the definition does. */
export const versionOf = (authorization: Authorization): string => digest(canonicalize(authorization) ?? '')

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url')

function usableUntil({ expiresAt }: Token, now: number): number {
  return expiresAt - Math.min(marginMs, (expiresAt - now) / 2)
}

/** AWS not answering is a reason to go on without, like a server that does not. */
async function settled(name: string, renewed: Promise<TokenAnswer>): Promise<TokenAnswer> {
  try {
    return await renewed
  } catch (error) {
    if (!isCode(error, 'unavailable', 'rate_limited')) throw error
    return { ok: false, cause: 'token_unavailable', message: `authorization ${name}: AWS is not answering` }
  }
}

/** A caller that runs out of time leaves; the others, and the next, have what was asked for. */
function untilAborted(
  renewed: Promise<TokenAnswer>,
  signal: AbortSignal,
  name: string,
): Promise<TokenAnswer> {
  return new Promise((resolve, reject) => {
    const leave = () =>
      resolve({ ok: false, cause: 'token_timeout', message: `authorization ${name}: no token in time` })
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave, { once: true })
    renewed.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}
