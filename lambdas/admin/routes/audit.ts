/** Who asked for what, and how it ended. */
import * as z from 'zod'
import { auditEnd, auditPk, auditRow } from '../../../schemas/admin.ts'
import { tenantId } from '../../../schemas/names.ts'
import type { Row } from '../../core/ports.ts'
import { cursorTo, pageFrom, pageQuery, pageSchema } from '../page.ts'
import { type Route, route } from '../route.ts'
import { nextOf } from '../versions.ts'

const entry = auditRow
  .extend({
    id: z.string(),
    status: auditEnd.shape.status
      .optional()
      .meta({ description: 'HTTP status of the answer; absent: it was cut off.' }),
    result: auditEnd.shape.result,
  })
  .meta({ id: 'AuditEntry' })

export const auditRoutes: Route[] = [
  route(
    {
      id: 'listAudit',
      method: 'GET',
      path: '/admin/tenants/{tenant}/audit',
      tag: 'audit',
      summary: 'Lists what was asked for that changes something, newest first; what was refused too',
      permission: 'read',
      params: z.object({ tenant: tenantId }),
      query: pageQuery,
      answers: { status: 200, description: 'A page.', body: pageSchema(entry) },
    },
    async ({ tenant, query }) => {
      const { after, limit } = pageFrom(query)
      // Each entry has at most two rows, which lie side by side.
      const rows = await tenant.configuration.query('audit', {
        pk: auditPk(tenant.tenant),
        descending: true,
        limit: 2 * limit + 2,
        ...(after === undefined ? {} : { after }),
      })
      const begun = rows.filter(({ sk }) => !sk.endsWith('#end'))
      const ends = new Map(rows.map((row) => [row.sk, row]))
      const items = begun.slice(0, limit).map((row) => shown(row, ends.get(`${row.sk}#end`)))
      return { status: 200, body: { items, ...cursorTo(nextOf(begun, limit).next) } }
    },
  ),
]

function shown(row: Row, end: Row | undefined) {
  const ended = end === undefined ? {} : auditEnd.parse(end)
  return { id: row.sk, ...auditRow.parse(row), ...ended }
}
