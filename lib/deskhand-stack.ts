import { CfnOutput, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { Alarm } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { Key } from 'aws-cdk-lib/aws-kms'
import { Topic } from 'aws-cdk-lib/aws-sns'
import type { Construct } from 'constructs'
import { helpdeskNames } from '../schemas/names.ts'
import { AdminApi } from './admin-api.ts'
import { Budgets } from './budgets.ts'
import { ConnectionAlarms } from './connection-alarms.ts'
import { dashboard } from './dashboard.ts'
import { HelpdeskEndpoint } from './helpdesk-endpoint.ts'
import { IdentityKeys } from './identity-keys.ts'
import { Jobs } from './jobs.ts'
import { tenantGrants, tenantMay, tenantOutboundSecrets } from './permissions.ts'
import { PublicKeys } from './public-keys.ts'
import { readSettings } from './settings.ts'
import { StaticEgress } from './static-egress.ts'
import type { StorageStack } from './storage-stack.ts'
import { Sweeper } from './sweeper.ts'
import { TenantRole } from './tenant-role.ts'
import { WebhookApi } from './webhook-api.ts'

/** Everything that runs. It holds no data: it can be destroyed and deployed again. */
export class DeskhandStack extends Stack {
  constructor(scope: Construct, id: string, storage: StorageStack) {
    super(scope, id, { description: 'Deskhand: webhooks, turns, sweeper, admin API' })
    const settings = readSettings(this.node)

    // Destroyed with the stack: messages are only hints, the tables are the truth.
    const queuesKey = new Key(this, 'QueuesKey', {
      description: 'Deskhand: queues at rest',
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const webhooks = new WebhookApi(this, 'Webhooks', settings)
    const egress = settings.vpc ? new StaticEgress(this, 'Egress', { settings, storage }) : undefined
    const endpoints = helpdeskNames.map(
      (helpdesk) =>
        new HelpdeskEndpoint(this, helpdesk, {
          helpdesk,
          webhooks,
          storage,
          queuesKey,
          settings,
          network: egress?.network,
        }),
    )
    const identityKeys = new IdentityKeys(this, 'IdentityKeys', settings)
    new TenantRole(this, 'Tenant', {
      description: 'Deskhand: one tenant, by session tag',
      functions: endpoints.map(({ answer }) => answer),
      signingKey: identityKeys.signing,
      permissions: tenantMay(storage, identityKeys.signing),
      secrets: [tenantOutboundSecrets, tenantGrants],
    })
    new PublicKeys(this, 'PublicKeys', { api: webhooks.api, keys: identityKeys, settings })
    const jobs = new Jobs(this, 'Jobs', { storage, queuesKey, settings })
    const sweeper = new Sweeper(this, 'Sweeper', { endpoints, jobs, storage, queuesKey, settings })
    new AdminApi(this, 'Admin', {
      webhooks,
      endpoints,
      jobs,
      network: egress?.network,
      storage,
      queuesKey,
      signingKey: identityKeys.signing,
      settings,
    })
    new ConnectionAlarms(this, 'Connections')
    new Budgets(this, 'Budgets', settings)
    dashboard(this, { api: webhooks, endpoints, sweeper })

    if (settings.alarmTopicArn) {
      const operators = new SnsAction(Topic.fromTopicArn(this, 'Operators', settings.alarmTopicArn))
      for (const construct of this.node.findAll()) {
        if (construct instanceof Alarm) construct.addAlarmAction(operators)
      }
    }

    new CfnOutput(this, 'PublicKeysUrl', {
      value: `${webhooks.publicUrl}/t/{tenant}/.well-known/jwks.json`,
      description: "Where a tenant's API finds the keys that Deskhand-Identity is signed by",
    })
    new CfnOutput(this, 'Queues', {
      value: this.toJsonString(
        Object.fromEntries(
          endpoints.map(({ helpdesk, queue, deadLetters }) => [
            helpdesk,
            { queue: queue.queueUrl, deadLetters: deadLetters.queueUrl },
          ]),
        ),
      ),
      description: 'For npm run ops: cdk deploy --outputs-file outputs.json',
    })
    new CfnOutput(this, 'WebhookUrl', {
      value: `${webhooks.publicUrl}/webhooks/{helpdesk}/{connectionId}`,
      description: `What a connection's webhook is to be sent to; {helpdesk} is one of: ${helpdeskNames.join(', ')}`,
    })
  }
}
