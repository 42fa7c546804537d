/**
 * Shows what a tool would send for a made-up customer, and with an explicit word sends it. The definition may be a
 * draft. A tried call is checked as Claude's would be, but for what belongs to a ticket: whose record it is, consent,
 * limits, and what was done before.
 */
import type { Authorization } from '../../../schemas/authorization.ts'
import { atLeast } from '../../../schemas/names.ts'
import type { SimulatedCustomer } from '../../../schemas/simulation.ts'
import { checkUrl } from '../../core/egress/url-policy.ts'
import { DeskhandError } from '../../core/errors.ts'
import type { Identity } from '../../core/identify.ts'
import { type IdentityClaims, identityHeader, type SignedRequest } from '../../core/identity/sign-identity.ts'
import type { Allowance } from '../../core/ports.ts'
import { madeUpIdentity } from '../../core/simulate/made-up-ticket.ts'
import { type PreparedRequest, prepareRequest, sendRequest } from '../../core/tools/call-tool.ts'
import { checkTool, needsAddress, type Problem, type Tool } from '../../core/tools/check-tool.ts'
import { selectFrom } from '../../core/tools/tool-answer.ts'
import { bindArguments, type Facts, validateArguments } from '../../core/tools/tool-arguments.ts'
import { hidden, type TryRuntime, tryEffect, trySender, tryTicket } from './asker.ts'
import { type Observed, observedHttp } from './observed.ts'
import { headerOf } from './try-authorization.ts'

export interface ToolTry {
  /** As it would be saved. */
  definition: unknown
  authorizations: ReadonlyMap<string, Authorization>
  arguments: unknown
  customer: SimulatedCustomer
  /** What an earlier call of a tool answered, for parameters with a `previous.` source: by name of the tool. */
  previous?: Readonly<Record<string, unknown>>
  /** `no`: shows the request. `call`: sends it, if the tool reads. `really_write`: sends it, also if it writes. */
  send: 'no' | 'call' | 'really_write'
}

/** A write that was really sent by an admin, for the audit: what, and where to. */
export interface TriedWrite {
  tool: string
  effect: string
  method: string
  url: string
}

export interface ToolTryRuntime extends TryRuntime {
  /** Kept before a real write is sent: if it rejects, nothing is. */
  audit(write: TriedWrite): Promise<void>
  /** Local and test only: hosts on this machine that a definition may name. */
  allowance?: Allowance
}

export type TriedTool =
  | { ok: false; problems: Problem[] }
  | {
      ok: true
      /** Exactly as it is sent, but for secrets: the values of their headers are `••••`. */
      request: PreparedRequest
      /** What `Deskhand-Identity` says of the call, where the authorization sends it along. The token is not shown. */
      identity?: IdentityClaims
      /** What an admin should know before this is live. */
      findings: string[]
      /** Where it was sent. */
      answer?: TriedAnswer
    }

export interface TriedAnswer extends Partial<Observed> {
  ok: boolean
  /** `done`, `status_404`, `timeout`, `not_json`, `owner_mismatch`, ... */
  cause: string
  /** What the model would read: selected, redacted, checked for its owner, cut. */
  result: string
  /** What to mend, where nothing was sent. */
  message?: string
}

/** Throws what `audit` throws. Everything else that may be wrong with a definition, its arguments or an API is told. */
export async function tryTool(runtime: ToolTryRuntime, about: ToolTry): Promise<TriedTool> {
  const checked = checkTool(about.definition, contextOf(runtime, about.authorizations))
  if (!checked.ok) return { ok: false, problems: under('definition', checked.problems) }
  const { tool } = checked
  const identity = madeUpIdentity(about.customer)
  const effect = tryEffect()
  const bound = bind(runtime, tool, about, identity, effect)
  if (!bound.ok) return bound
  const authorization = about.authorizations.get(tool.authorization ?? '')
  const shown = {
    ok: true as const,
    request: withHeaders(tool, bound.request, authorization, effect),
    findings: [...findingsOn(tool, about)],
  }
  const signed = await claimsFor(runtime, tool, bound.request, authorization, { effect, identity })
  const identified = signed === undefined ? {} : { identity: signed }
  if (about.send === 'no') return { ...shown, ...identified }
  if (tool.effect === 'write') {
    if (about.send !== 'really_write') {
      const message = 'this tool writes: it is sent with "really_write" only'
      return { ok: false, problems: [{ path: 'send', message }] }
    }
    const { method, url } = bound.request
    await runtime.audit({ tool: tool.name, effect, method, url })
  }
  const answer = await send(runtime, tool, bound.request, authorization, { effect, identity })
  return {
    ...shown,
    ...identified,
    findings: [...shown.findings, ...findingsIn(tool, answer)],
    answer: toldOf(answer),
  }
}

const contextOf = (
  { allowance }: ToolTryRuntime,
  authorizations: ReadonlyMap<string, Authorization>,
): Parameters<typeof checkTool>[1] => ({
  urlCheck: (url) => {
    const verdict = checkUrl(url, allowance === undefined ? {} : { allowance })
    return verdict.ok ? undefined : verdict.reason
  },
  authorizations: new Set(authorizations.keys()),
  identityAuthorizations: new Set(
    [...authorizations.values()].flatMap(({ name, identity }) => (identity === true ? [name] : [])),
  ),
})

const under = (path: string, problems: readonly Problem[]): Problem[] =>
  problems.map((problem) => ({ ...problem, path: problem.path === '' ? path : `${path}.${problem.path}` }))

/** From arguments to a request, by the steps of a turn and in their order. */
function bind(
  { tenant }: TryRuntime,
  tool: Tool,
  about: ToolTry,
  identity: Identity,
  effect: string,
): { ok: true; request: PreparedRequest } | { ok: false; problems: Problem[] } {
  const wrong = (path: string, message: string) => ({ ok: false as const, problems: [{ path, message }] })
  const checked = validateArguments(tool, about.arguments)
  if (!checked.ok) return wrong('arguments', checked.message)
  const isShort =
    !atLeast(identity.level, tool.identity) || (needsAddress(tool) && identity.address === undefined)
  if (isShort)
    return wrong('customer.level', `${identity.level} is not enough: this tool needs ${tool.identity}`)
  const bound = bindArguments(tool, checked.args, factsOf(tenant, tool, about, identity, effect))
  if (!bound.ok) return wrong('arguments', bound.message)
  const prepared = prepareRequest(tool, bound.values)
  return prepared.ok ? prepared : wrong('arguments', prepared.message)
}

const factsOf = (
  tenant: string,
  tool: Tool,
  { customer, previous = {} }: ToolTry,
  identity: Identity,
  effect: string,
): Facts => ({
  customer: { email: identity.address, assurance: identity.level, name: customer.name },
  ticket: { id: tryTicket, channel: customer.channel ?? 'email', subject: 'Test', language: 'en' },
  tenant: { id: tenant },
  ...(tool.effect === 'write' ? { effect: { id: effect } } : {}),
  previous: (name, path) => {
    const found = Object.hasOwn(previous, name) ? selectFrom(path, previous[name]) : { ok: false as const }
    return found.ok ? found.value : undefined
  },
})

/** The request with every header it has on the way; of those that hold a secret, the name. */
function withHeaders(
  { effect: kind }: Tool,
  request: PreparedRequest,
  authorization: Authorization | undefined,
  effect: string,
): PreparedRequest {
  const [name = '', value = ''] = authorization === undefined ? [] : headerOf(authorization).split(': ')
  return {
    ...request,
    headers: {
      ...request.headers,
      ...(kind === 'write' ? { 'idempotency-key': effect } : {}),
      ...(authorization === undefined ? {} : { [name]: value }),
      ...(authorization?.identity === true ? { [identityHeader]: hidden } : {}),
    },
  }
}

/** As they are signed, out of a token that goes nowhere. */
async function claimsFor(
  runtime: TryRuntime,
  tool: Tool,
  { method, url, body }: SignedRequest,
  authorization: Authorization | undefined,
  { effect, identity }: { effect: string; identity: Identity },
): Promise<IdentityClaims | undefined> {
  if (authorization?.identity !== true) return undefined
  const sender = trySender(runtime, { effect, tool: tool.name, identity })
  try {
    const [, claims = ''] = (await sender.identify({ method, url, body })).split('.')
    return JSON.parse(Buffer.from(claims, 'base64url').toString()) as IdentityClaims
  } catch (error) {
    // A call says so too, and sends nothing.
    if (error instanceof DeskhandError) return undefined
    throw error
  }
}

type Answer = Awaited<ReturnType<typeof sendRequest>> & Partial<Observed>

async function send(
  runtime: TryRuntime,
  tool: Tool,
  request: PreparedRequest,
  authorization: Authorization | undefined,
  { effect, identity }: { effect: string; identity: Identity },
): Promise<Answer> {
  const observed = observedHttp(runtime.http, runtime.now)
  const sent = await sendRequest(request, {
    effect: tool.effect,
    response: tool.response,
    timeoutMs: tool.timeoutMs,
    idempotencyKey: tool.effect === 'write' ? effect : undefined,
    keyed: tool.idempotency === 'key',
    again: false,
    customer: identity.address,
    authorization,
    ...trySender({ ...runtime, http: observed.http }, { effect, tool: tool.name, identity }),
    signal: AbortSignal.timeout(tool.timeoutMs),
  })
  const { answer: _, ...seen } = observed.seen() ?? {}
  return { ...sent, ...seen }
}

function toldOf({ result, cause, message, ms, status, bytes, contentType }: Answer): TriedAnswer {
  return {
    ok: result.ok,
    cause,
    result: result.ok ? result.text : `${result.failure}: ${result.message}`,
    ...(message === undefined ? {} : { message }),
    ...(ms === undefined ? {} : { ms }),
    ...(status === undefined ? {} : { status }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(contentType === undefined ? {} : { contentType }),
  }
}

/** What the definition says before anything is sent. */
function* findingsOn(tool: Tool, { authorizations, send }: ToolTry): Generator<string> {
  if (!tool.enabled) yield 'enabled is false: the agent does not have this tool'
  if (tool.authorization === undefined) yield 'no authorization: the call carries no credential'
  if (tool.effect !== 'write') return
  const { confirm = 'customer' } = tool
  if (confirm !== 'never') yield `in a ticket it waits for the consent of the ${confirm}; a try does not`
  if (tool.ownership !== undefined)
    yield `in a ticket it is checked whose record it is (by ${tool.ownership.by}); a try checks nothing of it`
  const signs = authorizations.get(tool.authorization ?? '')?.identity === true
  if (send === 'really_write')
    yield signs
      ? 'really sent; Deskhand-Identity says mode: test, so an API that heeds it changes nothing'
      : 'really sent, and nothing in the request says that it is a test'
}

/** What the answer says about the definition. */
function* findingsIn(tool: Tool, { cause, result, ms, bytes = 0 }: Answer): Generator<string> {
  if (ms !== undefined && ms > tool.timeoutMs / 2)
    yield `it took ${(ms / 1000).toFixed(1)} s of ${tool.timeoutMs / 1000}`
  if (cause === 'owner_mismatch')
    yield `response.owner (${tool.response.owner}) is not this customer’s address: the answer is dropped`
  if (cause === 'select_failed') yield `response.select (${tool.response.select}) does not fit the answer`
  if (result.ok && result.text === 'null' && tool.response.select !== undefined && bytes > 0)
    yield `response.select (${tool.response.select}) finds nothing in the answer: the model reads null`
  if (bytes > tool.response.maxBytes && tool.response.select === undefined)
    yield `the answer has ${bytes} bytes and is cut at ${tool.response.maxBytes}: select what the model needs`
}
