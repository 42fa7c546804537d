import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { Validations } from 'aws-cdk-lib'
import { Queue } from 'aws-cdk-lib/aws-sqs'
import { jobLeaseMs } from '../lambdas/core/jobs/job-lease.ts'
import { leaseMs } from '../lambdas/core/lease.ts'
import { deskhandApp } from '../lib/deskhand-app.ts'
import { answerMeasures, logLines, receiveMeasures } from '../lib/log-lines.ts'
import { timeouts } from '../lib/timeouts.ts'
import { helpdeskNames } from '../schemas/names.ts'
import { newApp, type Resource, synthesize } from './stack-template.ts'

const stacks = synthesize()
const { all, text } = stacks
const functions = all('AWS::Lambda::Function')
const paths = [
  ...helpdeskNames.flatMap((helpdesk) => [`${helpdesk}/receive`, `${helpdesk}/answer`]),
  'public-keys/public-keys',
  'sweeper/sweeper',
  'admin/admin',
  'jobs/jobs',
]

/** The function `lambdas/<path>.ts`: its role carries the path. */
function functionAt(path: string): Resource {
  const role = all('AWS::IAM::Role').find(({ Properties }) => Properties.Description === `Deskhand: ${path}`)
  const found = functions.find(({ Properties }) => text(Properties.Role) === `<${role?.id}.Arn>`)
  if (found === undefined) throw new Error(`no function ${path}`)
  return found
}
const variables = (path: string): Record<string, unknown> => functionAt(path).Properties.Environment.Variables
const alarmsOn = (metric: string, matches: (properties: Resource['Properties']) => boolean) =>
  all('AWS::CloudWatch::Alarm').filter(
    ({ Properties }) => Properties.MetricName === metric && matches(Properties),
  )

describe('synthesis', () => {
  test('needs no account and no region', () => {
    expect(stacks.storage.environment).toBe('aws://unknown-account/unknown-region')
    expect(stacks.deskhand.environment).toBe('aws://unknown-account/unknown-region')
    expect(JSON.stringify(stacks.app.synth().manifest.missing ?? [])).toBe('[]')
  })

  test('has no finding of cdk-nag but those acknowledged here, each where it arises', () => {
    const acknowledged = stacks.app.node
      .findAll()
      .flatMap((construct) =>
        construct.node.metadata
          .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
          .flatMap(({ data }) =>
            Object.keys(data).map((rule) => `${construct.node.path} ${rule.split('::').slice(1).join('::')}`),
          ),
      )
    const secrets = 'arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:deskhand'
    expect(acknowledged.toSorted()).toEqual(
      [
        'DeskhandStorage/AnthropicKey AwsSolutions-SMG4',
        'DeskhandStorage/AdminUsers/Pool AwsSolutions-COG8',
        ...helpdeskNames.flatMap((helpdesk) => [
          `Deskhand/Webhooks/Api/POST--webhooks--${helpdesk}--{connectionId} AwsSolutions-APIG4`,
          `Deskhand/Webhooks/Api/HEAD--webhooks--${helpdesk}--{connectionId} AwsSolutions-APIG4`,
          `Deskhand/${helpdesk}/Receive/Role/DefaultPolicy AwsSolutions-IAM5[Resource::*]`,
          `Deskhand/${helpdesk}/Receive/Role/DefaultPolicy AwsSolutions-IAM5[Resource::${secrets}/*/inbound/*]`,
          `Deskhand/${helpdesk}/Answer/Role/DefaultPolicy AwsSolutions-IAM5[Resource::*]`,
        ]),
        `Deskhand/Tenant/Role/DefaultPolicy AwsSolutions-IAM5[Resource::${secrets}/<aws:PrincipalTag/tenant>/outbound/*]`,
        `Deskhand/Tenant/Role/DefaultPolicy AwsSolutions-IAM5[Resource::${secrets}/<aws:PrincipalTag/tenant>/outbound/grant-*]`,
        'Deskhand/Webhooks/Api/GET--t--{tenant}--.well-known--jwks.json AwsSolutions-APIG4',
        'Deskhand/PublicKeys/Serve/Role/DefaultPolicy AwsSolutions-IAM5[Resource::*]',
        'Deskhand/Sweeper/Sweep/Role/DefaultPolicy AwsSolutions-IAM5[Resource::*]',
        'Deskhand/Webhooks/Api/GET--admin--openapi.json AwsSolutions-APIG4',
        'Deskhand/Webhooks/Api/GET--oauth--callback AwsSolutions-APIG4',
        'Deskhand/Admin/Call/Role/DefaultPolicy AwsSolutions-IAM5[Resource::*]',
        `Deskhand/Admin/Tenant/Role/DefaultPolicy AwsSolutions-IAM5[Resource::${secrets}/<aws:PrincipalTag/tenant>/inbound/*]`,
        `Deskhand/Admin/Tenant/Role/DefaultPolicy AwsSolutions-IAM5[Resource::${secrets}/<aws:PrincipalTag/tenant>/outbound/*]`,
        'Deskhand/Jobs/Work/Role/DefaultPolicy AwsSolutions-IAM5[Resource::*]',
        `Deskhand/Jobs/Tenant/DefaultPolicy AwsSolutions-IAM5[Resource::${secrets}/<aws:PrincipalTag/tenant>/*]`,
      ].sort(),
    )
  })

  test('fails on a resource that cdk-nag finds fault with', () => {
    const app = newApp()
    new Queue(deskhandApp(app).deskhand, 'Careless')
    expect(() => app.synth()).toThrow(/AwsSolutions-SQS4/)
  })

  test('leaves room for every helpdesk: far from the 500 resources of a stack', () => {
    const counts = stacks.templates.map((template) => Object.keys(template.Resources).length)
    expect(Math.max(...counts)).toBeLessThan(400)
  })
})

describe('what must outlive a deployment', () => {
  const tables = all('AWS::DynamoDB::Table')

  test('tables are on demand, recoverable, protected and encrypted by a key of their own', () => {
    expect(tables).toHaveLength(2)
    for (const { Properties, DeletionPolicy } of tables) {
      expect(Properties.BillingMode).toBe('PAY_PER_REQUEST')
      expect(Properties.PointInTimeRecoverySpecification).toEqual({ PointInTimeRecoveryEnabled: true })
      expect(Properties.DeletionProtectionEnabled).toBe(true)
      expect(DeletionPolicy).toBe('Retain')
      expect(text(Properties.SSESpecification.KMSMasterKeyId)).toBe(
        stacks.attribute(stacks.storage, stacks.storage.tablesKey.keyArn),
      )
    }
  })

  test('conversations expire, and have the sparse index of due tickets with keys only', () => {
    const conversations = tables.find(({ id }) => id.startsWith('Conversations'))?.Properties
    expect(conversations?.TimeToLiveSpecification).toEqual({ AttributeName: 'expiresAt', Enabled: true })
    expect(conversations?.GlobalSecondaryIndexes).toEqual([
      {
        IndexName: 'due',
        KeySchema: [
          { AttributeName: 'due', KeyType: 'HASH' },
          { AttributeName: 'dueAt', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'KEYS_ONLY' },
      },
    ])
    expect(conversations?.AttributeDefinitions).toContainEqual({ AttributeName: 'dueAt', AttributeType: 'N' })
  })

  test('every key is rotated, and those that data depends on are retained', () => {
    const keys = all('AWS::KMS::Key').filter(({ Properties }) => Properties.KeyUsage === undefined)
    expect(keys).toHaveLength(4)
    for (const { Properties } of keys) expect(Properties.EnableKeyRotation).toBe(true)
    expect(keys.filter(({ DeletionPolicy }) => DeletionPolicy === 'Retain')).toHaveLength(3)
    expect(stacks.storage.terminationProtection).toBe(true)
  })
})

describe('the keys that sign Deskhand-Identity', () => {
  const keysOf = (context: Record<string, string>) => {
    const changed = synthesize(context)
    const keys = changed
      .all('AWS::KMS::Key')
      .filter(({ Properties }) => Properties.KeyUsage === 'SIGN_VERIFY')
    const slotOf = (arn: string) =>
      keys.find(({ id }) => arn === `<${id}.Arn>`)?.Properties.Description.slice(-1)
    const variable = (name: string) => {
      const found = changed
        .all('AWS::Lambda::Function')
        .map(({ Properties }) => Properties.Environment.Variables[name])
        .find((value) => value !== undefined)
      return changed.text(found).split(',').map(slotOf)
    }
    for (const { Properties } of keys) expect(Properties.KeySpec).toBe('ECC_NIST_P256')
    return {
      exist: keys.map(({ Properties }) => Properties.Description.slice(-1)),
      signs: variable('IDENTITY_KEY_ARN'),
      published: variable('IDENTITY_KEY_ARNS'),
    }
  }

  test('are rotated by publishing the next, signing with it, and only then dropping the last', () => {
    expect(keysOf({})).toEqual({ exist: ['a'], signs: ['a'], published: ['a'] })
    const both = { publishBothIdentityKeys: 'true' }
    expect(keysOf(both)).toEqual({ exist: ['a', 'b'], signs: ['a'], published: ['a', 'b'] })
    expect(keysOf({ ...both, identityKey: 'b' })).toEqual({
      exist: ['a', 'b'],
      signs: ['b'],
      published: ['a', 'b'],
    })
    expect(keysOf({ identityKey: 'b' })).toEqual({ exist: ['b'], signs: ['b'], published: ['b'] })
  })
})

describe('the front door', () => {
  test('has a POST and a HEAD route for each helpdesk, the public keys and the admin API, payload version 2.0, and no other', () => {
    expect(all('AWS::ApiGatewayV2::Route').map(({ Properties }) => Properties.RouteKey)).toEqual([
      ...helpdeskNames.flatMap((helpdesk) =>
        ['POST', 'HEAD'].map((method) => `${method} /webhooks/${helpdesk}/{connectionId}`),
      ),
      'GET /t/{tenant}/.well-known/jwks.json',
      'ANY /admin/{proxy+}',
      'ANY /iam/admin/{proxy+}',
      'GET /admin/openapi.json',
      'GET /oauth/callback',
    ])
    for (const { Properties } of all('AWS::ApiGatewayV2::Integration')) {
      expect(Properties.PayloadFormatVersion).toBe('2.0')
    }
  })

  test('is throttled, and its access log keeps no body, header, query or path', () => {
    const stage = all('AWS::ApiGatewayV2::Stage')[0]?.Properties
    expect(stage?.DefaultRouteSettings).toEqual({ ThrottlingBurstLimit: 1000, ThrottlingRateLimit: 500 })
    expect(Object.values(JSON.parse(stage?.AccessLogSettings.Format))).toEqual([
      '$context.requestId',
      '$context.routeKey',
      '$context.status',
      '$context.identity.sourceIp',
      '$context.responseLatency',
      '$context.integrationLatency',
      '$context.integrationErrorMessage',
    ])
  })
})

describe('every function', () => {
  test('is one of those in lambdas/', () => {
    expect(functions).toHaveLength(paths.length)
    expect(new Set(paths.map((path) => functionAt(path).id)).size).toBe(paths.length)
  })

  test.each(paths)('%s runs Node 24 on arm64 and is traced', (path) => {
    const { Properties } = functionAt(path)
    expect(Properties.Runtime).toBe('nodejs24.x')
    expect(Properties.Architectures).toEqual(['arm64'])
    expect(Properties.TracingConfig).toEqual({ Mode: 'Active' })
    expect(Properties.ReservedConcurrentExecutions).toBeUndefined()
  })

  test.each(paths)('%s logs to a group that forgets after 90 days', (path) => {
    const group = text(functionAt(path).Properties.LoggingConfig.LogGroup)
    expect(all('AWS::Logs::LogGroup').find(({ id }) => `<${id}>` === group)?.Properties.RetentionInDays).toBe(
      90,
    )
  })

  test.each(paths)('%s alarms on errors and on every log line that asks for it', (path) => {
    const { id, Properties } = functionAt(path)
    expect(
      alarmsOn(
        'Errors',
        ({ Dimensions, Threshold }) => text(Dimensions[0].Value) === `<${id}>` && Threshold === 0,
      ),
    ).toHaveLength(1)
    const filter = all('AWS::Logs::MetricFilter').find(
      (one) =>
        text(one.Properties.LogGroupName) === text(Properties.LoggingConfig.LogGroup) &&
        one.Properties.FilterPattern === '{ $.alarm IS TRUE }',
    )
    const transformation = filter?.Properties.MetricTransformations[0]
    expect(
      alarmsOn(
        transformation.MetricName,
        ({ Namespace, Threshold }) => Namespace === transformation.MetricNamespace && Threshold === 0,
      ),
    ).toHaveLength(1)
  })

  test.each(helpdeskNames)('of %s is told where things are, and no secret', (helpdesk) => {
    const ours = {
      CONVERSATIONS_TABLE: expect.anything(),
      CONFIGURATION_TABLE: expect.anything(),
      QUEUE_URL: expect.anything(),
      PUBLIC_URL: expect.anything(),
      NODE_OPTIONS: '--enable-source-maps',
    }
    expect(variables(`${helpdesk}/receive`)).toEqual(ours)
    expect(variables(`${helpdesk}/answer`)).toEqual({
      ...ours,
      CONTENT_KEY_ID: expect.anything(),
      TENANT_ROLE_ARN: expect.anything(),
      ANTHROPIC_SECRET_ID: expect.anything(),
      OWN_HOSTS: expect.anything(),
      IDENTITY_KEY_ARN: expect.anything(),
    })
    expect(text(variables(`${helpdesk}/answer`).ANTHROPIC_SECRET_ID)).toBe(
      stacks.attribute(stacks.storage, stacks.storage.anthropicSecret.secretArn),
    )
  })

  test('the sweeper is told every queue by its helpdesk', () => {
    const { CONVERSATIONS_TABLE, QUEUE_URLS, ...rest } = variables('sweeper/sweeper')
    expect(rest).toEqual({ NODE_OPTIONS: '--enable-source-maps' })
    expect(text(CONVERSATIONS_TABLE)).toMatch(/^<Conversations/)
    expect(Object.keys(JSON.parse(text(QUEUE_URLS)))).toEqual([...helpdeskNames, 'jobs'])
  })

  test('that works on jobs is told where things are, and no secret', () => {
    expect(variables('jobs/jobs')).toEqual({
      CONVERSATIONS_TABLE: expect.anything(),
      CONFIGURATION_TABLE: expect.anything(),
      QUEUE_URL: expect.anything(),
      CONTENT_KEY_ID: expect.anything(),
      TENANT_ROLE_ARN: expect.anything(),
      NODE_OPTIONS: '--enable-source-maps',
    })
    expect(text(variables('jobs/jobs').TENANT_ROLE_ARN)).not.toBe(
      text(variables('zendesk/answer').TENANT_ROLE_ARN),
    )
  })

  test('no template resolves a secret or holds its value', () => {
    const everything = JSON.stringify(stacks.templates)
    expect(everything).not.toMatch(/\{\{resolve:/)
    expect(
      all('AWS::SecretsManager::Secret').map(({ Properties }) => new Set(Object.keys(Properties))),
    ).toEqual([new Set(['Description', 'GenerateSecretString', 'KmsKeyId'])])
  })
})

describe('time', () => {
  test('each wait outlasts what it waits for', () => {
    for (const helpdesk of helpdeskNames) {
      const receive = functionAt(`${helpdesk}/receive`).Properties.Timeout
      const answer = functionAt(`${helpdesk}/answer`).Properties.Timeout
      // API Gateway waits at most 30 s for an integration.
      expect(receive).toBeLessThan(29)
      expect(functionAt('admin/admin').Properties.Timeout).toBeLessThan(30)
      expect(answer).toBeLessThan(leaseMs / 1000)
      expect(leaseMs / 1000).toBeLessThan(timeouts.visibility.toSeconds())
      expect(timeouts.visibility.toSeconds()).toBeGreaterThanOrEqual(6 * answer)
    }
    expect([timeouts.receive, timeouts.answer, timeouts.visibility].map((one) => one.toSeconds())).toEqual([
      10, 180, 1080,
    ])
  })

  test('a job’s lease outlives its function', () => {
    const { Timeout } = functionAt('jobs/jobs').Properties
    expect(Timeout).toBeLessThan(jobLeaseMs / 1000)
    expect(timeouts.visibility.toSeconds()).toBeGreaterThanOrEqual(6 * Timeout)
  })

  test('the sweeper runs every minute, for less than one, and is never repeated', () => {
    expect(functionAt('sweeper/sweeper').Properties.Timeout).toBeLessThan(60)
    const [rule] = all('AWS::Events::Rule')
    expect(rule?.Properties.ScheduleExpression).toBe('rate(1 minute)')
    expect(rule?.Properties.Targets[0].RetryPolicy.MaximumRetryAttempts).toBe(0)
    expect(all('AWS::Lambda::EventInvokeConfig')[0]?.Properties.MaximumRetryAttempts).toBe(0)
  })

  test('a sweeper that does not run is an alarm', () => {
    const { id } = functionAt('sweeper/sweeper')
    const [silent] = alarmsOn('Invocations', ({ Dimensions }) => text(Dimensions[0].Value) === `<${id}>`)
    expect(silent?.Properties).toMatchObject({
      ComparisonOperator: 'LessThanThreshold',
      Threshold: 1,
      TreatMissingData: 'breaching',
    })
  })
})

describe('queues', () => {
  const queues = all('AWS::SQS::Queue')
  const sources = queues.filter(({ Properties }) => Properties.RedrivePolicy !== undefined)
  const deadLetters = queues.filter(({ Properties }) => Properties.RedrivePolicy === undefined)

  test('each helpdesk, and jobs, has a standard queue, on which fair queueing rests, and a dead-letter queue of its own', () => {
    expect(sources).toHaveLength(helpdeskNames.length + 1)
    expect(deadLetters).toHaveLength(helpdeskNames.length + 1)
    for (const { Properties } of sources) {
      expect(Properties.FifoQueue).toBeUndefined()
      expect(Properties.VisibilityTimeout).toBe(1080)
      expect(Properties.RedrivePolicy.maxReceiveCount).toBe(5)
    }
    const targets = sources.map(({ Properties }) => text(Properties.RedrivePolicy.deadLetterTargetArn))
    expect(new Set(targets)).toEqual(new Set(deadLetters.map(({ id }) => `<${id}.Arn>`)))
    for (const { Properties } of deadLetters) expect(Properties.MessageRetentionPeriod).toBe(14 * 86_400)
  })

  test('all are encrypted by our key and refuse what is not TLS', () => {
    const queuesKey = all('AWS::KMS::Key').find(({ id }) => id.startsWith('QueuesKey'))
    for (const { id, Properties } of queues) {
      expect(text(Properties.KmsMasterKeyId)).toBe(`<${queuesKey?.id}.Arn>`)
      const policy = all('AWS::SQS::QueuePolicy').find((one) => text(one.Properties.Queues[0]) === `<${id}>`)
      expect(policy?.Properties.PolicyDocument.Statement).toEqual([
        expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
      ])
    }
  })

  test('feed answer one message at a time, ten at once, and jobs two', () => {
    const jobs = `<${functionAt('jobs/jobs').id}>`
    for (const { Properties } of all('AWS::Lambda::EventSourceMapping')) {
      expect(Properties).toMatchObject({
        BatchSize: 1,
        ScalingConfig: { MaximumConcurrency: text(Properties.FunctionName) === jobs ? 2 : 10 },
        FunctionResponseTypes: ['ReportBatchItemFailures'],
      })
    }
    expect(all('AWS::Lambda::EventSourceMapping')).toHaveLength(helpdeskNames.length + 1)
  })

  test('alarm on one dead letter, and on a wake-up that waits for 10 minutes', () => {
    for (const { Properties } of alarmsOn('ApproximateNumberOfMessagesVisible', () => true)) {
      expect(Properties.Threshold).toBe(0)
      expect(deadLetters.map(({ id }) => `<${id}.QueueName>`)).toContain(text(Properties.Dimensions[0].Value))
    }
    expect(alarmsOn('ApproximateNumberOfMessagesVisible', () => true)).toHaveLength(helpdeskNames.length + 1)
    expect(alarmsOn('ApproximateAgeOfOldestMessage', ({ Threshold }) => Threshold === 600)).toHaveLength(
      helpdeskNames.length,
    )
  })
})

test('every log line that is counted is one that a function writes', () => {
  const core = `${import.meta.dirname}/../lambdas/core`
  const source = readdirSync(core, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(`${core}/${file}`, 'utf8'))
    .join()
  const measures = Object.values({ ...receiveMeasures, ...answerMeasures }).flat()
  const patterns = [...Object.values(logLines), ...measures.map(({ pattern }) => pattern)]
  const counted = patterns.flatMap(({ logPatternString }) =>
    [...logPatternString.matchAll(/"(\w+)"/g)].map(([, name]) => name),
  )
  expect(counted).toContain('webhook_accepted')
  expect(counted.filter((name) => !source.includes(`'${name}'`))).toEqual([])
})

describe('outputs', () => {
  test('tell the URL of webhooks and the tables', () => {
    expect(text(stacks.outputs.WebhookUrl?.Value)).toMatch(
      /^<.*ApiEndpoint>\/webhooks\/\{helpdesk\}\/\{connectionId\}$/,
    )
    expect(text(stacks.outputs.ConversationsTable?.Value)).toMatch(/^<Conversations/)
    expect(text(stacks.outputs.ConfigurationTable?.Value)).toMatch(/^<Configuration/)
  })

  test('tell the command that stores the Anthropic key, which reads it from standard input', () => {
    const secret = stacks.attribute(stacks.storage, stacks.storage.anthropicSecret.secretArn)
    expect(text(stacks.outputs.StoreAnthropicKey?.Value)).toBe(
      `(read -rs key; printf %s "$key") | aws secretsmanager put-secret-value --region eu-west-1 --secret-id ${secret} --secret-string file:///dev/stdin`,
    )
  })
})

describe('settings', () => {
  test('reach what they name', () => {
    const topic = 'arn:aws:sns:eu-west-1:111122223333:operators'
    const { all } = synthesize({
      alarmTopicArn: topic,
      logRetentionDays: '30',
      throttleRate: '5',
      throttleBurst: '6',
      answerMemory: '1024',
      receiveReservedConcurrency: '20',
      answerReservedConcurrency: '10',
    })
    for (const { Properties } of all('AWS::CloudWatch::Alarm'))
      expect(Properties.AlarmActions).toEqual([topic])
    for (const { Properties } of all('AWS::Logs::LogGroup')) expect(Properties.RetentionInDays).toBe(30)
    expect(all('AWS::ApiGatewayV2::Stage')[0]?.Properties.DefaultRouteSettings).toEqual({
      ThrottlingBurstLimit: 6,
      ThrottlingRateLimit: 5,
    })
    const sizes = all('AWS::Lambda::Function').map(({ Properties }) => [
      Properties.MemorySize,
      Properties.ReservedConcurrentExecutions,
    ])
    expect(sizes).toEqual([
      ...helpdeskNames.flatMap(() => [
        [512, 20],
        [1024, 10],
      ]),
      [256, undefined],
      [256, undefined],
      [256, undefined],
      [1024, undefined],
    ])
  })

  test.each([
    { logRetentionDays: '31' },
    { alarmTopicArn: 'ops@acme.example' },
    { answerMemory: '64' },
    { answerReservedConcurrency: '9' },
    { throttleRate: '0' },
    { identityKey: 'c' },
  ])('that cannot be used are refused by name: %j', (context) => {
    expect(() => deskhandApp(newApp(context))).toThrow(Object.keys(context)[0])
  })
})
