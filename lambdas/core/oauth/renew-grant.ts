/** A new access token of a delegated authorization, by its refresh token. */
import { type Grant, grant, grantSecretName, type OAuthDelegated } from '../../../schemas/authorization.ts'
import type { Clock, Http, Random, SecretStore, Secrets, Table } from '../ports.ts'
import { type GrantLease, takeGrantLease } from './grant-lease.ts'
import { askByRefreshToken, type TokenAnswer, type TokenFailure } from './token-request.ts'

export interface GrantContext {
  tenant: string
  http: Http
  secrets: Secrets
  store: SecretStore
  /** Holds the lease. */
  table: Pick<Table, 'update'>
  clock: Clock
  random: Random
}

/** A stored access token is taken only with this much of its time left, ms. */
const leastLeftMs = 60_000

/**
 * Refreshes under the lease, unless another process has just done so. A refresh token that the server replaced is
 * stored before the access token that came with it is used: nothing rests on a token that could be lost. `refused` is
 * an access token that the API did not take.
 */
export async function renewGrant(
  context: GrantContext,
  authorization: OAuthDelegated,
  clientSecret: string,
  refused: string | undefined,
): Promise<TokenAnswer> {
  const { name } = authorization
  const { table, clock, tenant } = context
  const holder = context.random(16).toString('hex')
  const lease = await takeGrantLease({ table, clock, tenant, name, holder })
  if (lease === undefined)
    return failed('grant_busy', `authorization ${name}: another refresh is still under way`)
  try {
    return await renewUnder(lease, context, authorization, clientSecret, refused)
  } finally {
    await lease.release()
  }
}

async function renewUnder(
  lease: GrantLease,
  { http, secrets, store, clock }: GrantContext,
  authorization: OAuthDelegated,
  clientSecret: string,
  refused: string | undefined,
): Promise<TokenAnswer> {
  const { name } = authorization
  const secret = grantSecretName(authorization)
  const stored = grant.safeParse(await secrets.read(secret, { fresh: true }))
  if (!stored.success)
    return failed('grant_missing', `authorization ${name}: nobody has consented yet; link it`)
  const { refreshToken, access } = stored.data
  if (!isFor(stored.data, authorization)) {
    return failed(
      'grant_other_client',
      `authorization ${name}: token URL or client have changed; link it again`,
    )
  }
  if (access !== undefined && access.token !== refused && access.expiresAt - leastLeftMs > clock.now()) {
    return { ok: true, token: access.token, expiresAt: access.expiresAt }
  }
  const given = await askByRefreshToken({ authorization, clientSecret, http, now: clock.now }, refreshToken)
  if (!given.ok || given.refreshToken === undefined || given.refreshToken === refreshToken) return given
  // Who took over while we waited has a newer token than ours, or is about to.
  if (!(await lease.keep())) return failed('grant_busy', `authorization ${name}: another refresh took over`)
  await store.write(secret, {
    ...grantOf(authorization, given.refreshToken),
    access: { token: given.token, expiresAt: given.expiresAt },
  } satisfies Grant)
  return given
}

/** What is stored of a consent. */
export const grantOf = ({ tokenUrl, clientId }: OAuthDelegated, refreshToken: string): Grant => ({
  refreshToken,
  tokenUrl,
  clientId,
})

const isFor = (one: Grant, { tokenUrl, clientId }: OAuthDelegated): boolean =>
  one.tokenUrl === tokenUrl && one.clientId === clientId

const failed = (cause: TokenFailure, message: string): TokenAnswer => ({ ok: false, cause, message })
