import { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { Node } from 'constructs'
import * as z from 'zod'
import { tenantId } from '../schemas/names.ts'

const memory = (megabytes: number) => z.coerce.number().int().min(128).max(10_240).default(megabytes)

/** A JSON object, as context on the command line is text: `-c name='{"acme": 50}'`. */
const fromText = (value: unknown): unknown => {
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}
const dollars = z.coerce.number().positive().max(1_000_000)

/** The two places that a key which signs `Deskhand-Identity` can be in: rotating is moving to the other one. */
export const identitySlots = ['a', 'b'] as const
export type IdentitySlot = (typeof identitySlots)[number]

const options = z.object({
  /** SNS topic that every alarm notifies. Without one the alarms only show. */
  alarmTopicArn: z.string().startsWith('arn:').optional(),
  /** Where helpdesks reach us, where that is not the API's own address: a custom domain. Some sign the URL they call. */
  publicUrl: z
    .string()
    .regex(/^https:\/\/[a-z0-9.-]+$/, 'https:// and a host alone, for example https://hooks.acme.com')
    .optional(),
  /** A domain name for the front door, with its certificate of this region in AWS Certificate Manager. */
  domainName: z
    .string()
    .regex(/^([a-z0-9-]+\.)+[a-z]{2,}$/, 'a host alone, for example hooks.acme.com')
    .optional(),
  certificateArn: z.string().startsWith('arn:').optional(),
  /** `answer` calls out from fixed addresses, for the allow-lists of tenants: a VPC with NAT gateways. */
  vpc: z.stringbool().or(z.boolean()).default(false),
  /** One is cheaper; with two, one zone may fail. */
  natGateways: z.coerce.number().int().min(1).max(2).default(1),
  /** Elastic IPs that there are already, as many as NAT gateways: `eipalloc-1,eipalloc-2`. Else they are made, and kept. */
  elasticIps: z.preprocess(
    (value) => (typeof value === 'string' ? value.split(',') : value),
    z
      .array(z.string().regex(/^eipalloc-[0-9a-f]+$/, 'allocation ids: eipalloc-0a1b2c,eipalloc-3d4e5f'))
      .optional(),
  ),
  /** The address that one-time codes come from: verified in Amazon SES, alone or by its domain. Without one there are no codes. */
  codeSender: z.email('an address that is verified in Amazon SES').optional(),
  /** Who runs Claude: Anthropic, by its API and a stored key, or Amazon Bedrock in this account, by the function's role. */
  model: z.enum(['anthropic', 'bedrock']).default('anthropic'),
  /** Where Bedrock is asked, and whose inference profiles are used. Default: the stack's own region. */
  bedrockRegion: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'a region, for example eu-west-1')
    .optional(),
  logRetentionDays: z.coerce.number().pipe(z.enum(RetentionDays)).default(RetentionDays.THREE_MONTHS),
  /** Webhooks a second, over all helpdesks. Beyond it they get 429, which not every helpdesk sends again. */
  throttleRate: z.coerce.number().int().min(1).default(500),
  throttleBurst: z.coerce.number().int().min(1).default(1000),
  receiveMemory: memory(512),
  answerMemory: memory(512),
  sweeperMemory: memory(256),
  publicKeysMemory: memory(256),
  /** Lambda gives processor time by memory, and the admin API parses over 2 MB of code before its first answer. */
  adminMemory: memory(1024),
  /** Calls of one route of the admin API a second, over all who call. */
  adminThrottleRate: z.coerce.number().int().min(1).default(20),
  adminThrottleBurst: z.coerce.number().int().min(1).default(40),
  /** An OpenID Connect issuer of your own, whose tokens the admin API takes. Without one a Cognito user pool is made. */
  adminIssuer: z
    .string()
    .regex(/^https:\/\/[^\s?#]+$/, 'the https:// URL that stands in `iss` of its tokens, to the letter')
    .optional(),
  /** What `aud` (or `client_id`) of its tokens must be. */
  adminAudience: z.string().min(1).optional(),
  jobsMemory: memory(256),
  /** The key that signs `Deskhand-Identity`. */
  identityKey: z.enum(identitySlots).default('a'),
  /** Where a rotation is under way: publish the other key too. See docs/verify-identity.md, "Rotation". */
  publishBothIdentityKeys: z.stringbool().or(z.boolean()).default(false),
  /** US dollars that these tenants may spend on the model within a day before an alarm rises: `{"acme": 50}`. */
  dailyBudgets: z.preprocess(fromText, z.record(tenantId, dollars)).default({}),
  /** US dollars that any one tenant may spend on the model within an hour before an alarm rises. */
  hourlyBudget: dollars.default(20),
  /** Reserved concurrency of every helpdesk's function. Off, as a deploy with it fails on accounts with a low quota. */
  receiveReservedConcurrency: z.coerce.number().int().min(1).optional(),
  /** Not below the event source's maximum concurrency, or it would be throttled by it. */
  answerReservedConcurrency: z.coerce.number().int().min(10).optional(),
})

const settings = options
  .refine(({ domainName, certificateArn }) => (domainName === undefined) === (certificateArn === undefined), {
    path: ['certificateArn'],
    error: 'domainName and certificateArn go together: a domain is served with its certificate',
  })
  .refine(
    ({ domainName, publicUrl }) =>
      domainName === undefined || publicUrl === undefined || publicUrl === `https://${domainName}`,
    { path: ['publicUrl'], error: 'with domainName it is https:// and that name: leave it out' },
  )
  .refine(({ vpc, elasticIps, natGateways }) => !vpc || (elasticIps?.length ?? natGateways) === natGateways, {
    path: ['elasticIps'],
    error: 'one for each NAT gateway: see natGateways',
  })
  // Tokens of an issuer that were made for something else must not count here.
  .superRefine(({ adminIssuer, adminAudience }, { addIssue }) => {
    if (adminIssuer !== undefined && adminAudience === undefined)
      addIssue({ code: 'custom', path: ['adminAudience'], message: 'name it with adminIssuer' })
    if (adminIssuer === undefined && adminAudience !== undefined)
      addIssue({ code: 'custom', path: ['adminIssuer'], message: 'name it with adminAudience' })
  })
  .transform(({ domainName, publicUrl, ...rest }) => ({
    ...rest,
    domainName,
    publicUrl: publicUrl ?? (domainName === undefined ? undefined : `https://${domainName}`),
  }))

/** What an operator may choose: `cdk deploy -c name=value`, or `context` in cdk.json. */
export type Settings = z.infer<typeof settings>

/** Throws a ZodError that names the setting when a value cannot be used. */
export const readSettings = (node: Node): Settings =>
  settings.parse(Object.fromEntries(Object.keys(options.shape).map((key) => [key, node.tryGetContext(key)])))
