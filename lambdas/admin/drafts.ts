/** What is drafted: read as its schema says, saved as one more version, and held against everything else that is drafted. */
import * as z from 'zod'
import { type ConfigVersion, configVersion } from '../../schemas/configuration.ts'
import { newestRelease, saveVersion } from '../core/configuration.ts'
import { isCode } from '../core/errors.ts'
import { filledIn, type Live, mistakesIn, nameOf, policyOf } from './candidate.ts'
import { type Helpdesks, type Kind, kinds, readDefinition } from './kinds.ts'
import { mistake, Problem } from './problem.ts'
import type { RawCall } from './route.ts'
import { allNewestOf } from './versions.ts'

/** What is told of a version. */
export const told = (kind: Kind, helpdesks: Helpdesks) =>
  configVersion.omit({ tenant: true, kind: true, deleted: true }).extend({
    definition: kind.schema(helpdesks),
    live: z.number().int().optional().meta({ description: 'The version that is live, where one is.' }),
    problems: z
      .array(mistake)
      .optional()
      .meta({ description: 'What would hinder publishing it now, with everything else as it is drafted.' }),
  })

/** A call in a tenant, whatever it says. */
export type Opened = Pick<RawCall, 'now' | 'helpdesks' | 'runtime' | 'ifMatch'> & {
  who: NonNullable<RawCall['who']>
  tenant: NonNullable<RawCall['tenant']>
}
/** The tenant's rows, as `versions.ts` reads them. */
export const ofCall = ({ tenant }: Pick<Opened, 'tenant'>) => ({
  table: tenant.configuration,
  tenant: tenant.tenant,
})

export const readDraft = (kind: Kind, call: Opened, given: unknown) =>
  readDefinition(kind, given, contextOf(call))

/** Throws `invalid` with everything that would hinder publishing `all`. */
export function mustBeRight(call: Opened, all: Live): void {
  const mistakes = mistakesIn(all, contextOf(call))
  if (mistakes.length > 0)
    throw new Problem('invalid', `${mistakes.length} to mend in what is drafted: see errors.`, {
      errors: mistakes.map(({ of, detail, pointer }) => ({
        detail: `${of}: ${detail}`,
        ...(pointer === undefined ? {} : { pointer }),
      })),
    })
}

/** The definition as its schema reads it. Throws `invalid` with every mistake. */
export function read(kind: Kind, call: Opened, given: unknown): unknown {
  const parsed = readDefinition(kind, given, contextOf(call))
  if (parsed.ok) return parsed.definition
  throw new Problem('invalid', `${parsed.mistakes.length} to mend in the definition: see errors.`, {
    errors: parsed.mistakes,
  })
}

export const contextOf = ({ tenant, helpdesks, runtime }: Opened) => ({
  tenant: tenant.tenant,
  helpdesks,
  policy: policyOf(runtime, tenant),
})

/** One version after `newest`. Throws `changed` when somebody else was first. */
export const save = (
  call: Opened,
  { kind }: Kind,
  id: string,
  definition: unknown,
  reason: string,
  newest: ConfigVersion | undefined,
): Promise<ConfigVersion> =>
  store(call, { tenant: call.tenant.tenant, kind, id, version: newest?.version ?? 0, definition }, reason)

/** One version after `before`. Throws `changed` when somebody else was first. */
export async function store(
  { tenant, who, now }: Opened,
  before: Pick<ConfigVersion, 'tenant' | 'kind' | 'id' | 'version' | 'definition' | 'deleted'>,
  reason: string,
): Promise<ConfigVersion> {
  const { kind, id, definition, deleted } = before
  const version: ConfigVersion = {
    tenant: tenant.tenant,
    kind,
    id,
    version: before.version + 1,
    definition,
    by: who.id,
    at: now,
    why: reason,
    ...(deleted ? { deleted } : {}),
  }
  await saveVersion(tenant.configuration, version).catch((error: unknown) => {
    if (!isCode(error, 'condition_failed')) throw error
    throw new Problem('changed', 'Somebody else saved it meanwhile: read it again, and repeat.')
  })
  return version
}

/** What is told of it: not whose it is. */
export const shown = (
  { tenant: _, kind: __, deleted: ___, ...version }: ConfigVersion,
  live: number | undefined,
) => ({
  ...version,
  ...(live === undefined ? {} : { live }),
})

/** With what would hinder publishing it, beside everything else as it is drafted. */
export async function withProblems(call: Opened, version: ConfigVersion, known?: number) {
  const live =
    known ??
    (await newestRelease(call.tenant.configuration, call.tenant.tenant))?.live[
      nameOf(version.kind, version.id)
    ]
  const all = await drafts(call, version)
  const mine = mistakesIn(all, contextOf(call)).filter(({ of }) => of === `${version.kind} ${version.id}`)
  const problems = mine.map(({ of: _, ...rest }) => rest)
  return { ...shown(version, live), problems }
}

/** Everything as it is drafted, with this version among it. */
export async function drafts(
  call: Pick<Opened, 'tenant' | 'helpdesks'>,
  version?: ConfigVersion,
): Promise<Live> {
  const found = await Promise.all(kinds.map(({ kind }) => allNewestOf(ofCall(call), kind)))
  const all = new Map(found.flat().map((one) => [nameOf(one.kind, one.id), one]))
  if (version !== undefined) all.set(nameOf(version.kind, version.id), version)
  return filledIn(all, call.helpdesks)
}
