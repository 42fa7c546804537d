/** Who may do everything on this machine: one operator, and whoever that one names. */
import { createHash } from 'node:crypto'
import type { Table } from '../lambdas/core/ports.ts'
import { operatorsPk, tenantsPk } from '../schemas/admin.ts'
import type { FrontDoorAnswer } from './front-door.ts'
import type { IdentityProvider } from './identity-provider.ts'

export const localOperator = 'local-operator'

/** The rows that the admin API knows its operator and the demo's tenant by. */
export async function seedOperator(
  table: Pick<Table, 'put'>,
  about: { issuer: string; tenant: string; name: string; now: number },
): Promise<void> {
  const { issuer, tenant, name, now } = about
  const by = { by: 'laptop', at: now }
  const sk = createHash('sha256').update(`${issuer}\n${localOperator}`).digest('hex')
  await table.put('operator', {
    pk: operatorsPk,
    sk,
    issuer,
    subject: localOperator,
    name: 'The operator of this machine',
    ...by,
  })
  await table.put('tenant', { pk: tenantsPk, sk: tenant, id: tenant, name, ...by })
}

/**
 * `POST /demo/token` with the operator's token and `{"subject": "ben"}`: a token of somebody else, as an identity
 * provider would give it to them. What that one may do is the admin API's to say.
 */
export function tokenRoute(identityProvider: IdentityProvider) {
  return async (authorization: string | undefined, body: Buffer): Promise<FrontDoorAnswer> => {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? ''
    const claims = await identityProvider.verify(token)
    if (claims?.sub !== localOperator) return json(401, { error: "send the operator's token" })
    const subject = subjectOf(body)
    if (subject === undefined || subject === localOperator)
      return json(400, { error: 'subject: a name of 1 to 60 letters, digits, ., _ or -, not the operator' })
    return json(200, {
      issuer: identityProvider.issuer,
      subject,
      token: await identityProvider.token(subject),
    })
  }
}

function subjectOf(body: Buffer): string | undefined {
  try {
    const { subject } = JSON.parse(body.toString('utf8')) as { subject?: unknown }
    return typeof subject === 'string' && /^[A-Za-z0-9._-]{1,60}$/.test(subject) ? subject : undefined
  } catch {
    return undefined
  }
}

const json = (statusCode: number, value: unknown): FrontDoorAnswer => ({
  statusCode,
  headers: { 'content-type': 'application/json' },
  body: `${JSON.stringify(value)}\n`,
})
