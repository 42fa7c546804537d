import { createHmac, randomBytes } from 'node:crypto'
import { DeskhandError } from '../errors.ts'
import type { Place, Vault } from '../ports.ts'

/**
 * A vault for what never leaves the process: nothing is encrypted, and a text opens in its own place alone. Its HMAC
 * key is made anew each time, so that no id of a simulation is one of a real effect.
 */
export function createMemoryVault(): Vault {
  const key = randomBytes(32)
  const bound = ({ pk, sk, field }: Place, text: string): string => JSON.stringify([pk, sk, field, text])
  return {
    seal: async (place, text) => new TextEncoder().encode(bound(place, text)),
    open: async (place, sealed) => {
      const text = String((JSON.parse(new TextDecoder().decode(sealed)) as unknown[])[3])
      if (new TextDecoder().decode(sealed) === bound(place, text)) return text
      throw new DeskhandError('bad_configuration', `a ${place.field} was sealed for another row or field`)
    },
    hmac: async (text) => createHmac('sha256', key).update(text).digest('base64url'),
  }
}
