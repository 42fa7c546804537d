import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { type IKey, Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms'
import { Construct } from 'constructs'
import { identitySlots, type Settings } from './settings.ts'

/**
 * The keys that sign `Deskhand-Identity`. A key that is not needed any more is deleted with its slot, so that the next
 * one in it is new. KMS does not rotate keys that sign: an operator moves to the other slot.
 */
export class IdentityKeys extends Construct {
  /** Signs. */
  readonly signing: IKey
  /** All whose public halves are served: a new one before it signs, an old one until nothing it signed is good. */
  readonly published: IKey[]

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id)
    const slots = identitySlots.filter(
      (slot) => slot === settings.identityKey || settings.publishBothIdentityKeys,
    )
    const keys = new Map(slots.map((slot) => [slot, this.key(slot)]))
    const signing = keys.get(settings.identityKey)
    if (signing === undefined) throw new Error(`there is no identity key ${settings.identityKey}`)
    this.signing = signing
    this.published = [...keys.values()]
  }

  private key(slot: string): Key {
    return new Key(this, slot.toUpperCase(), {
      description: `Deskhand: signs Deskhand-Identity, slot ${slot}`,
      keySpec: KeySpec.ECC_NIST_P256,
      keyUsage: KeyUsage.SIGN_VERIFY,
      removalPolicy: RemovalPolicy.DESTROY,
      pendingWindow: Duration.days(30),
    })
  }
}
