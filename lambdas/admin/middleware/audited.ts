import type { z } from 'zod'
import { type auditEnd, auditPk, type auditRow } from '../../../schemas/admin.ts'
import type { AdminResponse } from '../create-admin.ts'
import { Problem } from '../problem.ts'
import type { RawCall, Route } from '../route.ts'
import type { Requested } from './read-request.ts'

/** Does the route change something, or show what is worth a mark? */
export const isAudited = (route: Route): boolean =>
  route.permission !== 'anyone' && route.method !== 'GET' && !route.changesNothing

/**
 * Writes what is asked for before it is done, and then how it ended. Both rows are only ever added: what was done
 * without an end was cut off.
 */
export const audited = (route: Route) => {
  const ends = new WeakMap<RawCall, string>()
  const end = async (call: RawCall, status: number) => {
    const sk = ends.get(call)
    ends.delete(call)
    if (sk === undefined || call.tenant === undefined) return
    const row: z.infer<typeof auditEnd> = {
      status,
      ...(call.result === undefined ? {} : { result: call.result }),
    }
    await call.tenant.configuration.put('audit_end', {
      pk: auditPk(call.tenant.tenant),
      sk: `${sk}#end`,
      ...row,
    })
  }
  return {
    before: async ({ event: { call } }: { event: Requested }) => {
      const { tenant, who, rank, now, runtime, params, body, requestId } = call
      if (!isAudited(route) || tenant === undefined || who === undefined) return
      const sk = `${String(now).padStart(13, '0')}#${runtime.random(9).toString('base64url')}`
      const why = whyOf(body) ?? call.query.why
      const row: z.infer<typeof auditRow> = {
        action: route.id,
        about: params,
        by: who.id,
        role: rank ?? '',
        at: now,
        requestId,
        ...(why === undefined ? {} : { why }),
      }
      await tenant.configuration.put('audit', { pk: auditPk(tenant.tenant), sk, ...row }, isNew)
      ends.set(call, sk)
    },
    after: async ({ event: { call }, response }: { event: Requested; response: AdminResponse }) => {
      await end(call, response.statusCode)
    },
    onError: async ({ event: { call }, error }: { event: Requested; error: unknown }) => {
      if (call === undefined) return
      await end(call, error instanceof Problem ? error.status : 500)
    },
  }
}

const isNew = { condition: 'attribute_not_exists(pk)' }

function whyOf(body: unknown): string | undefined {
  const why = typeof body === 'object' && body !== null && 'why' in body ? body.why : undefined
  return typeof why === 'string' ? why.slice(0, 300) : undefined
}
