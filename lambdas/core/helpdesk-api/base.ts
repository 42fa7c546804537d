/** Where a helpdesk's API may be called: credentials go there, so nobody may point it elsewhere. */
import { DeskhandError } from '../errors.ts'
import type { Allowance } from '../ports.ts'

/**
 * The origin to call. `own` is the account's own address at its vendor. A configured `baseUrl` is accepted if it is
 * that very origin, or a host of the allowance, which only local and test code has. Throws `bad_configuration`.
 */
export function helpdeskBase(own: string, baseUrl: string | undefined, allowance?: Allowance): string {
  if (baseUrl === undefined) return own
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  const plain = url && url.pathname === '/' && !url.username && !url.password && !url.search && !url.hash
  if (plain && (url.origin === own || (url.protocol === 'http:' && allowance?.hosts.has(url.host))))
    return url.origin
  throw new DeskhandError('bad_configuration', `baseUrl must be ${own}, or be left out`)
}
