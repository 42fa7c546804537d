/** What proves to a tenant's own API that we may call it. Each kind of authorization is one case here. */
import { type Authorization, isOAuth, type OAuthAuthorization } from '../../../schemas/authorization.ts'
import type { AccessTokens } from '../oauth/access-tokens.ts'
import type { TokenFailure } from '../oauth/token-request.ts'
import type { HttpAnswer, Secrets } from '../ports.ts'
import { type BoundFailure, boundSecret } from './bound-secret.ts'

/** Where credentials come from. */
export interface Access {
  secrets: Secrets
  tokens: AccessTokens
}

export interface Credential {
  /** Headers of the request, lower-case names. */
  headers: Record<string, string>
  /** What an answer must not carry any further. */
  values: string[]
  /** The access token among them, where there is one. */
  token?: string
}

/** The credential, or why there is none. `message` is for operators and holds no secret. */
export type Authorized =
  | ({ ok: true } & Credential)
  | { ok: false; cause: AuthorizationFailure; message: string }
export type AuthorizationFailure = BoundFailure | TokenFailure

/**
 * The credential for a call to `url`. `after401`: the API did not take this one, so what is kept of it is passed by and
 * another is looked for.
 */
export async function authorize(
  access: Access,
  authorization: Authorization,
  url: URL,
  options: { after401?: Credential | undefined; signal: AbortSignal },
): Promise<Authorized> {
  const secret = await storedSecret(access.secrets, authorization, url, options.after401 !== undefined)
  if (!secret.ok) return secret
  return isOAuth(authorization)
    ? await byToken(access.tokens, authorization, secret.value, options)
    : { ok: true, ...credentialOf(authorization, secret.value) }
}

/** Is the secret there, and could it be sent to `url`? Asks no provider of tokens. */
export async function checkCredential(
  secrets: Secrets,
  authorization: Authorization,
  url: URL,
): Promise<{ ok: true } | { ok: false; cause: BoundFailure; message: string }> {
  const secret = await storedSecret(secrets, authorization, url, true)
  return secret.ok ? { ok: true } : secret
}

async function storedSecret(secrets: Secrets, authorization: Authorization, url: URL, fresh: boolean) {
  const urls = isOAuth(authorization) ? [url, new URL(authorization.tokenUrl)] : [url]
  return await boundSecret(secrets, authorization, urls, {
    fresh,
    header: authorization.type === 'api_key' ? authorization.header : 'authorization',
    fits: authorization.type === 'basic' ? isText : isHeaderValue,
  })
}

function credentialOf(authorization: Exclude<Authorization, OAuthAuthorization>, value: string): Credential {
  switch (authorization.type) {
    case 'bearer':
      return { headers: { authorization: `Bearer ${value}` }, values: [value] }
    case 'api_key':
      return { headers: { [authorization.header.toLowerCase()]: value }, values: [value] }
    case 'basic': {
      const pair = Buffer.from(`${authorization.username}:${value}`).toString('base64')
      return { headers: { authorization: `Basic ${pair}` }, values: [pair, value] }
    }
  }
}

async function byToken(
  tokens: AccessTokens,
  authorization: OAuthAuthorization,
  clientSecret: string,
  { after401, signal }: { after401?: Credential | undefined; signal: AbortSignal },
): Promise<Authorized> {
  const given = await tokens.get(authorization, clientSecret, { refused: after401?.token, signal })
  if (!given.ok) return given
  const { token } = given
  return { ok: true, headers: { authorization: `Bearer ${token}` }, values: [token], token }
}

/** An answer that echoes what it got loses it here: it must not reach a prompt, a reply or a row. */
export function withoutValues(answer: HttpAnswer, values: readonly string[]): HttpAnswer {
  if (!answer.ok) return answer
  const spellings = values.flatMap((value) => [
    value,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    encodeURIComponent(value).replace(/%../g, (code) => code.toLowerCase()),
  ])
  const plain = inPlainSpelling(answer.text)
  const text = spellings.reduce((left, spelling) => left.replaceAll(spelling, '[credential]'), plain)
  return text === plain ? answer : { ...answer, text }
}

/**
 * The same JSON without the escapes that it does not need: PHP writes `\/` and .NET `\u002B`, and a credential may have
 * either character.
 */
const inPlainSpelling = (json: string): string =>
  json.replace(/\\(?:u([0-9a-f]{4})|[\s\S])/gi, (written, code?: string) => {
    if (written === '\\/') return '/'
    const meant = code === undefined ? '' : String.fromCharCode(Number.parseInt(code, 16))
    return /^[^"\\\p{Cc}\p{Cs}]$/u.test(meant) ? meant : written
  })

/** Anything else would let a value break out of its header. */
const isHeaderValue = (value: string): boolean => /^[\x21-\x7e]+$/.test(value)
/** A password may be any text without control characters: it is sent in base64. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const isText = (value: string): boolean => value.isWellFormed() && !/[\u0000-\u001f\u007f]/.test(value)
