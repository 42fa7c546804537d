/** Text that may have been cut, how long it was, and whether it was. */
export interface Truncated {
  text: string
  /** UTF-8 bytes before the cut. */
  bytes: number
  cut: boolean
}

/**
 * At most `maxBytes` UTF-8 bytes of `text`, never half a character, then a mark that says so:
 * `…[cut: 16384 of 65536 bytes shown]`. The mark comes on top of `maxBytes`.
 */
export function truncate(text: string, maxBytes: number): Truncated {
  const bytes = Buffer.byteLength(text)
  if (bytes <= maxBytes) return { text, bytes, cut: false }
  const buffer = Buffer.from(text)
  let end = maxBytes
  while (end > 0 && isContinuation(buffer[end])) end--
  return {
    text: `${buffer.toString('utf8', 0, end)}…[cut: ${end} of ${bytes} bytes shown]`,
    bytes,
    cut: true,
  }
}

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80
