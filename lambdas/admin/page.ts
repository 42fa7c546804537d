/** Lists by the page: `cursor` says where the next one begins, and means nothing to the caller. */
import * as z from 'zod'

export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(50).meta({ description: 'How many at most.' }),
  cursor: z
    .string()
    .max(500)
    .regex(/^[A-Za-z0-9_-]+$/)
    .optional()
    .meta({ description: '`next` of the page before.' }),
})

export const pageFrom = ({ limit, cursor }: z.output<typeof pageQuery>) => ({
  limit,
  after: cursor === undefined ? undefined : Buffer.from(cursor, 'base64url').toString('utf8') || undefined,
})

export const cursorTo = (next: string | undefined): { next?: string } =>
  next === undefined ? {} : { next: Buffer.from(next, 'utf8').toString('base64url') }

/** A page of these. */
export const pageSchema = <T extends z.ZodType>(one: T) =>
  z.object({
    items: z.array(one),
    next: z.string().optional().meta({ description: 'The cursor of the next page, where there is one.' }),
  })
