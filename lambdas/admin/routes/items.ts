/** What a tenant configures: the same routes for each kind. A save is a draft; publishing is another call. */
import * as z from 'zod'
import { why } from '../../../schemas/admin.ts'
import { type ConfigVersion, configVersion } from '../../../schemas/configuration.ts'
import { tenantId } from '../../../schemas/names.ts'
import { newestRelease } from '../../core/configuration.ts'
import { nameOf, usersOf } from '../candidate.ts'
import { change, changesBetween, mergePatch } from '../changes.ts'
import {
  contextOf,
  drafts,
  type Opened,
  ofCall,
  read,
  save,
  shown,
  store,
  told,
  withProblems,
} from '../drafts.ts'
import { type Helpdesks, type Kind, kinds, onlyId } from '../kinds.ts'
import { cursorTo, pageFrom, pageQuery, pageSchema } from '../page.ts'
import { Problem } from '../problem.ts'
import { publish, toldPublished } from '../publish.ts'
import { etag, mustMatch, type Route, route } from '../route.ts'
import { newestOf, newestVersion, versionAt, versionsOf } from '../versions.ts'

const aVersion = z.coerce.number().int().min(1)

export function itemRoutes(helpdesks: Helpdesks): Route[] {
  return kinds.flatMap((kind) => routesOf(kind, helpdesks))
}

function routesOf(kind: Kind, helpdesks: Helpdesks): Route[] {
  const { singular, collection, single } = kind
  const all = `/admin/tenants/{tenant}/${collection}`
  const one = single ? all : `${all}/{id}`
  const tenantOnly = z.object({ tenant: tenantId })
  const params = single ? tenantOnly : tenantOnly.extend({ id: z.string().min(1).max(100) })
  const idIn = (given: Record<string, unknown>): string => (typeof given.id === 'string' ? given.id : onlyId)
  const schema = told(kind, helpdesks).meta({ id: kind.singular })
  const tag = collection
  const what = single ? collection : `${kind.kind} {id}`
  const described = { tag, params }
  const saves = z.strictObject({ definition: kind.schema(helpdesks), why })
  // The definition is read in `saved`, where its mistakes get places.
  const saving = z.strictObject({ definition: z.unknown(), why })
  const example = { definition: kind.example, why: 'First version' }

  const listing: Route[] = single
    ? []
    : [
        route(
          {
            id: `list${singular}s`,
            method: 'GET',
            path: all,
            tag,
            summary: `Lists ${collection}, each as it is drafted`,
            permission: 'read',
            params: tenantOnly,
            query: pageQuery,
            answers: { status: 200, description: 'A page.', body: pageSchema(schema) },
          },
          async (call) => {
            const live = await newestRelease(call.tenant.configuration, call.tenant.tenant)
            const page = await newestOf(ofCall(call), kind.kind, pageFrom(call.query))
            const items = page.versions.map((version) =>
              shown(version, live?.live[nameOf(kind.kind, version.id)]),
            )
            return { status: 200, body: { items, ...cursorTo(page.next) } }
          },
        ),
        route(
          {
            id: `create${singular}`,
            method: 'POST',
            path: all,
            tag,
            summary: `Saves a new ${kind.kind} as a draft`,
            permission: 'edit',
            params: tenantOnly,
            body: saving,
            shownBody: saves,
            example,
            answers: { status: 201, description: 'Saved.', body: schema, etag: true },
          },
          async (call) => {
            const definition = read(kind, call, call.body.definition)
            const id = kind.idOf(definition)
            const newest = await newestVersion(ofCall(call), kind.kind, id)
            if (newest !== undefined && !newest.deleted)
              throw new Problem('exists', `There is a ${kind.kind} ${id}: PUT it to change it.`)
            const saved = await save(call, kind, id, definition, call.body.why, newest)
            const location = `${call.runtime.publicUrl}${all.replace('{tenant}', call.tenant.tenant)}/${encodeURIComponent(id)}`
            return {
              status: 201,
              body: await withProblems(call, saved),
              headers: { ...etag(saved.version), location },
              result: { id, version: saved.version },
            }
          },
        ),
      ]

  return [
    ...listing,
    route(
      {
        ...described,
        id: `get${singular}`,
        method: 'GET',
        path: one,
        summary: `Reads ${what} as it is drafted, or one version of it`,
        permission: 'read',
        query: z.object({ version: aVersion.or(z.literal('live')).optional() }),
        answers: { status: 200, description: 'A version.', body: schema, etag: true },
      },
      async (call) => {
        const id = idIn(call.params)
        const live = await liveVersion(call, kind, id)
        const { version } = call.query
        const wanted = version === 'live' ? (live ?? 0) : version
        const found =
          wanted === undefined
            ? await newestVersion(ofCall(call), kind.kind, id)
            : await versionAt(ofCall(call), kind.kind, id, wanted)
        if (found === undefined || found.deleted) throw missing(kind, id)
        const body = wanted === undefined ? await withProblems(call, found, live) : shown(found, live)
        return { status: 200, body, headers: etag(found.version) }
      },
    ),
    route(
      {
        ...described,
        id: `replace${singular}`,
        method: 'PUT',
        path: one,
        summary: `Saves ${what} as a new draft${single ? ', the first too (If-None-Match is not needed: send If-Match: *)' : ''}`,
        permission: 'edit',
        body: saving,
        shownBody: saves,
        example,
        ifMatch: true,
        answers: { status: 200, description: 'Saved.', body: schema, etag: true },
      },
      async (call) => {
        const id = idIn(call.params)
        const newest = await newestVersion(ofCall(call), kind.kind, id)
        if (!single && (newest === undefined || newest.deleted)) throw missing(kind, id)
        mustMatch(call.ifMatch, String(newest?.version ?? 0), `${kind.kind} ${id}`)
        return await saved(call, kind, id, call.body.definition, call.body.why, newest)
      },
    ),
    route(
      {
        ...described,
        id: `patch${singular}`,
        method: 'PATCH',
        path: one,
        summary: `Saves ${what} with some members changed`,
        description:
          'The patch is a JSON Merge Patch (RFC 7396): `null` takes a member away, arrays are replaced whole.',
        permission: 'edit',
        body: z.strictObject({ patch: z.record(z.string(), z.json()), why }),
        example: { patch: {}, why: 'One line changed' },
        ifMatch: true,
        answers: { status: 200, description: 'Saved.', body: schema, etag: true },
      },
      async (call) => {
        const id = idIn(call.params)
        const newest = await newestVersion(ofCall(call), kind.kind, id)
        if (newest === undefined || newest.deleted) throw missing(kind, id)
        mustMatch(call.ifMatch, String(newest.version), `${kind.kind} ${id}`)
        const merged = mergePatch(newest.definition, call.body.patch)
        return await saved(call, kind, id, merged, call.body.why, newest)
      },
    ),
    route(
      {
        ...described,
        id: `delete${singular}`,
        method: 'DELETE',
        path: one,
        summary: `Deletes the draft of ${what}; publish that to take it away from the live agent`,
        description: 'Refused with the list of users while something drafted refers to it.',
        permission: 'edit',
        query: z.object({ why }),
        ifMatch: true,
        answers: { status: 204, description: 'Deleted.', etag: true },
      },
      async (call) => {
        const id = idIn(call.params)
        const newest = await newestVersion(ofCall(call), kind.kind, id)
        if (newest === undefined || newest.deleted) throw missing(kind, id)
        mustMatch(call.ifMatch, String(newest.version), `${kind.kind} ${id}`)
        const users = usersOf(await drafts(call), kind.kind, id, contextOf(call))
        if (users.length > 0)
          throw new Problem(
            'in_use',
            `${kind.kind} ${id} is used by ${users.join(', ')}: change them first.`,
            {
              users,
            },
          )
        const gone = await store(call, { ...newest, definition: null, deleted: true }, call.query.why)
        return { status: 204, headers: etag(gone.version), result: { id, version: gone.version } }
      },
    ),
    route(
      {
        ...described,
        id: `list${singular}Versions`,
        method: 'GET',
        path: `${one}/versions`,
        summary: `Lists the versions of ${what}, newest first: who, when, why`,
        permission: 'read',
        query: pageQuery,
        answers: {
          status: 200,
          description: 'A page.',
          body: pageSchema(configVersion.omit({ tenant: true, definition: true, kind: true })),
        },
      },
      async (call) => {
        const page = await versionsOf(ofCall(call), kind.kind, idIn(call.params), pageFrom(call.query))
        const items = page.versions.map(({ tenant: _, kind: __, definition: ___, ...version }) => version)
        return { status: 200, body: { items, ...cursorTo(page.next) } }
      },
    ),
    route(
      {
        ...described,
        id: `compare${singular}Versions`,
        method: 'GET',
        path: `${one}/diff`,
        summary: `What differs between two versions of ${what}; by default between the live one and the draft`,
        permission: 'read',
        query: z.object({ from: aVersion.optional(), to: aVersion.optional() }),
        answers: {
          status: 200,
          description: 'Each place that differs.',
          body: z.object({
            from: z.number().int().optional(),
            to: z.number().int(),
            changes: z.array(change),
          }),
        },
      },
      async (call) => {
        const id = idIn(call.params)
        const to = call.query.to ?? (await newestVersion(ofCall(call), kind.kind, id))?.version
        const from = call.query.from ?? (await liveVersion(call, kind, id))
        const [before, after] = await Promise.all(
          [from, to].map((n) => (n === undefined ? undefined : versionAt(ofCall(call), kind.kind, id, n))),
        )
        if (to === undefined || after === undefined || (from !== undefined && before === undefined))
          throw missing(kind, id)
        const changes = changesBetween(before?.definition ?? undefined, after.definition ?? undefined)
        return { status: 200, body: { ...(from === undefined ? {} : { from }), to, changes } }
      },
    ),
    route(
      {
        ...described,
        id: `publish${singular}`,
        method: 'POST',
        path: `${one}/publish`,
        summary: `Makes the draft of ${what} live`,
        description: 'If-Match names the version that was looked at: an older or newer one is not published.',
        permission: 'publish',
        body: z.strictObject({ why }),
        example: { why: 'Reviewed' },
        ifMatch: true,
        answers: { status: 200, description: 'It is live within 10 seconds.', body: toldPublished },
      },
      async (call) => {
        const id = idIn(call.params)
        const newest = await newestVersion(ofCall(call), kind.kind, id)
        if (newest === undefined) throw missing(kind, id)
        mustMatch(call.ifMatch, String(newest.version), `${kind.kind} ${id}`)
        const { release, changed } = await publish(
          call,
          call.body.why,
          (live) => ({
            ...live,
            [nameOf(kind.kind, id)]: newest.version,
          }),
          { named: !(call.ifMatch ?? []).includes('*') },
        )
        return {
          status: 200,
          body: { release: release.release, changed },
          result: { release: release.release },
        }
      },
    ),
  ]
}

async function saved(
  call: Opened,
  kind: Kind,
  id: string,
  given: unknown,
  reason: string,
  newest: ConfigVersion | undefined,
) {
  const definition = read(kind, call, given)
  if (kind.idOf(definition) !== id)
    throw new Problem(
      'invalid',
      'The id in the definition and the one in the path differ: they are the same thing.',
    )
  const version = await save(call, kind, id, definition, reason, newest)
  return {
    status: 200,
    body: await withProblems(call, version),
    headers: etag(version.version),
    result: { id, version: version.version },
  }
}

async function liveVersion({ tenant }: Opened, { kind }: Kind, id: string): Promise<number | undefined> {
  const live = await newestRelease(tenant.configuration, tenant.tenant)
  return live?.live[nameOf(kind, id)]
}

const missing = (kind: Kind, id: string): Problem =>
  new Problem(
    'not_found',
    kind.single ? `There is no ${kind.kind} yet: PUT it.` : `There is no ${kind.kind} ${id}.`,
  )
