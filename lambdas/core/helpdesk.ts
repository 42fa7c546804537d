/** What a helpdesk is to Deskhand: data plus a few verbs. Its words stop at its own folder. */
import type * as z from 'zod'
import type { Attestations, ConnectionBase } from '../../schemas/connection.ts'
import type { Doorbell } from '../../schemas/doorbell.ts'
import type { HelpdeskName } from '../../schemas/names.ts'
import type { Allowance, Http, Log, Secrets } from './ports.ts'

/** How a webhook proves who sent it, as data: core verifies, once for all helpdesks. */
export type Signature = Hmac | PlainHash | SharedSecret | BasicPassword

interface Scheme {
  /** Accepted only where the connection opts in: a scheme that is weaker than the vendor's own. Default: always. */
  optedIn?: (connection: ConnectionBase) => boolean
}
export interface Hmac extends Scheme {
  scheme: 'hmac'
  algorithm: 'sha256' | 'sha1'
  /** Header with the signature. */
  header: string
  /** Text before the digest in the header, for example `sha1=`. */
  prefix?: string
  encoding: 'base64' | 'hex'
  /** Header with the signed timestamp: it must be within 300 s of now, on both sides. */
  timestamp?: { header: string; format: 'iso8601' | 'epoch_ms' }
  /** Signed bytes: the parts are concatenated without separators. `url` is our public one, as `spelled`. */
  covers: readonly ('method' | 'url' | 'body' | 'timestamp')[]
  /** How the vendor spells the URL that it signs. Default: as it is. */
  spelled?: (url: string) => string
  /** Secrets that anybody knows (a vendor's published test secret): never accepted. */
  published?: readonly string[]
}
/** Digest of secret and body, without a timestamp: no protection against replay. */
export interface PlainHash extends Scheme {
  scheme: 'hash'
  algorithm: 'sha256'
  header: string
  encoding: 'hex'
  /** A header that must have this value. */
  version?: { header: string; value: string }
}
/** A secret the admin typed into the webhook's header; nothing is signed. */
export interface SharedSecret extends Scheme {
  scheme: 'shared_secret'
  header: string
}
/** The secret is the password of `Authorization: Basic`, with this user; nothing is signed. */
export interface BasicPassword extends Scheme {
  scheme: 'basic'
  user: string
}

/**
 * A verified webhook body: what moved, or why the body is not ours. A batch may hold both: what is ours rings, the
 * rest is an alarm.
 */
export type Webhook =
  | { doorbells: Doorbell[]; refused?: 'wrong_account' }
  | { refused: 'wrong_account' | 'unreadable' }

export type Channel =
  | 'email'
  /** Help centre or portal form. */
  | 'portal'
  /** The helpdesk's own messenger or web widget. */
  | 'messenger'
  | 'api'
  | 'social'
  | 'phone'
  | 'unknown'

/**
 * What the helpdesk tells about who wrote a message. Every field is optional and only its presence speaks for the
 * author: absent evidence never raises a level. Adapters report; `identify` alone decides.
 */
export interface Evidence {
  channel?: Channel
  /** The author's primary email address on file: where an answer goes. */
  address?: string
  /** Email: the address the message says it came from. */
  sender?: string
  authorIsRequester?: true
  authorIsSubmitter?: true
  /** The helpdesk looked at this message and raised no flag. */
  unflagged?: true
  /** The helpdesk vouches for the author of this message. */
  trusted?: true
  /** Replies go to the sender, not to another address. */
  replyNotDiverted?: true
  /** `address` is proven to be this helpdesk user's: mail loop, single sign-on or signed JWT. */
  addressProven?: true
  /** This very message was written in a signed-in session, by the helpdesk's own word. */
  signedIn?: true
  /** Flagged as spoofed or its Reply-To diverted: a stranger may be using someone else's address. Never raises. */
  suspicious?: true
  /** The helpdesk sends an answer to a diverted Reply-To, or may. An adapter that names the recipient itself leaves it out. */
  answersGoElsewhere?: true
  /**
   * The helpdesk proves that its author, somebody of the team, wrote it by hand in the helpdesk's own interface: no
   * mail, no API, no rule. What approvals are read from.
   */
  inHelpdeskUi?: true
}

export interface Message {
  id: string
  /** ms since the epoch, by the helpdesk's clock */
  at: number
  author: { id: string; role: 'customer' | 'team' | 'system'; name?: string }
  visibility: 'public' | 'internal'
  /** Written by the bot user of this connection. */
  ours: boolean
  /** An auto-responder, bulk mail or a rule wrote it: it is never answered. */
  automatic: boolean
  /** What the author wrote, as plain text, without quoted history where the helpdesk tells it apart. */
  text: string
  /** Names only; attachments are not fetched. */
  attachments: string[]
  evidence: Evidence
  /** Our own reference, where the helpdesk keeps one beside a message. */
  ref?: string
  /** Of our own: the helpdesk took it and could not send it. */
  failed?: true
  /** What the adapter needs to answer on the way this message came. Opaque to core. */
  route?: unknown
}

export interface Ticket {
  id: string
  subject: string
  channel: Channel
  /** `closed`: it refuses updates for good. */
  status: 'open' | 'pending' | 'solved' | 'closed'
  requester: { id: string; name?: string; address?: string }
  assignee: 'us' | 'human' | 'nobody'
  /** The hand-over mark is on it; `unknown` where this ticket cannot carry one, and then our own record counts. */
  handedOver: boolean | 'unknown'
  /** False where the connection's settings exclude it (another brand), and for spam. */
  inScope: boolean
  /**
   * Everyone who receives the answer or can read the ticket besides the team: addresses, lower-case, or opaque
   * ids where there is no address. `unknown` when the helpdesk did not say.
   */
  audience: string[] | 'unknown'
  /** Addresses of the team, and of the company's own, that the helpdesk named with this ticket. */
  companyAddresses?: string[]
  /** Opaque version for a conditional post, where the helpdesk has such a thing. */
  stamp: string
  /** Oldest first. */
  messages: Message[]
  /** False when older messages than these exist. */
  complete: boolean
}

/**
 * What we post into a ticket. `text` is the checked markdown; `ref` finds it again. A reply answers a message, on its
 * channel; `to` is the verified address, then the only one it may reach. Without `to` it goes to who wrote `answers`.
 * A hand-over goes to `team`, or to the connection's default.
 */
export type Outgoing =
  | { kind: 'reply'; text: string; ref: string; answers: Message; to?: string }
  | { kind: 'note'; text: string; ref: string }
  | { kind: 'hand_over'; text: string; ref: string; team?: string }

/** The tag that says a human has the ticket. Removing it gives the ticket back. */
export const handOverTag = 'ai-handed-over'

export interface Finding {
  /** Of what was checked: `credentials`, `scope`, `bot_user`, `account`, ... */
  what: string
  ok: boolean
  /** What is missing and how to mend it. */
  message: string
}

/** One thing that an admin does at the helpdesk. */
export interface Step {
  title: string
  text: string
  /** What to type in or copy there, by what the helpdesk calls it. */
  values?: Record<string, string>
}

/** Where a connection's webhooks go, and the inbound secret that vouches for them. */
export interface WebhookTarget {
  url: string
  secretName: string
  /** Its value, on the one occasion that it is shown. */
  secret?: string
}

/** What came of making a webhook at the helpdesk. */
export interface Installed {
  outcome: 'created' | 'found'
  /** The helpdesk's ids of what is there now. */
  ids: string[]
  /** What the vendor signs by, where it made the secret: the caller stores it. */
  secret?: string
}

/** How an account is connected, as data: what an admin does there, and what can be done there in the admin's place. */
export interface Setup<C extends ConnectionBase> {
  /** Whose the inbound secret is: `ours` is made by us and typed in there, `theirs` is shown there and entered here. */
  secret: 'ours' | 'theirs'
  /** The outbound secret that we call with: its name, what its value is, the only hosts it may go to. Throws `bad_configuration`. */
  credential(api: Reach<C>): { secret: string; what: string; hosts: string[] }
  /** In order, with this connection's values filled in. No step holds a secret but `webhook.secret`. Throws `bad_configuration`. */
  steps(api: Reach<C>, webhook: WebhookTarget): Step[]
  /**
   * Makes the webhook by the vendor's API; one that calls this very URL is found instead. `newSecret` makes a secret of
   * ours and stores it, before anything is made with it. Safe to repeat. Throws DeskhandError.
   */
  install?(api: HelpdeskApi<C>, webhook: { url: string; newSecret(): Promise<string> }): Promise<Installed>
}

/** What tells where a connection's API is. */
export type Reach<C extends ConnectionBase> = Pick<HelpdeskApi<C>, 'connection' | 'allowance'>

/** What core gives an adapter to call its vendor's API with. */
export interface HelpdeskApi<C extends ConnectionBase> {
  connection: C
  http: Http
  /** Local and test only: hosts that a connection's `baseUrl` may name besides the vendor's own domain. */
  allowance?: Allowance
  /** Outbound secrets of the tenant. */
  secrets: Secrets
  /** Access tokens, kept per process, tenant and connection. */
  tokens: TokenCache
  now(): number
  log: Log
  signal?: AbortSignal
}

export interface TokenCache {
  get(key: string): { token: string; expiresAt: number } | undefined
  set(key: string, token: { token: string; expiresAt: number }): void
  delete(key: string): void
}

/** The half that `receive` needs: it loads nothing that could call a helpdesk. */
export interface Inbound<C extends ConnectionBase = ConnectionBase> {
  name: HelpdeskName
  /** In order of preference: the first of which a header is there is the one that must hold, without fallback. */
  signatures: readonly [Signature, ...Signature[]]
  /** What `receive` answers when our store is down, so that the vendor sends again. */
  retryStatus: 409 | 503
  connection: z.ZodType<C>
  /** Reads a verified body. Bots', system and our own messages and unknown event types ring nothing: `[]`. */
  webhook(body: unknown, connection: C): Webhook
}

export interface Helpdesk<C extends ConnectionBase = ConnectionBase> extends Inbound<C> {
  /** What closes the side doors of this helpdesk's email channel, as the connection attests it . */
  sideDoorsClosed(attested: Attestations): boolean
  /** The helpdesk sends a reply later and may fail: so long after it the ticket is looked at once more, ms. */
  sendsWithinMs?: number
  /** Reads the ticket, its newest messages and the evidence. Throws DeskhandError. */
  read(ticketId: string, api: HelpdeskApi<C>): Promise<Ticket>
  /**
   * Posts into the ticket as it was just read, in as few calls as the vendor allows and, where the vendor can, on
   * condition that it is still at its `stamp`. A reply sets the ticket waiting for the customer, a hand-over sets team
   * and mark. Answers the message's id. Throws DeskhandError: `ticket_changed`, `ticket_closed`, `refused`,
   * `rate_limited`, `unavailable` (nothing was posted) or `outcome_unknown`.
   */
  post(ticket: Ticket, outgoing: Outgoing, api: HelpdeskApi<C>): Promise<string>
  /**
   * Finishes what a hand-over that was cut off may have left (team, mark); safe to repeat. `team`: the hand-over's own.
   */
  finish(ticket: Ticket, api: HelpdeskApi<C>, team?: string): Promise<void>
  /**
   * Tickets in which a customer wrote since then (ms, by the vendor's clock), oldest change first, for what no webhook
   * told. Reads page by page, so that a caller may stop. Throws DeskhandError.
   */
  moved(since: number, api: HelpdeskApi<C>, pass?: Pass): AsyncIterable<Doorbell>
  /** Credentials, scopes, bot user, attestations the API can confirm: what is missing and how to mend it. */
  check(api: HelpdeskApi<C>): Promise<Finding[]>
  setup: Setup<C>
}

/** One pass through a list of what moved, which may take several runs: each goes on from where the last one came to. */
export interface Pass {
  /**
   * A customer's message after this time counts, ms. Lists are in order of any change: what a colleague or a rule
   * touched later stands behind, so `since` of a later run says nothing of when its customer wrote.
   */
  wroteSince: number
  /** Whatever changed before `at` has been told, also where none of it was a customer's. */
  reached(at: number): void
}
