/** The credential of a pasted command: taken out of it, so that a tool names it and Secrets Manager holds it. */
import { authorization } from '../../../schemas/authorization.ts'
import { headerNamePattern } from '../../../schemas/header-names.ts'
import { asAuthorizationName } from './draft-names.ts'
import type { AuthorizationDraft, ImportedSecret } from './import-result.ts'

export interface CurlCredential {
  authorization: AuthorizationDraft
  secret: ImportedSecret
}

/** What `-H 'name: value'` proves; `undefined` where no authorization can carry it. */
export function credentialOfHeader(name: string, value: string, host: string): CurlCredential | undefined {
  if (name.toLowerCase() === 'authorization') {
    const bearer = /^bearer +(\S+)$/i.exec(value)?.[1]
    if (bearer !== undefined) return credentialOfToken(bearer, host)
    const pair = /^basic +([A-Za-z0-9+/_-]+=*)$/i.exec(value)?.[1]
    if (pair !== undefined) return credentialOfUser(Buffer.from(pair, 'base64').toString('utf8'), host)
  }
  return inHeader(name, value, host)
}

/** A bearer token, RFC 6750. */
export const credentialOfToken = (token: string, host: string): CurlCredential | undefined =>
  kept({ type: 'bearer' }, token, 'authorization', host)

/** `user:password`. A key that stands alone as user or password is sent as it is, and never shown as a user name. */
export function credentialOfUser(pair: string, host: string): CurlCredential | undefined {
  const colon = pair.indexOf(':')
  const [username, password] = colon < 0 ? [pair, ''] : [pair.slice(0, colon), pair.slice(colon + 1)]
  // Where there are an address and a word beside it, this is who and what; a lone key is the secret itself.
  const isPair = username !== '' && password.length > 1 && !isKey(username) && !username.includes(password)
  const basic = isPair ? kept({ type: 'basic', username }, password, 'authorization', host) : undefined
  return (
    basic ??
    inHeader('Authorization', `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`, host)
  )
}

/** Does it look like a key rather than a word? Long, with letters and digits among each other. */
export const isKey = (text: string): boolean =>
  !text.includes('@') &&
  /^[\x21-\x7e]{16,}$/.test(text) &&
  /[a-z]/i.test(text) &&
  (/\d/.test(text) || /^[A-Za-z]{32,}$/.test(text))

const inHeader = (header: string, value: string, host: string): CurlCredential | undefined =>
  headerNamePattern.test(header) ? kept({ type: 'api_key', header }, value, header, host) : undefined

type Kind = { type: 'bearer' } | { type: 'basic'; username: string } | { type: 'api_key'; header: string }

function kept(kind: Kind, value: string, header: string, host: string): CurlCredential | undefined {
  const name = asAuthorizationName(host)
  const parsed = authorization.safeParse({ ...kind, name, secret: name })
  // A header can carry printable ASCII; a password goes in base64, as any text.
  const isSendable =
    kind.type === 'basic' ? value !== '' : /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value)
  if (!parsed.success || !isSendable) return undefined
  return { authorization: parsed.data, secret: { name, hosts: [host], header, value } }
}
