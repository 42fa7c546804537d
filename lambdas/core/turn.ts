/**
 * What the answering half works with, widest first.
 * - A *run* is one claimed ticket, from claim to release.
 * - A *look* is one reading of the ticket within a run; a run looks again when a doorbell rang meanwhile.
 * - A *turn* is the answer to one message: the agent over the newest state of the ticket.
 * - An *attempt* is a run that the ticket's own fault cut short; after five a human gets it.
 */
import type { ConnectionBase } from '../../schemas/connection.ts'
import type { WakeUp } from '../../schemas/doorbell.ts'
import type { EffectRow } from '../../schemas/ticket-row.ts'
import type { Configuration } from './configuration.ts'
import type { Helpdesk, HelpdeskApi, Message, Ticket, TokenCache } from './helpdesk.ts'
import type { Identity } from './identify.ts'
import type { Lease } from './lease.ts'
import type { Journal } from './ledger.ts'
import type { Clock, Log, Mail, Model, Queue, TenantRuntime } from './ports.ts'
import type { AgentConfiguration, AgentLoader } from './tenant-configuration.ts'
import type { Trace } from './trace.ts'

/** One claimed ticket. */
export interface Run {
  helpdesk: Helpdesk
  clock: Clock
  log: Log
  queue: Queue
  model: Model
  /** Absent where the deploy names no sender: then there are no one-time codes. */
  mail?: Mail
  tenant: TenantRuntime
  configuration: Configuration
  loadAgent: AgentLoader
  tokens: TokenCache
  wake: WakeUp
  lease: Lease
  /** What happens, for an admin to read later. */
  trace: Trace
  /** ms since the epoch at which nothing more may be begun. */
  deadline: number
  /** Aborts at the deadline. */
  signal: AbortSignal
}

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
  /** The model's answers and the results it read, as stored. */
  journal: Journal
  /** What this customer's own data says, where it was fetched. */
  userDataText: string | undefined
  /** Something personal has entered the turn, so the reply may go to the verified address alone. */
  personal: boolean
}

/** A turn is named by its message and by whom it is answered for. */
export const turnIdOf = (messageId: string, about: string): string => `${messageId}${aboutInTurn(about)}`
export const aboutInTurn = (about: string): string => `~${about.slice(0, 12)}`
