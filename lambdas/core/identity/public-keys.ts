/** The public halves of the keys that sign `Deskhand-Identity`, as a set of RFC 7517. */
import { createPublicKey } from 'node:crypto'
import type { PublicKeys } from '../ports.ts'
import { keyIdOf } from './key-id.ts'

/** One key, as tenants' JWT libraries read it. */
export interface PublishedKey {
  kty: 'EC'
  crv: 'P-256'
  x: string
  y: string
  kid: string
  alg: 'ES256'
  use: 'sig'
}
export interface KeySet {
  keys: PublishedKey[]
}

/** Reads each key once per process: the public half of a KMS key never changes. A failure is not kept. */
export function createKeySet(publicKeys: PublicKeys, keyArns: readonly string[]): () => Promise<KeySet> {
  let reading: Promise<KeySet> | undefined
  return async () => {
    const mine = reading ?? readAll(publicKeys, keyArns)
    reading = mine
    try {
      return await mine
    } catch (error) {
      reading = undefined
      throw error
    }
  }
}

async function readAll(publicKeys: PublicKeys, keyArns: readonly string[]): Promise<KeySet> {
  return { keys: await Promise.all(keyArns.map(async (arn) => published(arn, await publicKeys.read(arn)))) }
}

function published(keyArn: string, spki: Uint8Array): PublishedKey {
  const key = createPublicKey({ key: Buffer.from(spki), type: 'spki', format: 'der' })
  const { x = '', y = '' } = key.export({ format: 'jwk' })
  return { kty: 'EC', crv: 'P-256', x, y, kid: keyIdOf(keyArn), alg: 'ES256', use: 'sig' }
}
