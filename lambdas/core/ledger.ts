/**
 * The ledger: what the model answered (the journal of a turn) and how every effect ended. With the INTENTs on the
 * ticket row (`lease.ts`) it makes sure that nothing is done twice and nothing is forgotten.
 */
import type Anthropic from '@anthropic-ai/sdk'
import canonicalize from 'canonicalize'
import { type EffectRow, effectRow } from '../../schemas/ticket-row.ts'
import { rowOf } from './aws/table.ts'
import { DeskhandError, isCode } from './errors.ts'
import type { Key, Table, Vault } from './ports.ts'
import type { UserData } from './user-data.ts'

export const day = 24 * 60 * 60 * 1000
/** Effects outlive every possible replay. */
const effectDays = 400
/** Ticket text, model answers and results are kept this long. */
export const contentDays = 30

/** The same effect has the same id in every turn and after every crash. Personal values go in as an HMAC only. */
export async function effectId(vault: Vault, ticketPk: string, ...parts: unknown[]): Promise<string> {
  const canonical = canonicalize([ticketPk, ...parts])
  if (canonical === undefined) throw new DeskhandError('bad_configuration', 'an effect needs JSON arguments')
  return (await vault.hmac(`effect|${canonical}`)).slice(0, 32)
}

/** Everything that was done on this ticket, in any turn, by effect id. */
export async function loadEffects(table: Table, pk: string): Promise<Map<string, EffectRow>> {
  const rows = await table.query('effects', { pk, skPrefix: 'effect#' })
  return new Map(rows.map((row) => [row.sk.slice('effect#'.length), effectRow.parse(row)]))
}

export async function readEffect(table: Table, pk: string, id: string): Promise<EffectRow | undefined> {
  const row = await table.get('effect', effectKey(pk, id))
  return row === undefined ? undefined : effectRow.parse(row)
}

export const effectKey = (pk: string, id: string): Key => ({ pk, sk: `effect#${id}` })

/** The sealed JSON of an effect, opened: a tool's arguments and what the model was told. */
export const contentOf = async (vault: Vault, { pk, sk, content }: EffectRow): Promise<string | undefined> =>
  content === undefined ? undefined : await vault.open({ pk, sk, field: 'content' }, content)

/**
 * Stores how an effect ended. The first outcome stands, except that a later certainty replaces `unknown` or `failed`;
 * answers the row that stands.
 */
export async function storeOutcome(
  table: Table,
  pk: string,
  id: string,
  outcome: Omit<EffectRow, 'pk' | 'sk'>,
): Promise<EffectRow> {
  const row: EffectRow = { ...effectKey(pk, id), ...outcome }
  try {
    await table.put(
      'outcome',
      { ...row, expiresAt: Math.floor((outcome.at + effectDays * day) / 1000) },
      {
        condition: 'attribute_not_exists(sk) OR (#state <> :done AND (:new = :done OR #state = :failed))',
        names: { '#state': 'state' },
        values: { ':done': 'done', ':failed': 'failed', ':new': outcome.state },
      },
    )
    return row
  } catch (error) {
    const standing = isCode(error, 'condition_failed') ? rowOf(error) : undefined
    if (standing === undefined) throw error
    return effectRow.parse(standing)
  }
}

/** One step of a turn: what the user message held, and the model's answer, byte for byte. */
export interface Step {
  /** Blocks of the user message that led to the answer: the ticket in the first step, tool results later. */
  user: Anthropic.ContentBlockParam[]
  answer: Anthropic.Message
  /** Something personal had entered the turn when the model was asked. */
  personal: boolean
  /** First step: what the User Data API said when the turn began. */
  userData?: UserData
}

/** The stored steps of one turn, and how to add one. */
export interface Journal {
  /** The configuration release the turn began with; undefined in a new turn. */
  release: number | undefined
  steps: Step[]
  /** Stores a step before it is acted upon; answers the step that stands, should another worker have stored one. */
  add(release: number, step: Step): Promise<Step>
}

/** Opens the journal of a turn. `turn` names the message and for whom it is answered. */
export async function openJournal(
  table: Table,
  vault: Vault,
  pk: string,
  turn: string,
  now: () => number,
): Promise<Journal> {
  const prefix = `turn#${turn}#`
  const keyOf = (n: number): Key => ({ pk, sk: `${prefix}${String(n).padStart(3, '0')}` })
  const unseal = async (row: Key & Record<string, unknown>): Promise<Step> =>
    JSON.parse(await vault.open({ pk: row.pk, sk: row.sk, field: 'step' }, row.step as Uint8Array)) as Step

  const rows = await table.query('journal', { pk, skPrefix: prefix })
  const steps: Step[] = []
  for (const row of rows) steps.push(await unseal(row))

  return {
    release: rows[0]?.release as number | undefined,
    steps,
    async add(release, step) {
      const key = keyOf(steps.length)
      const sealed = await vault.seal({ ...key, field: 'step' }, JSON.stringify(step))
      const expiresAt = Math.floor((now() + contentDays * day) / 1000)
      let standing = step
      try {
        await table.put(
          'step',
          { ...key, release, step: sealed, expiresAt },
          {
            condition: 'attribute_not_exists(sk)',
          },
        )
      } catch (error) {
        const row = isCode(error, 'condition_failed') ? rowOf(error) : undefined
        if (row === undefined) throw error
        standing = await unseal(row)
      }
      steps.push(standing)
      return standing
    },
  }
}
