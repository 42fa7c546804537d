/** Asking a tenant's authorization server for tokens: oauth4webapi speaks OAuth 2.0, our egress carries it. */
import * as oauth from 'oauth4webapi'
import type { OAuthAuthorization } from '../../../schemas/authorization.ts'
import { parseJson } from '../parse-json.ts'
import type { Http, HttpAnswer } from '../ports.ts'

const timeoutMs = 8_000
const maxBytes = 64 * 1024
/** Where a server does not say how long a token holds. */
const defaultLifeSeconds = 300
const longestLifeSeconds = 24 * 60 * 60

export interface TokenCall {
  authorization: OAuthAuthorization
  clientSecret: string
  http: Http
  now(): number
}

export interface Token {
  token: string
  /** ms since the epoch */
  expiresAt: number
  refreshToken?: string | undefined
}

/** `message` is for operators: it names the authorization and the cause, never a word of the server's answer. */
export type TokenAnswer<T = Token> = ({ ok: true } & T) | { ok: false; cause: TokenFailure; message: string }
export type TokenFailure =
  | 'token_url_refused' // by the egress guard
  | 'token_unavailable' // no answer, 429 or 5xx: it may work later
  | 'token_refused' // client, scope or audience are not accepted
  | 'token_bad_answer' // not what RFC 6749 says
  | 'token_timeout' // the caller's time ran out first
  | 'grant_missing' // nobody has consented yet
  | 'grant_other_client' // the consent was for another token URL or client
  | 'grant_revoked' // the refresh token does not work any more
  | 'grant_busy' // another process is refreshing, and takes long

/** RFC 6749, section 4.4. */
export const askAsClient = (call: TokenCall): Promise<TokenAnswer> =>
  ask(call, async ({ server, client, auth, options }) => {
    const { scope, audience } = call.authorization
    const parameters = {
      ...(scope === undefined ? {} : { scope }),
      ...(audience === undefined ? {} : { audience }),
    }
    const response = await oauth.clientCredentialsGrantRequest(server, client, auth, parameters, options)
    return await oauth.processClientCredentialsResponse(server, client, response)
  })

/** RFC 6749, section 6. A refresh token in the answer replaces the one that was sent. */
export const askByRefreshToken = (call: TokenCall, refreshToken: string): Promise<TokenAnswer> =>
  ask(call, async ({ server, client, auth, options }) => {
    const response = await oauth.refreshTokenGrantRequest(server, client, auth, refreshToken, options)
    return await oauth.processRefreshTokenResponse(server, client, response)
  })

/** RFC 6749, section 4.1.3, with the PKCE verifier of RFC 7636. */
export const askByCode = (
  call: TokenCall,
  by: { code: string; redirectUri: string; verifier: string },
): Promise<TokenAnswer> =>
  ask(call, async ({ server, client, auth, options }) => {
    // The state was checked when the browser came back: see link.ts.
    const parameters = oauth.validateAuthResponse(
      server,
      client,
      new URLSearchParams({ code: by.code }),
      oauth.expectNoState,
    )
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      auth,
      parameters,
      by.redirectUri,
      by.verifier,
      options,
    )
    return await oauth.processAuthorizationCodeResponse(server, client, response)
  })

interface Parties {
  server: oauth.AuthorizationServer
  client: oauth.Client
  auth: oauth.ClientAuth
  options: oauth.TokenEndpointRequestOptions
}

async function ask(
  call: TokenCall,
  exchange: (parties: Parties) => Promise<oauth.TokenEndpointResponse>,
): Promise<TokenAnswer> {
  const { authorization, clientSecret, http } = call
  const { tokenUrl, clientId } = authorization
  const heard: { answer?: HttpAnswer } = {}
  const options = {
    // Which schemes and hosts may be called is the egress guard's to say, and it says no to more than http.
    [oauth.allowInsecureRequests]: true,
    [oauth.customFetch]: throughEgress(http, heard),
  }
  try {
    const given = await exchange({
      server: { issuer: new URL(tokenUrl).origin, token_endpoint: tokenUrl },
      client: { client_id: clientId },
      auth:
        authorization.clientAuth === 'basic'
          ? oauth.ClientSecretBasic(clientSecret)
          : oauth.ClientSecretPost(clientSecret),
      options,
    })
    return tokenFrom(given, call)
  } catch (error) {
    return explain(error, heard.answer, authorization.name)
  }
}

/** What oauth4webapi calls instead of `fetch`. It throws where there is no answer; `heard` says why. */
const throughEgress =
  (http: Http, heard: { answer?: HttpAnswer }) =>
  async (
    url: string,
    { body, headers, method }: oauth.CustomFetchOptions<'POST', URLSearchParams>,
  ): Promise<Response> => {
    const answer = await http({
      port: 'token',
      method,
      url,
      headers,
      body: String(body),
      timeoutMs,
      maxBytes,
      // A refresh token may be good for one request only.
      repeatable: false,
    })
    heard.answer = answer
    if (!answer.ok) throw new Error(answer.cause)
    const text = withoutIdToken(answer.text)
    return new Response(text === '' ? null : text, { status: answer.status, headers: answer.headers })
  }

/** We ask for access. Who consented is told in an id token that we could not check without more settings. */
function withoutIdToken(text: string): string {
  const json = parseJson(Buffer.from(text))
  if (!json.ok || typeof json.value !== 'object' || json.value === null || !('id_token' in json.value))
    return text
  const { id_token: _, ...rest } = json.value
  return JSON.stringify(rest)
}

function tokenFrom(given: oauth.TokenEndpointResponse, { authorization, now }: TokenCall): TokenAnswer {
  // Anything else would let a token break out of its header.
  if (given.token_type !== 'bearer' || !/^[\x21-\x7e]+$/.test(given.access_token)) {
    return failed('token_bad_answer', `authorization ${authorization.name}: the token is not of type Bearer`)
  }
  const seconds = Math.min(longestLifeSeconds, Math.max(0, given.expires_in ?? defaultLifeSeconds))
  return {
    ok: true,
    token: given.access_token,
    expiresAt: now() + seconds * 1000,
    refreshToken: given.refresh_token,
  }
}

/** RFC 6749, section 5.2: others are not repeated to anybody. */
const knownErrors = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
])

function explain(error: unknown, answer: HttpAnswer | undefined, name: string): TokenAnswer {
  const at = `authorization ${name}: the token URL`
  // Nothing of ours failed on the way, so that this is an error of `io`: a process that is ending, or a bug.
  if (answer === undefined) throw error
  if (!answer.ok) {
    return answer.cause === 'url_refused'
      ? failed('token_url_refused', `${at} may not be called (${answer.message}); correct it`)
      : failed('token_unavailable', `${at} gave no answer (${answer.cause})`)
  }
  const { status } = answer
  if (status === 429 || status >= 500) return failed('token_unavailable', `${at} answered ${status}`)
  if (error instanceof oauth.ResponseBodyError) {
    if (error.error === 'invalid_grant')
      return failed('grant_revoked', `authorization ${name}: consent has ended; link it again`)
    const code = knownErrors.has(error.error) ? error.error : 'an error'
    return failed('token_refused', `${at} answered ${code}; check client id, secret, scope and audience`)
  }
  if (status >= 400)
    return failed('token_refused', `${at} answered ${status}; check URL, client id and secret`)
  return failed('token_bad_answer', `${at} did not answer as RFC 6749 says; check that it is a token URL`)
}

const failed = (cause: TokenFailure, message: string): TokenAnswer => ({ ok: false, cause, message })
