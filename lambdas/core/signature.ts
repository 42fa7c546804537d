import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { BasicPassword, Hmac, PlainHash, SharedSecret, Signature } from './helpdesk.ts'

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

/** A request as it was sent. `url`: our public one, with the query it came with. */
export interface SignedRequest {
  method: string
  url: string
  headers: Headers
  rawBody: Uint8Array
}

/**
 * Was this request sent by someone who knows one of the secrets? Compares digests of equal length in constant time,
 * tries every secret whatever the first one says, and does the same work when there is none. `signatures` are the
 * schemes that the connection accepts, in order of preference. Never throws.
 */
export function verify(
  signatures: readonly [Signature, ...Signature[]],
  request: SignedRequest,
  secrets: readonly string[],
  now: number,
): Verdict {
  // No fallback: whoever can strip a header must not choose the weaker scheme by spoiling the stronger one.
  const signature = signatures.find((one) => headersOf(one).some((name) => request.headers.has(name)))
  const scheme = signature ?? signatures[0]
  const usable = secrets.filter((secret) => secret.length > 0 && !isPublished(scheme, secret))
  const tried = usable.length > 0 ? usable : ['no secret: the same work is done']
  const verdict = verifiers[scheme.scheme](scheme as never, request, tried, now)
  return usable.length > 0 ? verdict : refuse('no_active_secret')
}

function headersOf(signature: Signature): string[] {
  switch (signature.scheme) {
    case 'hmac':
      return [signature.header, ...(signature.timestamp ? [signature.timestamp.header] : [])]
    case 'basic':
      return ['authorization']
    default:
      return [signature.header]
  }
}

type Verifier<S> = (signature: S, request: SignedRequest, secrets: readonly string[], now: number) => Verdict

const verifyHmac: Verifier<Hmac> = (signature, request, secrets, now) => {
  const { headers } = request
  const timestampValues = signature.timestamp ? (headers.get(signature.timestamp.header) ?? []) : ['']
  const [timestamp, ...moreTimestamps] = timestampValues
  const expected = secrets.map((secret) => digestOf(signature, secret, timestamp ?? '', request))

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

const verifyHash: Verifier<PlainHash> = (signature, { headers, rawBody }, secrets) => {
  const expected = secrets.map((secret) =>
    createHash(signature.algorithm).update(secret, 'utf8').update(rawBody).digest(),
  )
  const [given, ...more] = headers.get(signature.header) ?? []
  if (given === undefined) return refuse('signature_missing')
  const versions = signature.version ? (headers.get(signature.version.header) ?? []) : []
  if (more.length > 0 || versions.length > 1) return refuse('signature_repeated')
  if (versions[0] !== signature.version?.value) return refuse('signature_malformed')
  const digest = digestIn(signature, given)
  if (digest === undefined) return refuse('signature_malformed')
  return isOneOf(expected, digest) ? { ok: true } : refuse('signature_wrong')
}

const verifySharedSecret: Verifier<SharedSecret> = ({ header }, { headers }, secrets) =>
  isKnown(headers.get(header) ?? [], secrets)

const verifyBasic: Verifier<BasicPassword> = ({ user }, { headers }, secrets) =>
  isKnown(
    headers.get('authorization') ?? [],
    secrets.map((secret) => `Basic ${Buffer.from(`${user}:${secret}`, 'utf8').toString('base64')}`),
  )

/** Hashed first, so that the comparison is of equal lengths and tells nothing about the secret's. */
function isKnown([given, ...more]: readonly string[], expected: readonly string[]): Verdict {
  const known = isOneOf(expected.map(sha256), sha256(given ?? ''))
  if (given === undefined) return refuse('signature_missing')
  if (more.length > 0) return refuse('signature_repeated')
  return known ? { ok: true } : refuse('signature_wrong')
}

const verifiers = {
  hmac: verifyHmac,
  hash: verifyHash,
  shared_secret: verifySharedSecret,
  basic: verifyBasic,
} satisfies { [S in Signature['scheme']]: Verifier<never> }

const refuse = (cause: SignatureCause): Verdict => ({ ok: false, cause })

const isPublished = (signature: Signature, secret: string): boolean =>
  signature.scheme === 'hmac' && (signature.published ?? []).includes(secret)

const sha256 = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest()

/** The key is the secret's UTF-8 text as the helpdesk shows it; it is never decoded. */
function digestOf(signature: Hmac, secret: string, timestamp: string, request: SignedRequest): Buffer {
  const hmac = createHmac(signature.algorithm, secret)
  const { method, rawBody } = request
  const url = signature.spelled?.(request.url) ?? request.url
  const parts = { method, url, timestamp, body: rawBody }
  for (const part of signature.covers) hmac.update(parts[part])
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

function digestIn(signature: Hmac | PlainHash, given: string): Buffer | undefined {
  const { algorithm, encoding } = signature
  const prefix = 'prefix' in signature ? (signature.prefix ?? '') : ''
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
