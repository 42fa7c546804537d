import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Signature } from './helpdesk.ts'

/** How far a signed timestamp may be from now, before or after. */
const skewMs = 300_000

export type Verdict = { ok: true } | { ok: false; cause: SignatureCause }
export type SignatureCause =
  | 'no_active_secret'
  | 'signature_missing'
  | 'signature_repeated'
  | 'signature_malformed'
  | 'timestamp_malformed'
  | 'timestamp_outside_window'
  | 'signature_wrong'

/** Lower-case name -> values. */
export type Headers = ReadonlyMap<string, readonly string[]>

type Hmac = Extract<Signature, { scheme: 'hmac' }>

/**
 * Was this body sent by someone who knows one of the secrets? Compares digests of equal length in constant time, tries
 * every secret whatever the first one says, and does the same work when there is none. Never throws.
 */
export function verify(
  signature: Signature,
  headers: Headers,
  rawBody: Uint8Array,
  secrets: readonly string[],
  now: number,
): Verdict {
  const usable = secrets.filter((secret) => secret.length > 0 && !isPublished(signature, secret))
  const tried = usable.length > 0 ? usable : ['no secret: the same work is done']
  const verdict =
    signature.scheme === 'hmac'
      ? verifyHmac(signature, headers, rawBody, tried, now)
      : verifySharedSecret(signature.header, headers, tried)
  return usable.length > 0 ? verdict : refuse('no_active_secret')
}

function verifyHmac(
  signature: Hmac,
  headers: Headers,
  rawBody: Uint8Array,
  secrets: readonly string[],
  now: number,
): Verdict {
  const timestampValues = signature.timestamp ? (headers.get(signature.timestamp.header) ?? []) : ['']
  const [timestamp, ...moreTimestamps] = timestampValues
  const expected = secrets.map((secret) => digestOf(signature, secret, timestamp ?? '', rawBody))

  const [given, ...more] = headers.get(signature.header) ?? []
  if (given === undefined) return refuse('signature_missing')
  if (more.length > 0 || moreTimestamps.length > 0) return refuse('signature_repeated')
  const digest = digestIn(signature, given)
  if (digest === undefined) return refuse('signature_malformed')
  if (signature.timestamp) {
    const at = instantOf(signature.timestamp.format, timestamp ?? '')
    if (at === undefined) return refuse('timestamp_malformed')
    if (Math.abs(now - at) > skewMs) return refuse('timestamp_outside_window')
  }
  return isOneOf(expected, digest) ? { ok: true } : refuse('signature_wrong')
}

/** Hashed first, so that the comparison is of equal lengths and tells nothing about the secret's. */
function verifySharedSecret(header: string, headers: Headers, secrets: readonly string[]): Verdict {
  const [given, ...more] = headers.get(header) ?? []
  const known = isOneOf(secrets.map(sha256), sha256(given ?? ''))
  if (given === undefined) return refuse('signature_missing')
  if (more.length > 0) return refuse('signature_repeated')
  return known ? { ok: true } : refuse('signature_wrong')
}

const refuse = (cause: SignatureCause): Verdict => ({ ok: false, cause })

const isPublished = (signature: Signature, secret: string): boolean =>
  signature.scheme === 'hmac' && (signature.published ?? []).includes(secret)

const sha256 = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest()

/** The key is the secret's UTF-8 text as the helpdesk shows it; it is never decoded. */
function digestOf(signature: Hmac, secret: string, timestamp: string, rawBody: Uint8Array): Buffer {
  const hmac = createHmac(signature.algorithm, secret)
  for (const part of signature.covers) hmac.update(part === 'timestamp' ? timestamp : rawBody)
  return hmac.digest()
}

/** No `some`: every comparison is made, whichever one holds. */
const isOneOf = (expected: readonly Buffer[], given: Buffer): boolean =>
  expected.map((digest) => timingSafeEqual(digest, given)).includes(true)

/**
 * The one way each digest is written. `Buffer.from` skips what it does not know, so the shape is checked first; the
 * last base64 character of a 20 or 32 byte digest has two bits that must be zero.
 */
const shapes = {
  sha256: { base64: /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/, hex: /^[0-9a-f]{64}$/ },
  sha1: { base64: /^[A-Za-z0-9+/]{26}[AEIMQUYcgkosw048]=$/, hex: /^[0-9a-f]{40}$/ },
} as const

function digestIn({ algorithm, encoding, prefix = '' }: Hmac, given: string): Buffer | undefined {
  if (!given.startsWith(prefix)) return undefined
  const text = given.slice(prefix.length)
  return shapes[algorithm][encoding].test(text) ? Buffer.from(text, encoding) : undefined
}

const iso8601 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/

/** ms since the epoch, or `undefined` for what is not written in the format. */
function instantOf(format: 'iso8601' | 'epoch_ms', text: string): number | undefined {
  if (format === 'epoch_ms') return /^\d{13}$/.test(text) ? Number(text) : undefined
  const at = iso8601.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? undefined : at
}
