/** Tenants, and who may act for them. */
import * as z from 'zod'
import {
  identity,
  member,
  memberPk,
  role,
  tenant as tenantRow,
  tenantsPk,
  why,
} from '../../../schemas/admin.ts'
import { tenantId } from '../../../schemas/names.ts'
import { isCode } from '../../core/errors.ts'
import { cursorTo, pageFrom, pageQuery, pageSchema } from '../page.ts'
import { identityKey } from '../principal.ts'
import { Problem } from '../problem.ts'
import { type Route, route } from '../route.ts'
import { nextOf, pageOf } from '../versions.ts'

const toldTenant = tenantRow.meta({ id: 'Tenant' })
const toldMember = member.extend({ id: z.string() }).meta({ id: 'Member' })
const inTenant = z.object({ tenant: tenantId })
const memberParams = inTenant.extend({
  member: z.string().regex(/^[0-9a-f]{64}$/, 'the id of a member, as the list has it'),
})
const members = '/admin/tenants/{tenant}/members'

export const tenantRoutes: Route[] = [
  route(
    {
      id: 'listTenants',
      method: 'GET',
      path: '/admin/tenants',
      tag: 'tenants',
      summary: 'Lists tenants',
      permission: 'operate',
      params: z.object({}),
      query: pageQuery,
      answers: { status: 200, description: 'A page.', body: pageSchema(toldTenant) },
    },
    async ({ runtime, query }) => {
      const page = pageFrom(query)
      const rows = await runtime.own.query('tenants', { pk: tenantsPk, ...pageOf(page) })
      const items = rows.slice(0, page.limit).map((row) => tenantRow.parse(row))
      return { status: 200, body: { items, ...cursorTo(nextOf(rows, page.limit).next) } }
    },
  ),
  route(
    {
      id: 'createTenant',
      method: 'POST',
      path: '/admin/tenants',
      tag: 'tenants',
      summary: 'Makes a tenant: a company or brand whose data is siloed from every other',
      permission: 'operate',
      params: z.object({}),
      body: z.strictObject({ id: tenantId, name: z.string().min(1).max(100) }),
      example: { id: 'acme', name: 'Acme Outdoor' },
      answers: { status: 201, description: 'Made.', body: toldTenant },
    },
    async ({ runtime, body, who, now }) => {
      const row = { ...body, by: who.id, at: now }
      await runtime.own
        .put('new_tenant', { pk: tenantsPk, sk: body.id, ...row }, { condition: 'attribute_not_exists(pk)' })
        .catch((error: unknown) => {
          if (!isCode(error, 'condition_failed')) throw error
          throw new Problem('exists', `There is a tenant ${body.id}, or there was one.`)
        })
      return { status: 201, body: row }
    },
  ),
  route(
    {
      id: 'getTenant',
      method: 'GET',
      path: '/admin/tenants/{tenant}',
      tag: 'tenants',
      summary: 'Reads a tenant',
      permission: 'read',
      params: inTenant,
      answers: { status: 200, description: 'The tenant.', body: toldTenant },
    },
    async ({ runtime, params }) => {
      const row = await runtime.own.get('tenant', { pk: tenantsPk, sk: params.tenant })
      if (row === undefined) throw new Problem('not_found', `There is no tenant ${params.tenant}.`)
      return { status: 200, body: tenantRow.parse(row) }
    },
  ),
  route(
    {
      id: 'listMembers',
      method: 'GET',
      path: members,
      tag: 'members',
      summary: 'Lists who may act for the tenant',
      permission: 'read',
      params: inTenant,
      query: pageQuery,
      answers: { status: 200, description: 'A page.', body: pageSchema(toldMember) },
    },
    async ({ tenant, query }) => {
      const page = pageFrom(query)
      const rows = await tenant.configuration.query('members', {
        pk: memberPk(tenant.tenant),
        ...pageOf(page),
      })
      const items = rows.slice(0, page.limit).map((row) => ({ id: row.sk, ...member.parse(row) }))
      return { status: 200, body: { items, ...cursorTo(nextOf(rows, page.limit).next) } }
    },
  ),
  route(
    {
      id: 'setMember',
      method: 'POST',
      path: members,
      tag: 'members',
      summary: 'Gives somebody a role, or another one',
      description:
        'Named by what the identity provider vouches for: issuer and subject of their tokens; for automation `iam` and the ARN of a role or user.',
      permission: 'administer',
      params: inTenant,
      body: z.strictObject({ ...identity.shape, name: z.string().min(1).max(100), role, why }),
      example: {
        issuer: 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_example',
        subject: '0b9d1c1e-6a5b-4a0e-9b7f-3a2f0f0f0f0f',
        name: 'Ben, support lead',
        role: 'approver',
        why: 'Reviews tools',
      },
      answers: { status: 200, description: 'Given.', body: toldMember },
    },
    async ({ tenant, body, who, now }) => {
      const { why: _, ...given } = body
      const row = { ...given, by: who.id, at: now }
      const id = identityKey(given)
      await tenant.configuration.put('member', { pk: memberPk(tenant.tenant), sk: id, ...row })
      return { status: 200, body: { id, ...row }, result: { id, role: row.role } }
    },
  ),
  route(
    {
      id: 'removeMember',
      method: 'DELETE',
      path: `${members}/{member}`,
      tag: 'members',
      summary: 'Takes the role away; it counts with the next call',
      permission: 'administer',
      params: memberParams,
      query: z.object({ why }),
      answers: { status: 204, description: 'Taken away.' },
    },
    async ({ tenant, params }) => {
      const key = { pk: memberPk(tenant.tenant), sk: params.member }
      if ((await tenant.configuration.get('member', key)) === undefined)
        throw new Problem('not_found', 'There is no such member.')
      await tenant.configuration.delete('member', key)
      return { status: 204, result: { id: params.member } }
    },
  ),
]
