/**
 * What is counted for one address over all tickets. An export shows it; an erase lets it stand, because a limit that
 * could be erased would be none. The rows hold HMACs and ids, and expire three days after the last count.
 */
import { codesPk } from '../consent/code-limits.ts'
import { hashAddress } from '../consent/grant.ts'
import { DeskhandError } from '../errors.ts'
import type { Row } from '../ports.ts'
import { unprovenPk } from '../unproven.ts'
import { countedPk, customerSubject } from '../write-limits.ts'
import type { JobWork } from './job-lease.ts'

/** The address that the job is about, opened. */
export async function addressOf({
  tenant,
  key,
  row,
}: Pick<JobWork, 'tenant' | 'key' | 'row'>): Promise<string> {
  if (row.address !== undefined) return await tenant.vault.open({ ...key, field: 'address' }, row.address)
  throw new DeskhandError('bad_configuration', 'the job names no customer any more: start another')
}

export async function customerCounters(work: JobWork): Promise<Row[]> {
  const { tenant } = work
  const address = await addressOf(work)
  const partitions = [
    await countedPk(tenant, customerSubject(address)),
    await unprovenPk(tenant, address),
    codesPk(tenant.tenant, await hashAddress(tenant.vault, address)),
  ]
  const rows = await Promise.all(partitions.map((pk) => tenant.conversations.query('counters', { pk })))
  return rows.flat()
}
