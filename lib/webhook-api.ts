import { CfnOutput, Duration } from 'aws-cdk-lib'
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway'
import {
  DomainName,
  HttpApi,
  HttpStage,
  LogGroupLogDestination,
  SecurityPolicy,
} from 'aws-cdk-lib/aws-apigatewayv2'
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager'
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { alarmAbove } from './alarm.ts'
import type { Settings } from './settings.ts'

/** The one front door: routes are added by each helpdesk, all else is 404. */
export class WebhookApi extends Construct {
  readonly api: HttpApi
  readonly latency: Metric
  readonly serverErrors: Metric

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id)
    this.api = new HttpApi(this, 'Api', {
      apiName: 'Deskhand',
      description: 'Deskhand: webhooks of helpdesks',
      createDefaultStage: false,
    })
    const logs = new LogGroup(this, 'AccessLogs', { retention: settings.logRetentionDays })
    const domainName = this.domain(settings)
    new HttpStage(this, 'Stage', {
      httpApi: this.api,
      ...(domainName && { domainMapping: { domainName } }),
      autoDeploy: true,
      throttle: { rateLimit: settings.throttleRate, burstLimit: settings.throttleBurst },
      accessLogSettings: {
        destination: new LogGroupLogDestination(logs),
        // The caller is a helpdesk's server or an attacker, never a customer: its address may be kept.
        format: AccessLogFormat.custom(
          JSON.stringify({
            requestId: '$context.requestId',
            route: '$context.routeKey',
            status: '$context.status',
            caller: '$context.identity.sourceIp',
            ms: '$context.responseLatency',
            integrationMs: '$context.integrationLatency',
            integrationError: '$context.integrationErrorMessage',
          }),
        ),
      },
    })
    const period = Duration.minutes(5)
    this.latency = this.api.metricLatency({ period, statistic: 'p99' })
    this.serverErrors = this.api.metricServerError({ period, statistic: 'Sum' })
    alarmAbove(
      this,
      'ServerErrors',
      this.serverErrors,
      0,
      'A webhook was answered 5xx: the store is down, or receive is throttled or crashing. Helpdesks send some of them again.',
    )
  }
  /** A name of the operator's own, with what its DNS record needs. */
  private domain({ domainName, certificateArn }: Settings): DomainName | undefined {
    if (domainName === undefined || certificateArn === undefined) return undefined
    const domain = new DomainName(this, 'Domain', {
      domainName,
      certificate: Certificate.fromCertificateArn(this, 'Certificate', certificateArn),
      securityPolicy: SecurityPolicy.TLS_1_2,
    })
    new CfnOutput(this, 'DomainTarget', {
      value: domain.regionalDomainName,
      description: `What ${domainName} must point to: a CNAME record, or an alias in Route 53`,
    }).overrideLogicalId('DomainTarget')
    new CfnOutput(this, 'DomainZone', {
      value: domain.regionalHostedZoneId,
      description: 'The hosted zone of that target, for an alias in Route 53',
    }).overrideLogicalId('DomainZone')
    return domain
  }
}
