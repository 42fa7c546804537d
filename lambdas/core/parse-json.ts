/** Most bytes of a webhook body. Vendors send tens of kilobytes. */
export const maxBodyBytes = 1_048_576
const maxDepth = 32

export type ParsedJson =
  | { ok: true; value: unknown }
  | { ok: false; cause: 'too_large' | 'too_deep' | 'not_utf8' | 'not_json' }

/**
 * Parses untrusted JSON bytes: at most `maxBytes`, at most 32 levels, valid UTF-8. The depth is counted before
 * parsing. `__proto__` becomes an own property like any other, so nothing is polluted. Never throws.
 */
export function parseJson(bytes: Uint8Array, maxBytes = maxBodyBytes): ParsedJson {
  if (bytes.byteLength > maxBytes) return { ok: false, cause: 'too_large' }
  if (isTooDeep(bytes)) return { ok: false, cause: 'too_deep' }
  const text = decode(bytes)
  if (text === undefined) return { ok: false, cause: 'not_utf8' }
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch {
    return { ok: false, cause: 'not_json' }
  }
}

/** UTF-8 without its byte order mark, or `undefined` where the bytes are not UTF-8. */
function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

const quote = 0x22
const backslash = 0x5c
const opening = new Set([0x5b, 0x7b])
const closing = new Set([0x5d, 0x7d])

/** Every byte of a multi-byte UTF-8 character is 0x80 or above, so plain bytes can be counted. */
function isTooDeep(bytes: Uint8Array): boolean {
  let depth = 0
  let inString = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    if (inString) {
      if (byte === backslash) i++
      else if (byte === quote) inString = false
    } else if (byte === quote) inString = true
    else if (opening.has(byte)) {
      depth++
      if (depth > maxDepth) return true
    } else if (closing.has(byte)) depth--
  }
  return false
}
