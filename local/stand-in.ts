/**
 * What every stand-in for a helpdesk can do: speak the vendor's REST API, fire its webhooks, and let people write. The
 * laptop and the contract suite know a helpdesk by this alone.
 */
import type { HelpdeskName } from '../schemas/names.ts'
import type { Faults } from './faults.ts'

/** Somebody who writes to the company: known to a helpdesk by the address. */
export interface Person {
  name: string
  address: string
}

/** Where webhooks go and what signs them. */
export interface Webhook {
  url: string
  secret: string
}

export interface StandInOptions {
  port?: number
  now?: () => number
  /** Between two attempts of a delivery. The vendor's are longer. */
  retryDelayMs?: number
  /** No rate limit. */
  unlimited?: boolean
  /** Keeps the tickets in this file. Default: memory. */
  file?: string
  /** Sees every API request once it is answered. */
  onRequest?: (request: ApiRequest) => void
}

export interface ApiRequest {
  method: string
  /** With its query. */
  path: string
  body: string
  /** 0 when the connection was cut or left hanging. */
  status: number
}

/** One webhook and how its delivery went. */
export interface Delivery {
  ticketId: string
  rawBody: string
  /** The status of each attempt; 0 for none at all. */
  statuses: number[]
}

/** A message as a person would see it in the helpdesk. */
export interface SeenMessage {
  id: string
  at: number
  by: 'customer' | 'agent' | 'us' | 'system'
  name: string
  public: boolean
  text: string
  /** Of a public message by us: addresses it was sent to, where the vendor is told. */
  to?: string[]
}
export interface SeenTicket {
  id: string
  subject: string
  status: string
  assignee: string | undefined
  tags: string[]
  /** Oldest first. */
  messages: SeenMessage[]
}

export interface Opening {
  from: Person
  text: string
  subject?: string
  /** Default: email. `chat` is the helpdesk's own messenger, where nobody is signed in. */
  channel?: 'email' | 'chat'
  cc?: Person[]
}

export interface StandIn {
  helpdesk: HelpdeskName
  url: string
  close(): Promise<void>
  /** Everything asked of the API, oldest first. */
  requests: ApiRequest[]
  /** Everything fired, oldest first. Nothing fires before `connect`. */
  deliveries: Delivery[]
  connect(webhook: Webhook): void
  /** Waits until every webhook fired so far is delivered or given up. */
  settled(): Promise<void>
  /** Sends a delivery's body once more, signed anew; the newest unless told. Answers the status. */
  redeliver(delivery?: Delivery): Promise<number>
  /** The webhook that the vendor would send for one message (default: the newest), signed for `webhook` now. */
  webhookOf(
    ticketId: string,
    messageId: string | undefined,
    webhook: Webhook,
  ): { rawBody: string; headers: Record<string, string> }
  /** The API's next answers fail. */
  failNext: Faults['failNext']
  /** No more planned failures. */
  clearFaults(): void
  /** Leaves the newest message out of the next `reads` answers that list messages. */
  hideNewest(reads: number): void

  /** Where the vendor sends replies later: the next `times` of ours cannot be sent. */
  failSending?(times: number): void

  /** A customer opens a ticket. Answers its id. */
  opens(opening: Opening): string
  /** A customer, or a human agent of the company, writes into a ticket. Answers the message's id. */
  writes(ticketId: string, by: Person | 'agent', text: string, more?: { internal?: true }): string
  /** Somebody else reads along from now on: a CC, a participant, whatever the vendor has. */
  addReader(ticketId: string, person: Person): void
  changeRequester(ticketId: string, person: Person): void
  assignToAgent(ticketId: string): void
  /** A human gives a ticket back that we handed over. */
  giveBack(ticketId: string): void
  /** For good, where the vendor knows such a thing; else as closed as it gets. */
  closeTicket(ticketId: string): void
  ticket(ticketId: string): SeenTicket | undefined
  /** Newest first. */
  tickets(): SeenTicket[]
}

/** A helpdesk as the demo tenant has it. */
export interface DemoHelpdesk {
  name: HelpdeskName
  /** As people write it. */
  title: string
  connectionId: string
  start(options: StandInOptions): Promise<StandIn>
  /** What the admin typed in for the account at `url`: before the schema's defaults. In reply mode, all attested. */
  connection(url: string): { id: string; helpdesk: HelpdeskName } & Record<string, unknown>
  /** Agents who may approve what waits for it, on the laptop. */
  approvers?: string[]
  /** The secret that signs webhooks; also among `secrets`. */
  webhookSecret: string
  /** `deskhand/<tenant>/<direction>/<name>` values, as JSON objects. */
  secrets(url: string): {
    inbound: Record<string, { value: string }>
    outbound: Record<string, { value: string; hosts: string[] }>
  }
}
