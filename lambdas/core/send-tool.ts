import type { Identity } from './identify.ts'
import type { Rehearse } from './ports.ts'
import { type PreparedRequest, sendRequest } from './tools/call-tool.ts'
import type { Tool } from './tools/check-tool.ts'
import type { Sender } from './tools/send-authorized.ts'
import type { ToolResult } from './tools/tool-answer.ts'
import type { Work } from './turn.ts'

export interface Errand {
  /** Id of the effect. */
  id: string
  /** Sent as `Idempotency-Key`. */
  idempotencyKey?: string
  /** Whom it is for. */
  identity: Identity
  /** The same bytes may have been sent before, and nobody knows what came of it. */
  again?: boolean
  /** By what a simulation tells one call of a tool from another. */
  arguments?: Readonly<Record<string, unknown>>
}

/**
 * Sends a tool's request now; what an operator has to mend is an alarm. An answer with an owner must name the verified
 * address of whom it is for.
 */
export async function sendTool(
  work: Work,
  tool: Tool,
  request: PreparedRequest,
  { id, idempotencyKey, identity, again = false, arguments: args = {} }: Errand,
): Promise<ToolResult> {
  const { agent, signal, log } = work
  const sent = await sendRequest(request, {
    effect: tool.effect,
    response: tool.response,
    timeoutMs: tool.timeoutMs,
    idempotencyKey,
    keyed: tool.idempotency === 'key',
    again,
    customer: identity.address,
    authorization:
      tool.authorization === undefined ? undefined : agent.authorizations.get(tool.authorization),
    ...tenantSender(work, { effect: id, tool, identity, arguments: args }),
    signal,
  })
  if (sent.cause === 'owner_mismatch') log.warn('tool_owner_mismatch', { tool: tool.name })
  if (sent.message !== undefined) {
    const why = { tool: tool.name, cause: sent.cause, errorMessage: sent.message }
    if (passing.has(sent.cause)) log.warn('tool_unavailable', why)
    else log.alarm('tool_misconfigured', why)
  }
  return sent.result
}

/** Why a call of the tenant's was not sent, that only somebody with rights to the configuration can mend. */
export const needsAdmin: ReadonlySet<string> = new Set([
  'grant_missing',
  'grant_other_client',
  'grant_revoked',
  'identity_unsigned',
  'token_bad_answer',
  'token_refused',
  'token_url_refused',
])

/** Causes that pass by themselves: nobody has to mend them. */
const passing = new Set(['token_unavailable', 'token_timeout', 'grant_busy'])

/** One call: the id of its effect, what is called, for whom. */
interface Asking extends Pick<Errand, 'identity' | 'arguments'> {
  effect: string
  tool: Pick<Tool, 'name' | 'effect'>
}

/** The ways out to a tenant's own APIs, and who is said to ask. */
export const tenantSender = (
  { tenant, lease, wake }: Work,
  about: Asking,
): Omit<Sender, 'authorization'> => ({
  http: tenant.http,
  secrets: tenant.secrets,
  tokens: tenant.tokens,
  identify: (request) =>
    tenant.signIdentity(
      {
        effect: about.effect,
        fence: lease.fence,
        ticket: wake.ticketId,
        tool: about.tool.name,
        email: about.identity.address,
        assurance: about.identity.level,
        mode: 'live',
      },
      request,
    ),
  rehearse: rehearsalOf(tenant.rehearse, about),
})

const rehearsalOf = (
  rehearse: Rehearse | undefined,
  { tool, arguments: args = {} }: Asking,
): Sender['rehearse'] =>
  rehearse && ((request) => rehearse({ tool: tool.name, effect: tool.effect, arguments: args, request }))
