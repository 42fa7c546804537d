/**
 * Every way out of the process, by name. The laptop, the tests and the cloud differ only in how these are
 * built (`runtime.ts`): product code takes them as arguments and never reaches around them.
 */
import type Anthropic from '@anthropic-ai/sdk'
import type { Queued } from '../../schemas/doorbell.ts'
import type { JobCall } from '../../schemas/job.ts'
import type { SignedRequest, SignIdentity } from './identity/sign-identity.ts'
import type { AccessTokens } from './oauth/access-tokens.ts'

/**
 * Wraps every single I/O. `port` names it, for example `conversations.claim` or `http.tool`. Production passes
 * straight through; a test fails or kills the run before or after any one of them.
 */
export type Io = <T>(port: string, call: () => Promise<T>) => Promise<T>

export interface Clock {
  /** ms since the epoch */
  now(): number
}

/** Random bytes, for ids and nonces. */
export type Random = (bytes: number) => Buffer

// ---- DynamoDB -------------------------------------------------------------------------------------------

export interface Key {
  pk: string
  sk: string
}
/** A row in native types: string, number, boolean, null, Uint8Array, Set<string>, arrays and plain objects. */
export type Row = Key & Record<string, unknown>

export interface Expression {
  /** A DynamoDB UpdateExpression. */
  update: string
  condition?: string
  names?: Record<string, string>
  values?: Record<string, unknown>
}

/**
 * One DynamoDB table, single-item operations only (no transactions). `call` names the operation for the port
 * wrapper. Throws DeskhandError `condition_failed` (a ConditionFailed, with the row as it stands) or `unavailable`.
 */
export interface Table {
  /** Strongly consistent. */
  get(call: string, key: Key): Promise<Row | undefined>
  batchGet(call: string, keys: Key[]): Promise<Row[]>
  put(call: string, row: Row, condition?: Omit<Expression, 'update'>): Promise<void>
  /** Answers the row as it is after the update. */
  update(call: string, key: Key, expression: Expression): Promise<Row>
  /** Of a row that is not there it says nothing, unless there is a condition. Only jobs may, and admins of members. */
  delete(call: string, key: Key, condition?: Omit<Expression, 'update'>): Promise<void>
  /** Strongly consistent on the table itself; all pages unless `limit`. */
  query(call: string, query: Query): Promise<Row[]>
}
export interface Query {
  pk: string
  skPrefix?: string
  /** The sort key that the page before ended with. */
  after?: string
  descending?: boolean
  limit?: number
}

/** The sweeper's view: the sparse, sharded, keys-only index of due tickets. Only its role may read it. */
export interface DueIndex {
  /** Keys of tickets whose `dueAt` is at or before `until`, oldest first. */
  due(shard: string, until: number, limit: number): Promise<(Key & { dueAt: number })[]>
}

/** The keys of a whole table, page by page: DynamoDB lists no partition keys. Only the jobs' role may read them. */
export interface KeyScan {
  /** Keys whose partition key begins with `prefix`, perhaps none on a page; `next` is where the next page begins. */
  page(call: string, prefix: string, from: Key | undefined): Promise<{ keys: Key[]; next?: Key }>
}

// ---- Secrets Manager, KMS, SQS --------------------------------------------------------------------------

/** One tenant's secrets of one direction. Cached at most 5 minutes per tenant. */
export interface Secrets {
  /**
   * The parsed JSON of `deskhand/<tenant>/<direction>/<name>`; `undefined` when there is no such secret.
   * `fresh` passes the cache by (after a 401). Throws `unavailable`.
   */
  read(name: string, options?: { fresh?: boolean }): Promise<unknown>
}

/** Secrets that can also say what must not be said. */
export interface KnownSecrets extends Secrets {
  /** Every value of this tenant that the process has in mind: no reply may hold one. */
  known(): string[]
}

/** Writes one tenant's secrets of one direction. A turn stores refresh tokens, and nothing else. */
export interface SecretStore {
  /**
   * Stores `value` as JSON; a later `Secrets.read` with `fresh` answers it. Throws `unavailable` or
   * `bad_configuration`.
   */
  write(name: string, value: unknown): Promise<void>
}

/** The names of one tenant's secrets, of both directions, and how to be rid of them. Only jobs may. */
export interface SecretNames {
  /** Whole names. AWS may take five minutes to show a change. Throws `unavailable` or `bad_configuration`. */
  list(): Promise<string[]>
  /** For good, without a recovery window. One that is gone already is no error. */
  delete(name: string): Promise<void>
}

/** Signs as us, by a key that never leaves KMS; the public half is published (`lambdas/public-keys`). */
export interface Signer {
  /** Names the key, as in the published set. */
  kid: string
  /** ES256 of RFC 7518 over `text`: 64 bytes. Throws `unavailable` or `bad_configuration`. */
  sign(text: string): Promise<Uint8Array>
}

/** The public halves of our signing keys. */
export interface PublicKeys {
  /** SubjectPublicKeyInfo of RFC 5280 in DER. Throws `unavailable` or `bad_configuration`. */
  read(keyArn: string): Promise<Uint8Array>
}

/** Which row and field a sealed text belongs to: bound into the ciphertext, so that it opens nowhere else. */
export interface Place extends Key {
  field: string
}

/** Encryption for one tenant: AES-256-GCM under KMS data keys, tenant as encryption context. */
export interface Vault {
  seal(place: Place, text: string): Promise<Uint8Array>
  /** Throws `bad_configuration` when the tenant, row or field is not the one it was sealed for. */
  open(place: Place, sealed: Uint8Array): Promise<string>
  /** HMAC-SHA256 under a key of this tenant, base64url. For ids that are made from personal values. */
  hmac(text: string): Promise<string>
}

export interface Queue {
  /** Sends a wake-up in the tenant's message group. Throws `unavailable`. */
  send(body: Queued | JobCall, delaySeconds: number): Promise<void>
}

/** Mail of our own, from the sender that the deploy names. */
export interface Mail {
  /** The address mails come from. */
  sender: string
  /** Throws `refused` (the address), `unavailable` or `bad_configuration`; after `unavailable` it may have been sent. */
  send(mail: { to: string; subject: string; text: string }): Promise<void>
}

// ---- HTTP through the egress guard ----------------------------------------------------------------------

export interface HttpRequest {
  /** Names the I/O: `http.tool`, `http.user_data`, `http.helpdesk`, `http.token`. */
  port: 'tool' | 'user_data' | 'helpdesk' | 'token'
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  url: string
  headers?: Record<string, string>
  body?: string
  /** One deadline for everything: look-up, connect, send, read. */
  timeoutMs: number
  /** Most decoded bytes of an answer; default 1 MiB. */
  maxBytes?: number
  signal?: AbortSignal
  /** May it be sent once more when a reused connection turns out to be dead? True for reads and keyed writes. */
  repeatable: boolean
}

/** An HTTP answer, or why there is none. Never throws. */
export type HttpAnswer =
  | { ok: true; status: number; headers: Record<string, string>; text: string }
  | {
      ok: false
      cause: HttpFailure
      /** True when a byte of the request may have reached the other side. */
      sent: boolean
      /** For operators; holds the host at most, never a query, header or body. */
      message: string
    }
export type HttpFailure =
  | 'url_refused' // not https, not port 443, an internal name or address: see url-policy
  | 'dns' // the name does not resolve
  | 'connect' // refused or TLS failed
  | 'timeout'
  | 'reset'
  | 'redirect' // any 3xx: configure the final URL
  | 'too_large'
  | 'bad_encoding' // more than one content coding, an unknown one, or text that is not UTF-8
  | 'aborted'

/**
 * Addresses on this machine that egress may reach over plain http. Only local and test code passes one in: nothing
 * in the environment can, so production has none.
 */
export interface Allowance {
  /** `host:port` */
  hosts: ReadonlySet<string>
}

/** Sends through the guard, on connections pooled per tenant and origin. */
export type Http = (request: HttpRequest) => Promise<HttpAnswer>

// ---- Claude ---------------------------------------------------------------------------------------------

export interface Model {
  /** One Messages API call. Throws DeskhandError `rate_limited`, `unavailable`, `refused` or `bad_configuration`. */
  create(
    params: Anthropic.MessageCreateParamsNonStreaming,
    options: { signal: AbortSignal; timeoutMs: number },
  ): Promise<Anthropic.Message>
}

// ---- Log ------------------------------------------------------------------------------------------------

/** The only fields a log line can have: ids, sizes, codes, durations. No bodies, no addresses, no free text. */
export interface LogFields {
  tenant?: string
  connectionId?: string
  helpdesk?: string
  ticketId?: string
  messageId?: string
  deliveryId?: string
  effectId?: string
  requestId?: string
  tool?: string
  task?: string
  /** What happened, from a closed set in code. */
  code?: string
  /** Why, from a closed set in code. */
  cause?: string
  /** How surely we know who wrote. */
  assurance?: string
  step?: number
  attempt?: number
  fence?: number
  status?: number
  count?: number
  bytes?: number
  ms?: number
  inputTokens?: number
  outputTokens?: number
  cacheReadTokens?: number
  cacheWriteTokens?: number
  /** US dollars, to the millionth. */
  cost?: number
  release?: number
  model?: string
  stopReason?: string
  errorName?: string
  /** Message of one of our own errors (DeskhandError), which hold no personal data by contract. */
  errorMessage?: string
  /** X-Ray's name for the invocation that wrote the line. */
  traceId?: string
  /** The `traceId` of the invocation that sent the wake-up. */
  wokenBy?: string
}
export interface Log {
  /** `event` is a snake_case name from code. */
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  /** Something an operator must look at: counted, and raised as an alarm. */
  alarm(event: string, fields?: LogFields): void
  /** The same log with fields on every line. */
  with(fields: LogFields): Log
}

// ---- What the two halves are built from -----------------------------------------------------------------

/** What `receive` has: no model, no helpdesk, no outbound secret, no key to read ticket text. */
export interface ReceiveRuntime {
  clock: Clock
  log: Log
  conversations: Pick<Table, 'update' | 'get'>
  configuration: Pick<Table, 'query' | 'batchGet'>
  inboundSecrets(tenant: string): Secrets
  queue: Queue
  /** Where helpdesks reach us, without a slash at its end: some sign the URL they call. */
  publicUrl: string
}

/** One call of a turn to an API of the tenant's own, before anything of it is sent. */
export interface RehearsedCall {
  /** As `Deskhand-Identity` names it. */
  tool: string
  effect: 'read' | 'write'
  /** What the model chose, and what it took from earlier results. */
  arguments: Readonly<Record<string, unknown>>
  request: SignedRequest
}
/** What comes of it: an answer that nobody was asked for, nothing and why, or the way out by which it is made. */
export type Rehearsed = { answer: HttpAnswer } | { cause: string; message: string } | { http: Http }
export type Rehearse = (call: RehearsedCall) => Rehearsed

/** What `answer` has for one tenant, on that tenant's session: it admits no other tenant's rows, keys or secrets. */
export interface TenantRuntime {
  tenant: string
  conversations: Table
  configuration: Table
  secrets: KnownSecrets
  /** Access tokens for the tenant's own APIs. */
  tokens: AccessTokens
  /** Says who asks, to those of the tenant's own APIs that want to know. */
  signIdentity: SignIdentity
  vault: Vault
  http: Http
  allowance?: Allowance
  /** In a simulation only: decides about every call to the tenant's own APIs instead of `http`. */
  rehearse?: Rehearse
}

export interface AnswerRuntime {
  clock: Clock
  log: Log
  queue: Queue
  model: Model
  /** Absent where the deploy names no sender. */
  mail?: Mail
  /** Assumes the tenant's session; cached until shortly before it ends. */
  forTenant(tenant: string): Promise<TenantRuntime>
}

export interface SweeperRuntime {
  clock: Clock
  log: Log
  index: DueIndex
  /** Moves `dueAt` on, so that one sweep rings a ticket once. */
  conversations: Pick<Table, 'update'>
  /** The queue of one helpdesk, or of `jobs`. */
  queue(name: string): Queue
}

/** What jobs have for one tenant, on a session that admits no other tenant's rows, keys or secrets. */
export interface JobTenant {
  tenant: string
  conversations: Table
  configuration: Table
  vault: Vault
  secrets: SecretNames
}

/** What `jobs` has: rows to export and to erase, and no way to any helpdesk, model or API. */
export interface JobsRuntime {
  clock: Clock
  log: Log
  queue: Queue
  keys: { conversations: KeyScan; configuration: KeyScan }
  /** Assumes the tenant's session of the jobs' role. */
  forTenant(tenant: string): Promise<JobTenant>
}

/** What `public-keys` has: no table, no secret, no key that opens or signs anything. */
export interface PublicKeysRuntime {
  log: Log
  publicKeys: PublicKeys
  /** The keys to publish: the one that signs, and one that is to sign next or did last. */
  keyArns: readonly string[]
}
