/** One claimed ticket: everything from claim to release works with this. */
import type { WakeUp } from '../../schemas/doorbell.ts'
import type { Configuration } from './configuration.ts'
import type { Helpdesk, TokenCache } from './helpdesk.ts'
import type { Lease } from './lease.ts'
import type { Clock, Log, Model, Queue, TenantRuntime } from './ports.ts'

export interface Run {
  helpdesk: Helpdesk
  clock: Clock
  log: Log
  queue: Queue
  model: Model
  tenant: TenantRuntime
  configuration: Configuration
  tokens: TokenCache
  wake: WakeUp
  lease: Lease
  /** ms since the epoch at which nothing more may be begun. */
  deadline: number
  /** Aborts at the deadline. */
  signal: AbortSignal
}
