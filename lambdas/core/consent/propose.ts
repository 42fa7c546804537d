/** A write that somebody has to consent to first: stored and shown, not run. */
import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { Decider, FixedLanguage, ProposalMark } from '../../../schemas/consent.ts'
import { atLeast } from '../../../schemas/names.ts'
import type { BoundCall } from '../bind-call.ts'
import { effectId } from '../ledger.ts'
import { failure, type Performed, refusal } from '../performed.ts'
import type { PreparedRequest } from '../tools/call-tool.ts'
import { isAboutCustomer, type Tool } from '../tools/check-tool.ts'
import type { Turn } from '../turn.ts'
import { postApprovalNote } from './approval-note.ts'
import { addressTag } from './grant.ts'
import { languageOf } from './language.ts'
import { isOpen, markProposed, type Proposal, proposalMs, putProposal, readProposal } from './proposals.ts'
import { placeOf } from './record-address.ts'
import { canAskForCode, sendCode } from './send-code.ts'
import { summaryOf } from './summary.ts'
import { putWaiting } from './waiting.ts'

/**
 * Who has to consent before this write runs, `undefined` where nobody has to. No mail proves more than `mailbox`, so a
 * write above it is decided by a code that goes with it.
 */
export function deciderOf(turn: Turn, tool: Tool): Decider | undefined {
  const asksCustomer = tool.confirm !== 'never' && tool.confirm !== 'agent'
  if (tool.confirm === 'agent') return 'agent'
  if (!atLeast(turn.identity.level, tool.identity)) return 'code'
  const aboveMail = placeOf(turn.message) === 'email' && atLeast(tool.identity, 'signed_in')
  if (asksCustomer && aboveMail) return 'code'
  return asksCustomer ? 'customer' : undefined
}

/** May this write be proposed though the message's level is too low: by mail, to be decided by a code? */
export const mayProposeByCode = (turn: Turn, tool: Tool): boolean =>
  tool.effect === 'write' &&
  tool.confirm !== 'agent' &&
  placeOf(turn.message) === 'email' &&
  turn.identity.address !== undefined &&
  canAskForCode(turn)

/** The language of who writes, by the newest message first. */
export const languageOfCustomer = ({ ticket, message }: Pick<Turn, 'ticket' | 'message'>): FixedLanguage => {
  const earlier = ticket.messages.filter((m) => m.author.id === message.author.id && m.id !== message.id)
  return languageOf([message, ...earlier.toReversed()].map(({ text }) => text))
}

/** Changed in any way, a tool is not the one that somebody consented to. */
export const definitionOf = (tool: Tool): string =>
  createHash('sha256')
    .update(String(canonicalize(tool)))
    .digest('base64url')

/**
 * Stores the write as the tool's proposal and has its decider asked. The same arguments are the same proposal while it
 * is open; others replace it.
 */
export async function proposeWrite(
  turn: Turn,
  tool: Tool,
  call: BoundCall,
  request: PreparedRequest,
  by: Decider,
): Promise<Performed> {
  const { tenant, lease, message, clock, log } = turn
  const language = languageOfCustomer(turn)
  const summary = summaryOf(tool, call.args, language)
  if (!summary.ok) return refusal('not_allowed', summary.message)
  const proposal: Proposal = {
    tool: tool.name,
    call,
    request,
    definition: definitionOf(tool),
    summary: summary.text,
    language,
  }
  const standing = await standingFor(turn, proposal, by)
  const id = standing?.id ?? (await effectId(tenant.vault, lease.key.pk, 'proposal', call.id, message.id))
  const now = clock.now()
  if (standing === undefined) await putProposal({ ...tenant, pk: lease.key.pk, now }, id, proposal)
  const mark: ProposalMark = standing ?? {
    id,
    effect: call.id,
    by,
    state: 'proposed',
    at: now,
    until: now + proposalMs,
    messageId: message.id,
    askedFor: message.id,
    author: message.author.id,
    address: await addressTag(turn, turn.identity.address),
  }
  if (by === 'agent' && standing === undefined)
    await putWaiting(tenant, { ...turn.wake, id, tool: tool.name, at: mark.at, until: mark.until })
  const marked = await markProposed(tenant.conversations, lease, tool.name, { ...mark, askedFor: message.id })
  if (!marked)
    return failure('needs_confirmation', 'an earlier request was approved and is being carried out')
  if (tool.identity !== 'none' || isAboutCustomer(tool)) turn.personal = true
  log.info('write_proposed', { tool: tool.name, effectId: id, code: by })
  return await ask(turn, { tool: tool.name, proposal: id, summary: summary.text }, mark, language)
}

/** The open proposal of this tool, where it is the very same, for the same customer and to be decided the same way. */
async function standingFor(turn: Turn, wanted: Proposal, by: Decider): Promise<ProposalMark | undefined> {
  const { tenant, lease, message, clock, identity } = turn
  const mark = lease.row.proposals[wanted.tool]
  if (mark === undefined || !isOpen(mark, clock.now()) || mark.by !== by) return undefined
  if (mark.author !== message.author.id || mark.address !== (await addressTag(turn, identity.address)))
    return undefined
  const stored = await readProposal(tenant.conversations, tenant.vault, lease.key.pk, mark.id)
  return stored !== undefined &&
    stored.definition === wanted.definition &&
    stored.summary === wanted.summary &&
    stored.call.id === wanted.call.id
    ? mark
    : undefined
}

async function ask(
  turn: Turn,
  about: { tool: string; proposal: string; summary: string },
  mark: ProposalMark,
  language: FixedLanguage,
): Promise<Performed> {
  switch (mark.by) {
    case 'customer':
      return failure(
        'needs_confirmation',
        'nothing was done yet. Below your answer the customer is shown this request and how to confirm it. Say that it waits for their confirmation; write no code and no token yourself',
      )
    case 'code': {
      const asked = await sendCode(turn, language, about)
      return asked === 'asked'
        ? failure(
            'needs_confirmation',
            'nothing was done yet. Below your answer the customer is shown this request and how to confirm it with a one-time code. Say that it waits for that; write no code yourself and do not say whether one was sent',
          )
        : refusal('needs_identity', 'no more one-time codes can be sent; hand over')
    }
    case 'agent': {
      const asked = await postApprovalNote(turn, about, mark)
      if (asked === 'changed') return { text: '', end: { end: 'again' } }
      if (asked === 'refused') return refusal('not_allowed', 'nobody could be asked to approve it; hand over')
      return failure(
        'needs_confirmation',
        'nothing was done yet. A colleague was asked to approve it. Tell the customer that a colleague decides and that they will hear from us here',
      )
    }
  }
}
