import { tenantsPk } from '../../../schemas/admin.ts'
import { tenantId } from '../../../schemas/names.ts'
import { assertNotErased } from '../../core/configuration.ts'
import { allows, isOperator, type Rank, roleIn, weakestFor } from '../access.ts'
import { Problem } from '../problem.ts'
import type { RawCall, Route } from '../route.ts'
import type { Requested } from './read-request.ts'

/** Lets through who may make this call, and opens the tenant for them. Everything that is not known is refused. */
export const whoMay = (route: Route) => ({
  before: async ({ event }: { event: Requested }) => {
    const { call } = event
    if (route.permission === 'anyone') return
    const { who } = call
    if (who === undefined) throw new Problem('not_signed_in', 'Send Authorization: Bearer with a token.')
    const operates = await isOperator(call.runtime.own, who)
    const named = Object.hasOwn(call.params, 'tenant') ? call.params.tenant : undefined
    if (named === undefined) {
      call.rank = operates ? 'operator' : undefined
    } else {
      // The tenant of another is the same to a stranger as one that is not there.
      const tenant = tenantId.safeParse(named)
      if (!tenant.success) throw stranger()
      const exists = await isTenant(call, tenant.data)
      call.rank = operates ? 'operator' : exists ? await roleOf(call, tenant.data, who) : undefined
      if (call.rank === undefined) throw stranger()
      if (!exists)
        throw new Problem('not_found', `There is no tenant ${tenant.data}: POST /admin/tenants makes one.`)
      call.tenant = call.runtime.forTenant(tenant.data)
    }
    if (call.rank === undefined || !allows(call.rank, route.permission))
      throw new Problem(
        'not_allowed',
        `${route.id} is for ${weakestFor(route.permission)} or above; you are ${call.rank ?? 'not an operator'}.`,
      )
    // Nothing brings a tenant back that was erased, or is being.
    if (call.tenant !== undefined && route.method !== 'GET' && route.id !== 'restartJob')
      await assertNotErased(call.tenant.configuration, call.tenant.tenant)
  },
})

async function roleOf({ runtime }: RawCall, tenant: string, who: NonNullable<RawCall['who']>) {
  return (await roleIn(runtime.forTenant(tenant).configuration, tenant, who)) satisfies Rank | undefined
}

const stranger = (): Problem =>
  new Problem('not_allowed', 'You have no role in this tenant: one of its admins can give you one.')

export async function isTenant({ runtime }: Pick<RawCall, 'runtime'>, tenant: string): Promise<boolean> {
  return (await runtime.own.get('tenant', { pk: tenantsPk, sk: tenant })) !== undefined
}
