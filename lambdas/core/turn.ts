/** What a look at a ticket works with, and what one message's answer adds to it. */
import type { ConnectionBase } from '../../schemas/connection.ts'
import type { EffectRow } from '../../schemas/ticket-row.ts'
import type { HelpdeskApi, Message, Ticket } from './helpdesk.ts'
import type { Identity } from './identify.ts'
import type { Run } from './run.ts'
import type { AgentConfiguration } from './tenant-configuration.ts'

/** One look at a ticket, with the configuration it goes by and the ledger. */
export interface Work extends Run {
  agent: AgentConfiguration
  connection: ConnectionBase
  api: HelpdeskApi<ConnectionBase>
  /** What was done on this ticket, by effect id; kept current. */
  effects: Map<string, EffectRow>
}

/** One message being answered. `agent` is the configuration that the turn began with. */
export interface Turn extends Work {
  /** The configuration that is live now. */
  live: AgentConfiguration
  ticket: Ticket
  message: Message
  identity: Identity
  /** HMAC of whom it is answered for: address and level. */
  about: string
  /** What this customer's own data says, where it was fetched. */
  userDataText: string | undefined
  /** Something personal has entered the turn, so the reply may go to the verified address alone. */
  personal: boolean
}
