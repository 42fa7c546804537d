/** Tools from what a team has already: a cURL command, an OpenAPI document. Drafts, and what an admin still has to say. */
import * as z from 'zod'
import { secretPk, why } from '../../../schemas/admin.ts'
import type { ConfigKind } from '../../../schemas/configuration.ts'
import { tenantId } from '../../../schemas/names.ts'
import { allows } from '../access.ts'
import { type Opened, readDraft, save } from '../drafts.ts'
import { enterSecret } from '../enter-secret.ts'
import { importCurl } from '../import/import-curl.ts'
import { importOpenApi } from '../import/import-openapi.ts'
import type { ImportResult } from '../import/import-result.ts'
import { kindOf } from '../kinds.ts'
import { type Mistake, mistake, Problem } from '../problem.ts'
import { type Answer, type Route, route } from '../route.ts'
import { newestVersion } from '../versions.ts'

const tag = 'importing'
const inTenant = z.object({ tenant: tenantId })
const saving = z
  .boolean()
  .default(false)
  .meta({ description: 'Saves as drafts what is right already; what is there by that name is left alone.' })

const imported = z
  .object({
    tools: z.array(z.looseObject({ name: z.string() })),
    authorizations: z.array(z.looseObject({ name: z.string() })),
    secrets: z.array(z.object({ name: z.string(), hosts: z.array(z.string()), stored: z.boolean() })).meta({
      description: 'Found in a command. The value is stored, or thrown away; it is not shown again.',
    }),
    findings: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .meta({ description: 'What was not carried over, and what you still have to say.' }),
    saved: z.array(z.object({ kind: z.string(), id: z.string(), version: z.number() })),
    to_mend: z.array(z.object({ kind: z.string(), id: z.string(), errors: z.array(mistake) })),
  })
  .meta({ id: 'Imported' })

export const importRoutes: Route[] = [
  route(
    {
      id: 'importCurl',
      method: 'POST',
      path: '/admin/tenants/{tenant}/import/curl',
      tag,
      summary: 'Makes a draft of a tool from a cURL command',
      description:
        'Nothing is run and no file is read. A credential in it goes to Secrets Manager, bound to the host of the command, if you are an admin and `save` is true; else it is thrown away.',
      permission: 'edit',
      params: inTenant,
      body: z.strictObject({ command: z.string().min(1).max(100_000), save: saving, why }),
      example: {
        command: 'curl https://api.acme.com/orders/1042 -H "Accept: application/json"',
        why: 'Order look-up',
      },
      limit: 'tries',
      answers: { status: 200, description: 'The drafts.', body: imported },
    },
    async (call) => await carried(call, importCurl(call.body.command), '#/command', call.body),
  ),
  route(
    {
      id: 'importOpenApi',
      method: 'POST',
      path: '/admin/tenants/{tenant}/import/openapi',
      tag,
      summary: 'Makes drafts of tools from an OpenAPI 3.0 or 3.1 document, JSON or YAML',
      description: 'From the body alone: a reference to anything outside of it is refused.',
      permission: 'edit',
      params: inTenant,
      body: z.strictObject({
        document: z.string().min(1).max(1_000_000),
        operations: z
          .array(z.string().min(1).max(300))
          .min(1)
          .max(200)
          .optional()
          .meta({ description: 'Operation ids, or `GET /orders/{id}`. Default: all.' }),
        server: z
          .string()
          .max(500)
          .optional()
          .meta({ description: 'Instead of the first server of the document.' }),
        save: saving,
        why,
      }),
      example: {
        document: 'openapi: 3.1.0\ninfo: {title: Orders, version: "1"}\npaths: {}\n',
        why: 'All of the order API',
      },
      limit: 'tries',
      answers: { status: 200, description: 'The drafts.', body: imported },
    },
    async (call) => {
      const { document, operations, server } = call.body
      const options = {
        ...(operations === undefined ? {} : { operations }),
        ...(server === undefined ? {} : { server }),
      }
      return await carried(call, importOpenApi(document, options), '#/document', call.body)
    },
  ),
]

type Importing = Opened & { rank: Parameters<typeof allows>[0] }

async function carried(
  call: Importing,
  result: ImportResult,
  place: string,
  { save: saves, why: reason }: { save: boolean; why: string },
): Promise<Answer> {
  if (!result.ok)
    throw new Problem('invalid', 'This cannot be imported: see errors.', {
      errors: result.problems.map(({ path, message }) => ({ detail: `${path}: ${message}`, pointer: place })),
    })
  const { tools, authorizations, findings } = result
  const stores = saves && allows(call.rank, 'administer')
  const secrets: { name: string; hosts: string[]; stored: boolean }[] = []
  for (const { name, ...value } of result.secrets) {
    // Two hosts may give one name: what is there is left alone, and keeps its hosts.
    const stored = stores && !(await isEntered(call, name))
    if (stored) await enterSecret(call, { direction: 'outbound', name }, value)
    secrets.push({ name, hosts: value.hosts, stored })
  }
  const saved: Saved[] = []
  const toMend: ToMend[] = []
  if (saves)
    for (const [kind, drafts] of [
      ['authorization', authorizations],
      ['tool', tools],
    ] as const)
      for (const draft of drafts) await saveOne(call, kind, draft, reason, { saved, toMend })
  return {
    status: 200,
    body: { tools, authorizations, secrets, findings, saved, to_mend: toMend },
    result: { saved: saved.length },
  }
}

const isEntered = async ({ tenant }: Importing, name: string): Promise<boolean> =>
  (await tenant.configuration.get('secret', { pk: secretPk(tenant.tenant), sk: `outbound#${name}` })) !==
  undefined

interface Saved {
  kind: ConfigKind
  id: string
  version: number
}
interface ToMend {
  kind: ConfigKind
  id: string
  errors: Mistake[]
}

async function saveOne(
  call: Importing,
  of: ConfigKind,
  draft: { name: string },
  reason: string,
  into: { saved: Saved[]; toMend: ToMend[] },
): Promise<void> {
  const kind = kindOf(of)
  const id = draft.name
  const mend = (errors: Mistake[]) => into.toMend.push({ kind: of, id, errors })
  const newest = await newestVersion({ table: call.tenant.configuration, tenant: call.tenant.tenant }, of, id)
  if (newest !== undefined && !newest.deleted) {
    mend([
      { detail: `there is a ${of} ${id}: rename this one, or PUT that one`, pointer: '#/definition/name' },
    ])
    return
  }
  const read = readDraft(kind, call, draft)
  if (!read.ok) mend(read.mistakes)
  else
    into.saved.push({
      kind: of,
      id,
      version: (await save(call, kind, id, read.definition, reason, newest)).version,
    })
}
