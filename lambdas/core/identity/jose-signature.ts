import { DeskhandError } from '../errors.ts'

/** Bytes of one number of a P-256 signature. */
const numberBytes = 32

/**
 * An ECDSA signature on P-256 as KMS gives it (DER, RFC 3279: SEQUENCE of the integers r and s) in the form of
 * RFC 7518, section 3.4: r and s, 32 bytes each, big endian. Throws `unavailable` for anything else: then nothing may
 * be sent with it.
 */
export function joseSignature(der: Uint8Array): Uint8Array {
  const bytes = Buffer.from(der)
  // Both integers have at most 33 bytes, so every length is a single byte.
  if (bytes[0] !== 0x30 || bytes[1] !== bytes.length - 2) throw malformed()
  const r = integerAt(bytes, 2)
  const s = integerAt(bytes, r.end)
  if (s.end !== bytes.length) throw malformed()
  return new Uint8Array(Buffer.concat([padded(r.value), padded(s.value)]))
}

function integerAt(bytes: Buffer, start: number): { value: Buffer; end: number } {
  const length = bytes[start + 1] ?? 0
  const end = start + 2 + length
  if (bytes[start] !== 0x02 || length === 0 || end > bytes.length) throw malformed()
  return { value: bytes.subarray(start + 2, end), end }
}

/** DER writes the fewest bytes, and a zero before a first bit of 1; JOSE writes exactly 32. */
function padded(integer: Buffer): Buffer {
  const first = integer.findIndex((byte) => byte !== 0)
  const digits = first === -1 ? Buffer.alloc(0) : integer.subarray(first)
  if (digits.length === 0 || digits.length > numberBytes) throw malformed()
  return Buffer.concat([Buffer.alloc(numberBytes - digits.length), digits])
}

const malformed = (): DeskhandError =>
  new DeskhandError('unavailable', 'KMS answered with something that is no P-256 signature')
