/** The rules of a tool: where values come from, whose record a write touches, how often, and what is shown of an answer. */
import * as z from 'zod'

export const toolName = z
  .string()
  .regex(/^[a-z][a-z0-9_]{1,47}$/, 'a tool name is 2 to 48 lower-case letters, digits or _')

export const parameterName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'a parameter name is 1 to 64 letters, digits or _, no digit first')

const jmesPath = z.string().min(1).max(300)

/** Where a parameter's value comes from. `model` (the default) is the only one Claude sees. */
export const parameterSources = [
  'model',
  'constant',
  'customer.email',
  'customer.assurance',
  'customer.name',
  'ticket.id',
  'ticket.channel',
  'ticket.subject',
  'ticket.language',
  'tenant.id',
  /** Id of the write: what goes out as `Idempotency-Key`, and what its look-up asks for. */
  'effect.id',
] as const
export type FixedSource = (typeof parameterSources)[number]
/** `previous.<tool>.<JMESPath>`: a value out of an earlier result of that tool, for the same customer at the same level. */
export type PreviousSource = `previous.${string}`
export type ParameterSource = FixedSource | PreviousSource

const previousSource = /^previous\.([a-z][a-z0-9_]{1,47})\.(.{1,300})$/

/** The tool and the JMESPath that a `previous.` source names; `undefined` for every other source. */
export function previousOf(source: string): { tool: string; path: string } | undefined {
  const [, tool, path] = previousSource.exec(source) ?? []
  return tool === undefined || path === undefined ? undefined : { tool, path }
}

/**
 * Does somebody choose the value: the model, whoever wrote the ticket, or an API whose answer the model asked for? What
 * is not chosen is fixed, or code's own knowledge.
 */
export const isChosen = (source: string): boolean =>
  ['model', 'ticket.subject', 'customer.name'].includes(source) || previousOf(source) !== undefined

export const parameterSource = z.custom<ParameterSource>(
  (value) =>
    typeof value === 'string' &&
    ((parameterSources as readonly string[]).includes(value) || previousOf(value) !== undefined),
  `must be one of ${parameterSources.join(', ')} or previous.<tool>.<JMESPath>`,
)

/** Parameter -> something: at least one. */
const match = <T>(value: z.ZodType<T>) =>
  z
    .record(parameterName, value)
    .refine((entries) => Object.keys(entries).length > 0, 'names at least one parameter')

/** Whose record is it? How a real customer is kept from acting on a stranger's. */
export const ownership = z.discriminatedUnion('by', [
  /**
   * Parameter -> where this customer's own ids stand, at any of up to five places: a JMESPath over the user data, which
   * is JSON then, or `previous.<tool>.<JMESPath>` over what a tool that shows own records only answered for them.
   */
  z.strictObject({
    by: z.literal('seen'),
    match: match(z.union([jmesPath, z.array(jmesPath).min(1).max(5)])),
  }),
  /**
   * A read tool with `response.owner` runs first. Parameter of the write -> parameter of that tool. Its answer must be
   * this customer's.
   */
  z.strictObject({ by: z.literal('check'), tool: toolName, match: match(parameterName) }),
  /** The API compares these facts itself, for example a postcode. Wrong ones are limited. */
  z.strictObject({
    by: z.literal('knowledge'),
    facts: z.array(parameterName).min(1).max(5),
    /** Tries that did not succeed, on one ticket. */
    failuresPerTicket: z.number().int().min(1).max(10).default(3),
    /** And for one customer in one day of the tenant's time zone. */
    failuresPerCustomerPerDay: z.number().int().min(1).max(20).default(5),
  }),
  /** An approver attests that the API itself refuses records that are not those of `Deskhand-Identity`. */
  z.strictObject({
    by: z.literal('api'),
    /** Who tested it. */
    attestedBy: z.string().min(1).max(200),
    attestedAt: z.iso.date('the day it was tested, for example 2026-11-25'),
  }),
])
export type Ownership = z.infer<typeof ownership>

/** After a crash or a lost answer: the read tool that tells whether the write was done. */
export const lookup = z.strictObject({
  tool: toolName,
  /** JMESPath over that tool's answer: anything but null, false or empty means that the write was done. */
  found: jmesPath,
})
export type Lookup = z.infer<typeof lookup>

export const limits = z
  .strictObject({
    /** How often this write may be done, or perhaps done, on one ticket. */
    perTicket: z.number().int().min(1).max(20).default(1),
    /** The same for one customer over all tickets, in one day of the tenant's time zone. */
    perCustomerPerDay: z.number().int().min(1).max(100).optional(),
    amount: z
      .strictObject({
        /** A required number that is never negative. */
        parameter: parameterName,
        /** Of one call. */
        max: z.number().positive().max(1e9),
        /** Of all calls for one customer in one day together. */
        perCustomerPerDay: z.number().positive().max(1e9).optional(),
      })
      .optional(),
  })
  .default({ perTicket: 1 })
export type Limits = z.infer<typeof limits>

export const response = z
  .strictObject({
    /** JMESPath: what the model sees of the answer. */
    select: z.string().max(1000).optional(),
    /**
     * What is taken out of the answer before anything else reads it: names of fields at any depth (`card`), or paths
     * (`order.payments[].card`).
     */
    redact: z.array(z.string().min(1).max(200)).max(50).optional(),
    /** JMESPath to the address whose record it is. It must be there and be the customer's, else the answer is dropped. */
    owner: jmesPath.optional(),
    /** Bytes that the model sees; the rest is cut with a visible mark. */
    maxBytes: z.number().int().min(64).max(65_536).default(16_384),
  })
  .default({ maxBytes: 16_384 })
