import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { type Caller, type Input, type Operations, refuse, text } from './aws-service.ts'
import type { AwsState } from './aws-state.ts'

const nonceBytes = 12
const tagBytes = 16

export const keyArn = (id: string): string => `arn:aws:kms:local:000000000000:key/${id}`
const idOf = (keyId: string): string => keyId.slice(keyId.lastIndexOf('/') + 1)

/**
 * KMS: GenerateDataKey and Decrypt under 256-bit keys. The encryption context is authenticated, so another one does
 * not decrypt; a session of the tenant role must name its own tenant in it.
 */
export function kms(state: AwsState): Operations {
  const material = (keyId: string): Buffer =>
    Buffer.from(state.keys[idOf(keyId)] ?? refuse('NotFoundException', `no key ${keyId}`), 'base64')

  return {
    GenerateDataKey(input, caller) {
      mayUse(caller, input)
      if (input.KeySpec !== 'AES_256') refuse('ValidationException', 'KeySpec must be AES_256')
      const keyId = idOf(text(input, 'KeyId'))
      const plaintext = randomBytes(32)
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', material(keyId), nonce).setAAD(contextOf(input))
      const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()])
      const blob = Buffer.concat([Buffer.from(`${keyId}\n`), nonce, cipher.getAuthTag(), sealed])
      return {
        KeyId: keyArn(keyId),
        Plaintext: plaintext.toString('base64'),
        CiphertextBlob: blob.toString('base64'),
      }
    },
    Decrypt(input, caller) {
      mayUse(caller, input)
      const blob = Buffer.from(text(input, 'CiphertextBlob'), 'base64')
      const keyId = blob.subarray(0, Math.max(0, blob.indexOf('\n'))).toString()
      if (!(keyId in state.keys)) refuse('InvalidCiphertextException', '')
      if (typeof input.KeyId === 'string' && idOf(input.KeyId) !== keyId) refuse('IncorrectKeyException', '')
      return { KeyId: keyArn(keyId), Plaintext: decrypt(blob.subarray(keyId.length + 1), keyId, input) }
    },
  }

  function decrypt(sealed: Buffer, keyId: string, input: Input): string {
    try {
      const decipher = createDecipheriv('aes-256-gcm', material(keyId), sealed.subarray(0, nonceBytes))
        .setAAD(contextOf(input))
        .setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes))
      const plaintext = decipher.update(sealed.subarray(nonceBytes + tagBytes))
      return Buffer.concat([plaintext, decipher.final()]).toString('base64')
    } catch {
      return refuse('InvalidCiphertextException', '')
    }
  }
}

function mayUse(caller: Caller, input: Input): void {
  const context = (input.EncryptionContext ?? {}) as Record<string, unknown>
  if (caller.tenant !== undefined && context.tenant !== caller.tenant) {
    refuse('AccessDeniedException', "the tenant role allows its own tenant's encryption context only")
  }
}

/** The same bytes for the same context, whatever the order of its entries. */
function contextOf(input: Input): Buffer {
  const context = (input.EncryptionContext ?? {}) as Record<string, string>
  const entries = Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))
  return Buffer.from(JSON.stringify(entries))
}
