/** How often, how much and with how many guesses: the limits that are counted before a call. */
import canonicalize from 'canonicalize'
import type { OpenEffect } from '../../schemas/ticket-row.ts'
import { isChosen } from '../../schemas/tool-rules.ts'
import { type Count, dayIn, giveBackCount, take } from './counted.ts'
import type { Stopped } from './live-agent.ts'
import type { Key, TenantRuntime } from './ports.ts'
import type { Tool } from './tools/check-tool.ts'
import type { Json } from './tools/placeholder.ts'
import type { ToolResult } from './tools/tool-answer.ts'
import type { Turn, Work } from './turn.ts'

/** A thing that was counted, and which end of the call gives it back. */
export type Counted = NonNullable<OpenEffect['counted']>[number]

/** Amounts are summed in ten-thousandths: whole numbers, so that no sum is off by a rounding. */
const unitsPerOne = 10_000

/** Why the amount is not allowed in one call, or `undefined`. */
export function overAmount({ limits }: Tool, values: Readonly<Record<string, unknown>>): Stopped | undefined {
  if (limits.amount === undefined) return undefined
  const { parameter, max } = limits.amount
  const amount = values[parameter]
  if (typeof amount === 'number' && amount >= 0 && amount <= max) return undefined
  return [
    'not_allowed',
    `${parameter} may be 0 to ${max}; a human decides about more. Do not split it into smaller ones`,
  ]
}

/**
 * Counts a call with `id` against the limits of its customer, day and ticket, before it is made. All or none: answers
 * what was counted, or why there is no room.
 */
export async function takeLimits(
  turn: Turn,
  tool: Tool,
  id: string,
  values: Readonly<Record<string, Json>>,
): Promise<{ counted: Counted[] } | { stopped: Stopped }> {
  const { tenant, clock } = turn
  const counted: Counted[] = []
  // Whoever is not proven cannot be counted: a helpdesk gives a stranger as many ids as they open tickets.
  if (countsByCustomer(tool) && turn.identity.address === undefined)
    return { stopped: ['needs_identity', 'this is counted by customer, and who writes is not proven'] }
  for (const { count, back, stopped } of await limitsOf(turn, tool, values)) {
    if (await take(tenant.conversations, id, count, clock.now())) {
      counted.push({ ...count.key, units: count.units ?? 0, back })
      continue
    }
    for (const { pk, sk, units } of counted) {
      await giveBackCount(tenant.conversations, id, { key: { pk, sk }, units })
    }
    return { stopped }
  }
  return { counted }
}

/** Gives back what `how` a call ended with does not use up: a write surely not done, a guess that was right. */
export async function giveBackLimits(
  { tenant }: Pick<Work, 'tenant'>,
  id: string,
  counted: readonly Counted[],
  how: Counted['back'],
): Promise<void> {
  for (const { pk, sk, units, back } of counted) {
    if (back === how) await giveBackCount(tenant.conversations, id, { key: { pk, sk }, units })
  }
}

/** What a guess of a fact was: `done` proves it right or says nothing of it, `failed` may be a wrong one. */
export const guessEnded = (result: ToolResult): Counted['back'] =>
  result.ok || result.failure === 'unavailable' || result.failure === 'rate_limited' ? 'done' : 'failed'

interface Limit {
  count: Count
  back: Counted['back']
  stopped: Stopped
}

async function limitsOf(turn: Turn, tool: Tool, values: Readonly<Record<string, Json>>): Promise<Limit[]> {
  return [...(await guessLimits(turn, tool, values)), ...(await dayLimits(turn, tool, values))]
}

const countsByCustomer = ({ limits: { perCustomerPerDay, amount } }: Tool): boolean =>
  perCustomerPerDay !== undefined || amount?.perCustomerPerDay !== undefined

async function dayLimits(turn: Turn, tool: Tool, values: Readonly<Record<string, Json>>): Promise<Limit[]> {
  const { perCustomerPerDay, amount } = tool.limits
  if (!countsByCustomer(tool)) return []
  const value = amount === undefined ? 0 : values[amount.parameter]
  const key = await dayKey(turn, customerSubject(turn.identity.address ?? ''), tool.name)
  return [
    {
      count: {
        key,
        max: perCustomerPerDay,
        // Rounded up: a sum is never over because of what was cut off.
        units: typeof value === 'number' ? Math.ceil(value * unitsPerOne - 1e-6) : 0,
        ...(amount?.perCustomerPerDay === undefined
          ? {}
          : { maxUnits: Math.floor(amount.perCustomerPerDay * unitsPerOne + 1e-6) }),
      },
      back: 'failed',
      stopped: [
        'not_allowed',
        'this customer has used up what may be done today; a human decides about more',
      ],
    },
  ]
}

/**
 * Guesses of a fact, on this ticket, and in one day: of a proven customer, else of the record that is guessed at,
 * because a stranger can have as many names as tickets.
 */
async function guessLimits(turn: Turn, tool: Tool, values: Readonly<Record<string, Json>>): Promise<Limit[]> {
  const { ownership } = tool
  if (ownership?.by !== 'knowledge') return []
  const { address } = turn.identity
  const subjects =
    address === undefined ? recordsOf(tool, ownership.facts, values) : [customerSubject(address)]
  const stopped: Stopped = [
    'not_allowed',
    'too many tries with details that do not fit; a human has to check who this is',
  ]
  const onTicket = { pk: turn.lease.key.pk, sk: `guesses#${tool.name}` }
  const limits: Limit[] = [
    { count: { key: onTicket, max: ownership.failuresPerTicket }, back: 'done', stopped },
  ]
  for (const subject of subjects) {
    const key = await dayKey(turn, subject, `guesses#${tool.name}`)
    limits.push({ count: { key, max: ownership.failuresPerCustomerPerDay }, back: 'done', stopped })
  }
  return limits
}

/**
 * What may name the record that is guessed at: every required text or whole number, each by itself and in one spelling,
 * so that a remark beside it or a blank in it makes no other record of it.
 */
function recordsOf(tool: Tool, facts: readonly string[], values: Readonly<Record<string, Json>>): string[] {
  const { properties, required } = tool.parameters
  const chosen = Object.entries(properties).filter(
    ([name, { source }]) => isChosen(source) && !facts.includes(name) && values[name] !== undefined,
  )
  const ids = chosen.filter(
    ([name, { type, enum: choices }]) =>
      required.includes(name) && choices === undefined && (type === 'string' || type === 'integer'),
  )
  return ids.length > 0
    ? ids.map(([name]) => `record|${name}|${inOneSpelling(String(values[name]))}`)
    : [`record|${canonicalize(chosen.map(([name]) => [name, values[name]]))}`]
}

const inOneSpelling = (id: string): string =>
  id
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]|^0+(?=\p{N})/gu, '')
/** Subject of the limits of one proven customer. */
export const customerSubject = (address: string): string => `customer|${address}`
/** Partition of one subject's days. */
export const countedPk = async (
  { tenant, vault }: Pick<TenantRuntime, 'tenant' | 'vault'>,
  subject: string,
): Promise<string> => `T#${tenant}#counted#${await vault.hmac(`counted|${subject}`)}`

/** One row for one subject, tool and calendar day of the tenant. */
const dayKey = async ({ tenant, live, clock }: Turn, subject: string, of: string): Promise<Key> => ({
  pk: await countedPk(tenant, subject),
  sk: `day#${dayIn(live.settings.timeZone, clock.now())}#${of}`,
})
