import * as z from 'zod'
import { tenantId } from './names.ts'

/** The kinds of things a tenant's admin configures. */
export const configKinds = [
  'connection',
  'user-data-api',
  'authorization',
  'tool',
  'task',
  'article',
  'agent-settings',
] as const
export type ConfigKind = (typeof configKinds)[number]

/**
 * An immutable version of one configured thing: row `T#<tenant>#config#<kind>#<id>`, sort key `v#<8 digits>`.
 * Who saved it, when and why is history and audit in one.
 */
export const configVersion = z.object({
  tenant: tenantId,
  kind: z.enum(configKinds),
  id: z.string(),
  version: z.number().int().min(1),
  definition: z.unknown(),
  by: z.string(),
  at: z.number(),
  why: z.string(),
  /** The thing was deleted by this version: a release that has it live is one in which it is not there. */
  deleted: z.literal(true).optional(),
})
export type ConfigVersion = z.infer<typeof configVersion>

/**
 * An immutable publish: row `T#<tenant>#release`, sort key `r#<8 digits>`; the highest is live. It lists the
 * live version of everything the tenant has, so that a turn keeps the versions it began with by one number.
 */
export const release = z.object({
  tenant: tenantId,
  release: z.number().int().min(1),
  /** `<kind>#<id>` -> version. */
  live: z.record(z.string(), z.number().int().min(1)),
  by: z.string(),
  at: z.number(),
  why: z.string(),
})
export type Release = z.infer<typeof release>

export const keyNumber = (n: number): string => String(n).padStart(8, '0')
export const configKey = (tenant: string, kind: ConfigKind, id: string, version: number) => ({
  pk: `T#${tenant}#config#${kind}#${id}`,
  sk: `v#${keyNumber(version)}`,
})
/** Everything of one kind that was ever saved: row by id, with the number of its newest version. Lists are read from it. */
export const indexPk = (tenant: string, kind: ConfigKind): string => `T#${tenant}#index#${kind}`
/** What is left of an erased tenant, so that its id never counts again: sort key `tenant`. */
export const erasedPk = (tenant: string): string => `T#${tenant}#erased`
export const releasePk = (tenant: string): string => `T#${tenant}#release`
