/** `POST /demo/message`: a customer of the demo writes, by the stand-in Zendesk and so through the front door. */
import * as z from 'zod'
import { demoCustomers } from './demo-data.ts'
import type { FrontDoorAnswer } from './front-door.ts'
import type { Line } from './print.ts'
import type { ZendeskStandIn } from './zendesk.ts'

const names = Object.keys(demoCustomers) as [keyof typeof demoCustomers]

const demoMessage = z.strictObject({
  from: z.enum(names),
  text: z.string().min(1).max(20_000),
  subject: z.string().min(1).max(150).optional(),
  /** Writes into this ticket instead of opening a new one. */
  ticket: z.number().int().optional(),
})
export type DemoMessage = z.infer<typeof demoMessage>

export function demoMessageRoute(zendesk: ZendeskStandIn, onLine: (line: Line) => void) {
  const write = ({ from, text, subject, ticket }: DemoMessage): number => {
    const author = demoCustomers[from]
    const about = subject ?? text.split('\n')[0]?.slice(0, 60) ?? ''
    const first = { author, text }
    const ticketId = ticket ?? zendesk.createTicket({ subject: about, requester: author }, first)
    if (ticket !== undefined) zendesk.addComment(ticket, first)
    onLine({ event: 'customer_wrote', who: zendesk.account.users.get(author)?.name ?? from, ticketId, about })
    return ticketId
  }

  const route = (body: Buffer): FrontDoorAnswer => {
    const parsed = demoMessage.safeParse(jsonOf(body))
    if (!parsed.success) return json(400, { error: z.prettifyError(parsed.error) })
    const { ticket } = parsed.data
    if (ticket !== undefined && !zendesk.account.conversations.has(ticket))
      return json(404, { error: `there is no ticket ${ticket}` })
    const id = write(parsed.data)
    return json(202, { ticket: id, page: `${zendesk.url}/tickets/${id}` })
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
