/** A secret's value goes in; what is told of it stands in a row of its own. */
import { type SecretRecord, secretPk } from '../../schemas/admin.ts'
import type { OutboundSecret } from '../../schemas/secrets.ts'
import type { AdminTenant } from '../core/aws/admin-runtime.ts'

/** Stores `value` and writes down who entered it. The value comes first: what is told is there. */
export async function enterSecret(
  { tenant, who, now }: { tenant: AdminTenant; who: { id: string }; now: number },
  { direction, name }: Pick<SecretRecord, 'direction' | 'name'>,
  value: { value: string } & Partial<Pick<OutboundSecret, 'hosts' | 'header'>>,
): Promise<SecretRecord> {
  const { value: _, ...told } = value
  const row: SecretRecord = { direction, name, ...told, by: who.id, at: now }
  await tenant.store(direction).write(name, value)
  await tenant.configuration.put('secret', {
    pk: secretPk(tenant.tenant),
    sk: `${direction}#${name}`,
    ...row,
  })
  return row
}
