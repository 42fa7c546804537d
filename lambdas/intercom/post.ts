/** Writes into an Intercom conversation, always as the configured teammate: a bot's reply to a mail is not sent. */
import * as z from 'zod'
import { conversationAnswer, tagAnswer } from '../../schemas/intercom-api.ts'
import { DeskhandError } from '../core/errors.ts'
import { handOverTag, type Outgoing, type Ticket } from '../core/helpdesk.ts'
import { audienceIsOnly } from '../core/identify.ts'
import { renderHtml, renderLine } from '../core/render-html.ts'
import { type Api, client, conversationPath } from './api.ts'
import { isOurs } from './inbound.ts'

const hourS = 60 * 60

/**
 * Intercom sends a reply to the contacts of the conversation and takes no recipients: a reply that one address alone may
 * get is refused where somebody else is there. It takes no condition either, so the last look before counts.
 */
export async function post(ticket: Ticket, outgoing: Outgoing, api: Api): Promise<string> {
  if (outgoing.kind === 'reply' && outgoing.to !== undefined && !audienceIsOnly(ticket, outgoing.to))
    throw new DeskhandError('refused', 'Somebody else would get this reply: Intercom sends to all contacts')
  const id = await say(ticket, outgoing, api)
  if (outgoing.kind === 'reply') await setWaiting(ticket, api)
  if (outgoing.kind !== 'hand_over') return id
  try {
    await finish(ticket, api, outgoing.team)
  } catch (error) {
    // The note stands, whatever became of team and tag: the caller looks for it and finishes.
    throw new DeskhandError('outcome_unknown', 'The hand-over was noted without its team or tag', {
      cause: error,
    })
  }
  return id
}

/** Answers the id of the new part: the newest by us that was not there before. */
async function say(ticket: Ticket, outgoing: Outgoing, api: Api): Promise<string> {
  const { adminId } = api.connection
  const body = {
    message_type: outgoing.kind === 'reply' ? 'comment' : 'note',
    type: 'admin',
    admin_id: adminId,
    body: html(outgoing),
  }
  const path = `${conversationPath(ticket.id)}/reply`
  const { conversation_parts } = await client.write(api, 'POST', path, body, conversationAnswer)
  const before = new Set(ticket.messages.map(({ id }) => id))
  const posted = conversation_parts.conversation_parts.findLast(
    ({ id, author, part_type }) =>
      isOurs(author, adminId) && part_type === body.message_type && !before.has(id),
  )
  if (posted !== undefined) return posted.id
  throw new DeskhandError('outcome_unknown', 'Intercom took the message and did not show it')
}

/** A note's `ref` stands alone on its last line, where a later read finds it. */
const html = (outgoing: Outgoing): string =>
  outgoing.kind === 'reply'
    ? renderHtml(outgoing.text)
    : `${renderHtml(outgoing.text)}\n${renderLine(outgoing.ref)}`

/** The reply has reached the customer: that the conversation stays open instead is no reason to take it back. */
async function setWaiting(ticket: Ticket, api: Api): Promise<void> {
  const { afterReply, snoozeHours } = api.connection
  if (afterReply === 'nothing') return
  const until = Math.floor(api.now() / 1000) + snoozeHours * hourS
  const part =
    afterReply === 'close'
      ? { message_type: 'close', type: 'admin' }
      : { message_type: 'snoozed', snoozed_until: until }
  try {
    await manage(ticket, part, api)
  } catch (error) {
    if (!(error instanceof DeskhandError)) throw error
    api.log.warn('after_reply_failed', { ticketId: ticket.id, cause: error.code })
  }
}

/**
 * Team and tag; a teammate who has taken it meanwhile keeps it. Assigning twice, and adding a tag that is there, changes
 * nothing.
 */
export async function finish(ticket: Ticket, api: Api, team?: string): Promise<void> {
  const { adminId, handOver } = api.connection
  const teamId = team ?? handOver.teamId
  if (ticket.assignee === 'us') await assign(ticket, 'admin', '0', api)
  if (teamId !== undefined && ticket.assignee !== 'human') await assign(ticket, 'team', teamId, api)
  else if (ticket.status !== 'open') await manage(ticket, { message_type: 'open' }, api)
  // Creates the tag, or answers the one of this name.
  const tag = await client.write(api, 'POST', '/tags', { name: handOverTag }, tagAnswer)
  const path = `${conversationPath(ticket.id)}/tags`
  await client.write(api, 'POST', path, { id: tag.id, admin_id: adminId }, z.unknown())
}

/** `0` is nobody. It also ends a snooze. */
const assign = (ticket: Ticket, type: 'admin' | 'team', to: string, api: Api): Promise<void> =>
  manage(ticket, { message_type: 'assignment', type, assignee_id: to }, api)

/** https://github.com/intercom/Intercom-OpenAPI, manageConversation */
async function manage(ticket: Ticket, part: object, api: Api): Promise<void> {
  const body = { ...part, admin_id: api.connection.adminId }
  await client.write(api, 'POST', `${conversationPath(ticket.id)}/parts`, body, z.unknown())
}
