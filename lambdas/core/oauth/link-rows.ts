/** What is kept of a link under way: found by the hash of a one-time value, its own secret sealed. */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import { DeskhandError, isCode } from '../errors.ts'
import type { Clock, Key, Row, Table, Vault } from '../ports.ts'

export interface LinkRows {
  tenant: string
  table: Table
  vault: Vault
  clock: Clock
}

/** What both rows of a link say: the state's, and the result's. */
const linkRow = z.object({
  name: z.string(),
  /** Of the definition when it began. */
  version: z.string(),
  starter: z.string(),
  redirectUri: z.string(),
  sealed: z.instanceof(Uint8Array),
  until: z.number(),
})
export type LinkRow = z.infer<typeof linkRow>

/** A state is what a browser brings back; a result is what the page redeems. */
export type LinkKind = 'state' | 'result'

/** Whoever reads the table finds nothing that could be used: the value is hashed, what belongs to it sealed. */
const keyOf = (tenant: string, kind: LinkKind, value: string): Key => ({
  pk: `T#${tenant}#link#${createHash('sha256').update(value).digest('base64url')}`,
  sk: kind,
})

/** Keeps it until `about.until`, ms. `secret` is sealed. */
export async function storeLink(
  { tenant, table, vault }: LinkRows,
  kind: LinkKind,
  value: string,
  about: Omit<LinkRow, 'sealed'> & { secret: string },
): Promise<void> {
  const key = keyOf(tenant, kind, value)
  const { name, version, starter, redirectUri, until } = about
  const sealed = await vault.seal({ ...key, field: 'secret' }, about.secret)
  const row = {
    ...key,
    name,
    version,
    starter,
    redirectUri,
    until,
    sealed,
    expiresAt: Math.ceil(until / 1000),
  }
  await table.put(`link_${kind}`, row, { condition: 'attribute_not_exists(pk)' })
}

/** Takes it, once and in time. What does not fit is refused in the same words, whatever it is. */
export async function useUpLink(
  { tenant, table, vault, clock }: LinkRows,
  kind: LinkKind,
  value: string,
  only: { starter?: string },
): Promise<{ row: LinkRow; secret: string }> {
  const key = keyOf(tenant, kind, value)
  const { starter } = only
  let stored: Row
  try {
    stored = await table.update(`use_${kind}`, key, {
      update: 'SET usedAt = :now',
      condition: `attribute_exists(pk) AND attribute_not_exists(usedAt) AND #until > :now${starter === undefined ? '' : ' AND starter = :starter'}`,
      names: { '#until': 'until' },
      values: { ':now': clock.now(), ...(starter === undefined ? {} : { ':starter': starter }) },
    })
  } catch (error) {
    if (isCode(error, 'condition_failed'))
      throw refusal('this link is unknown, over or not yours: begin again')
    throw error
  }
  const row = linkRow.parse(stored)
  return { row, secret: await vault.open({ ...key, field: 'secret' }, row.sealed) }
}

/** `message` is for who is signed in, and says nothing of the value. */
export const refusal = (message: string): DeskhandError => new DeskhandError('refused', message)
