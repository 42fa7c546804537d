/** What people type to decide: the customer's token, the approver's code. Both follow from the proposal under the tenant's key. */
import type { Vault } from '../ports.ts'

/** Crockford's: no I, L, O or U, so that nothing is mistaken for 1, 0 or V. https://www.crockford.com/base32.html */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const bitsEach = 5
/** 40 bits. */
const tokenLength = 8
/** 60 bits. */
const approvalLength = 12

/** The token of a proposal, `K7QF-2M9X`: the customer's alone, and only this proposal's. */
export const tokenOf = async (vault: Vault, pk: string, id: string): Promise<string> =>
  grouped(await derived(vault, 'consent-token', pk, id, tokenLength))

/** The approver's code of a proposal, `K7QF-2M9X-4TPZ`. It stands in our internal note, and nothing else shows it. */
export const approvalOf = async (vault: Vault, pk: string, id: string): Promise<string> =>
  grouped(await derived(vault, 'approval-code', pk, id, approvalLength))

async function derived(vault: Vault, kind: string, pk: string, id: string, length: number): Promise<string> {
  const bytes = Buffer.from(await vault.hmac(`${kind}|${pk}|${id}`), 'base64url')
  let bits = 0n
  for (const byte of bytes.subarray(0, Math.ceil((length * bitsEach) / 8))) bits = (bits << 8n) | BigInt(byte)
  let text = ''
  for (let i = 0; i < length; i++) text += alphabet[Number((bits >> BigInt(i * bitsEach)) & 31n)]
  return text
}

const grouped = (text: string): string => text.replace(/.{4}(?=.)/g, '$&-')

/** How often `token` stands in `text`, whatever the case and however the groups are parted. */
export const countToken = (text: string, token: string): number => [...text.matchAll(pattern(token))].length

/** `text` with `instead` in its place. */
export const replaceToken = (text: string, token: string, instead: string): string =>
  text.replace(pattern(token), () => instead)

const pattern = (token: string): RegExp => {
  const groups = token.split('-').map((group) => group.replaceAll('0', '[0o]').replaceAll('1', '[1il]'))
  return new RegExp(`(?<![\\p{L}\\p{N}])${groups.join('[-\\s\\u2010-\\u2015]?')}(?![\\p{L}\\p{N}])`, 'giu')
}
