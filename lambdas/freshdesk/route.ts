import * as z from 'zod'

/** How a message is answered. `from`: the support address that was written to. */
export const route = z.discriminatedUnion('by', [
  z.object({ by: z.literal('chat') }),
  z.object({ by: z.literal('mail'), from: z.string().optional() }),
])
export type Route = z.infer<typeof route>
