import { cloudPublicKeysRuntime } from '../core/aws/public-keys-runtime.ts'
import { createPublicKeys } from '../core/serve-public-keys.ts'

/** Answers with the keys that `Deskhand-Identity` is signed by. */
export const handler = createPublicKeys(cloudPublicKeysRuntime())
