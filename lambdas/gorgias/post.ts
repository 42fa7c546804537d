/** Writes into a Gorgias ticket: one message; for a hand-over the team and the tag after it. */
import * as z from 'zod'
import { createdAnswer } from '../../schemas/gorgias-api.ts'
import { DeskhandError } from '../core/errors.ts'
import { handOverTag, type Outgoing, type Ticket } from '../core/helpdesk.ts'
import { idForJson } from '../core/helpdesk-api/lossless-json.ts'
import { renderHtml } from '../core/render-html.ts'
import { htmlToText } from '../core/written-text.ts'
import { type Api, client, ticketPath } from './api.ts'
import { routeTo } from './route.ts'

/**
 * Every message carries our reference as `external_id`, by which it is found again; Gorgias does not keep it unique.
 * `sent_datetime` is left out: with it Gorgias files the message as sent and sends nothing.
 * https://developers.gorgias.com/reference/create-ticket-message
 */
export async function post(ticket: Ticket, outgoing: Outgoing, api: Api): Promise<string> {
  const body = outgoing.kind === 'reply' ? replyOf(ticket, outgoing, api) : noteOf(outgoing, api)
  const { id } = await client.write(api, 'POST', `${ticketPath(ticket.id)}/messages`, body, createdAnswer)
  if (outgoing.kind === 'reply') await closeIfWanted(ticket, api)
  if (outgoing.kind !== 'hand_over') return id
  try {
    await moveToTeam(ticket, api, outgoing.team)
  } catch (error) {
    // The note stands, whatever became of the rest: the caller looks for it and finishes.
    throw new DeskhandError('outcome_unknown', 'The hand-over was posted without team or tag', {
      cause: error,
    })
  }
  return id
}

/** The tag comes last: where it is, the rest was done, and a colleague may have taken the ticket since. */
export async function finish(ticket: Ticket, api: Api, team?: string): Promise<void> {
  if (ticket.handedOver === true && ticket.assignee !== 'us') return
  if (ticket.assignee === 'human') await addTag(ticket, api)
  else await moveToTeam(ticket, api, team)
}

type Reply = Outgoing & { kind: 'reply' }

/** Throws `refused` where nobody can be answered: nothing was posted. */
function replyOf(ticket: Ticket, reply: Reply, api: Api): Record<string, unknown> {
  const route = routeTo(reply.answers, reply.to, api.connection)
  const common = { ...contentOf(reply, api), public: true }
  if (route.by === 'chat') {
    // With a receiver Gorgias does not deliver a chat message.
    const to = [{ address: route.conversation }]
    return { ...common, channel: 'chat', source: { type: 'chat', from: { address: '' }, to } }
  }
  if (route.by === 'none' || route.to === undefined)
    throw new DeskhandError('refused', 'Gorgias documents no way to answer this message by its API')
  return {
    ...common,
    channel: 'email',
    receiver: { id: idForJson(reply.answers.author.id) },
    subject: subjectOf(ticket),
    source: {
      type: 'email',
      from: { address: route.from },
      to: [{ address: route.to }],
      cc: [],
      bcc: [],
    },
  }
}

const noteOf = (outgoing: Outgoing, api: Api): Record<string, unknown> => ({
  ...contentOf(outgoing, api),
  channel: 'internal-note',
  public: false,
})

function contentOf({ text, ref }: Outgoing, { connection }: Api): Record<string, unknown> {
  const html = renderHtml(text)
  return {
    via: 'api',
    from_agent: true,
    sender: { id: idForJson(connection.botUserId) },
    body_html: html,
    body_text: htmlToText(html),
    external_id: ref,
  }
}

/** The customer wrote it: what reads as a template there is broken as it is in a text. */
function subjectOf({ subject }: Ticket): string {
  const plain = subject.replace(/\{(?=[{%])/g, '{ ')
  return /^re:/i.test(plain) ? plain : `Re: ${plain}`
}

/** The reply stands and an open ticket is the safe side, so a failure here is only told. */
async function closeIfWanted(ticket: Ticket, api: Api): Promise<void> {
  if (!api.connection.closeAfterReply) return
  try {
    await client.write(api, 'PUT', ticketPath(ticket.id), { status: 'closed' }, z.unknown())
  } catch (error) {
    if (!(error instanceof DeskhandError)) throw error
    api.log.warn('ticket_left_open', { code: error.code, errorMessage: error.message })
  }
}

async function moveToTeam(ticket: Ticket, api: Api, team: string | undefined): Promise<void> {
  const teamId = team ?? api.connection.handOver.teamId
  const assigned = teamId === undefined ? {} : { assignee_team: { id: idForJson(teamId) } }
  const change = { status: 'open', ...assigned, assignee_user: { id: null } }
  await client.write(api, 'PUT', ticketPath(ticket.id), change, z.unknown())
  await addTag(ticket, api)
}

/** POST adds to the tags; PUT, and tags in an update of the ticket, would replace them. */
async function addTag(ticket: Ticket, api: Api): Promise<void> {
  await client.write(api, 'POST', `${ticketPath(ticket.id)}/tags`, { names: [handOverTag] }, z.unknown())
}
