/** Releases: what is live, what was, and going back. */
import * as z from 'zod'
import { why } from '../../../schemas/admin.ts'
import { type Release, release } from '../../../schemas/configuration.ts'
import { tenantId } from '../../../schemas/names.ts'
import { newestRelease } from '../../core/configuration.ts'
import { type Live, load, nameOf, partsOf } from '../candidate.ts'
import { change, changesBetween } from '../changes.ts'
import { kinds } from '../kinds.ts'
import { cursorTo, pageFrom, pageQuery, pageSchema } from '../page.ts'
import { Problem } from '../problem.ts'
import { publish, toldPublished } from '../publish.ts'
import { etag, mustMatch, type Route, route } from '../route.ts'
import { allNewestOf, newestVersion, type Of, releaseAt, releasesOf } from '../versions.ts'

const inTenant = z.object({ tenant: tenantId })
const numbered = inTenant.extend({ release: z.coerce.number().int().min(1) })
const toldRelease = release.omit({ tenant: true }).meta({ id: 'Release' })
const item = z.strictObject({
  kind: z.enum(kinds.map(({ kind }) => kind)),
  id: z.string().min(1).max(100),
  version: z.number().int().min(1),
})
const differing = z.object({ of: z.string(), changes: z.array(change) })
const base = '/admin/tenants/{tenant}/releases'
const tag = 'releases'

const shown = ({ tenant: _, ...rest }: z.infer<typeof release>) => rest

export const releaseRoutes: Route[] = [
  route(
    {
      id: 'listReleases',
      method: 'GET',
      path: base,
      tag,
      summary: 'Lists releases, the live one first: who published, when and why',
      permission: 'read',
      params: inTenant,
      query: pageQuery,
      answers: {
        status: 200,
        description: 'A page; its ETag is the live release.',
        body: pageSchema(toldRelease),
        etag: true,
      },
    },
    async ({ tenant, query }) => {
      const of = { table: tenant.configuration, tenant: tenant.tenant }
      const live = await newestRelease(tenant.configuration, tenant.tenant)
      const page = await releasesOf(of, pageFrom(query))
      return {
        status: 200,
        body: { items: page.releases.map(shown), ...cursorTo(page.next) },
        headers: etag(live?.release ?? 0),
      }
    },
  ),
  route(
    {
      id: 'previewDrafts',
      method: 'GET',
      path: `${base}/drafts`,
      tag,
      summary: 'What making every draft live would change, and the `items` to publish it by',
      permission: 'read',
      params: inTenant,
      answers: {
        status: 200,
        description: 'Each version that is not live, and each place that would differ.',
        body: z.object({ items: z.array(item), changes: z.array(differing) }),
        etag: true,
      },
    },
    async ({ tenant }) => {
      const of = { table: tenant.configuration, tenant: tenant.tenant }
      const release = await newestRelease(tenant.configuration, tenant.tenant)
      const live = release?.live ?? {}
      const next = await everyDraft(of, live)
      const names = Object.keys(next).filter((name) => next[name] !== live[name])
      const items = names.map((name) => ({ ...partsOf(name), version: next[name] ?? 0 }))
      const [before, after] = await Promise.all([load(tenant, live), load(tenant, next)])
      return {
        status: 200,
        body: { items, changes: differences(before, after) },
        headers: etag(release?.release ?? 0),
      }
    },
  ),
  route(
    {
      id: 'getRelease',
      method: 'GET',
      path: `${base}/{release}`,
      tag,
      summary: 'Reads a release: the version of everything that it has live',
      permission: 'read',
      params: numbered,
      answers: { status: 200, description: 'The release.', body: toldRelease },
    },
    async ({ tenant, params }) => ({ status: 200, body: shown(await mustHave(tenant, params.release)) }),
  ),
  route(
    {
      id: 'compareReleases',
      method: 'GET',
      path: `${base}/{release}/diff`,
      tag,
      summary: 'What a release changed, or what differs between it and another',
      permission: 'read',
      params: numbered,
      query: z.object({
        from: z.coerce.number().int().min(1).optional().meta({ description: 'Default: the one before.' }),
      }),
      answers: {
        status: 200,
        description: 'Each place that differs, in each thing that does.',
        body: z.object({ items: z.array(differing) }),
      },
    },
    async ({ tenant, params, query }) => {
      const to = await mustHave(tenant, params.release)
      const number = query.from ?? to.release - 1
      const from = number === 0 ? undefined : await mustHave(tenant, number)
      const [before, after] = await Promise.all([load(tenant, from?.live ?? {}), load(tenant, to.live)])
      const items = differences(before, after)
      return { status: 200, body: { items } }
    },
  ),
  route(
    {
      id: 'publishDrafts',
      method: 'POST',
      path: base,
      tag,
      summary: 'Makes drafts live together, in one release',
      description:
        'If-Match names the release that is live. Without `items`, every draft is published, deletions too; what needs an approver is published by name only.',
      permission: 'publish',
      params: inTenant,
      body: z.strictObject({
        items: z.array(item).min(1).max(500).optional(),
        why,
      }),
      example: { items: [{ kind: 'tool', id: 'get_order', version: 2 }], why: 'Orders can be looked up' },
      ifMatch: true,
      answers: { status: 200, description: 'It is live within 10 seconds.', body: toldPublished, etag: true },
    },
    async (call) => {
      const { tenant, body } = call
      const of = { table: tenant.configuration, tenant: tenant.tenant }
      const { release: now, changed } = await publish(
        call,
        body.why,
        async (live, number) => {
          mustMatch(call.ifMatch, String(number), 'The live release')
          if (body.items !== undefined)
            return {
              ...live,
              ...Object.fromEntries(body.items.map(({ kind, id, version }) => [nameOf(kind, id), version])),
            }
          return await everyDraft(of, live)
        },
        { named: body.items !== undefined },
      )
      return {
        status: 200,
        body: { release: now.release, changed },
        headers: etag(now.release),
        result: { release: now.release },
      }
    },
  ),
  route(
    {
      id: 'rollBack',
      method: 'POST',
      path: `${base}/{release}/rollback`,
      tag,
      summary: 'Makes everything live as this release had it, in a new release',
      description: 'If-Match names the release that is live now. It is checked as every publish is.',
      permission: 'publish',
      params: numbered,
      body: z.strictObject({ why }),
      example: { why: 'The new refund tool answers 500' },
      ifMatch: true,
      answers: { status: 200, description: 'It is live within 10 seconds.', body: toldPublished, etag: true },
    },
    async (call) => {
      const { tenant, params, body } = call
      const wanted = await mustHave(tenant, params.release)
      const { release: now, changed } = await publish(call, body.why, (_live, number) => {
        mustMatch(call.ifMatch, String(number), 'The live release')
        return wanted.live
      })
      return {
        status: 200,
        body: { release: now.release, changed },
        headers: etag(now.release),
        result: { release: now.release, from: params.release },
      }
    },
  ),
]

async function mustHave(tenant: Parameters<typeof load>[0], number: number) {
  const found = await releaseAt({ table: tenant.configuration, tenant: tenant.tenant }, number)
  if (found === undefined) throw new Problem('not_found', `There is no release ${number}.`)
  return found
}

/** The newest version of everything, with deletions of what is live. */
async function everyDraft(of: Of, live: Release['live']): Promise<Release['live']> {
  const drafts = await Promise.all(kinds.map(({ kind }) => allNewestOf(of, kind)))
  const next = Object.fromEntries(drafts.flat().map(({ kind, id, version }) => [nameOf(kind, id), version]))
  // What is live and was deleted since is in no list of drafts.
  const gone = Object.keys(live).filter((name) => !Object.hasOwn(next, name))
  for (const name of gone) {
    const { kind, id } = partsOf(name)
    const newest = await newestVersion(of, kind, id)
    if (newest !== undefined) next[name] = newest.version
  }
  return next
}

function differences(before: Live, after: Live) {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort()
  return names.flatMap((name) => {
    const changes = changesBetween(before.get(name)?.definition, after.get(name)?.definition)
    return changes.length === 0 ? [] : [{ of: name.replace('#', ' '), changes }]
  })
}
