import { CfnOutput, RemovalPolicy } from 'aws-cdk-lib'
import {
  CfnEIP,
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  type ISecurityGroup,
  type IVpc,
  NatProvider,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2'
import { AnyPrincipal, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import type { Settings } from './settings.ts'
import { dueIndex, type StorageStack } from './storage-stack.ts'

/** Where a function runs that calls out from fixed addresses. */
export interface Network {
  vpc: IVpc
  securityGroup: ISecurityGroup
}

/**
 * A way out with fixed addresses: private subnets behind NAT gateways. IPv4 alone: no DNS64 and no NAT64, by which an
 * address that egress refuses could be reached under another name. Nothing in it can be reached from outside.
 */
export class StaticEgress extends Construct {
  readonly network: Network

  constructor(
    scope: Construct,
    id: string,
    { settings, storage }: { settings: Settings; storage: StorageStack },
  ) {
    super(scope, id)
    const made = settings.elasticIps === undefined ? this.addresses(settings.natGateways) : []
    // A cast because CDK's class does not fit its own interface under exactOptionalPropertyTypes.
    const vpc = new Vpc(this, 'Vpc', {
      maxAzs: 2,
      natGateways: settings.natGateways,
      natGatewayProvider: NatProvider.gateway({
        eipAllocationIds: settings.elasticIps ?? made.map((address) => address.attrAllocationId),
      }),
      subnetConfiguration: [
        { name: 'Public', subnetType: SubnetType.PUBLIC, cidrMask: 26, mapPublicIpOnLaunch: false },
        { name: 'Private', subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 20 },
      ],
    }) as IVpc
    vpc.addFlowLog('FlowLog', {
      destination: FlowLogDestination.toCloudWatchLogs(
        new LogGroup(this, 'FlowLogs', { retention: settings.logRetentionDays }),
      ),
      trafficType: FlowLogTrafficType.ALL,
    })
    // Costs nothing, and rows need not go through the NAT gateway. Endpoints of the other services cost more than they save.
    const { conversations, configuration } = storage
    vpc.addGatewayEndpoint('DynamoDb', { service: GatewayVpcEndpointAwsService.DYNAMODB }).addToPolicy(
      new PolicyStatement({
        principals: [new AnyPrincipal()],
        actions: ['dynamodb:*'],
        resources: [
          conversations.tableArn,
          `${conversations.tableArn}/index/${dueIndex}`,
          configuration.tableArn,
        ],
      }),
    )
    const securityGroup = new SecurityGroup(this, 'Out', {
      vpc,
      description: 'Deskhand: HTTPS out, nothing in',
      allowAllOutbound: false,
    })
    securityGroup.addEgressRule(Peer.anyIpv4(), Port.tcp(443), 'HTTPS')
    this.network = { vpc, securityGroup }

    new CfnOutput(this, 'Addresses', {
      value: (settings.elasticIps ?? made.map(({ ref }) => ref)).join(','),
      description:
        'Where calls to tenants come from, for their allow-lists: addresses, or the allocations that were given',
    }).overrideLogicalId('EgressAddresses')
  }

  /** Kept when the stack goes: tenants have them in their allow-lists. */
  private addresses(count: number): CfnEIP[] {
    return Array.from({ length: count }, (_, n) => {
      const address = new CfnEIP(this, `Address${n + 1}`, {
        domain: 'vpc',
        tags: [{ key: 'Name', value: 'Deskhand' }],
      })
      address.applyRemovalPolicy(RemovalPolicy.RETAIN)
      return address
    })
  }
}
