/** Reads the body of an answer: one content coding at most, decoded bytes counted, UTF-8 or nothing. */
import type { IncomingMessage } from 'node:http'
import type { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { failure } from './dial.ts'

const decoders: Record<string, () => Transform> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
}

/** The body as text. Rejects with a `failure`: `too_large` above `maxBytes` decoded bytes, or `bad_encoding`. */
export async function readBody(
  response: IncomingMessage,
  maxBytes: number,
  signal: AbortSignal,
): Promise<string> {
  const decoder = decoderOf(response)
  const chunks: Buffer[] = []
  let bytes = 0
  const collect = async (body: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of body) {
      bytes += chunk.length
      if (bytes > maxBytes) throw failure('too_large', `its answer is larger than ${maxBytes} bytes`)
      chunks.push(chunk)
    }
  }
  try {
    await (decoder === undefined
      ? pipeline(response, collect, { signal })
      : pipeline(response, decoder, collect, { signal }))
  } catch (error) {
    throw isDecodingError(error) ? failure('bad_encoding', 'its answer cannot be decompressed') : error
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch {
    throw failure('bad_encoding', 'its answer is not UTF-8 text')
  }
}

function decoderOf(response: IncomingMessage): Transform | undefined {
  if (response.statusCode === 204 || response.headers['content-length'] === '0') return undefined
  const codings = (response.headers['content-encoding'] ?? '')
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity')
  const [coding] = codings
  if (coding === undefined) return undefined
  if (codings.length > 1) throw failure('bad_encoding', 'its answer is compressed more than once')
  if (!Object.hasOwn(decoders, coding))
    throw failure('bad_encoding', 'its answer has an unknown content coding')
  return decoders[coding]?.()
}

/** zlib's codes begin with Z_, brotli's with ERR__ERROR_ or ERR_BROTLI_. */
const isDecodingError = (error: unknown): boolean =>
  /^(?:Z_|ERR__ERROR_|ERR_BROTLI_)/.test((error as NodeJS.ErrnoException | null)?.code ?? '')
