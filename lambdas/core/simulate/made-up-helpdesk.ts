import * as z from 'zod'
import { type ConnectionBase, connectionBase } from '../../../schemas/connection.ts'
import { helpdeskNames } from '../../../schemas/names.ts'
import type { Helpdesk, Message, Outgoing, Ticket } from '../helpdesk.ts'

export interface MadeUpHelpdesk {
  helpdesk: Helpdesk
  /** What was posted into its ticket, oldest first. */
  posted: Outgoing[]
}

/** A helpdesk in memory, with one ticket. What is posted stands in it afterwards, as it would anywhere. */
export function madeUpHelpdesk(begun: Ticket, now: () => number): MadeUpHelpdesk {
  const posted: Outgoing[] = []
  let ticket = structuredClone(begun)
  const helpdesk: Helpdesk = {
    name: helpdeskNames[0],
    // Nobody can ring it.
    signatures: [{ scheme: 'shared_secret', header: 'x-simulated' }],
    retryStatus: 503,
    connection: z.custom<ConnectionBase>(),
    webhook: () => ({ doorbells: [] }),
    // Its evidence says how sure it is.
    sideDoorsClosed: () => true,
    read: async () => structuredClone(ticket),
    post: async (_ticket, outgoing) => {
      posted.push(outgoing)
      const id = `posted-${posted.length}`
      ticket = {
        ...ticket,
        handedOver: ticket.handedOver || outgoing.kind === 'hand_over',
        stamp: String(posted.length),
        messages: [...ticket.messages, ours(id, outgoing, now())],
      }
      return id
    },
    finish: async () => undefined,
    async *moved() {
      yield* []
    },
    check: async () => [],
    setup: {
      secret: 'ours',
      credential: () => ({ secret: 'none', what: 'nothing', hosts: [] }),
      steps: () => [],
    },
  }
  return { helpdesk, posted }
}

const ours = (id: string, { kind, text, ref }: Outgoing, at: number): Message => ({
  id,
  at,
  author: { id: 'agent', role: 'team' },
  visibility: kind === 'reply' ? 'public' : 'internal',
  ours: true,
  automatic: false,
  text,
  attachments: [],
  evidence: {},
  ref,
})

/** Reply mode: the turn goes its whole way, and nothing of it can leave. */
export const madeUpConnection = (
  tenant: string,
  { approvers, supportAddresses }: Partial<ConnectionBase> = {},
): ConnectionBase =>
  connectionBase.parse({
    id: `${tenant}.simulated_connection_0`,
    helpdesk: helpdeskNames[0],
    mode: 'reply',
    inbound: [{ secret: 'simulated' }],
    ...(approvers === undefined ? {} : { approvers }),
    ...(supportAddresses === undefined ? {} : { supportAddresses }),
  })
