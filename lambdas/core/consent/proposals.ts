/**
 * Proposals: writes that wait for somebody's consent. The ticket row has a mark for the newest of each tool and moves
 * it under the lease's fence, so that a proposal is decided once and a replaced one is dead; the content is a sealed
 * row of its own that never changes.
 */
import * as z from 'zod'
import { fixedLanguages, type ProposalMark } from '../../../schemas/consent.ts'
import type { EffectRow } from '../../../schemas/ticket-row.ts'
import { DeskhandError, isCode } from '../errors.ts'
import { change, type Lease } from '../lease.ts'
import type { Key, Table, Vault } from '../ports.ts'
import type { Facts } from '../tools/tool-arguments.ts'

const hour = 60 * 60 * 1000
/** A proposal can be decided for so long. */
export const proposalMs = 24 * hour
/** The content outlives it, so that a human can look it up. */
const contentDays = 30

const stored = z.object({
  tool: z.string(),
  call: z.object({
    id: z.string(),
    args: z.record(z.string(), z.json()),
    values: z.record(z.string(), z.json()),
    facts: z.custom<Facts>((value) => typeof value === 'object' && value !== null),
  }),
  request: z.object({
    method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
    url: z.string(),
    headers: z.record(z.string(), z.string()),
    body: z.string().optional(),
  }),
  /** Digest of the tool's definition: changed since, it does not run. */
  definition: z.string(),
  /** As it was shown. */
  summary: z.string(),
  language: z.enum(fixedLanguages),
})
/** What was proposed, and what runs as it stands. */
export type Proposal = z.infer<typeof stored>

const keyOf = (pk: string, id: string): Key => ({ pk, sk: `proposal#${id}` })

/** Stores what is proposed; again the same under the same id is no change. */
export async function putProposal(
  work: { conversations: Table; vault: Vault; pk: string; now: number },
  id: string,
  proposal: Proposal,
): Promise<void> {
  const { conversations, vault, pk, now } = work
  const key = keyOf(pk, id)
  const content = await vault.seal({ ...key, field: 'content' }, JSON.stringify(proposal))
  const expiresAt = Math.floor((now + contentDays * 24 * hour) / 1000)
  try {
    await conversations.put(
      'proposal',
      { ...key, content, at: now, expiresAt },
      { condition: 'attribute_not_exists(sk)' },
    )
  } catch (error) {
    if (!isCode(error, 'condition_failed')) throw error
  }
}

/** Throws `bad_configuration` when the row is not one of ours; `undefined` where there is none. */
export async function readProposal(
  conversations: Pick<Table, 'get'>,
  vault: Vault,
  pk: string,
  id: string,
): Promise<Proposal | undefined> {
  const key = keyOf(pk, id)
  const row = await conversations.get('proposal', key)
  if (row === undefined) return undefined
  const text = await vault.open({ ...key, field: 'content' }, row.content as Uint8Array)
  const parsed = stored.safeParse(JSON.parse(text))
  if (parsed.success) return parsed.data
  throw new DeskhandError('bad_configuration', 'a stored proposal does not parse: decline it')
}

/** Waits for a decision still. */
export const isOpen = (mark: ProposalMark, now: number): boolean =>
  mark.state === 'proposed' && now < mark.until

/** Nobody decided in time, and it is not closed yet. */
export const isExpired = (mark: ProposalMark, now: number): boolean =>
  mark.state === 'proposed' && now >= mark.until

/** Was it carried out, or tried, since it was decided? What failed before that was another proposal. */
export function hasRun(
  effects: ReadonlyMap<string, EffectRow>,
  { effect, decidedAt }: ProposalMark,
): boolean {
  const row = effects.get(effect)
  return row !== undefined && (row.state !== 'failed' || row.at >= (decidedAt ?? 0))
}

/** Is there one that a doorbell of the team may be about, or that nobody decided in time? */
export const awaitsUs = (marks: Readonly<Record<string, ProposalMark>>): boolean =>
  Object.values(marks).some((mark) => mark.state === 'proposed' || isUntold(mark))

/** Decided by an approver, or not in time, and not seen through yet. */
export const isUntold = ({ by, state, told }: ProposalMark): boolean =>
  by === 'agent' && state !== 'proposed' && told !== true

/**
 * Makes `mark` the tool's proposal; what it replaces is dead from here on. An approved one that is not carried out yet
 * stands: answers false.
 */
export async function markProposed(
  table: Table,
  lease: Lease,
  tool: string,
  mark: ProposalMark,
): Promise<boolean> {
  try {
    await change(table, lease, 'propose', {
      update: 'SET proposals.#tool = :mark',
      condition:
        '(attribute_not_exists(proposals.#tool) OR proposals.#tool.#state <> :approved OR proposals.#tool.told = :true)',
      names: { '#tool': tool, '#state': 'state' },
      values: { ':mark': mark, ':approved': 'approved', ':true': true },
    })
    return true
  } catch (error) {
    if (isCode(error, 'condition_failed')) return false
    throw error
  }
}

/** Moves an open proposal on, once: answers whether this call did, or an earlier one of the same decider. */
export async function decide(
  table: Table,
  lease: Lease,
  tool: string,
  { id }: Pick<ProposalMark, 'id'>,
  decision: { state: 'confirmed' | 'approved' | 'declined'; decidedBy: string; now: number },
): Promise<boolean> {
  try {
    await change(table, lease, 'decide', {
      update:
        'SET proposals.#tool.#state = :state, proposals.#tool.decidedBy = :by, proposals.#tool.decidedAt = :now',
      condition: openCondition,
      names: { ...openNames, '#tool': tool },
      values: {
        ':state': decision.state,
        ':by': decision.decidedBy,
        ':id': id,
        ':now': decision.now,
        ':proposed': 'proposed',
      },
    })
    return true
  } catch (error) {
    if (!isCode(error, 'condition_failed')) throw error
    const mark = lease.row.proposals[tool]
    return mark?.id === id && mark.state === decision.state && mark.decidedBy === decision.decidedBy
  }
}

/** Closes a proposal that nobody decided in time; false where somebody did at the last moment. */
export async function expire(
  table: Table,
  lease: Lease,
  tool: string,
  { id }: Pick<ProposalMark, 'id'>,
  { told, now }: { told: boolean; now: number },
): Promise<boolean> {
  try {
    await change(table, lease, 'expire', {
      update: `SET proposals.#tool.#state = :expired, proposals.#tool.decidedAt = :now${told ? ', proposals.#tool.told = :true' : ''}`,
      condition: 'proposals.#tool.id = :id AND proposals.#tool.#state = :proposed',
      names: { '#tool': tool, '#state': 'state' },
      values: {
        ':id': id,
        ':now': now,
        ':proposed': 'proposed',
        ':expired': 'expired',
        ...(told ? { ':true': true } : {}),
      },
    })
    return true
  } catch (error) {
    if (isCode(error, 'condition_failed')) return false
    throw error
  }
}

/** The proposal of this id is the tool's newest, undecided and not expired. */
export const openCondition =
  'proposals.#tool.id = :id AND proposals.#tool.#state = :proposed AND proposals.#tool.#until > :now'
export const openNames = { '#state': 'state', '#until': 'until' }

/** An approver's decision, or that there was none, was seen through. */
export async function markTold(table: Table, lease: Lease, tool: string, id: string): Promise<void> {
  await change(table, lease, 'proposal_told', {
    update: 'SET proposals.#tool.told = :true',
    condition: 'proposals.#tool.id = :id',
    names: { '#tool': tool },
    values: { ':true': true, ':id': id },
  })
}
