/** How many one-time codes go out, counted before they do: to one address in a day, of one tenant in an hour. */
import { isCode } from '../errors.ts'
import type { Key, Table } from '../ports.ts'

const hour = 60 * 60 * 1000
const day = 24 * hour
const toAddressPerDay = 5
/** Far above what customers need, and low enough that nobody sends a mailing through us. */
const ofTenantPerHour = 200
const keptMs = 3 * day

/** Partition of one address's days; `address` is its HMAC. */
export const codesPk = (tenant: string, address: string): string => `T#${tenant}#code#${address}`

/** Takes one code of the address's day (UTC) and one of the tenant's hour; false when either has none left. */
export async function mayMailCode(
  conversations: Pick<Table, 'update'>,
  tenant: string,
  address: string,
  now: number,
): Promise<boolean> {
  const iso = new Date(now).toISOString()
  const ofAddress = { pk: codesPk(tenant, address), sk: `day#${iso.slice(0, 10)}` }
  const ofTenant = { pk: `T#${tenant}#code`, sk: `hour#${iso.slice(0, 13)}` }
  return (
    (await takeOne(conversations, ofAddress, toAddressPerDay, now)) &&
    (await takeOne(conversations, ofTenant, ofTenantPerHour, now))
  )
}

/** One conditional update, so that two turns at once cannot both take the last. */
async function takeOne(
  conversations: Pick<Table, 'update'>,
  key: Key,
  most: number,
  now: number,
): Promise<boolean> {
  try {
    await conversations.update('code_limit', key, {
      update: 'ADD sent :one SET expiresAt = :expiresAt',
      condition: 'attribute_not_exists(sent) OR sent < :most',
      values: { ':one': 1, ':most': most, ':expiresAt': Math.floor((now + keptMs) / 1000) },
    })
    return true
  } catch (error) {
    if (isCode(error, 'condition_failed')) return false
    throw error
  }
}
