import * as z from 'zod'

/** The helpdesks Deskhand speaks to. Adding one starts with one word here. */
export const helpdeskNames = ['zendesk', 'intercom', 'gorgias', 'hubspot', 'freshdesk'] as const
export const helpdeskName = z.enum(helpdeskNames)
export type HelpdeskName = z.infer<typeof helpdeskName>

/** A company or brand whose data is siloed from every other. Part of every key, so its alphabet has no `#` or `.`. */
export const tenantId = z
  .string()
  .regex(/^[a-z0-9-]{3,36}$/, 'a tenant id is 3 to 36 lower-case letters, digits or hyphens')

/** `<tenant>.<22 random characters>`: unguessable, and it names its tenant. */
export const connectionId = z
  .string()
  .regex(
    /^[a-z0-9-]{3,36}\.[A-Za-z0-9_-]{22}$/,
    'a connection id is <tenant>.<22 characters of A-Z a-z 0-9 _ ->',
  )

/** The tenant that a connection id names. */
export const tenantOf = (connectionId: string): string => connectionId.slice(0, connectionId.indexOf('.'))

/** An id that a helpdesk gave. Always a string: vendors' numbers may pass 2^53. */
export const vendorId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)

/** The name of a secret, without its tenant and direction: those are added by code, never by configuration. */
export const secretName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a secret name is 1 to 63 lower-case letters, digits or hyphens')

/** The name of an authorization: a stored credential for a tenant's own APIs. */
export const authorizationName = secretName

/** How surely we know who wrote a message, weakest first. */
export const assurances = ['none', 'claimed', 'mailbox', 'signed_in', 'confirmed'] as const
export const assurance = z.enum(assurances)
export type Assurance = z.infer<typeof assurance>

/** Is `level` at least `minimum`? */
export const atLeast = (level: Assurance, minimum: Assurance): boolean =>
  assurances.indexOf(level) >= assurances.indexOf(minimum)
