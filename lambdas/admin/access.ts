/** Who may do what: one table. Rights are read from our own rows at every call, never from a token. */
import { member, memberPk, operator, operatorsPk, type Role } from '../../schemas/admin.ts'
import type { Table } from '../core/ports.ts'
import { identityKey, type Principal } from './principal.ts'

/** What a route asks for. `anyone`: no sign-in. `operate`: over tenants. */
export const permissions = [
  'anyone',
  'read',
  'edit',
  'try',
  'publish',
  'approve',
  'administer',
  'operate',
] as const
export type Permission = (typeof permissions)[number]

/** Who calls, in one tenant. */
export type Rank = Role | 'operator'

const may: Record<Rank, readonly Permission[]> = {
  viewer: ['read'],
  editor: ['read', 'edit', 'try', 'publish'],
  approver: ['read', 'edit', 'try', 'publish', 'approve'],
  admin: ['read', 'edit', 'try', 'publish', 'approve', 'administer'],
  operator: ['read', 'edit', 'try', 'publish', 'approve', 'administer', 'operate'],
}

export const allows = (rank: Rank, permission: Permission): boolean => may[rank].includes(permission)

/** The weakest who may, for people who may not. */
export const weakestFor = (permission: Permission): Rank =>
  (Object.keys(may) as Rank[]).find((rank) => allows(rank, permission)) ?? 'operator'

/** Is it an operator? `own` is the table by our own role, which reaches no tenant. */
export async function isOperator(own: Pick<Table, 'get'>, who: Principal): Promise<boolean> {
  const row = await own.get('operator', { pk: operatorsPk, sk: identityKey(who) })
  return isAbout(operator.safeParse(row).data, who)
}

/** The role in a tenant; `undefined` for a stranger. `configuration` is on that tenant's session. */
export async function roleIn(
  configuration: Pick<Table, 'get'>,
  tenant: string,
  who: Principal,
): Promise<Role | undefined> {
  const row = await configuration.get('member', { pk: memberPk(tenant), sk: identityKey(who) })
  const found = member.safeParse(row).data
  return isAbout(found, who) ? found?.role : undefined
}

const isAbout = (found: { issuer: string; subject: string } | undefined, who: Principal): boolean =>
  found?.issuer === who.issuer && found.subject === who.subject
