/** Addresses as Freshdesk lists them: bare, or as `"Name" <address>`. */
import type { FreshdeskConnection } from '../../schemas/freshdesk.ts'

/**
 * The address alone, lower-case. What is not clearly one address stays as it is, and so equals none. Only ASCII letters
 * are folded: Unicode has letters that become ASCII ones, and two addresses would be one.
 */
export const bareAddress = (text: string): string =>
  (/^[^<>]*<([^<>\s@]+@[^<>\s@]+)>$/.exec(text.trim())?.[1] ?? text.trim()).replace(/[A-Z]/g, (letter) =>
    letter.toLowerCase(),
  )

/** Does mail to this address reach the company, and nobody else? */
export function isOwnAddress(address: string, { supportAddresses, domain }: FreshdeskConnection): boolean {
  const bare = bareAddress(address)
  return supportAddresses.includes(bare) || /^[^@\s]+@(.+)$/.exec(bare)?.[1] === `${domain}.freshdesk.com`
}
