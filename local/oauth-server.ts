/**
 * An OAuth 2.0 authorization server on this machine, as a tenant's provider runs one: client credentials, codes with
 * PKCE, refresh tokens that are rotated and, used twice, take the whole consent with them (RFC 9700, section 4.14.2).
 */
import { createHash, randomBytes } from 'node:crypto'
import { createFaults, type Faults } from './faults.ts'
import { type Answered, type Asked, serve } from './serve.ts'

export interface OAuthServerOptions {
  client?: { id: string; secret: string }
  redirectUri?: string
  /** Seconds an access token holds; default 3600. */
  lifeSeconds?: number
  /** Does a refresh give a new refresh token and end the old one? Default true. */
  rotates?: boolean
  now?: () => number
}

export interface OAuthServer {
  url: string
  authorizeUrl: string
  tokenUrl: string
  client: { id: string; secret: string }
  /** Forms sent to the token URL, oldest first, with the client authentication that was used. */
  asked: { form: Record<string, string>; clientAuth: 'basic' | 'body' }[]
  /** Every token that was given out. */
  given: string[]
  /** Does an API take this access token? */
  isGood(accessToken: string | undefined): boolean
  /** Ends every access token, as an administrator would; refresh tokens go on. */
  revokeAccess(): void
  failNext: Faults['failNext']
  close(): Promise<void>
}

interface Consent {
  refreshToken: string
  ended: boolean
}
interface Code {
  redirectUri: string
  challenge: string
}

export async function startOAuthServer(options: OAuthServerOptions = {}): Promise<OAuthServer> {
  const client = options.client ?? { id: 'deskhand', secret: 'local-oauth-client-secret' }
  const redirectUri = options.redirectUri ?? 'https://deskhand.example.com/oauth/callback'
  const { lifeSeconds = 3600, rotates = true, now = Date.now } = options
  const faults = createFaults()
  const asked: OAuthServer['asked'] = []
  const given: string[] = []
  const access = new Map<string, number>()
  const codes = new Map<string, Code>()
  /** By every refresh token there ever was. */
  const consents = new Map<string, Consent>()

  const newToken = (kind: string): string => {
    const token = `${kind}-${randomBytes(16).toString('hex')}`
    given.push(token)
    return token
  }
  const newAccess = (more: object = {}): Answered => {
    const token = newToken('access')
    access.set(token, now() + lifeSeconds * 1000)
    return {
      status: 200,
      json: { access_token: token, token_type: 'Bearer', expires_in: lifeSeconds, ...more },
    }
  }

  /** Consents at once, as somebody would who is signed in and presses "Allow". */
  function authorize({ searchParams: query }: URL): Answered {
    const right =
      query.get('response_type') === 'code' &&
      query.get('client_id') === client.id &&
      query.get('redirect_uri') === redirectUri &&
      query.get('code_challenge_method') === 'S256'
    if (!right) return { status: 400, json: { error: 'invalid_request' } }
    const code = newToken('code')
    codes.set(code, { redirectUri, challenge: query.get('code_challenge') ?? '' })
    const back = new URL(redirectUri)
    back.searchParams.set('code', code)
    back.searchParams.set('state', query.get('state') ?? '')
    return { status: 302, headers: { location: back.href } }
  }

  function byCode(form: Record<string, string>): Answered {
    const code = codes.get(form.code ?? '')
    codes.delete(form.code ?? '')
    const challenge = createHash('sha256')
      .update(form.code_verifier ?? '')
      .digest('base64url')
    if (code?.redirectUri !== form.redirect_uri || code?.challenge !== challenge)
      return refused('invalid_grant')
    const consent = { refreshToken: newToken('refresh'), ended: false }
    consents.set(consent.refreshToken, consent)
    return newAccess({ refresh_token: consent.refreshToken })
  }

  function byRefreshToken(form: Record<string, string>): Answered {
    const consent = consents.get(form.refresh_token ?? '')
    if (consent === undefined || consent.ended) return refused('invalid_grant')
    if (consent.refreshToken !== form.refresh_token) {
      consent.ended = true
      return refused('invalid_grant')
    }
    if (!rotates) return newAccess()
    consent.refreshToken = newToken('refresh')
    consents.set(consent.refreshToken, consent)
    return newAccess({ refresh_token: consent.refreshToken })
  }

  function token(request: Asked): Answered {
    const form = Object.fromEntries(new URLSearchParams(request.body))
    const clientAuth = request.headers.authorization === undefined ? 'body' : 'basic'
    asked.push({ form, clientAuth })
    if (!isClient(request, form)) return refused('invalid_client', 401)
    if (form.grant_type === 'client_credentials') return newAccess()
    if (form.grant_type === 'authorization_code') return byCode(form)
    if (form.grant_type === 'refresh_token') return byRefreshToken(form)
    return refused('unsupported_grant_type')
  }

  function isClient({ headers }: Asked, form: Record<string, string>): boolean {
    if (headers.authorization === undefined)
      return form.client_id === client.id && form.client_secret === client.secret
    const [scheme, pair = ''] = headers.authorization.split(' ')
    const parts = Buffer.from(pair, 'base64').toString('utf8').split(':').map(decodeURIComponent)
    return scheme === 'Basic' && parts[0] === client.id && parts[1] === client.secret
  }

  const answer = (request: Asked): Answered => {
    if (request.method === 'GET' && request.url.pathname === '/authorize') return authorize(request.url)
    if (request.method === 'POST' && request.url.pathname === '/token') return token(request)
    return { status: 404 }
  }
  const served = await serve((request) => faults.around(request, () => answer(request)))
  return {
    url: served.url,
    authorizeUrl: `${served.url}/authorize`,
    tokenUrl: `${served.url}/token`,
    client,
    asked,
    given,
    isGood: (token) => (access.get(token ?? '') ?? 0) > now(),
    revokeAccess: () => access.clear(),
    failNext: faults.failNext,
    close: served.close,
  }
}

const refused = (error: string, status = 400): Answered => ({
  status,
  json: { error, error_description: 'words of the server that nobody is shown' },
})
