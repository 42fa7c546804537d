/** What one turn works with: the ticket as read, who wrote, the tenant's configuration, the ledger. */
import type { ConnectionBase } from '../../schemas/connection.ts'
import type { EffectRow } from '../../schemas/ticket-row.ts'
import type { Tool } from './check-tool.ts'
import type { Helpdesk, HelpdeskApi, Message, Ticket } from './helpdesk.ts'
import type { Identity } from './identify.ts'
import type { Lease } from './lease.ts'
import type { Clock, Log, TenantRuntime } from './ports.ts'
import type { AgentConfiguration } from './tenant-configuration.ts'

/** One claimed ticket: lives from claim to release, over several looks. */
export interface Work {
  clock: Clock
  log: Log
  tenant: TenantRuntime
  helpdesk: Helpdesk
  api: HelpdeskApi<ConnectionBase>
  connection: ConnectionBase
  lease: Lease
  /** What was done on this ticket, by effect id; kept current. */
  effects: Map<string, EffectRow>
  /** ms since the epoch at which the process may end. */
  deadline: number
  signal: AbortSignal
  /** Hosts that a text of ours may name: the tenant's list, and in notes its own APIs. */
  linkHosts: { reply: string[]; note: string[] }
}

/** One message being answered. */
export interface Turn extends Work {
  ticket: Ticket
  message: Message
  identity: Identity
  /** HMAC of whom it is answered for: address and level. */
  about: string
  configuration: AgentConfiguration
  tools: ReadonlyMap<string, Tool>
  /** What this customer's own data says, where it was fetched. */
  userDataText: string | undefined
  /** Something personal has entered the turn, so the reply may go to the verified address alone. */
  personal: boolean
}
