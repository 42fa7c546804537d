import { CfnOutput, Duration, Fn } from 'aws-cdk-lib'
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway'
import {
  type CfnRoute,
  type CfnStage,
  DomainName,
  HttpApi,
  type HttpRoute,
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

/** The one front door: routes are added by each helpdesk, the public keys and the admin API, all else is 404. */
export class WebhookApi extends Construct {
  readonly api: HttpApi
  readonly latency: Metric
  readonly serverErrors: Metric
  /** Where we are reached, without a slash at its end. */
  readonly publicUrl: string
  /** Our hosts, with commas between them: no tool of a tenant may call our own front door. */
  readonly ownHosts: string

  readonly #stage: HttpStage

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id)
    this.api = new HttpApi(this, 'Api', {
      apiName: 'Deskhand',
      description: 'Deskhand: webhooks of helpdesks, admin API',
      createDefaultStage: false,
    })
    this.publicUrl = settings.publicUrl ?? this.api.apiEndpoint
    this.ownHosts = [this.api.apiEndpoint, ...(settings.publicUrl ? [settings.publicUrl] : [])]
      .map((url) => Fn.select(2, Fn.split('/', url))) // https://<host>
      .join(',')
    const logs = new LogGroup(this, 'AccessLogs', { retention: settings.logRetentionDays })
    const domainName = this.domain(settings)
    this.#stage = new HttpStage(this, 'Stage', {
      httpApi: this.api,
      ...(domainName && { domainMapping: { domainName } }),
      autoDeploy: true,
      throttle: { rateLimit: settings.throttleRate, burstLimit: settings.throttleBurst },
      accessLogSettings: {
        destination: new LogGroupLogDestination(logs),
        // The caller is a helpdesk's server, an admin or an attacker, never a customer: its address may be kept.
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
      'A webhook or a call of the admin API was answered 5xx: the store is down, or a function is throttled or crashing. The access log names the route. Helpdesks send some webhooks again.',
    )
  }

  /** Takes fewer calls of these routes, of each by itself, than the stage takes of the others. */
  limit(routes: HttpRoute[], most: { rate: number; burst: number }): void {
    const stage = this.#stage.node.defaultChild as CfnStage
    const limits = { ThrottlingRateLimit: most.rate, ThrottlingBurstLimit: most.burst }
    const keys = routes.map((route) => (route.node.defaultChild as CfnRoute).routeKey)
    stage.routeSettings = { ...stage.routeSettings, ...Object.fromEntries(keys.map((key) => [key, limits])) }
    // API Gateway refuses settings of a route that is not there yet.
    this.#stage.node.addDependency(...routes)
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
