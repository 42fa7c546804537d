/** What `public-keys` runs on: public halves of two keys at most, and nothing else of anybody's. */
import { GetPublicKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { DeskhandError } from '../errors.ts'
import type { PublicKeysRuntime } from '../ports.ts'
import { awsError } from './aws-error.ts'
import { clientConfig, type RuntimeOptions, required, withDefaults } from './runtime-options.ts'

export interface PublicKeysRuntimeOptions extends RuntimeOptions {
  /** ARNs of the keys to publish. */
  keyArns: readonly string[]
}

export function publicKeysRuntime(options: PublicKeysRuntimeOptions): PublicKeysRuntime {
  const { aws, io, log } = withDefaults(options)
  const kms = new KMSClient(clientConfig(aws))
  return {
    log,
    keyArns: options.keyArns,
    publicKeys: {
      async read(keyArn) {
        try {
          const { PublicKey } = await io('kms.public_key', () =>
            kms.send(new GetPublicKeyCommand({ KeyId: keyArn })),
          )
          if (PublicKey !== undefined) return PublicKey
          throw new DeskhandError('unavailable', 'KMS answered without a public key')
        } catch (error) {
          throw awsError(error, 'kms.public_key')
        }
      },
    },
  }
}

/** In Lambda: from IDENTITY_KEY_ARNS, with commas. */
export const cloudPublicKeysRuntime = (): PublicKeysRuntime =>
  publicKeysRuntime({ keyArns: required('IDENTITY_KEY_ARNS').split(',') })
