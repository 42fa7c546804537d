import * as z from 'zod'
import { agentRules } from './agent-rules.ts'
import { fixedLanguages } from './consent.ts'
import { assurance, authorizationName } from './names.ts'
import {
  limits,
  lookup,
  ownership,
  parameterName,
  parameterSource,
  response,
  toolName,
} from './tool-rules.ts'

export { type Authorization, authorization } from './authorization.ts'
export { inboundSecret, type OutboundSecret, outboundSecret } from './secrets.ts'

/** The tenant's endpoint that tells who a customer is: POST `{"identifier": email}`. */
export const userDataApi = z.strictObject({
  url: z.url(),
  authorization: authorizationName.optional(),
  /** The least assurance at which it is asked. Can be raised, never lowered below `mailbox`. */
  identity: z.enum(['mailbox', 'signed_in', 'confirmed']).default('mailbox'),
  /** Bytes of `user_info` that the model sees; the rest is cut with a visible mark. */
  maxBytes: z.number().int().min(256).max(65_536).default(16_384),
})
export type UserDataApi = z.infer<typeof userDataApi>

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()])

/** One node of a parameter's JSON Schema: the subset of 2020-12 that strict tools and our validator both keep. */
export type ParameterSchema = {
  type: 'string' | 'number' | 'integer' | 'boolean' | 'array' | 'object'
  description?: string | undefined
  enum?: (string | number | boolean | null)[] | undefined
  pattern?: string | undefined
  minLength?: number | undefined
  maxLength?: number | undefined
  minimum?: number | undefined
  maximum?: number | undefined
  items?: ParameterSchema | undefined
  maxItems?: number | undefined
  properties?: Record<string, ParameterSchema> | undefined
  required?: string[] | undefined
}
const schemaFields = {
  type: z.enum(['string', 'number', 'integer', 'boolean', 'array', 'object']),
  description: z.string().max(1000).optional(),
  enum: z.array(scalar).min(1).max(100).optional(),
  pattern: z.string().max(200).optional(),
  minLength: z.number().int().min(0).optional(),
  maxLength: z.number().int().min(0).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  maxItems: z.number().int().min(0).optional(),
}
export const parameterSchema: z.ZodType<ParameterSchema> = z.lazy(() =>
  z.strictObject({
    ...schemaFields,
    items: parameterSchema.optional(),
    properties: z.record(parameterName, parameterSchema).optional(),
    required: z.array(parameterName).optional(),
  }),
)
/** A top-level parameter: a schema node that may name its source, and a value where that is `constant`. */
export const parameter = z.strictObject({
  ...schemaFields,
  items: parameterSchema.optional(),
  properties: z.record(parameterName, parameterSchema).optional(),
  required: z.array(parameterName).optional(),
  source: parameterSource.default('model'),
  value: z.json().optional(),
})
export type Parameter = z.infer<typeof parameter>

/** An HTTP call that Claude may make, as a tenant's admin writes it. Only what is honoured is accepted. */
export const toolDefinition = z.strictObject({
  name: toolName,
  description: z.string().min(10).max(2000),
  effect: z.enum(['read', 'write']),
  request: z.strictObject({
    method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).default('POST'),
    url: z.string().min(1).max(2000),
    query: z.record(z.string(), z.string()).default({}),
    headers: z.record(z.string(), z.string()).default({}),
    /** JSON in which `"{name}"` stands for a parameter, its type kept. Without it the parameters are the members. */
    body: z.record(z.string(), z.json()).optional(),
  }),
  parameters: z.strictObject({
    type: z.literal('object'),
    required: z.array(parameterName).default([]),
    properties: z.record(parameterName, parameter).default({}),
  }),
  authorization: authorizationName.optional(),
  /** Least assurance. Default: `signed_in` for writes, `mailbox` for reads with a `customer.*` source, else `none`. */
  identity: assurance.optional(),
  /** Who consents before a write runs: nobody, the customer, or an approver of the connection. Default: `customer`. */
  confirm: z.enum(['never', 'customer', 'agent']).optional(),
  /**
   * How the write reads where somebody is asked to consent, by language: `Refund {amount} EUR of order {order_id}`.
   * Without one it is the tool's name. Values that it does not name are listed under it.
   */
  confirmText: z.partialRecord(z.enum(fixedLanguages), z.string().min(3).max(300)).optional(),
  /**
   * What keeps a write from being done twice where its outcome is not known. `key`: the API keeps the promise of
   * `Idempotency-Key`. `lookup`: a read tool tells whether it was done. `none`: a human has to look.
   */
  idempotency: z.enum(['key', 'lookup', 'none']).default('none'),
  /** For `idempotency: lookup`. */
  lookup: lookup.optional(),
  /** Whose record is it? */
  ownership: ownership.optional(),
  limits,
  response,
  timeoutMs: z.number().int().min(500).max(30_000).default(10_000),
  enabled: z.boolean().default(true),
})
export type ToolDefinition = z.infer<typeof toolDefinition>

function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }))
  } catch {
    return false
  }
}
const linkHost = z
  .string()
  .regex(
    /^(\*\.)?([a-z0-9-]+\.)+[a-z0-9-]+$/,
    'a host alone, for example help.acme.com or *.acme.com: no https://, no path',
  )

/** How a tenant's agent speaks and what it may spend. */
export const agentSettings = z.strictObject({
  name: z.string().min(1).max(60).default('Support'),
  /** The tenant's instructions: tone, policies, what to hand over. */
  guidance: z.string().max(20_000).default(''),
  timeZone: z.string().refine(isTimeZone, 'an IANA time zone, for example Europe/Berlin').default('UTC'),
  model: z
    .string()
    .regex(/^[a-z0-9.-]*claude-[a-z0-9.:-]+$/, 'a Claude model id, for example claude-sonnet-5-5')
    .default('claude-sonnet-5-5'),
  effort: z.enum(['low', 'medium', 'high']).default('low'),
  maxTokens: z.number().int().min(256).max(8000).default(2000),
  /** Input and output tokens of one turn; beyond it the ticket is handed over. */
  tokenBudget: z.number().int().min(1000).max(2_000_000).default(200_000),
  /** The tenant's kill switch: `false` stops every write with its next call, also in turns under way. */
  writesEnabled: z.boolean().default(true),
  /** Hosts (and their subdomains where written `*.host`) that a reply may link to. */
  linkHosts: z.array(linkHost).default([]),
  ...agentRules,
})
export type AgentSettings = z.infer<typeof agentSettings>
