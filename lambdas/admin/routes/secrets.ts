/** Secrets go in and never come out: what is told of one is its name, its hosts, who entered it and when. */
import * as z from 'zod'
import { secretDirections, secretPk, secretRecord, why } from '../../../schemas/admin.ts'
import { grantPrefix } from '../../../schemas/authorization.ts'
import { secretName, tenantId } from '../../../schemas/names.ts'
import { inboundSecret, outboundSecret } from '../../../schemas/secrets.ts'
import { urlCheckBy } from '../../core/check-configuration.ts'
import { policyOf } from '../candidate.ts'
import { enterSecret } from '../enter-secret.ts'
import { cursorTo, pageFrom, pageQuery, pageSchema } from '../page.ts'
import { Problem } from '../problem.ts'
import { type Route, route } from '../route.ts'
import { nextOf, pageOf } from '../versions.ts'

const inTenant = z.object({ tenant: tenantId })
const named = inTenant.extend({ direction: z.enum(secretDirections), name: secretName })
const record = secretRecord.meta({ id: 'Secret' })
const base = '/admin/tenants/{tenant}/secrets'
const tag = 'secrets'

export const secretRoutes: Route[] = [
  route(
    {
      id: 'listSecrets',
      method: 'GET',
      path: base,
      tag,
      summary: 'Lists secrets: names, hosts, who entered them and when; never a value',
      permission: 'read',
      params: inTenant,
      query: pageQuery,
      answers: { status: 200, description: 'A page.', body: pageSchema(record) },
    },
    async ({ tenant, query }) => {
      const page = pageFrom(query)
      const rows = await tenant.configuration.query('secrets', {
        pk: secretPk(tenant.tenant),
        ...pageOf(page),
      })
      const items = rows.slice(0, page.limit).map((row) => secretRecord.parse(row))
      return { status: 200, body: { items, ...cursorTo(nextOf(rows, page.limit).next) } }
    },
  ),
  route(
    {
      id: 'enterSecret',
      method: 'PUT',
      path: `${base}/{direction}/{name}`,
      tag,
      summary: 'Enters the value of a secret, anew',
      description:
        'An outbound value is sent to the hosts that are given with it, and to no others: to change them, enter the value again. It counts everywhere within 5 minutes.',
      permission: 'administer',
      params: named,
      body: z.strictObject({
        value: z.string().min(1).max(10_000),
        hosts: z.array(z.string().min(1).max(260)).min(1).max(20).optional(),
        header: z.string().min(1).max(100).optional(),
        why,
      }),
      example: { value: 'what-the-provider-gave-you', hosts: ['api.acme.com'], why: 'Rotated' },
      answers: { status: 200, description: 'Entered.', body: record },
    },
    async (call) => {
      const { tenant, params, body } = call
      const { direction, name } = params
      const { value, hosts, header } = body
      if (name.startsWith(grantPrefix))
        throw new Problem(
          'invalid',
          `Names that begin with ${grantPrefix} are Deskhand's own: choose another.`,
        )
      const stored =
        direction === 'inbound'
          ? readAs(inboundSecret, {
              value,
              ...(hosts === undefined ? {} : { hosts }),
              ...(header === undefined ? {} : { header }),
            })
          : readAs(outboundSecret, { value, hosts, ...(header === undefined ? {} : { header }) })
      const check = urlCheckBy(policyOf(call.runtime, tenant))
      for (const [i, host] of (hosts ?? []).entries()) {
        const wrong = check(`https://${host}/`) === undefined ? undefined : check(`http://${host}/`)
        if (wrong !== undefined)
          throw new Problem('invalid', 'A host is one that may not be called.', {
            errors: [{ detail: wrong, pointer: `#/hosts/${i}` }],
          })
      }
      const row = await enterSecret(call, { direction, name }, stored)
      return { status: 200, body: row, result: { name } }
    },
  ),
]

/** A value that does not fit is never repeated in what is said of it. */
function readAs<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new Problem('invalid', 'The secret is not right yet: see errors.', {
    errors: parsed.error.issues.map(({ path, message, code }) => ({
      detail: code === 'unrecognized_keys' ? 'hosts and header are for outbound secrets' : message,
      pointer: `#/${path.join('/')}`,
    })),
  })
}
