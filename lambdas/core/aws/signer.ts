import { type KMSClient, SignCommand } from '@aws-sdk/client-kms'
import { DeskhandError } from '../errors.ts'
import { joseSignature } from '../identity/jose-signature.ts'
import { keyIdOf } from '../identity/key-id.ts'
import type { Io, Signer } from '../ports.ts'
import { awsError } from './aws-error.ts'

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html */
const longestMessage = 4096

/** Signs with an ECC_NIST_P256 key of KMS. `keyArn` ends in the key's id, which is its `kid`. */
export function createSigner(options: { kms: KMSClient; keyArn: string; io: Io }): Signer {
  const { kms, keyArn, io } = options
  return {
    kid: keyIdOf(keyArn),
    async sign(text) {
      if (Buffer.byteLength(text) > longestMessage) {
        throw new DeskhandError(
          'bad_configuration',
          'it is too long to be signed; shorten the URL that is called',
        )
      }
      const command = new SignCommand({
        KeyId: keyArn,
        Message: Buffer.from(text),
        MessageType: 'RAW',
        SigningAlgorithm: 'ECDSA_SHA_256',
      })
      try {
        const { Signature } = await io('kms.sign', () => kms.send(command))
        if (Signature === undefined)
          throw new DeskhandError('unavailable', 'KMS answered without a signature')
        return joseSignature(Signature)
      } catch (error) {
        throw awsError(error, 'kms.sign')
      }
    },
  }
}
