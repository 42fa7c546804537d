import { Validations } from 'aws-cdk-lib'
import { type HttpApi, HttpMethod, PayloadFormatVersion } from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import { Construct } from 'constructs'
import { DeskhandFunction } from './deskhand-function.ts'
import type { IdentityKeys } from './identity-keys.ts'
import { publicKeysMay } from './permissions.ts'
import type { Settings } from './settings.ts'
import { timeouts } from './timeouts.ts'

export interface PublicKeysProps {
  api: HttpApi
  keys: IdentityKeys
  settings: Settings
}

/** Serves the public keys, by which a tenant's API verifies `Deskhand-Identity`. */
export class PublicKeys extends Construct {
  readonly serve: DeskhandFunction

  constructor(scope: Construct, id: string, { api, keys, settings }: PublicKeysProps) {
    super(scope, id)
    this.serve = new DeskhandFunction(this, 'Serve', {
      path: 'public-keys/public-keys',
      description: 'Deskhand: serves the public keys of Deskhand-Identity',
      timeout: timeouts.publicKeys,
      memorySize: settings.publicKeysMemory,
      environment: { IDENTITY_KEY_ARNS: keys.published.map(({ keyArn }) => keyArn).join(',') },
      logRetention: settings.logRetentionDays,
      reservedConcurrency: undefined,
      permissions: publicKeysMay(keys.published),
    })
    const routes = api.addRoutes({
      path: '/t/{tenant}/.well-known/jwks.json',
      methods: [HttpMethod.GET],
      integration: new HttpLambdaIntegration('PublicKeys', this.serve.handler, {
        payloadFormatVersion: PayloadFormatVersion.VERSION_2_0,
      }),
    })
    for (const route of routes) {
      Validations.of(route).acknowledge({
        id: 'AwsSolutions-APIG4',
        reason: 'Public keys are for everybody: whoever checks a signature must be able to read them.',
      })
    }
  }
}
