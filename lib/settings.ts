import { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { Node } from 'constructs'
import * as z from 'zod'

const memory = (megabytes: number) => z.coerce.number().int().min(128).max(10_240).default(megabytes)

/** The two places that a key which signs `Deskhand-Identity` can be in: rotating is moving to the other one. */
export const identitySlots = ['a', 'b'] as const
export type IdentitySlot = (typeof identitySlots)[number]

const settings = z.object({
  /** SNS topic that every alarm notifies. Without one the alarms only show. */
  alarmTopicArn: z.string().startsWith('arn:').optional(),
  /** Where helpdesks reach us, where that is not the API's own address: a custom domain. Some sign the URL they call. */
  publicUrl: z
    .string()
    .regex(/^https:\/\/[a-z0-9.-]+$/, 'https:// and a host alone, for example https://hooks.acme.com')
    .optional(),
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
  /** The key that signs `Deskhand-Identity`. */
  identityKey: z.enum(identitySlots).default('a'),
  /** Where a rotation is under way: publish the other key too. See docs/verify-identity.md, "Rotation". */
  publishBothIdentityKeys: z.stringbool().or(z.boolean()).default(false),
  /** Reserved concurrency of every helpdesk's function. Off, as a deploy with it fails on accounts with a low quota. */
  receiveReservedConcurrency: z.coerce.number().int().min(1).optional(),
  /** Not below the event source's maximum concurrency, or it would be throttled by it. */
  answerReservedConcurrency: z.coerce.number().int().min(10).optional(),
})

/** What an operator may choose: `cdk deploy -c name=value`, or `context` in cdk.json. */
export type Settings = z.infer<typeof settings>

/** Throws a ZodError that names the setting when a value cannot be used. */
export const readSettings = (node: Node): Settings =>
  settings.parse(Object.fromEntries(Object.keys(settings.shape).map((key) => [key, node.tryGetContext(key)])))
