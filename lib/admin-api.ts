import { Aws, CfnOutput, Stack, Validations } from 'aws-cdk-lib'
import { HttpMethod, PayloadFormatVersion } from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpIamAuthorizer, HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import { Construct } from 'constructs'
import { acknowledgeClaude, claudeVariables } from './claude-access.ts'
import { DeskhandFunction } from './deskhand-function.ts'
import type { HelpdeskEndpoint } from './helpdesk-endpoint.ts'
import type { Jobs } from './jobs.ts'
import {
  adminMay,
  askClaude,
  tenantAdminMay,
  tenantInboundSecrets,
  tenantOutboundSecrets,
} from './permissions.ts'
import type { Settings } from './settings.ts'
import type { Network } from './static-egress.ts'
import type { StorageStack } from './storage-stack.ts'
import { TenantRole } from './tenant-role.ts'
import { timeouts } from './timeouts.ts'
import type { WebhookApi } from './webhook-api.ts'

export interface AdminApiProps {
  webhooks: WebhookApi
  endpoints: HelpdeskEndpoint[]
  jobs: Jobs
  /** Fixed addresses to call helpdesks and tenants' APIs from. */
  network: Network | undefined
  storage: StorageStack
  queuesKey: IKey
  signingKey: IKey
  settings: Settings
}

/** Routes that are for anyone, and why. */
const forAnyone = {
  '/admin/openapi.json': 'The document says what can be asked, and nothing of anybody.',
  '/oauth/callback':
    'A provider sends a browser here, which has no token: the state it carries is checked, and nothing is linked before whoever began it ends it signed in.',
}

/** The admin API: people come with a token, automation with a signature of AWS. What they may do, our own rows say. */
export class AdminApi extends Construct {
  readonly admin: DeskhandFunction

  constructor(scope: Construct, id: string, props: AdminApiProps) {
    super(scope, id)
    const { webhooks, endpoints, jobs, storage, queuesKey, signingKey, settings } = props
    const { api } = webhooks
    this.admin = new DeskhandFunction(this, 'Call', {
      path: 'admin/admin',
      description: 'Deskhand: answers calls of the admin API',
      timeout: timeouts.admin,
      memorySize: settings.adminMemory,
      environment: {
        CONVERSATIONS_TABLE: storage.conversations.tableName,
        CONFIGURATION_TABLE: storage.configuration.tableName,
        QUEUE_URLS: Stack.of(this).toJsonString(
          Object.fromEntries([
            ...endpoints.map(({ helpdesk, queue }) => [helpdesk, queue.queueUrl]),
            ['jobs', jobs.queue.queueUrl],
          ]),
        ),
        CONTENT_KEY_ID: storage.contentKey.keyArn,
        SECRETS_KEY_ID: storage.secretsKey.keyArn,
        ...claudeVariables(storage, settings),
        PUBLIC_URL: webhooks.publicUrl,
        OWN_HOSTS: webhooks.ownHosts,
      },
      logRetention: settings.logRetentionDays,
      reservedConcurrency: undefined,
      network: props.network,
      bedrock: settings.model === 'bedrock',
      permissions: [
        ...adminMay(storage, [...endpoints.map(({ queue }) => queue), jobs.queue], queuesKey),
        ...askClaude(storage, settings),
      ],
    })
    acknowledgeClaude(this.admin, settings)
    new TenantRole(this, 'Tenant', {
      description: 'Deskhand: one tenant, by session tag, for its admins',
      functions: [this.admin],
      signingKey,
      permissions: tenantAdminMay(storage, signingKey),
      secrets: [tenantInboundSecrets, tenantOutboundSecrets],
    })

    const integration = new HttpLambdaIntegration('Admin', this.admin.handler, {
      payloadFormatVersion: PayloadFormatVersion.VERSION_2_0,
    })
    const people = vouchedFor(storage, settings)
    const routes = [
      // API Gateway keeps the issuer's public keys for up to two hours, and no decision: each token is verified.
      ...api.addRoutes({
        path: '/admin/{proxy+}',
        methods: [HttpMethod.ANY],
        integration,
        authorizer: new HttpJwtAuthorizer('AdminTokens', people.issuer, { jwtAudience: [people.audience] }),
        authorizationScopes: people.scopes,
      }),
      ...api.addRoutes({
        path: '/iam/admin/{proxy+}',
        methods: [HttpMethod.ANY],
        integration,
        authorizer: new HttpIamAuthorizer(),
      }),
      ...Object.entries(forAnyone).flatMap(([path, reason]) => {
        const open = api.addRoutes({ path, methods: [HttpMethod.GET], integration })
        for (const route of open) Validations.of(route).acknowledge({ id: 'AwsSolutions-APIG4', reason })
        return open
      }),
    ]
    webhooks.limit(routes, { rate: settings.adminThrottleRate, burst: settings.adminThrottleBurst })

    const stack = Stack.of(this)
    new CfnOutput(stack, 'AdminUrl', { value: `${webhooks.publicUrl}/admin` })
    new CfnOutput(stack, 'AdminIssuer', {
      value: people.issuer,
      description: 'The issuer of admins, as `npm run operators` and members name it',
    })
    new CfnOutput(stack, 'AdminAutomationArn', {
      value: `arn:${Aws.PARTITION}:execute-api:${Aws.REGION}:${Aws.ACCOUNT_ID}:${api.apiId}/$default/*/iam/admin/*`,
      description: 'What a role of this account must be allowed to execute-api:Invoke to call /iam/admin',
    })
  }
}

/** Whose tokens are taken, and what they must have been made for. */
function vouchedFor(
  { adminUsers }: StorageStack,
  { adminIssuer, adminAudience }: Settings,
): { issuer: string; audience: string; scopes: string[] } {
  // Its audience is for access tokens of this API alone: which scopes they have is that issuer's to say.
  if (adminIssuer !== undefined && adminAudience !== undefined)
    return { issuer: adminIssuer, audience: adminAudience, scopes: [] }
  if (adminUsers === undefined) throw new Error('nobody vouches for those who call the admin API')
  const { issuer, client, scope } = adminUsers
  return { issuer, audience: client.userPoolClientId, scopes: [scope] }
}
