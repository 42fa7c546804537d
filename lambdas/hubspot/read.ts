/** Reads one HubSpot thread: its messages, its contact, who acted, and its ticket where a setting asks for it. */
import type * as z from 'zod'
import {
  actorsAnswer,
  contactAnswer,
  crmTicketAnswer,
  type HubspotActor,
  type HubspotContact,
  type HubspotCrmTicket,
  type HubspotEntry,
  type HubspotThread,
  messagesAnswer,
  originalContentAnswer,
  threadAnswer,
} from '../../schemas/hubspot-api.ts'
import { isCode } from '../core/errors.ts'
import type { Ticket } from '../core/helpdesk.ts'
import { type Api, client, paths } from './api.ts'
import { actorOf, roleOf } from './parties.ts'
import { mapTicket } from './ticket.ts'

/** Pages of a hundred entries, newest first. */
const mostPages = 2
/** Actors in one request. */
const mostActors = 100

/** The thread first, so that its stamp is never newer than the messages that were seen. */
export async function readTicket(ticketId: string, api: Api): Promise<Ticket> {
  const thread = await client.get(api, `${paths.thread(ticketId)}?association=TICKET`, threadAnswer)
  const [listed, contact, crmTicket] = await Promise.all([
    readEntries(ticketId, api),
    readContact(thread, api),
    readCrmTicket(thread, api),
  ])
  const [actors, entries] = await Promise.all([
    readActors(listed.entries, api),
    withWholeText(ticketId, listed.entries, api),
  ])
  return mapTicket({ thread, entries, complete: listed.complete, contact, crmTicket, actors }, api.connection)
}

/** A page may be short and have a successor: only a missing cursor ends. */
async function readEntries(threadId: string, api: Api) {
  const entries: HubspotEntry[] = []
  let after: string | undefined
  for (let page = 0; page < mostPages; page++) {
    const query = new URLSearchParams({ limit: '100', sort: '-createdAt' })
    if (after !== undefined) query.set('after', after)
    const answer = await client.get(api, `${paths.messages(threadId)}?${query}`, messagesAnswer)
    entries.push(...answer.results)
    after = answer.paging?.next?.after
    if (after === undefined) return { entries, complete: true }
  }
  return { entries, complete: false }
}

/** The id may be a visitor's, which the CRM does not know. */
async function readContact(
  { associatedContactId: id }: HubspotThread,
  api: Api,
): Promise<HubspotContact | undefined> {
  if (id === undefined) return undefined
  const path = `${paths.contact(id)}?properties=email,firstname,lastname`
  return await unlessGone(client.get(api, path, contactAnswer))
}

/** Only where hand-overs are marked on it. */
async function readCrmTicket(
  { threadAssociations }: HubspotThread,
  api: Api,
): Promise<HubspotCrmTicket | undefined> {
  const id = threadAssociations?.associatedTicketId
  const property = api.connection.handOver.ticketProperty?.name
  if (id === undefined || property === undefined) return undefined
  return await unlessGone(client.get(api, `${paths.ticket(id)}?properties=${property}`, crmTicketAnswer))
}

/** Names of colleagues and visitors, and what address a visitor left. */
async function readActors(entries: HubspotEntry[], api: Api): Promise<HubspotActor[]> {
  const ids = new Set(entries.flatMap((entry) => actorOf(entry) ?? []).filter((id) => /^[AV]-/.test(id)))
  if (ids.size === 0) return []
  const inputs = [...ids].slice(0, mostActors)
  return (await client.search(api, paths.actors, { inputs }, actorsAnswer)).results
}

/** HubSpot shortens long messages: the newest of a customer is read whole, before its quotations are taken off here. */
async function withWholeText(threadId: string, entries: HubspotEntry[], api: Api): Promise<HubspotEntry[]> {
  const newest = entries.find((entry) => roleOf(entry, api.connection) === 'customer')
  if (newest?.truncationStatus?.startsWith('TRUNCATED') !== true) return entries
  const whole = await unlessGone(
    client.get(api, paths.originalContent(threadId, newest.id), originalContentAnswer),
  )
  if (whole?.text === undefined && whole?.richText === undefined) return entries
  const full = { ...newest, text: whole.text, richText: whole.richText }
  return entries.map((entry) => (entry === newest ? full : entry))
}

/** What HubSpot does not have, or knows by no such id, is absent. */
async function unlessGone<T extends z.infer<z.ZodType>>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (isCode(error, 'ticket_gone', 'refused')) return undefined
    throw error
  }
}
