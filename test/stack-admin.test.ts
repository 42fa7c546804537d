/** The admin API in the cloud: who gets in, and what it could reach if it did what it should not. */
import { describe, expect, test } from '@jest/globals'
import { helpdeskNames } from '../schemas/names.ts'
import {
  acme,
  conditionsHold,
  isAllowed,
  keys,
  type Request,
  type Statement,
  secret,
  statementsOf,
  tableActions,
} from './stack-access.ts'
import { type Resource, synthesize } from './stack-template.ts'

const stacks = synthesize()
const { all, text, storage } = stacks
const conversations = stacks.attribute(storage, storage.conversations.tableArn)
const configuration = stacks.attribute(storage, storage.configuration.tableArn)
const contentKey = stacks.attribute(storage, storage.contentKey.keyArn)
const secretsKey = stacks.attribute(storage, storage.secretsKey.keyArn)
const tablesKey = stacks.attribute(storage, storage.tablesKey.keyArn)

function routeOf(of: typeof stacks, key: string): Resource['Properties'] {
  const found = of.all('AWS::ApiGatewayV2::Route').find(({ Properties }) => Properties.RouteKey === key)
  if (found === undefined) throw new Error(`no route ${key}`)
  return found.Properties
}
const authorizersOf = (of: typeof stacks) => of.all('AWS::ApiGatewayV2::Authorizer')

describe('the routes of the admin API', () => {
  test('ask for somebody known, but for the document and the page that a provider sends browsers to', () => {
    const open = all('AWS::ApiGatewayV2::Route')
      .filter(({ Properties: { AuthorizationType = 'NONE' } }) => AuthorizationType === 'NONE')
      .map(({ Properties }): string => Properties.RouteKey)
      .filter((key) => !key.includes(' /webhooks/') && !key.includes(' /t/'))
    expect(open).toEqual(['GET /admin/openapi.json', 'GET /oauth/callback'])
  })

  test('of people take an access token of the pool, made for this client and this API', () => {
    const [authorizer, ...others] = authorizersOf(stacks)
    expect(others).toEqual([])
    const pool = all('AWS::Cognito::UserPool')[0]?.id
    const client = all('AWS::Cognito::UserPoolClient')[0]?.id
    expect(authorizer?.Properties.AuthorizerType).toBe('JWT')
    expect(authorizer?.Properties.IdentitySource).toEqual(['$request.header.Authorization'])
    const { Issuer, Audience } = authorizer?.Properties.JwtConfiguration ?? {}
    expect(text(Issuer)).toBe(`<${pool}.ProviderURL>`)
    expect(Audience.map(text)).toEqual([`<${client}>`])
    const people = routeOf(stacks, 'ANY /admin/{proxy+}')
    expect(people.AuthorizationType).toBe('JWT')
    expect(text(people.AuthorizerId)).toBe(`<${authorizer?.id}>`)
    expect(people.AuthorizationScopes).toEqual(['deskhand/admin'])
  })

  test('of automation take a signature of AWS', () => {
    expect(routeOf(stacks, 'ANY /iam/admin/{proxy+}').AuthorizationType).toBe('AWS_IAM')
  })

  test('are throttled, each, and the stage waits for them to be there', () => {
    const [stage] = all('AWS::ApiGatewayV2::Stage')
    const limited = Object.keys(stage?.Properties.RouteSettings ?? {})
    const limits = { ThrottlingRateLimit: 20, ThrottlingBurstLimit: 40 }
    expect(stage?.Properties.RouteSettings).toEqual({
      'ANY /admin/{proxy+}': limits,
      'ANY /iam/admin/{proxy+}': limits,
      'GET /admin/openapi.json': limits,
      'GET /oauth/callback': limits,
    })
    const ids = all('AWS::ApiGatewayV2::Route')
      .filter(({ Properties }) => limited.includes(Properties.RouteKey))
      .map(({ id }) => id)
    expect(ids).toHaveLength(4)
    expect(stage?.DependsOn).toEqual(expect.arrayContaining(ids))
  })

  test('all lead to the admin function, which is told where things are, and no secret', () => {
    const { Properties, id } = functionOf('Deskhand: admin/admin')
    for (const key of Object.keys(all('AWS::ApiGatewayV2::Stage')[0]?.Properties.RouteSettings)) {
      const integration = all('AWS::ApiGatewayV2::Integration').find(
        (one) => text(routeOf(stacks, key).Target) === `integrations/<${one.id}>`,
      )
      expect(text(integration?.Properties.IntegrationUri)).toBe(`<${id}.Arn>`)
    }
    const { QUEUE_URLS, OWN_HOSTS, ...variables } = Properties.Environment.Variables
    expect(Object.keys(JSON.parse(text(QUEUE_URLS)))).toEqual([...helpdeskNames, 'jobs'])
    expect(OWN_HOSTS).toEqual(
      functionOf('Deskhand: zendesk/answer').Properties.Environment.Variables.OWN_HOSTS,
    )
    expect(Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, text(value)]))).toEqual(
      {
        ANTHROPIC_SECRET_ID: expect.stringMatching(/^<AnthropicKey/),
        CONVERSATIONS_TABLE: expect.stringMatching(/^<Conversations/),
        CONFIGURATION_TABLE: expect.stringMatching(/^<Configuration/),
        CONTENT_KEY_ID: contentKey,
        SECRETS_KEY_ID: secretsKey,
        IDENTITY_KEY_ARN: identityKey,
        PUBLIC_URL: expect.stringMatching(/ApiEndpoint>$/),
        TENANT_ROLE_ARN: `<${roleId('Deskhand: one tenant, by session tag, for its admins')}.Arn>`,
        NODE_OPTIONS: '--enable-source-maps',
      },
    )
  })
})

describe('with an issuer of its own', () => {
  const own = { adminIssuer: 'https://acme.eu.auth0.com/', adminAudience: 'https://deskhand.acme.com' }
  const stacks = synthesize({ ...own, publicUrl: 'https://hooks.acme.com' })

  test("takes that issuer's tokens to the letter, and makes no pool", () => {
    const [authorizer, ...others] = authorizersOf(stacks)
    expect(others).toEqual([])
    expect(authorizer?.Properties.JwtConfiguration).toEqual({
      Issuer: own.adminIssuer,
      Audience: [own.adminAudience],
    })
    expect(routeOf(stacks, 'ANY /admin/{proxy+}').AuthorizationType).toBe('JWT')
    for (const type of ['UserPool', 'UserPoolClient', 'UserPoolDomain', 'UserPoolResourceServer'])
      expect(stacks.all(`AWS::Cognito::${type}`)).toEqual([])
    expect(stacks.outputs.AdminIssuer?.Value).toBe(own.adminIssuer)
    expect(stacks.outputs.AdminUrl?.Value).toBe('https://hooks.acme.com/admin')
    expect(stacks.outputs.AdminSignInUrl).toBeUndefined()
  })

  test('has no finding of cdk-nag either', () => {
    expect(() => stacks.app.synth()).not.toThrow()
  })

  test.each([
    ['adminAudience', { adminIssuer: own.adminIssuer }],
    ['adminIssuer', { adminAudience: own.adminAudience }],
    ['adminIssuer', { ...own, adminIssuer: 'http://acme.eu.auth0.com/' }],
    ['adminThrottleRate', { adminThrottleRate: '0' }],
    ['adminMemory', { adminMemory: '64' }],
  ])('or settings that cannot be used: %s is named', (name, context) => {
    expect(() => synthesize(context)).toThrow(name)
  })
})

describe('the pool of admins', () => {
  const [pool] = all('AWS::Cognito::UserPool')
  const [client] = all('AWS::Cognito::UserPoolClient')

  test('lets nobody sign up, asks everybody for a second factor, and outlives a deployment', () => {
    expect(pool?.DeletionPolicy).toBe('Retain')
    expect(pool?.Properties).toMatchObject({
      DeletionProtection: 'ACTIVE',
      AdminCreateUserConfig: { AllowAdminCreateUserOnly: true },
      MfaConfiguration: 'ON',
      EnabledMfas: ['SOFTWARE_TOKEN_MFA'],
      AccountRecoverySetting: { RecoveryMechanisms: [{ Name: 'admin_only', Priority: 1 }] },
      Policies: {
        PasswordPolicy: {
          MinimumLength: 14,
          RequireLowercase: true,
          RequireNumbers: true,
          RequireSymbols: true,
          RequireUppercase: true,
        },
      },
    })
    expect(stacks.templates[0]?.Resources[pool?.id ?? '']).toBeDefined()
  })

  test('has a public client, for the code flow and the scope of the admin API alone', () => {
    expect(client?.Properties).toMatchObject({
      GenerateSecret: false,
      AllowedOAuthFlows: ['code'],
      CallbackURLs: ['http://localhost:8976/'],
      ExplicitAuthFlows: ['ALLOW_USER_SRP_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
      PreventUserExistenceErrors: 'ENABLED',
      EnableTokenRevocation: true,
      AccessTokenValidity: 60,
    })
    expect(client?.Properties.AllowedOAuthScopes.map(text)).toEqual([
      `<${all('AWS::Cognito::UserPoolResourceServer')[0]?.id}>/admin`,
    ])
    expect(all('AWS::Cognito::UserPoolResourceServer')[0]?.Properties).toMatchObject({
      Identifier: 'deskhand',
      Scopes: [{ ScopeName: 'admin' }],
    })
  })

  test('is told of by outputs', () => {
    expect(text(stacks.outputs.AdminIssuer?.Value)).toBe(`<${pool?.id}.ProviderURL>`)
    expect(text(stacks.outputs.AdminUserPoolId?.Value)).toBe(`<${pool?.id}>`)
    expect(text(stacks.outputs.AdminClientId?.Value)).toBe(`<${client?.id}>`)
    expect(text(stacks.outputs.AdminSignInUrl?.Value)).toMatch(
      /^https:\/\/<AdminUsers.*>\.auth\.eu-west-1\.amazoncognito\.com$/,
    )
    expect(text(stacks.outputs.AdminAutomationArn?.Value)).toMatch(
      /^arn:aws:execute-api:eu-west-1:111122223333:<.*>\/\$default\/\*\/iam\/admin\/\*$/,
    )
  })
})

const identityKey = `<${all('AWS::KMS::Key').find(({ Properties }) => Properties.KeyUsage === 'SIGN_VERIFY')?.id}.Arn>`
function roleId(description: string): string {
  const found = all('AWS::IAM::Role').find(({ Properties }) => Properties.Description === description)
  if (found === undefined) throw new Error(`no role is described as ${description}`)
  return found.id
}
function functionOf(description: string) {
  const role = `<${roleId(description)}.Arn>`
  const found = all('AWS::Lambda::Function').find(({ Properties }) => text(Properties.Role) === role)
  if (found === undefined) throw new Error(`no function has the role ${description}`)
  return found
}
const adminRole = roleId('Deskhand: admin/admin')
const tenantRole = roleId('Deskhand: one tenant, by session tag, for its admins')
const may = (role: string, action: string, resource: string, request?: Request) =>
  isAllowed(stacks, statementsOf(stacks, role), action, resource, request)
const onTable = (role: string, table: string, request: Request) =>
  tableActions.filter((action) => may(role, action, table, request)).map((action) => action.slice(9))

describe('the admin function by itself', () => {
  test('sees who is an operator, and makes none', () => {
    expect(onTable(adminRole, configuration, keys('OPERATORS'))).toEqual(['GetItem'])
  })

  test('lists and makes tenants, and changes and deletes none', () => {
    expect(onTable(adminRole, configuration, keys('TENANTS'))).toEqual(['GetItem', 'PutItem', 'Query'])
  })

  test.each([
    ["a tenant's rows", keys('T#acme#member')],
    ['a tenant beside the list of them', keys('TENANTS', 'T#acme#member')],
    ["what the operators' command keeps", keys('OPERATORS#history')],
    ['no key at all, as in a Scan', {}],
  ])('reaches nothing else: not %s', (_what, request) => {
    for (const table of [configuration, conversations, `${conversations}/index/due`])
      expect(onTable(adminRole, table, acme(request))).toEqual([])
  })

  test('opens and writes no secret, and uses no key but the tables by way of DynamoDB', () => {
    const request = acme({ 'secretsmanager:ResourceTag/tenant': 'acme', 'aws:RequestTag/tenant': 'acme' })
    for (const action of ['GetSecretValue', 'PutSecretValue', 'CreateSecret', 'TagResource'])
      for (const direction of ['inbound', 'outbound'])
        expect(
          may(adminRole, `secretsmanager:${action}`, secret(`deskhand/acme/${direction}/x`), request),
        ).toBe(false)
    for (const key of [contentKey, secretsKey, tablesKey, identityKey])
      for (const action of ['kms:Decrypt', 'kms:GenerateDataKey', 'kms:Sign'])
        expect(may(adminRole, action, key, acme({ 'kms:EncryptionContext:tenant': 'acme' }))).toBe(false)
  })

  test('wakes answer on every queue, and becomes a tenant by its own role, not by that of answer', () => {
    const queues = all('AWS::SQS::Queue').filter(({ Properties }) => Properties.RedrivePolicy !== undefined)
    expect(queues).toHaveLength(helpdeskNames.length + 1)
    for (const { id } of queues) expect(may(adminRole, 'sqs:SendMessage', `<${id}.Arn>`)).toBe(true)
    expect(may(adminRole, 'sts:AssumeRole', `<${tenantRole}.Arn>`)).toBe(true)
    expect(may(adminRole, 'sts:AssumeRole', `<${roleId('Deskhand: one tenant, by session tag')}.Arn>`)).toBe(
      false,
    )
  })
})

describe('the role by which the admin API is a tenant', () => {
  const trust: Statement[] = all('AWS::IAM::Role').find(({ id }) => id === tenantRole)?.Properties
    .AssumeRolePolicyDocument.Statement

  test('trusts the admin function alone, with exactly one tag', () => {
    expect(trust.flatMap(({ Principal }) => [Principal?.AWS].flat().map(text))).toEqual([
      `<${adminRole}.Arn>`,
    ])
    const tagged = (request: Request) => trust.some((one) => conditionsHold(stacks, one, request))
    expect(tagged({ 'aws:RequestTag/tenant': 'acme', 'aws:TagKeys': ['tenant'] })).toBe(true)
    expect(tagged({ 'aws:RequestTag/tenant': '', 'aws:TagKeys': ['tenant'] })).toBe(false)
    expect(tagged({})).toBe(false)
    const role = `<${tenantRole}.Arn>`
    for (const other of ['zendesk/answer', 'zendesk/receive', 'sweeper/sweeper'])
      expect(may(roleId(`Deskhand: ${other}`), 'sts:AssumeRole', role)).toBe(false)
  })

  test('has these actions and no others', () => {
    const actions = statementsOf(stacks, tenantRole).flatMap(({ Action }) => Action)
    expect([...new Set(actions)].toSorted()).toEqual([
      'dynamodb:BatchGetItem',
      'dynamodb:DeleteItem',
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
      'dynamodb:UpdateItem',
      'kms:Decrypt',
      'kms:DescribeKey',
      'kms:Encrypt',
      'kms:GenerateDataKey',
      'kms:GenerateDataKeyWithoutPlaintext',
      'kms:ReEncryptFrom',
      'kms:ReEncryptTo',
      'kms:Sign',
      'secretsmanager:CreateSecret',
      'secretsmanager:GetSecretValue',
      'secretsmanager:PutSecretValue',
      'secretsmanager:TagResource',
    ])
  })

  test.each(['audit', 'release', 'secret', 'key', 'config#tool#refund'])(
    'adds configuration, and changes and deletes none: %s',
    (what) => {
      expect(onTable(tenantRole, configuration, acme(keys(`T#acme#${what}`)))).toEqual([
        'BatchGetItem',
        'GetItem',
        'PutItem',
        'Query',
      ])
    },
  )

  test('deletes members, of its own tenant', () => {
    expect(onTable(tenantRole, configuration, acme(keys('T#acme#member')))).toContain('DeleteItem')
    expect(onTable(tenantRole, configuration, acme(keys('T#acme#members')))).not.toContain('DeleteItem')
    expect(onTable(tenantRole, configuration, acme(keys('T#globex#member')))).toEqual([])
    expect(onTable(tenantRole, configuration, acme(keys('T#acme#member', 'T#acme#audit')))).not.toContain(
      'DeleteItem',
    )
  })

  test("works on its own tenant's conversations, and deletes nothing", () => {
    expect(onTable(tenantRole, conversations, acme(keys('T#acme#rate')))).toEqual([
      'BatchGetItem',
      'GetItem',
      'PutItem',
      'Query',
      'UpdateItem',
    ])
  })

  test.each([
    ['operators', keys('OPERATORS')],
    ['tenants', keys('TENANTS')],
    ['another tenant', keys('T#globex#ticket#x')],
    ['a tenant whose id begins with its own', keys('T#acme2#ticket#x')],
    ['its own and another tenant in one batch', keys('T#acme#ticket#x', 'T#globex#ticket#x')],
    ['no key at all, as in a Scan', {}],
  ])('reaches no row of %s', (_whose, request) => {
    for (const table of [configuration, conversations, `${conversations}/index/due`])
      expect(onTable(tenantRole, table, acme(request))).toEqual([])
  })

  test('without its tag reaches nothing', () => {
    for (const table of [configuration, conversations])
      expect(onTable(tenantRole, table, keys('T##member'))).toEqual([])
  })

  test('uses data keys and signs for its tenant, and no other', () => {
    const use = (tenant: string) =>
      may(tenantRole, 'kms:Decrypt', contentKey, acme({ 'kms:EncryptionContext:tenant': tenant }))
    expect([use('acme'), use('globex')]).toEqual([true, false])
    const sign = (algorithm: string) =>
      may(tenantRole, 'kms:Sign', identityKey, acme({ 'kms:SigningAlgorithm': algorithm }))
    expect([sign('ECDSA_SHA_256'), sign('ECDSA_SHA_512')]).toEqual([true, false])
  })
})

describe('secrets, in the hands of the admin API', () => {
  const actions = [
    'CreateSecret',
    'DeleteSecret',
    'DescribeSecret',
    'GetSecretValue',
    'PutResourcePolicy',
    'PutSecretValue',
    'TagResource',
    'UntagResource',
    'UpdateSecret',
  ]
  const on = (name: string, request: Request) =>
    actions.filter((action) => may(tenantRole, `secretsmanager:${action}`, secret(name), acme(request)))
  const own = { 'secretsmanager:ResourceTag/tenant': 'acme' }
  const made = { 'aws:RequestTag/tenant': 'acme', 'aws:TagKeys': ['tenant'] }

  test('of the outbound direction are read and written, of the inbound one written alone', () => {
    expect(on('deskhand/acme/outbound/shop', own)).toEqual(['GetSecretValue', 'PutSecretValue'])
    expect(on('deskhand/acme/inbound/zendesk', own)).toEqual(['PutSecretValue'])
  })

  test('are made with one tag, its tenant', () => {
    for (const direction of ['inbound', 'outbound'])
      expect(on(`deskhand/acme/${direction}/new`, made)).toEqual(['CreateSecret', 'TagResource'])
  })

  test.each<[string, string, Request]>([
    ["under another tenant's path", 'deskhand/globex/outbound/shop', made],
    ['under the path of a tenant whose id begins alike', 'deskhand/acme2/outbound/shop', made],
    ["beside the tenants'", 'deskhand/acme/shop', made],
    [
      "with another tenant's tag",
      'deskhand/acme/outbound/shop',
      { ...made, 'aws:RequestTag/tenant': 'globex' },
    ],
    ['without a tag', 'deskhand/acme/outbound/shop', {}],
    [
      'with a tag more',
      'deskhand/acme/outbound/shop',
      { ...made, 'aws:RequestTag/team': 'x', 'aws:TagKeys': ['tenant', 'team'] },
    ],
  ])('are not made %s', (_how, name, request) => {
    expect(on(name, request)).toEqual([])
  })

  test('that another has tagged are neither read, nor written, nor tagged anew', () => {
    const request = { ...made, 'secretsmanager:ResourceTag/tenant': 'globex' }
    expect(on('deskhand/acme/outbound/shop', request)).toEqual(['CreateSecret']) // which is refused: it is there
  })

  test('are encrypted by the secrets key, by way of Secrets Manager, for themselves alone', () => {
    const use = (action: string, service: string, name: string) =>
      may(
        tenantRole,
        `kms:${action}`,
        secretsKey,
        acme({
          'kms:ViaService': `${service}.eu-west-1.amazonaws.com`,
          'kms:EncryptionContext:SecretARN': secret(name),
        }),
      )
    for (const action of ['GenerateDataKey', 'Decrypt']) {
      for (const direction of ['inbound', 'outbound'])
        expect(use(action, 'secretsmanager', `deskhand/acme/${direction}/x`)).toBe(true)
      expect(use(action, 'secretsmanager', 'deskhand/globex/outbound/x')).toBe(false)
      expect(use(action, 'dynamodb', 'deskhand/acme/outbound/x')).toBe(false)
    }
  })
})
