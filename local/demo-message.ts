/** `POST /demo/message`: a customer of the demo writes, by a stand-in helpdesk and so through the front door. */
import * as z from 'zod'
import { type HelpdeskName, helpdeskName, vendorId } from '../schemas/names.ts'
import type { FrontDoorAnswer } from './front-door.ts'
import { demoPeople } from './people.ts'
import type { Line } from './print.ts'
import type { StandIn } from './stand-in.ts'

const names = Object.keys(demoPeople) as [keyof typeof demoPeople]

const demoMessage = z.strictObject({
  from: z.enum(names),
  text: z.string().min(1).max(20_000),
  subject: z.string().min(1).max(150).optional(),
  helpdesk: helpdeskName.default('zendesk'),
  /** Writes into this ticket instead of opening a new one. */
  ticket: z.union([vendorId, z.number().int().transform(String)]).optional(),
})
export type DemoMessage = z.input<typeof demoMessage>

export function demoMessageRoute(
  standIns: Readonly<Record<HelpdeskName, StandIn>>,
  onLine: (line: Line) => void,
) {
  /** Answers the ticket's id. */
  const write = (message: DemoMessage): string => {
    const { from, text, subject, ticket, helpdesk } = demoMessage.parse(message)
    const person = demoPeople[from]
    const about = subject ?? text.split('\n')[0]?.slice(0, 60) ?? ''
    const ticketId = ticket ?? standIns[helpdesk].opens({ from: person, text, subject: about })
    if (ticket !== undefined) standIns[helpdesk].writes(ticket, person, text)
    onLine({ event: 'customer_wrote', who: person.name, ticketId, about })
    return ticketId
  }

  const route = (body: Buffer): FrontDoorAnswer => {
    const parsed = demoMessage.safeParse(jsonOf(body))
    if (!parsed.success) return json(400, { error: z.prettifyError(parsed.error) })
    const { ticket, helpdesk } = parsed.data
    if (ticket !== undefined && standIns[helpdesk].ticket(ticket) === undefined)
      return json(404, { error: `there is no ticket ${ticket} on ${helpdesk}` })
    const id = write(parsed.data)
    return json(202, { ticket: id, page: `${standIns[helpdesk].url}/tickets/${id}` })
  }
  return { write, route }
}

const json = (statusCode: number, value: unknown): FrontDoorAnswer => ({
  statusCode,
  headers: { 'content-type': 'application/json' },
  body: `${JSON.stringify(value)}\n`,
})

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
