/** Writes into a HubSpot thread: a message or a comment, and then what stands beside it, assignee and ticket. */
import * as z from 'zod'
import { type HubspotThread, postedAnswer, threadAnswer } from '../../schemas/hubspot-api.ts'
import { DeskhandError, isCode } from '../core/errors.ts'
import type { Outgoing, Ticket } from '../core/helpdesk.ts'
import { renderHtml, renderLine } from '../core/render-html.ts'
import { htmlToText } from '../core/written-text.ts'
import { type Api, client, paths } from './api.ts'
import { wayBack } from './route.ts'

/**
 * HubSpot has no conditional post and no reference beside a message: a reply is found again by its author.
 * https://developers.hubspot.com/docs/api-reference/conversations-conversations-v3/guide
 */
export async function post(ticket: Ticket, outgoing: Outgoing, api: Api): Promise<string> {
  const body = outgoing.kind === 'reply' ? messageOf(outgoing, api) : commentOf(outgoing)
  const posted = await client.write(api, 'POST', paths.messages(ticket.id), body, postedAnswer)
  if (outgoing.kind === 'reply') await setWaiting(ticket, api)
  if (outgoing.kind === 'hand_over') await finishAfterNote(ticket, api, outgoing.team)
  return posted.id
}

/** A visitor or a bot cannot send: the bot user's actor is a colleague's. */
const messageOf = (reply: Outgoing & { kind: 'reply' }, { connection }: Api): Record<string, unknown> => ({
  type: 'MESSAGE',
  ...content(renderHtml(reply.text)),
  senderActorId: `A-${connection.botUserId}`,
  ...wayBack(reply),
})

/** A note's `ref` stands alone on its last line, where a later read finds it. */
const commentOf = ({ text, ref }: Outgoing): Record<string, unknown> => ({
  type: 'COMMENT',
  ...content(`${renderHtml(text)}\n${renderLine(ref)}`),
})

/** Both forms are asked for; the plain one is the other as a reader sees it. */
const content = (html: string) => ({ text: htmlToText(html), richText: html, attachments: [] })

async function finishAfterNote(ticket: Ticket, api: Api, team: string | undefined): Promise<void> {
  try {
    await finish(ticket, api, team)
  } catch (error) {
    // The note stands, whatever became of the rest: the caller looks for it and finishes.
    throw new DeskhandError('outcome_unknown', 'The hand-over was noted and not finished', { cause: error })
  }
}

/** Gives the thread to the team and marks its ticket. Read anew, so that nobody who took it meanwhile loses it. */
export async function finish(ticket: Ticket, api: Api, team?: string): Promise<void> {
  const { handOver } = api.connection
  const thread = await readThread(ticket, api)
  await assign(thread, team ?? handOver.actorId, api)
  if (handOver.ticketProperty !== undefined)
    await setProperty(thread, handOver.ticketProperty.name, handOver.ticketProperty.value, api)
}

/** A human who has the thread keeps it. Naming the one who has it, or nobody where nobody has it, changes nothing. */
async function assign(
  { id, assignedTo }: HubspotThread,
  actorId: string | undefined,
  api: Api,
): Promise<void> {
  const { botUserId } = api.connection
  const isFree = assignedTo === undefined || assignedTo === '' || assignedTo === `A-${botUserId}`
  if (!isFree) return
  if (actorId !== undefined) await client.write(api, 'PUT', paths.assignee(id), { actorId }, z.unknown())
  else if (assignedTo) await client.write(api, 'DELETE', paths.assignee(id), undefined, z.unknown())
}

/** The reply is out: a ticket that does not move is told of, and fails nothing. */
async function setWaiting(ticket: Ticket, api: Api): Promise<void> {
  const { waitingStage } = api.connection
  if (waitingStage === undefined) return
  try {
    await setProperty(await readThread(ticket, api), 'hs_pipeline_stage', waitingStage, api)
  } catch (error) {
    if (!(error instanceof DeskhandError)) throw error
    api.log.warn('ticket_stage_not_set', { ticketId: ticket.id, code: error.code })
  }
}

const readThread = (ticket: Ticket, api: Api): Promise<HubspotThread> =>
  client.get(api, `${paths.thread(ticket.id)}?association=TICKET`, threadAnswer)

/** A thread need not have a ticket, and a ticket may have been deleted. */
async function setProperty(thread: HubspotThread, name: string, value: string, api: Api): Promise<void> {
  const id = thread.threadAssociations?.associatedTicketId
  if (id === undefined) return
  try {
    await client.write(api, 'PATCH', paths.ticket(id), { properties: { [name]: value } }, z.unknown())
  } catch (error) {
    if (!isCode(error, 'ticket_gone')) throw error
  }
}
