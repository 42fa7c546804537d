import { Aws, CfnOutput, Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib'
import {
  AccountRecovery,
  FeaturePlan,
  Mfa,
  OAuthScope,
  ResourceServerScope,
  UserPool,
  type UserPoolClient,
} from 'aws-cdk-lib/aws-cognito'
import { Construct } from 'constructs'

/** Where a browser ends up with its code: on the machine of whoever signs in. No server need listen there. */
const callbackUrl = 'http://localhost:8976/'

/**
 * Who can sign in to the admin API, where the company brings no issuer of its own. It says who somebody is and nothing
 * of what they may do: roles are rows of ours.
 */
export class AdminUsers extends Construct {
  /** `iss` of their tokens. */
  readonly issuer: string
  /** `client_id` of their tokens. */
  readonly client: UserPoolClient
  /**
   * What an access token for the admin API carries. ID tokens have no scope, tokens from Cognito's own API have
   * another one, so that neither counts here; and with this one alone nobody can change a second factor.
   */
  readonly scope: string

  constructor(scope: Construct, id: string) {
    super(scope, id)
    const pool = new UserPool(this, 'Pool', {
      selfSignUpEnabled: false,
      signInAliases: { email: true },
      signInCaseSensitive: false,
      mfa: Mfa.REQUIRED,
      mfaSecondFactor: { otp: true, sms: false },
      passwordPolicy: {
        minLength: 14,
        requireDigits: true,
        requireLowercase: true,
        requireUppercase: true,
        requireSymbols: true,
        tempPasswordValidity: Duration.days(1),
      },
      // By an operator, who knows whom they are talking to.
      accountRecovery: AccountRecovery.NONE,
      featurePlan: FeaturePlan.LITE,
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    })
    Validations.of(pool).acknowledge({
      id: 'AwsSolutions-COG8',
      reason:
        'A few operators, made by hand, each with a second factor: guessing a password opens nothing, and Plus has a price per person.',
    })
    const admin = new ResourceServerScope({ scopeName: 'admin', scopeDescription: 'Call the admin API' })
    const server = pool.addResourceServer('Api', { identifier: 'deskhand', scopes: [admin] })
    this.scope = `deskhand/${admin.scopeName}`
    this.client = pool.addClient('Client', {
      generateSecret: false,
      // The sign-in page's own. Left out, Cognito would add more.
      authFlows: { userSrp: true },
      oAuth: {
        flows: { authorizationCodeGrant: true },
        scopes: [OAuthScope.resourceServer(server, admin)],
        callbackUrls: [callbackUrl],
      },
      accessTokenValidity: Duration.hours(1),
      refreshTokenValidity: Duration.hours(12),
      enableTokenRevocation: true,
      preventUserExistenceErrors: true,
    })
    this.issuer = pool.userPoolProviderUrl
    // Unique in its region among all accounts, so it has ours in it.
    const domain = pool.addDomain('SignIn', {
      cognitoDomain: { domainPrefix: `deskhand-${Aws.ACCOUNT_ID}` },
    })

    const stack = Stack.of(this)
    new CfnOutput(stack, 'AdminUserPoolId', { value: pool.userPoolId })
    new CfnOutput(stack, 'AdminClientId', { value: this.client.userPoolClientId })
    new CfnOutput(stack, 'AdminSignInUrl', {
      value: domain.baseUrl(),
      description: 'Where admins sign in: docs/admin-api.md, "Who may call", has the commands',
    })
  }
}
