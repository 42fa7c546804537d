import * as z from 'zod'

/** What a tenant knows and says publicly: a policy, a help page. Information for the model, never about a customer. */
export const article = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, '1 to 64 lower-case letters, digits or hyphens'),
  title: z.string().min(1).max(200),
  /** Markdown. */
  text: z.string().min(1).max(60_000),
  /** Where customers can read it. Replies may link to exactly this address. */
  url: z
    .url({ protocol: /^https$/ })
    .max(500)
    .optional(),
  topic: z.string().max(100).optional(),
  language: z
    .string()
    .regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, 'a language, for example en or pt-BR')
    .optional(),
})
export type Article = z.infer<typeof article>
