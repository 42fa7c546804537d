/** Writes into a Zendesk ticket: comment, status and team in one conditional update, the hand-over tag after it. */
import * as z from 'zod'
import { updateAnswer } from '../../schemas/zendesk-api.ts'
import { DeskhandError } from '../core/errors.ts'
import { handOverTag, type Outgoing, type Ticket } from '../core/helpdesk.ts'
import { idForJson } from '../core/helpdesk-api/lossless-json.ts'
import { renderHtml, renderLine } from '../core/render-html.ts'
import { type Api, client } from './api.ts'

/**
 * `safe_update` with the stamp makes a repeat of an update that did happen a 409, not a second comment. `author_id`
 * names the bot, whoever the token acts as, so that the comment is found again as ours.
 * https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#protecting-against-ticket-update-collisions
 */
export async function post(ticket: Ticket, outgoing: Outgoing, api: Api): Promise<string> {
  const comment = {
    html_body: html(outgoing),
    public: outgoing.kind === 'reply',
    author_id: idForJson(api.connection.botUserId),
  }
  const update = { comment, ...moves(outgoing, api), safe_update: true, updated_stamp: ticket.stamp }
  const { audit } = await client.write(api, 'PUT', `${pathOf(ticket)}.json`, { ticket: update }, updateAnswer)
  const posted = audit.events.find((event) => event.type === 'Comment' && event.public !== !comment.public)
  if (posted === undefined)
    throw new DeskhandError('outcome_unknown', 'Zendesk took the update and named no new comment')
  if (outgoing.kind !== 'hand_over') return posted.id
  try {
    await finish(ticket, api)
  } catch (error) {
    // The comment stands, whatever became of the tag: the caller looks for it and finishes.
    throw new DeskhandError('outcome_unknown', 'The hand-over was posted without its tag', { cause: error })
  }
  return posted.id
}

/** Adding a tag that is there changes nothing. */
export async function finish(ticket: Ticket, api: Api): Promise<void> {
  await client.write(api, 'PUT', `${pathOf(ticket)}/tags.json`, { tags: [handOverTag] }, z.unknown())
}

const pathOf = ({ id }: Ticket): string => `/api/v2/tickets/${encodeURIComponent(id)}`

/** A note's `ref` stands alone on its last line, where a later read finds it. */
const html = (outgoing: Outgoing): string =>
  outgoing.kind === 'reply'
    ? renderHtml(outgoing.text)
    : `${renderHtml(outgoing.text)}\n${renderLine(outgoing.ref)}`

/** What changes on the ticket besides the comment. */
function moves(outgoing: Outgoing, api: Api): Record<string, unknown> {
  if (outgoing.kind === 'reply') return { status: 'pending' }
  if (outgoing.kind === 'note') return {}
  const groupId = outgoing.team ?? api.connection.handOver.groupId
  return {
    status: 'open',
    assignee_id: null,
    ...(groupId === undefined ? {} : { group_id: idForJson(groupId) }),
  }
}
