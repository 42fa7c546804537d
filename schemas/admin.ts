/** What the admin API takes and answers, besides the definitions themselves. */
import * as z from 'zod'
import { secretName, tenantId } from './names.ts'

/** What somebody may do in one tenant, weakest first. Each may all that the one before it may. */
export const roles = ['viewer', 'editor', 'approver', 'admin'] as const
export const role = z.enum(roles)
export type Role = z.infer<typeof role>

/** Why a change is made. It stands in the history. */
export const why = z.string().trim().min(3, 'say why in 3 characters or more').max(300)

/**
 * Who may call, by what the identity provider vouches for: the issuer and the subject of a token, or for automation
 * `iam` and the ARN of a role or user. Never an address: people change those themselves.
 */
export const identity = z.strictObject({
  issuer: z.string().min(1).max(300),
  subject: z.string().min(1).max(300),
})
export type Identity = z.infer<typeof identity>

/** Somebody who may call for one tenant: row `T#<tenant>#member`, sort key the hash of issuer and subject. */
export const member = z.object({
  ...identity.shape,
  /** For people who read the list. */
  name: z.string().min(1).max(100),
  role,
  by: z.string(),
  at: z.number(),
})
export type Member = z.infer<typeof member>

/** Somebody who may call for every tenant: row `OPERATORS`, sort key the hash of issuer and subject. */
export const operator = member.omit({ role: true })

/** That somebody became or stopped being an operator: row `OPERATORS#history`, written before it counts. Only ever added. */
export const operatorChange = operator.extend({ did: z.enum(['add', 'remove']), why })

/** A tenant that the admin API knows: row `TENANTS`, sort key its id. */
export const tenant = z.object({
  id: tenantId,
  name: z.string().min(1).max(100),
  by: z.string(),
  at: z.number(),
})

export const operatorsPk = 'OPERATORS'
export const operatorHistoryPk = 'OPERATORS#history'
export const tenantsPk = 'TENANTS'
export const memberPk = (tenant: string): string => `T#${tenant}#member`

/** `inbound`: what webhooks are signed by. `outbound`: what we call with. */
export const secretDirections = ['inbound', 'outbound'] as const
/** All that is told of a secret: row `T#<tenant>#secret`, sort key `<direction>#<name>`. */
export const secretRecord = z.object({
  direction: z.enum(secretDirections),
  name: secretName,
  /** The only hosts it is sent to (outbound). */
  hosts: z.array(z.string()).optional(),
  /** The only header it is sent in, where it is bound to one. */
  header: z.string().optional(),
  by: z.string(),
  at: z.number(),
})
export type SecretRecord = z.infer<typeof secretRecord>
export const secretPk = (tenant: string): string => `T#${tenant}#secret`

/**
 * What somebody asked for that changes something: row `T#<tenant>#audit`, sort key `<13 digits of ms>#<random>`, written
 * before it is done. A second row, `...#end`, says how it ended; where there is none, it was cut off.
 */
export const auditRow = z.object({
  /** The operation, as the API's document names it. */
  action: z.string(),
  /** What of: the path's parameters. */
  about: z.record(z.string(), z.string()),
  by: z.string(),
  role: z.string(),
  at: z.number(),
  requestId: z.string(),
  why: z.string().optional(),
})
export const auditEnd = z.object({
  /** HTTP status of the answer. */
  status: z.number().int(),
  /** What came of it, for example the version that was saved. */
  result: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
})
export const auditPk = (tenant: string): string => `T#${tenant}#audit`
