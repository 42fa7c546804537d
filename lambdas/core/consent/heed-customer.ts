/** What a customer's message decides, before the model reads it: a token that stands in its own words. */
import type { ProposalMark } from '../../../schemas/consent.ts'
import { atLeast } from '../../../schemas/names.ts'
import type { AgentEnd } from '../agent.ts'
import { isNoteMode } from '../note.ts'
import type { EarlierEffect } from '../prompt.ts'
import { decided } from '../trace-turn.ts'
import type { Turn } from '../turn.ts'
import { addressTag } from './grant.ts'
import { decide, hasRun, isExpired, isOpen, readProposal } from './proposals.ts'
import type { Redeemed } from './redeem-code.ts'
import { runProposal } from './run-proposal.ts'
import { countToken, replaceToken, tokenOf } from './token.ts'
import { ownWords, tokenPlace, wordingOf } from './wording.ts'

/** `lines` tell the model what came of it. */
export interface Heeded {
  lines: EarlierEffect[]
  end?: AgentEnd
}

/**
 * Decides the proposals whose token the message carries, and runs what it, or the code in it, confirmed. Asked once, when
 * the turn begins; after a crash it goes on where it stopped.
 */
export async function heedCustomer(turn: Turn, redeemed: Redeemed): Promise<Heeded> {
  if (isNoteMode(turn.connection)) return { lines: [] }
  const lines = codeLines(turn, redeemed)
  for (const [tool, mark] of Object.entries(turn.lease.row.proposals)) {
    const state = mark.by === 'customer' ? await heedToken(turn, tool, mark) : undefined
    if (state !== undefined) lines.push({ tool, state, at: mark.at })
  }
  for (const [tool, mark] of Object.entries(turn.lease.row.proposals)) {
    if (mark.by === 'agent' || mark.decidedBy !== turn.message.id) continue
    if (mark.state !== 'proposed') turn.trace.add(decided(tool, mark, mark.state))
    if (mark.state === 'declined')
      lines.push({ tool, state: 'declined by the customer, not done', at: mark.at })
    // Done, failed or unknown: the ledger tells.
    if (mark.state !== 'confirmed' || hasRun(turn.effects, mark)) continue
    // Asked again: between yes and now the run may have been cut off.
    if (!(await isForSame(turn, mark))) {
      lines.push({ tool, state: `confirmed, ${otherCustomer}`, at: mark.at })
      continue
    }
    const performed = await runProposal(turn, tool, mark)
    if (performed.end !== undefined) return { lines, end: performed.end }
    if (!hasRun(turn.effects, mark))
      lines.push({ tool, state: `confirmed by the customer, not done: ${performed.text}`, at: mark.at })
  }
  return { lines: [...lines, ...approverLines(turn), ...(await waitingLines(turn))] }
}

/** What approvers decided on this author's requests; what was done besides is in the ledger. */
const approverLines = ({ lease, message }: Turn): EarlierEffect[] =>
  Object.entries(lease.row.proposals)
    .filter(([, { by, author }]) => by === 'agent' && author === message.author.id)
    .flatMap(([tool, { state, at }]) => {
      if (state === 'declined') return [{ tool, state: 'declined by a colleague, not done', at }]
      if (state === 'expired') return [{ tool, state: 'no colleague decided in time, not done', at }]
      return state === 'approved' ? [{ tool, state: 'approved by a colleague', at }] : []
    })

function codeLines({ message }: Turn, redeemed: Redeemed): EarlierEffect[] {
  const tool = 'one_time_code'
  if (redeemed === 'wrong') return [{ tool, state: 'wrong or no longer valid', at: message.at }]
  if (redeemed === 'unclear')
    return [{ tool, state: 'right, with other words beside it: not taken as a confirmation', at: message.at }]
  return []
}

/** Is the message by whom the proposal was made for, at the address of then? */
const isForSame = async (turn: Turn, mark: ProposalMark): Promise<boolean> =>
  mark.author === turn.message.author.id && mark.address === (await addressTag(turn, turn.identity.address))

const otherCustomer = 'not done: the customer’s address is not the one it was proposed for'

/** What the token in the message came to, where it did not confirm or decline; `undefined` where there is none. */
async function heedToken(turn: Turn, tool: string, mark: ProposalMark): Promise<string | undefined> {
  const { tenant, lease, message, clock, identity } = turn
  if (mark.decidedBy === message.id || message.id === mark.messageId) return undefined
  if (mark.author !== message.author.id || message.automatic || message.visibility !== 'public')
    return undefined
  const own = ownWords(message.text)
  const token = await tokenOf(tenant.vault, lease.key.pk, mark.id)
  const times = countToken(own, token)
  if (times === 0) return undefined
  if (mark.state === 'expired' || isExpired(mark, clock.now()))
    return 'expired before the customer confirmed it, not done'
  if (mark.state !== 'proposed') return `the customer repeats a token that was used: it is ${mark.state}`
  if (!(await isForSame(turn, mark))) return `not confirmed: ${otherCustomer}`
  const wording = times === 1 ? wordingOf(replaceToken(own, token, tokenPlace)) : 'unclear'
  if (wording === 'unclear')
    return 'not confirmed: the message says more than yes or no; ask for the token alone'
  const needed = turn.live.tools.get(tool)?.identity ?? 'confirmed'
  if (wording === 'yes' && !atLeast(identity.level, needed))
    return 'not confirmed: this message does not identify the customer surely enough'
  const state = wording === 'yes' ? 'confirmed' : 'declined'
  const decided = await decide(tenant.conversations, lease, tool, mark, {
    state,
    decidedBy: message.id,
    now: clock.now(),
  })
  turn.log.info('proposal_decided', { tool, effectId: mark.id, code: decided ? state : 'too_late' })
  return decided ? undefined : 'not confirmed: it was replaced or has expired'
}

/** What waits still, for the very same customer. */
async function waitingLines(turn: Turn): Promise<EarlierEffect[]> {
  const { tenant, lease, message, clock, identity } = turn
  const address = await addressTag(turn, identity.address)
  const lines: EarlierEffect[] = []
  for (const [tool, mark] of Object.entries(lease.row.proposals)) {
    if (!isOpen(mark, clock.now()) || mark.author !== message.author.id || mark.address !== address) continue
    const proposal = await readProposal(tenant.conversations, tenant.vault, lease.key.pk, mark.id)
    const whose = mark.by === 'agent' ? 'a colleague’s approval' : 'the customer’s confirmation'
    lines.push({
      tool,
      state: `waits for ${whose}, not done`,
      at: mark.at,
      ...(proposal === undefined ? {} : { content: JSON.stringify({ arguments: proposal.call.args }) }),
    })
  }
  return lines
}
