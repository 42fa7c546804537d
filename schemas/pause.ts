import * as z from 'zod'
import { connectionId } from './names.ts'

/** What an operator stopped or let go on: one row of a tenant, sort key `tenant` or a connection's id. */
export const pauseRow = z.object({
  pk: z.string(),
  sk: z.union([z.literal('tenant'), connectionId]),
  paused: z.boolean(),
  by: z.string(),
  why: z.string(),
  at: z.number(),
})
export type PauseRow = z.infer<typeof pauseRow>
