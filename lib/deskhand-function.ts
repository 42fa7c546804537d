import { Duration, Validations } from 'aws-cdk-lib'
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch'
import { SubnetType } from 'aws-cdk-lib/aws-ec2'
import { type PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Architecture, RecursiveLoop, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda'
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs'
import { type IFilterPattern, LogGroup, MetricFilter, type RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { alarmAbove } from './alarm.ts'
import { bedrockClient, bundling } from './bundling.ts'
import { logLines, type Measure, measuresNamespace } from './log-lines.ts'
import { noNetworkInterfaces, useNetworkInterfaces } from './permissions.ts'
import type { Network } from './static-egress.ts'

export interface DeskhandFunctionProps {
  /** The entry is `lambdas/<path>.ts`, its metrics are in `Deskhand/<path>`. */
  path: string
  description: string
  timeout: Duration
  memorySize: number
  environment: Record<string, string>
  logRetention: RetentionDays
  reservedConcurrency: number | undefined
  /** Calls out from fixed addresses, where the deploy has some. */
  network?: Network | undefined
  /** It sends messages to the queue that invokes it, for a later time. */
  wakesItself?: boolean
  /** It asks Amazon Bedrock: the client for that goes into its bundle, and into no other. */
  bedrock?: boolean
  /** What it may do besides its logs and traces. */
  permissions: PolicyStatement[]
}

/** A function with a role, a log group and alarms of its own. */
export class DeskhandFunction extends Construct {
  readonly path: string
  readonly role: Role
  readonly handler: NodejsFunction
  readonly errors: Metric

  readonly #logs: LogGroup

  constructor(scope: Construct, id: string, props: DeskhandFunctionProps) {
    super(scope, id)
    this.path = props.path
    this.#logs = new LogGroup(this, 'Logs', { retention: props.logRetention })
    // A role of our own, because the managed policy for basic execution may write to every log group.
    this.role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `Deskhand: ${props.path}`,
    })
    this.#logs.grantWrite(this.role)
    for (const statement of props.permissions) this.role.addToPolicy(statement)
    if (props.network) {
      this.role.addToPolicy(useNetworkInterfaces())
      this.role.addToPolicy(noNetworkInterfaces())
    }

    this.handler = new NodejsFunction(this, 'Function', {
      entry: `${import.meta.dirname}/../lambdas/${props.path}.ts`,
      description: props.description,
      role: this.role,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: props.timeout,
      memorySize: props.memorySize,
      environment: { ...props.environment, NODE_OPTIONS: '--enable-source-maps' },
      logGroup: this.#logs,
      tracing: Tracing.ACTIVE,
      ...(props.network && {
        vpc: props.network.vpc,
        vpcSubnets: { subnetType: SubnetType.PRIVATE_WITH_EGRESS },
        securityGroups: [props.network.securityGroup],
      }),
      // AWS takes a chain of 16 such messages for a runaway loop. Ours end: after 5 attempts or 7 days of an outage.
      ...(props.wakesItself && { recursiveLoop: RecursiveLoop.ALLOW }),
      awsSdkConnectionReuse: false, // an environment variable that only version 2 of the SDK reads
      ...(props.reservedConcurrency !== undefined && {
        reservedConcurrentExecutions: props.reservedConcurrency,
      }),
      bundling: {
        format: OutputFormat.CJS,
        target: bundling.target,
        mainFields: bundling.mainFields,
        externalModules: [...bundling.external, ...(props.bedrock ? [] : [bedrockClient])],
        minify: true,
        sourceMap: true,
        sourcesContent: false,
      },
    })
    this.acknowledge(
      'AwsSolutions-IAM5[Resource::*]',
      'X-Ray has no resources, and interfaces of a VPC are made by Lambda before they have names: both can only be allowed on *.',
    )

    this.errors = this.handler.metricErrors({ period: Duration.minutes(5) })
    alarmAbove(
      this,
      'Errors',
      this.errors,
      0,
      `${props.path} crashed or ran out of time: read its log around that moment. What it was at is done again by itself.`,
    )
    alarmAbove(
      this,
      'AlarmLines',
      this.count('AlarmLines', logLines.alarm),
      0,
      `${props.path} wrote a line with "alarm": true to its log: read it, it names the connection and the cause.`,
    )
  }

  /** Counts the lines of this function's log that match, as the metric `name`. */
  count(name: string, filterPattern: IFilterPattern): Metric {
    return new MetricFilter(this.#logs, name, {
      logGroup: this.#logs,
      filterPattern,
      metricNamespace: `Deskhand/${this.path}`,
      metricName: name,
      metricValue: '1',
      // While anything is logged: a rate needs a number on both sides.
      defaultValue: 0,
    }).metric({ statistic: 'Sum', period: Duration.minutes(5) })
  }

  /** Takes measures from this function's log, each by its name. */
  measure(measures: Record<string, Measure | Measure[]>): void {
    for (const [metricName, each] of Object.entries(measures)) {
      for (const [n, { pattern, value = '1', by }] of [each].flat().entries()) {
        new MetricFilter(this.#logs, `Measure${metricName}${n === 0 ? '' : n + 1}`, {
          logGroup: this.#logs,
          filterPattern: pattern,
          metricNamespace: measuresNamespace,
          metricName,
          metricValue: value,
          dimensions: by,
        })
      }
    }
  }

  /** Says why a finding of cdk-nag on the policy of this function's role is as it must be. */
  acknowledge(finding: string, reason: string): void {
    Validations.of(this.role.node.findChild('DefaultPolicy')).acknowledge({ id: finding, reason })
  }
}
