/** Writes into a Freshdesk ticket: replies, notes, hand-overs. */
import * as z from 'zod'
import {
  type FreshdeskMarks,
  type FreshdeskReply,
  markedAnswer,
  noteAnswer,
  replyAnswer,
} from '../../schemas/freshdesk-api.ts'
import { DeskhandError } from '../core/errors.ts'
import { handOverTag, type Outgoing, type Ticket } from '../core/helpdesk.ts'
import { idForJson } from '../core/helpdesk-api/lossless-json.ts'
import { audienceIsOnly } from '../core/identify.ts'
import { renderHtml, renderLine } from '../core/render-html.ts'
import { htmlToText } from '../core/written-text.ts'
import { bareAddress } from './addresses.ts'
import { type Api, client, pathOf } from './api.ts'
import { type Route, route } from './route.ts'

/** https://developers.freshdesk.com/api/#ticket_status */
const open = 2
const pending = 3

export async function post(ticket: Ticket, outgoing: Outgoing, api: Api): Promise<string> {
  if (outgoing.kind === 'reply') return await postReply(ticket, outgoing, api)
  const noteId = await postNote(ticket, outgoing, api)
  if (outgoing.kind === 'note') return noteId
  try {
    await finish(ticket, api, outgoing.team)
  } catch (error) {
    // The note stands, whatever became of team and tag: the caller looks for it and finishes.
    throw new DeskhandError('outcome_unknown', 'The hand-over was posted without its tag', { cause: error })
  }
  return noteId
}

// ---- Reply ----------------------------------------------------------------------------------------------

type ReplyOut = Extract<Outgoing, { kind: 'reply' }>

/**
 * Freshdesk has no recipient for a reply: it goes to the ticket's requester. So one that must reach `to` alone is only
 * posted where that is the requester's address and nobody else reads along.
 * https://developers.freshdesk.com/api/#reply_ticket
 */
async function postReply(ticket: Ticket, outgoing: ReplyOut, api: Api): Promise<string> {
  const { to } = outgoing
  if (to !== undefined && !(isRequester(ticket, to) && audienceIsOnly(ticket, to)))
    throw new DeskhandError('refused', 'Freshdesk would send this reply to others than the verified address')
  const body = replyBody(outgoing, api)
  const posted = await client.write(api, 'POST', `${pathOf(ticket.id)}/reply`, body, replyAnswer)
  if (to !== undefined) compareRecipients(ticket, posted, to, api)
  if (api.connection.afterReply === 'pending') await setPending(ticket, posted.id, api)
  return posted.id
}

const isRequester = (ticket: Ticket, to: string): boolean =>
  ticket.requester.address !== undefined && bareAddress(ticket.requester.address) === bareAddress(to)

function replyBody(outgoing: ReplyOut, api: Api): Record<string, unknown> {
  const read = route.safeParse(outgoing.answers.route)
  const way: Route = read.success ? read.data : { by: 'mail' }
  const html = renderHtml(outgoing.text)
  const user_id = idForJson(api.connection.botUserId)
  if (way.by === 'chat') return { structured_body: chatBody(html), user_id }
  // Whether an empty list keeps the ticket's CCs out is not confirmed; without it they are surely in.
  return { body: html, user_id, cc_emails: [], ...(way.from === undefined ? {} : { from_email: way.from }) }
}

const chatBody = (html: string) => ({
  body_contents: [{ type: 'text', data: { content: htmlToText(html) } }],
})

/** What was sent cannot be called back: somebody has to know. */
function compareRecipients(ticket: Ticket, posted: FreshdeskReply, to: string, api: Api): void {
  const about = { ticketId: ticket.id, messageId: posted.id }
  const { replied_to, cc_emails, bcc_emails } = posted
  const reached = [...(replied_to ?? []), ...(cc_emails ?? []), ...(bcc_emails ?? [])].map(bareAddress)
  if (reached.some((address) => address !== bareAddress(to))) api.log.alarm('reply_went_elsewhere', about)
  else if (reached.length === 0) api.log.warn('reply_recipients_not_told', about)
}

/** The reply stands: a status that could not be set must not bring a second one. */
async function setPending(ticket: Ticket, messageId: string, api: Api): Promise<void> {
  try {
    await client.write(api, 'PUT', pathOf(ticket.id), { status: pending }, z.unknown())
  } catch (error) {
    if (!(error instanceof DeskhandError)) throw error
    api.log.warn('status_not_set', { ticketId: ticket.id, messageId, code: error.code })
  }
}

// ---- Note and hand-over ---------------------------------------------------------------------------------

/** `ref` stands alone on the last line, where a later read finds it. https://developers.freshdesk.com/api/#add_note */
async function postNote(ticket: Ticket, { text, ref }: Outgoing, api: Api): Promise<string> {
  const body = `${renderHtml(text)}\n${renderLine(ref)}`
  const note = { body, private: true, user_id: idForJson(api.connection.botUserId) }
  return (await client.write(api, 'POST', `${pathOf(ticket.id)}/notes`, note, noteAnswer)).id
}

/**
 * Team and tag. An update replaces all tags, without any condition: they are read right before it, and once more after
 * it, for what somebody else's update took away meanwhile. Safe to repeat; a human who has the ticket keeps it.
 */
export async function finish(ticket: Ticket, api: Api, team?: string): Promise<void> {
  let wanted = [handOverTag]
  for (let round = 0; round < 3; round++) {
    const marks = await client.get(api, pathOf(ticket.id), markedAnswer)
    if (round > 0 && wanted.every((tag) => marks.tags.includes(tag))) return
    wanted = [...new Set([...marks.tags, ...wanted])]
    const update = { ...moves(marks, api, team), tags: wanted }
    await client.write(api, 'PUT', pathOf(ticket.id), update, z.unknown())
  }
  throw new DeskhandError('outcome_unknown', 'Freshdesk does not keep the hand-over tag on the ticket')
}

/** Nothing of a ticket that a human took since. */
function moves(
  { responder_id }: FreshdeskMarks,
  { connection }: Api,
  team: string | undefined,
): Record<string, unknown> {
  if (responder_id != null && responder_id !== connection.botUserId) return {}
  const groupId = team ?? connection.handOver.groupId
  return {
    status: open,
    responder_id: null,
    ...(groupId === undefined ? {} : { group_id: idForJson(groupId) }),
  }
}
