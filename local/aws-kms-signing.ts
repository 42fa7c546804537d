import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { keyArn } from './aws-kms.ts'
import { type Input, type Operations, onlyOwn, refuse, text } from './aws-service.ts'
import type { AwsState } from './aws-state.ts'

const algorithm = 'ECDSA_SHA_256'
/** https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html */
const longestMessage = 4096
const idOf = (keyId: string): string => keyId.slice(keyId.lastIndexOf('/') + 1)

/** A private key on P-256: PKCS #8 in DER, base64. */
export const newSigningKey = (): string =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'der' })
    .toString('base64')

/** KMS: Sign and GetPublicKey with ECC_NIST_P256 keys. A session of the tenant role signs, and reads no public key. */
export function signing(state: AwsState): Operations {
  const keyOf = (input: Input): { id: string; key: KeyObject } => {
    const id = idOf(text(input, 'KeyId'))
    if (id in state.keys) refuse('InvalidKeyUsageException', `${id} is no key that signs`)
    const der = state.signingKeys[id] ?? refuse('NotFoundException', `no key ${id}`)
    return { id, key: createPrivateKey({ key: Buffer.from(der, 'base64'), type: 'pkcs8', format: 'der' }) }
  }
  return {
    Sign(input) {
      const { id, key } = keyOf(input)
      if (input.MessageType !== 'RAW') refuse('ValidationException', 'only MessageType RAW is served here')
      if (input.SigningAlgorithm !== algorithm)
        refuse('InvalidKeyUsageException', `this key signs by ${algorithm}`)
      const message = Buffer.from(text(input, 'Message'), 'base64')
      if (message.length > longestMessage) refuse('ValidationException', 'a message has at most 4096 bytes')
      // KMS answers DER, as node does unless told otherwise.
      const signature = sign('sha256', message, key)
      return {
        KeyId: keyArn(id),
        Signature: signature.toString('base64'),
        SigningAlgorithm: algorithm,
      }
    },
    GetPublicKey(input, caller) {
      onlyOwn(caller, 'kms:GetPublicKey')
      const { id, key } = keyOf(input)
      return {
        KeyId: keyArn(id),
        KeySpec: 'ECC_NIST_P256',
        KeyUsage: 'SIGN_VERIFY',
        SigningAlgorithms: [algorithm],
        PublicKey: createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64'),
      }
    },
  }
}
