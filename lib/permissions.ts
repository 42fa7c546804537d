/** Who may do what with the data, on one page. Logs, tracing and what a function consumes are granted where it is made. */
import { Aws } from 'aws-cdk-lib'
import { type Conditions, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import type { IQueue } from 'aws-cdk-lib/aws-sqs'
import { memberPk, operatorsPk, tenantsPk } from '../schemas/admin.ts'
import { grantPrefix } from '../schemas/authorization.ts'
import type { Settings } from './settings.ts'
import { dueIndex, type StorageStack } from './storage-stack.ts'

/** The tenant of the session, as IAM fills it in. */
const tenant = `\${aws:PrincipalTag/tenant}`

/** Names of the secrets that `receive` may read. */
export const inboundSecrets = 'deskhand/*/inbound/*'
/** Names of the secrets that a tenant's session may read. */
export const tenantOutboundSecrets = `deskhand/${tenant}/outbound/*`

/** Names of the webhook secrets of the session's tenant, which its admins enter and nobody reads but `receive`. */
export const tenantInboundSecrets = `deskhand/${tenant}/inbound/*`

/** Those that it may overwrite too: refresh tokens, which their server replaces (`grantPrefix`). */
export const tenantGrants = `deskhand/${tenant}/outbound/${grantPrefix}*`

/** `receive`: finds a connection, reads inbound secrets, rings tickets, wakes `answer`. */
export const receiveMay = (storage: StorageStack, queue: IQueue, queuesKey: IKey): PolicyStatement[] => [
  allow(
    ['dynamodb:Query', 'dynamodb:BatchGetItem'],
    storage.configuration.tableArn,
    leadingKeys('T#*#release', 'T#*#config#connection#*'),
  ),
  allow(
    ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
    storage.conversations.tableArn,
    leadingKeys('T#*#ticket#*'),
  ),
  useTables(storage),
  ...readSecrets(storage, secretArn(inboundSecrets)),
  ...send(queuesKey, queue),
]

/** `answer` by itself: wakes itself, asks Claude, mails codes, and becomes a tenant. No tenant's data. */
export const answerMay = (
  storage: StorageStack,
  queue: IQueue,
  queuesKey: IKey,
  settings: Pick<Settings, 'codeSender' | 'model' | 'bedrockRegion'>,
): PolicyStatement[] => [
  ...askClaude(storage, settings),
  ...send(queuesKey, queue),
  ...(settings.codeSender === undefined ? [] : [mailFrom(settings.codeSender)]),
]

/** What asking Claude takes: Anthropic's key, or Bedrock's models of Anthropic and no others. */
export const askClaude = (
  storage: StorageStack,
  { model, bedrockRegion }: Pick<Settings, 'model' | 'bedrockRegion'>,
): PolicyStatement[] =>
  model === 'anthropic'
    ? readSecrets(storage, storage.anthropicSecret.secretArn)
    : [allow(['bedrock:InvokeModel'], claudeOnBedrock(bedrockRegion ?? Aws.REGION))]

/**
 * Inference profiles are the account's, in the region that is asked; each passes the request on to the model in a region
 * of its own choice, and the role needs that one too.
 * https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html
 */
export const claudeOnBedrock = (region: string): string[] => [
  `arn:${Aws.PARTITION}:bedrock:${region}:${Aws.ACCOUNT_ID}:inference-profile/*anthropic.claude-*`,
  `arn:${Aws.PARTITION}:bedrock:*::foundation-model/anthropic.claude-*`,
]

/**
 * `answer` as one tenant: that tenant's rows, outbound secrets and data keys. The key that signs is all tenants': a
 * signature binds its tenant by what is signed, and CloudTrail has each one under its tenant's session.
 */
export const tenantMay = (storage: StorageStack, signingKey: IKey): PolicyStatement[] => [
  allow(
    [
      'dynamodb:GetItem',
      'dynamodb:BatchGetItem',
      'dynamodb:Query',
      'dynamodb:PutItem',
      'dynamodb:UpdateItem',
    ],
    storage.conversations.tableArn,
    leadingKeys(`T#${tenant}#*`),
  ),
  allow(
    ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query'],
    storage.configuration.tableArn,
    leadingKeys(`T#${tenant}#*`),
  ),
  // The tenant's wrapped data key is the one row of configuration that the agent itself makes.
  allow(['dynamodb:PutItem'], storage.configuration.tableArn, leadingKeys(`T#${tenant}#key`)),
  useTables(storage),
  ...readSecrets(storage, secretArn(tenantOutboundSecrets), ownTag),
  ...overwriteSecrets(storage, [secretArn(tenantGrants)], ownTag),
  ...useTenantKeys(storage, signingKey),
]

/**
 * The admin API by itself: sees who is an operator and which tenants there are, makes tenants, wakes `answer`, and
 * becomes a tenant. It makes no operator: that takes an operator's own rights to the table (`bin/operators.ts`).
 */
export const adminMay = (storage: StorageStack, queues: IQueue[], queuesKey: IKey): PolicyStatement[] => [
  allow(['dynamodb:GetItem'], storage.configuration.tableArn, leadingKeys(operatorsPk)),
  allow(
    ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem'],
    storage.configuration.tableArn,
    leadingKeys(tenantsPk),
  ),
  useTables(storage),
  ...send(queuesKey, ...queues),
]

/**
 * The admin API as one tenant. Configuration is only ever added to, but for members: there is no `UpdateItem`. That a
 * row is new is a condition of our own writes; IAM cannot ask for it.
 */
export const tenantAdminMay = (storage: StorageStack, signingKey: IKey): PolicyStatement[] => [
  allow(
    [
      'dynamodb:GetItem',
      'dynamodb:BatchGetItem',
      'dynamodb:Query',
      'dynamodb:PutItem',
      'dynamodb:UpdateItem',
    ],
    storage.conversations.tableArn,
    leadingKeys(`T#${tenant}#*`),
  ),
  allow(
    ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query', 'dynamodb:PutItem'],
    storage.configuration.tableArn,
    leadingKeys(`T#${tenant}#*`),
  ),
  allow(['dynamodb:DeleteItem'], storage.configuration.tableArn, leadingKeys(memberPk(tenant))),
  useTables(storage),
  ...readSecrets(storage, secretArn(tenantOutboundSecrets), ownTag),
  ...overwriteSecrets(storage, [tenantInboundSecrets, tenantOutboundSecrets].map(secretArn), ownTag),
  ...makeSecrets(storage, [tenantInboundSecrets, tenantOutboundSecrets].map(secretArn)),
  ...useTenantKeys(storage, signingKey),
]

/** Names of the secrets that a tenant's job may delete. */
export const tenantSecrets = `deskhand/${tenant}/*`

/**
 * `jobs` by itself: wakes itself, becomes a tenant, and reads what no tenant's session can, for erasing a tenant: the
 * keys of the tables, and nothing else of a row, and the names of secrets.
 */
export const jobsMay = (storage: StorageStack, queue: IQueue, queuesKey: IKey): PolicyStatement[] => [
  allow(['dynamodb:Scan'], [storage.conversations.tableArn, storage.configuration.tableArn], {
    'ForAllValues:StringEquals': { 'dynamodb:Attributes': ['pk', 'sk'] },
    StringEquals: { 'dynamodb:Select': 'SPECIFIC_ATTRIBUTES' },
    Null: { 'dynamodb:Attributes': 'false' },
  }),
  useTables(storage),
  // No part of it can be allowed: AWS lists the names of all or of none.
  allow(['secretsmanager:ListSecrets'], '*'),
  ...send(queuesKey, queue),
]

/** `jobs` as one tenant: that tenant's rows, to read, mark and delete; its data keys; its secrets, to delete. */
export const tenantJobsMay = (storage: StorageStack): PolicyStatement[] => [
  allow(
    ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'],
    storage.conversations.tableArn,
    leadingKeys(`T#${tenant}#*`),
  ),
  allow(
    ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:DeleteItem'],
    storage.configuration.tableArn,
    leadingKeys(`T#${tenant}#*`),
  ),
  // Its data key where it has none yet, and the mark that it was erased.
  allow(
    ['dynamodb:PutItem'],
    storage.configuration.tableArn,
    leadingKeys(`T#${tenant}#key`, `T#${tenant}#erased`),
  ),
  useTables(storage),
  allow(['kms:GenerateDataKey', 'kms:Decrypt'], storage.contentKey.keyArn, {
    StringEquals: { 'kms:EncryptionContext:tenant': tenant },
  }),
  allow(['secretsmanager:DeleteSecret'], secretArn(tenantSecrets)),
]

/** `public-keys`: the public halves of the keys that sign. */
export const publicKeysMay = (keys: IKey[]): PolicyStatement[] => [
  allow(
    ['kms:GetPublicKey'],
    keys.map(({ keyArn }) => keyArn),
  ),
]

/** The sweeper: alone reads the index of what is due; moves its `dueAt`, wakes `answer` and `jobs`. */
export const sweeperMay = (storage: StorageStack, queues: IQueue[], queuesKey: IKey): PolicyStatement[] => [
  allow(['dynamodb:Query'], `${storage.conversations.tableArn}/index/${dueIndex}`),
  allow(
    ['dynamodb:UpdateItem'],
    storage.conversations.tableArn,
    leadingKeys('T#*#ticket#*', 'T#*#reconcile#*', 'T#*#job'),
  ),
  useTables(storage),
  ...send(queuesKey, ...queues),
]

/** A secret that carries the tag of the session's tenant. */
const ownTag: Conditions = { StringEquals: { 'secretsmanager:ResourceTag/tenant': tenant } }

const networkInterfaces = [
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
]

/** Lambda puts a function into a VPC with the function's own role. */
export const useNetworkInterfaces = (): PolicyStatement => allow(networkInterfaces, '*')

/**
 * The same to nobody's code: Lambda names the function in what its code asks for, and not in what it does itself.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-best-practice-security
 */
export const noNetworkInterfaces = (): PolicyStatement =>
  new PolicyStatement({
    effect: Effect.DENY,
    actions: networkInterfaces,
    resources: ['*'],
    conditions: { ArnLike: { 'lambda:SourceFunctionArn': 'arn:*:lambda:*:*:function:*' } },
  })

function allow(actions: string[], resources: string | string[], conditions?: Conditions): PolicyStatement {
  return new PolicyStatement({ actions, resources: [resources].flat(), ...(conditions && { conditions }) })
}

/** `ForAllValues` is also true when the key is absent, as in a Scan: `Null` refuses that. */
function leadingKeys(...patterns: string[]): Conditions {
  return {
    'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': patterns },
    Null: { 'dynamodb:LeadingKeys': 'false' },
  }
}

/** DynamoDB opens a table's key in the caller's name: useless without a right to the table itself. */
function useTables(storage: StorageStack): PolicyStatement {
  return allow(
    [
      'kms:Encrypt',
      'kms:Decrypt',
      'kms:ReEncryptFrom',
      'kms:ReEncryptTo',
      'kms:GenerateDataKey',
      'kms:GenerateDataKeyWithoutPlaintext',
      'kms:DescribeKey',
    ],
    storage.tablesKey.keyArn,
    via('dynamodb'),
  )
}

/** Reads secrets, and opens the secrets key for just those: Secrets Manager names the secret in its encryption context. */
function readSecrets(storage: StorageStack, arn: string, conditions?: Conditions): PolicyStatement[] {
  return [
    allow(['secretsmanager:GetSecretValue'], arn, conditions),
    allow(['kms:Decrypt'], storage.secretsKey.keyArn, {
      ...via('secretsmanager'),
      StringLike: { 'kms:EncryptionContext:SecretARN': arn },
    }),
  ]
}

/** Stores new values of secrets that there are; their tags and key stay as they are. */
function overwriteSecrets(storage: StorageStack, arns: string[], conditions: Conditions): PolicyStatement[] {
  return [
    allow(['secretsmanager:PutSecretValue'], arns, conditions),
    allow(['kms:GenerateDataKey'], storage.secretsKey.keyArn, {
      ...via('secretsmanager'),
      StringLike: { 'kms:EncryptionContext:SecretARN': arns },
    }),
  ]
}

/**
 * Makes secrets that carry exactly one tag, the session's tenant. What another has tagged is not tagged anew. To make
 * one, Secrets Manager also asks whether its maker could open it: reading it is another right.
 */
function makeSecrets(storage: StorageStack, arns: string[]): PolicyStatement[] {
  const taggedAsOwn: Conditions = {
    StringEquals: { 'aws:RequestTag/tenant': tenant },
    'ForAllValues:StringEquals': { 'aws:TagKeys': ['tenant'] },
  }
  return [
    allow(['secretsmanager:CreateSecret'], arns, taggedAsOwn),
    allow(['secretsmanager:TagResource'], arns, {
      ...taggedAsOwn,
      StringEqualsIfExists: { 'secretsmanager:ResourceTag/tenant': tenant },
    }),
    allow(['kms:GenerateDataKey', 'kms:Decrypt'], storage.secretsKey.keyArn, {
      ...via('secretsmanager'),
      StringLike: { 'kms:EncryptionContext:SecretARN': arns },
    }),
  ]
}

/** Data keys with the session's tenant as context, and signatures of `Deskhand-Identity`. */
function useTenantKeys(storage: StorageStack, signingKey: IKey): PolicyStatement[] {
  return [
    allow(['kms:GenerateDataKey', 'kms:Decrypt'], storage.contentKey.keyArn, {
      StringEquals: { 'kms:EncryptionContext:tenant': tenant },
    }),
    allow(['kms:Sign'], signingKey.keyArn, {
      StringEquals: { 'kms:SigningAlgorithm': 'ECDSA_SHA_256' },
    }),
  ]
}

function send(queuesKey: IKey, ...queues: IQueue[]): PolicyStatement[] {
  return [
    allow(
      ['sqs:SendMessage'],
      queues.map((queue) => queue.queueArn),
    ),
    allow(['kms:GenerateDataKey', 'kms:Decrypt'], queuesKey.keyArn, via('sqs')),
  ]
}

/** From this address alone. SES looks for the address among its identities, and for its domain. */
function mailFrom(sender: string): PolicyStatement {
  const identity = (name: string) =>
    `arn:${Aws.PARTITION}:ses:${Aws.REGION}:${Aws.ACCOUNT_ID}:identity/${name}`
  return allow(['ses:SendEmail'], [sender, sender.slice(sender.indexOf('@') + 1)].map(identity), {
    StringEquals: { 'ses:FromAddress': sender },
  })
}

function via(service: string): Conditions {
  return { StringEquals: { 'kms:ViaService': `${service}.${Aws.REGION}.amazonaws.com` } }
}

function secretArn(name: string): string {
  return `arn:${Aws.PARTITION}:secretsmanager:${Aws.REGION}:${Aws.ACCOUNT_ID}:secret:${name}`
}

/** The id of cdk-nag's finding on a pattern of secret names. */
export const secretFinding = (name: string): string =>
  `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:${name
    .replace('${', '<')
    .replace('}', '>')}]`

/** The ids of its findings on patterns of models. */
export const bedrockFindings = (region: string | undefined): string[] => [
  `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:bedrock:${region ?? '<AWS::Region>'}:<AWS::AccountId>:inference-profile/*anthropic.claude-*]`,
  'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:bedrock:*::foundation-model/anthropic.claude-*]',
]
