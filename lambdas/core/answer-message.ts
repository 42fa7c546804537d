/** Answering one message: who wrote it, what is known of them, what Claude says, a last look, the reply. */
import { type AgentEnd, runAgent } from './agent.ts'
import { askUserData } from './ask-user-data.ts'
import { barredBy } from './barred.ts'
import { checkReply } from './check-reply.ts'
import { fixedParts } from './consent/fixed-parts.ts'
import { addressTag } from './consent/grant.ts'
import { heedCustomer } from './consent/heed-customer.ts'
import { redeemCode } from './consent/redeem-code.ts'
import { wouldHave } from './consent/shadow.ts'
import { indexCustomers } from './customer-index.ts'
import { isCode } from './errors.ts'
import { handOver } from './hand-over.ts'
import { tellHandOver } from './hand-over-text.ts'
import type { Message, Ticket } from './helpdesk.ts'
import { audienceIsOnly, type Identity } from './identify.ts'
import { contentOf, effectId, type Journal } from './ledger.ts'
import { aboutOf, identityOf, lookAgain, openTurnJournal } from './look-again.ts'
import { replyNeutrally, suspiciousSender } from './neutral-reply.ts'
import { isNoteMode, noteHosts, safeNote } from './note.ts'
import { performTools } from './perform-tools.ts'
import { post, refOf } from './post.ts'
import { type EarlierEffect, opening } from './prompt.ts'
import { underWayText } from './task-state.ts'
import {
  handedOver,
  identified,
  replied,
  begun as startOf,
  storedEntries,
  tracedModel,
  userDataEntry,
} from './trace-turn.ts'
import type { Turn, Work } from './turn.ts'
import { mayReplyUnproven } from './unproven.ts'
import type { UserData } from './user-data.ts'

/**
 * How a look at the ticket ended. `closing`: an effect whose outcome is stored, to be closed with the release. `paid`:
 * a hand-over that was owed is done, or can never be. `checkAt`: when to look whether the reply was really sent.
 */
export type Ending = { settled: string; closing?: string; paid?: boolean; checkAt?: number } | { again: true }

export async function answerMessage(work: Work, ticket: Ticket, message: Message): Promise<Ending> {
  const { log, lease, configuration } = work
  await indexCustomers(work, ticket)
  const started = work.clock.now()
  const redeemed = await redeemCode(work, ticket, message)
  const identity = await identityOf(work, ticket, message)
  log.info('customer_identified', {
    assurance: identity.level,
    cause: identity.why,
    messageId: message.id,
    ms: work.clock.now() - started,
  })
  work.trace.add(identified(identity, message, ticket))
  const barred = await barredBy(work, ticket, identity)
  if (barred === suspiciousSender) return await endSuspicious(work, ticket, message, identity)
  if (barred !== undefined) return await endHandedOver(work, ticket, message, barred)
  if (!isNoteMode(work.connection) && !(await mayReplyUnproven(work, message, identity))) {
    return await endHandedOver(work, ticket, message, 'unproven_limit')
  }

  const about = await aboutOf(work, identity)
  const journal = await openTurnJournal(work, message, about)
  const [begun] = journal.steps
  // A turn keeps the configuration it began with.
  const agent =
    journal.release === undefined || journal.release === work.agent.release
      ? work.agent
      : await work.loadAgent(await configuration.release(journal.release))
  const userData =
    begun === undefined ? await askUserData({ ...work, agent }, message, identity) : begun.userData
  const turn: Turn = {
    ...work,
    agent,
    live: work.agent,
    ticket,
    message,
    identity,
    about,
    journal,
    userDataText: userData?.kind === 'data' ? userData.text : undefined,
    personal:
      userData?.kind === 'data' ||
      // The thread holds a personal reply of ours.
      lease.row.personal !== undefined ||
      // What was done for this customer before, with its outcome, is in the prompt.
      [...work.effects.values()].some((effect) => effect.kind === 'tool' && effect.about === about) ||
      journal.steps.some((step) => step.personal),
  }
  const stored = begun !== undefined
  for (const entry of [
    startOf(turn),
    userDataEntry(agent, userData, stored),
    ...storedEntries(turn, journal.steps),
  ])
    turn.trace.add(entry)
  // Once the model was asked, what the message decides is decided.
  const heeded = journal.steps.length === 0 ? await heedCustomer(turn, redeemed) : { lines: [] }
  const end = heeded.end ?? (await letClaudeWork(turn, journal, userData, heeded.lines))
  switch (end.end) {
    case 'again':
      return { again: true }
    case 'hand_over':
      return await endHandedOver(turn, ticket, message, end.cause, end.summary)
    case 'answer':
      return await reply(turn, journal, end.text)
  }
}

/** One neutral reply where there may be one, then a human. What the reply changed on the ticket is read first. */
async function endSuspicious(
  work: Work,
  ticket: Ticket,
  message: Message,
  identity: Identity,
): Promise<Ending> {
  const said = await replyNeutrally(work, ticket, message, identity)
  if (said === 'changed') return { again: true }
  const now = said === 'posted' ? await work.helpdesk.read(ticket.id, work.api) : ticket
  return await endHandedOver(work, now, message, suspiciousSender)
}

/** Tells the customer where the tenant has words for it, hands over and ends the look. */
export async function endHandedOver(
  work: Work,
  ticket: Ticket,
  message: Message,
  cause: string,
  summary?: string,
): Promise<Ending> {
  const told = await tellHandOver(work, message, cause)
  if (told === 'changed') return { again: true }
  // What the reply changed on the ticket is read first.
  const now = told === 'posted' ? await work.helpdesk.read(ticket.id, work.api) : ticket
  const done = await handOver(work, now, message, cause, summary)
  if (done === 'changed') return { again: true }
  work.trace.add(handedOver(work, cause, summary))
  return { settled: done === 'closed' ? 'closed' : 'handed_over', paid: true }
}

async function letClaudeWork(
  turn: Turn,
  journal: Journal,
  userData: UserData | undefined,
  decided: EarlierEffect[],
): Promise<AgentEnd> {
  const { agent, clock } = turn
  try {
    return await runAgent({
      settings: agent.settings,
      brief: agent.brief,
      tools: agent.modelTools,
      opening: opening({
        ticket: turn.ticket,
        message: turn.message,
        identity: turn.identity,
        userData,
        effects: [...(await earlierEffects(turn)), ...decided],
        settings: agent.settings,
        task: underWayText(turn),
        now: clock.now(),
      }),
      userData,
      isPersonal: () => turn.personal,
      journal,
      release: agent.release,
      model: tracedModel(turn, journal.steps.length),
      perform: (calls) => performTools(turn, calls),
      signal: turn.signal,
      timeLeft: () => turn.deadline - clock.now(),
      now: clock.now,
      log: turn.log,
    })
  } catch (error) {
    if (isCode(error, 'refused')) return { end: 'hand_over', cause: 'model_refused_request' }
    throw error
  }
}

/** What was done on this ticket before; content only where it was for the very same customer and level. */
async function earlierEffects(turn: Turn): Promise<EarlierEffect[]> {
  const tools = [...turn.effects.values()].filter((effect) => effect.kind === 'tool')
  return await Promise.all(
    tools.map(async (effect) => {
      const { tool = '', state, at, about } = effect
      const content = about === turn.about ? await contentOf(turn.tenant.vault, effect) : undefined
      return { tool, state, at, ...(content === undefined ? {} : { content }) }
    }),
  )
}

/** The last look, then the reply; a note in note mode. */
async function reply(turn: Turn, journal: Journal, text: string): Promise<Ending> {
  const { tenant, lease, message, log, clock } = turn
  const noteMode = isNoteMode(turn.connection)
  const fixed = await fixedParts(turn)
  const checked = checkReply([text, ...fixed].join('\n\n'), {
    linkHosts: turn.agent.links,
    secrets: turn.tenant.secrets.known(),
  })
  if (!checked.ok || !checked.text.endsWith(fixed.join('\n\n'))) {
    const cause = checked.ok ? 'fixed_part' : checked.cause
    log.warn('reply_refused', { cause })
    turn.trace.add({ kind: 'reply_refused', cause })
    return await endHandedOver(turn, turn.ticket, message, 'reply_refused')
  }
  const ticket = await lookAgain(turn)
  if (ticket === undefined) return { again: true }
  if (turn.personal && !noteMode && !reachesCustomerAlone(turn, ticket)) {
    return await endHandedOver(turn, ticket, message, 'not_alone')
  }
  const started = clock.now()
  const id = await effectId(tenant.vault, lease.key.pk, 'reply', message.id)
  const result = await post(turn, ticket, {
    id,
    messageId: message.id,
    outgoing: noteMode
      ? { kind: 'note', text: suggestion(turn, journal, checked.text), ref: refOf(id) }
      : {
          kind: 'reply',
          text: checked.text,
          ref: refOf(id),
          // As just read: the way back may be another than when the turn began.
          answers: ticket.messages.find((each) => each.id === message.id) ?? message,
          ...(turn.identity.address === undefined ? {} : { to: turn.identity.address }),
        },
    ...(turn.personal && !noteMode ? { personal: await addressTag(turn, turn.identity.address) } : {}),
  })
  if (result === 'changed') return { again: true }
  if (result === 'closed') return { settled: 'closed' }
  if (result === 'refused') return await endHandedOver(turn, ticket, message, 'reply_refused')
  const said = noteMode ? 'noted' : 'replied'
  log.info('reply_posted', { code: said, effectId: id, messageId: message.id, ms: clock.now() - started })
  turn.trace.add(replied(turn, noteMode ? 'note' : 'reply', checked))
  const { sendsWithinMs } = turn.helpdesk
  return {
    settled: said,
    closing: id,
    ...(noteMode || sendsWithinMs === undefined ? {} : { checkAt: clock.now() + sendsWithinMs }),
  }
}

const reachesCustomerAlone = ({ identity }: Turn, ticket: Ticket): boolean =>
  identity.address !== undefined && audienceIsOnly(ticket, identity.address)

/** Note mode: the answer, and what would have been done or asked. */
function suggestion(turn: Turn, journal: Journal, text: string): string {
  const hosts = noteHosts(turn.agent)
  const lines = journal.steps
    .flatMap((step) => step.answer.content)
    .filter((block) => block.type === 'tool_use')
    .flatMap((call) => wouldHave(turn, call, hosts))
  return safeNote(['**Suggested answer** (note mode, nothing was sent)', text, ...lines], hosts)
}
