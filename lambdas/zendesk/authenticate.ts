/** The `authorization` header for one Zendesk account. Secrets go to the hosts they are bound to, nowhere else. */
import type { ZendeskConnection } from '../../schemas/zendesk.ts'
import { tokenAnswer } from '../../schemas/zendesk-api.ts'
import { DeskhandError } from '../core/errors.ts'
import type { HelpdeskApi } from '../core/helpdesk.ts'
import { boundSecret } from '../core/helpdesk-api/bound-secret.ts'
import { refusalOf, timeoutMs } from '../core/helpdesk-api/failures.ts'
import { parseLossless } from '../core/helpdesk-api/lossless-json.ts'
import { refusals } from './refusals.ts'

/** Where Zendesk does not say how long a token lives, it is fetched anew after this. */
const defaultLifeMs = 30 * 60_000
/** A token is not used in its last seconds. */
const marginMs = 30_000

/**
 * `fresh` passes the caches of token and secret by, after a 401. Throws `bad_configuration`, `connection_broken`,
 * `rate_limited` or `unavailable`.
 */
export async function authorization(
  api: HelpdeskApi<ZendeskConnection>,
  base: string,
  fresh: boolean,
): Promise<string> {
  const { auth } = api.connection
  if (auth.type === 'api_token') {
    const token = await boundSecret(api, auth.secret, base, fresh)
    return `Basic ${Buffer.from(`${auth.email}/token:${token}`, 'utf8').toString('base64')}`
  }
  const key = `zendesk ${api.connection.id} ${base} ${auth.clientId} ${auth.secret} ${auth.scope}`
  if (fresh) api.tokens.delete(key)
  const cached = api.tokens.get(key)
  if (cached && cached.expiresAt > api.now()) return `Bearer ${cached.token}`
  const token = await fetchToken(api, base, await boundSecret(api, auth.secret, base, fresh), auth)
  api.tokens.set(key, token)
  return `Bearer ${token.token}`
}

/** https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/ */
async function fetchToken(
  api: HelpdeskApi<ZendeskConnection>,
  base: string,
  secret: string,
  auth: { clientId: string; scope: string },
): Promise<{ token: string; expiresAt: number }> {
  const answer = await api.http({
    port: 'token',
    method: 'POST',
    url: `${base}/oauth/tokens`,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({
      grant_type: 'client_credentials',
      client_id: auth.clientId,
      client_secret: secret,
      scope: auth.scope,
    }),
    timeoutMs,
    repeatable: true,
    ...(api.signal ? { signal: api.signal } : {}),
  })
  if (!answer.ok || answer.status >= 500 || answer.status === 429)
    throw refusalOf(refusals, answer, 'read', api.now())
  if (answer.status >= 300)
    throw new DeskhandError(
      'connection_broken',
      `Zendesk refuses the OAuth client (${answer.status}): check its identifier, secret and that it is confidential`,
    )
  const token = tokenAnswer.safeParse(parsed(answer.text))
  if (!token.success) throw new DeskhandError('bad_answer', 'Zendesk answered no access token')
  const lifeMs = (token.data.expires_in ?? (defaultLifeMs + marginMs) / 1000) * 1000
  return { token: token.data.access_token, expiresAt: api.now() + lifeMs - marginMs }
}

function parsed(text: string): unknown {
  try {
    return parseLossless(text)
  } catch {
    return undefined
  }
}
