/** Fixed addresses to call out from, and a domain name of the operator's own. */
import { describe, expect, test } from '@jest/globals'
import { deskhandApp } from '../lib/deskhand-app.ts'
import { helpdeskNames } from '../schemas/names.ts'
import { newApp, type Resource, synthesize } from './stack-template.ts'

const stacks = synthesize({ vpc: 'true', natGateways: '2' })
const { all, text } = stacks
const functionsIn = (of: typeof stacks, inVpc: boolean): Resource[] =>
  of.all('AWS::Lambda::Function').filter(({ Properties }) => (Properties.VpcConfig !== undefined) === inVpc)
const nag = (context: Record<string, unknown>) => () => {
  const app = newApp(context)
  deskhandApp(app)
  app.synth()
}

describe('fixed addresses', () => {
  test('are an option: without it there is no VPC', () => {
    const plain = synthesize()
    expect(plain.all('AWS::EC2::VPC')).toEqual([])
    expect(plain.all('AWS::EC2::EIP')).toEqual([])
    expect(functionsIn(plain, true)).toEqual([])
  })

  test('are what answer and the admin API call out from, and nobody else', () => {
    const roles = new Map(all('AWS::IAM::Role').map(({ id, Properties }) => [`<${id}.Arn>`, Properties]))
    const paths = functionsIn(stacks, true).map(
      ({ Properties }) => roles.get(text(Properties.Role))?.Description,
    )
    expect(paths).toEqual([
      ...helpdeskNames.map((helpdesk) => `Deskhand: ${helpdesk}/answer`),
      'Deskhand: admin/admin',
    ])
  })

  test('are one for each NAT gateway, and outlive the stack', () => {
    const addresses = all('AWS::EC2::EIP')
    expect(addresses).toHaveLength(2)
    for (const { DeletionPolicy } of addresses) expect(DeletionPolicy).toBe('Retain')
    expect(all('AWS::EC2::NatGateway').map(({ Properties }) => text(Properties.AllocationId))).toEqual(
      addresses.map(({ id }) => `<${id}.AllocationId>`),
    )
    const output = text(stacks.outputs.EgressAddresses?.Value)
    expect(output).toBe(addresses.map(({ id }) => `<${id}>`).join(','))
    expect(synthesize({ vpc: 'true' }).all('AWS::EC2::NatGateway')).toHaveLength(1)
  })

  test('can be those that there are', () => {
    const given = synthesize({ vpc: 'true', elasticIps: 'eipalloc-0abc' })
    expect(given.all('AWS::EC2::EIP')).toEqual([])
    expect(given.all('AWS::EC2::NatGateway').map(({ Properties }) => Properties.AllocationId)).toEqual([
      'eipalloc-0abc',
    ])
  })

  test('let HTTPS out and nothing in', () => {
    const [group, ...others] = all('AWS::EC2::SecurityGroup')
    expect(others).toEqual([])
    expect(group?.Properties.SecurityGroupEgress).toEqual([
      { CidrIp: '0.0.0.0/0', Description: 'HTTPS', FromPort: 443, ToPort: 443, IpProtocol: 'tcp' },
    ])
    expect(group?.Properties.SecurityGroupIngress).toBeUndefined()
    expect(all('AWS::EC2::SecurityGroupIngress')).toEqual([])
    expect(all('AWS::EC2::SecurityGroupEgress')).toEqual([])
    for (const { Properties } of functionsIn(stacks, true))
      expect(Properties.VpcConfig.SecurityGroupIds.map(text)).toEqual([`<${group?.id}.GroupId>`])
  })

  test('functions are in private subnets, whose only ways out are a NAT gateway and the tables', () => {
    const routeTables = new Map(
      all('AWS::EC2::SubnetRouteTableAssociation').map(({ Properties }) => [
        text(Properties.SubnetId),
        text(Properties.RouteTableId),
      ]),
    )
    const subnets = new Set(
      functionsIn(stacks, true).flatMap(({ Properties }) => Properties.VpcConfig.SubnetIds.map(text)),
    )
    expect(subnets.size).toBe(2)
    for (const subnet of subnets) {
      const routes = all('AWS::EC2::Route').filter(
        ({ Properties }) => text(Properties.RouteTableId) === routeTables.get(subnet as string),
      )
      expect(
        routes.map(({ Properties }) => Object.keys(Properties).sort((a, b) => (a < b ? -1 : 1))),
      ).toEqual([['DestinationCidrBlock', 'NatGatewayId', 'RouteTableId']])
    }
    for (const { Properties } of all('AWS::EC2::Subnet')) expect(Properties.MapPublicIpOnLaunch).toBe(false)
  })

  test('speak IPv4 alone: no DNS64, no NAT64, no IPv6', () => {
    for (const { Properties } of all('AWS::EC2::Subnet')) {
      expect(Properties.EnableDns64).toBeUndefined()
      expect(Properties.Ipv6CidrBlock ?? Properties.AssignIpv6AddressOnCreation).toBeUndefined()
    }
    for (const { Properties } of all('AWS::EC2::Route'))
      expect(Properties.DestinationIpv6CidrBlock).toBeUndefined()
    expect(all('AWS::EC2::VPCCidrBlock')).toEqual([])
    expect(JSON.stringify(stacks.templates)).not.toMatch(/64:ff9b|::\/0/)
    for (const { Properties } of functionsIn(stacks, true))
      expect(Properties.VpcConfig.Ipv6AllowedForDualStack).toBeUndefined()
  })

  test('reach the tables without the NAT gateway, and no other table that way', () => {
    const [endpoint, ...others] = all('AWS::EC2::VPCEndpoint')
    expect(others).toEqual([])
    expect(endpoint?.Properties.VpcEndpointType).toBe('Gateway')
    expect(endpoint?.Properties.RouteTableIds.length).toBeGreaterThanOrEqual(2)
    const [statement] = endpoint?.Properties.PolicyDocument.Statement ?? []
    const tables = [stacks.storage.conversations.tableArn, stacks.storage.configuration.tableArn].map((arn) =>
      stacks.attribute(stacks.storage, arn),
    )
    expect(new Set(statement.Resource.map(text))).toEqual(new Set([...tables, `${tables[0]}/index/due`]))
  })

  test('every connection is in the flow log', () => {
    expect(all('AWS::EC2::FlowLog').map(({ Properties }) => Properties.TrafficType)).toEqual(['ALL'])
  })

  test('the code of a function may not make the interfaces that Lambda makes with its role', () => {
    const statements = all('AWS::IAM::Policy')
      .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
      .filter(({ Action }) => [Action].flat().includes('ec2:CreateNetworkInterface'))
    const of = (effect: string) => statements.filter(({ Effect }) => Effect === effect)
    expect(of('Allow')).toHaveLength(helpdeskNames.length + 1)
    expect(of('Deny')).toHaveLength(helpdeskNames.length + 1)
    for (const [n, { Action, Resource, Condition }] of of('Deny').entries()) {
      expect(Condition).toEqual({ ArnLike: { 'lambda:SourceFunctionArn': 'arn:*:lambda:*:*:function:*' } })
      expect(Resource).toBe('*')
      const allowed = [of('Allow')[n]?.Action].flat().filter((action) => action.startsWith('ec2:'))
      expect(Action).toEqual(allowed)
    }
  })

  test('pass cdk-nag', () => {
    expect(nag({ vpc: 'true', natGateways: '2' })).not.toThrow()
  })
})

describe('a domain name', () => {
  const certificateArn = 'arn:aws:acm:eu-west-1:111122223333:certificate/1'
  const named = synthesize({ domainName: 'hooks.acme.com', certificateArn })

  test('is served with its certificate, by the one stage', () => {
    const [domain] = named.all('AWS::ApiGatewayV2::DomainName')
    expect(domain?.Properties.DomainName).toBe('hooks.acme.com')
    expect(domain?.Properties.DomainNameConfigurations).toEqual([
      { CertificateArn: certificateArn, EndpointType: 'REGIONAL', SecurityPolicy: 'TLS_1_2' },
    ])
    const [mapping] = named.all('AWS::ApiGatewayV2::ApiMapping')
    expect(named.text(mapping?.Properties.DomainName)).toBe(`<${domain?.id}>`)
    expect(mapping?.Properties.Stage).toBe('$default')
  })

  test('is what helpdesks are told and functions sign and refuse by', () => {
    expect(named.text(named.outputs.WebhookUrl?.Value)).toBe(
      'https://hooks.acme.com/webhooks/{helpdesk}/{connectionId}',
    )
    for (const { Properties } of named.all('AWS::Lambda::Function')) {
      const { PUBLIC_URL, OWN_HOSTS } = Properties.Environment.Variables
      if (PUBLIC_URL !== undefined) expect(PUBLIC_URL).toBe('https://hooks.acme.com')
      if (OWN_HOSTS !== undefined) expect(JSON.stringify(OWN_HOSTS)).toContain('hooks.acme.com')
    }
  })

  test('says what its DNS record must be', () => {
    const value = (name: string): string => named.text(named.outputs[name]?.Value)
    expect(value('DomainTarget')).toMatch(/\.RegionalDomainName>$/)
    expect(value('DomainZone')).toMatch(/\.RegionalHostedZoneId>$/)
  })

  test('passes cdk-nag', () => {
    expect(nag({ domainName: 'hooks.acme.com', certificateArn })).not.toThrow()
  })
})

test.each([
  ['certificateArn', { domainName: 'hooks.acme.com' }],
  ['certificateArn', { certificateArn: 'arn:aws:acm:eu-west-1:1:certificate/1' }],
  ['domainName', { domainName: 'https://hooks.acme.com', certificateArn: 'arn:aws:acm:x' }],
  [
    'publicUrl',
    { domainName: 'hooks.acme.com', certificateArn: 'arn:aws:acm:x', publicUrl: 'https://other.acme.com' },
  ],
  ['natGateways', { vpc: 'true', natGateways: '3' }],
  ['elasticIps', { vpc: 'true', natGateways: '2', elasticIps: 'eipalloc-0abc' }],
  ['elasticIps', { vpc: 'true', elasticIps: '203.0.113.7' }],
])('a setting that cannot be used is refused by name: %s in %j', (name, context) => {
  expect(() => deskhandApp(newApp(context))).toThrow(name)
})
