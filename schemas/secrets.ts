import * as z from 'zod'

/** What a secret in Secrets Manager holds, as JSON. */
export const inboundSecret = z.strictObject({ value: z.string().min(16) })
export const outboundSecret = z.strictObject({
  value: z.string().min(1),
  /** `host` or `host:port` it may be sent to. Changing them means entering the value again. */
  hosts: z.array(z.string().min(1)).min(1),
  /** The header it may be sent in, where it is bound to one: `authorization`, or the one that an API key names. */
  header: z.string().min(1).optional(),
})
export type OutboundSecret = z.infer<typeof outboundSecret>
