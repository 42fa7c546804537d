import { type PreparedRequest, sendRequest } from './tools/call-tool.ts'
import type { Tool } from './tools/check-tool.ts'
import type { ToolResult } from './tools/tool-answer.ts'
import type { Work } from './turn.ts'

/**
 * Sends a tool's request now; what an operator has to mend is an alarm. `customer`: the verified address that an answer
 * with an owner must name. `again`: the same bytes may have been sent before, and nobody knows what came of it.
 */
export async function sendTool(
  work: Work,
  tool: Tool,
  request: PreparedRequest,
  idempotencyKey: string | undefined,
  { customer, again = false }: { customer?: string | undefined; again?: boolean } = {},
): Promise<ToolResult> {
  const { agent, tenant, signal, log } = work
  const sent = await sendRequest(request, {
    effect: tool.effect,
    response: tool.response,
    timeoutMs: tool.timeoutMs,
    idempotencyKey,
    keyed: tool.idempotency === 'key',
    again,
    customer,
    authorization:
      tool.authorization === undefined ? undefined : agent.authorizations.get(tool.authorization),
    http: tenant.http,
    secrets: tenant.secrets,
    signal,
  })
  if (sent.cause === 'owner_mismatch') log.warn('tool_owner_mismatch', { tool: tool.name })
  if (sent.message !== undefined) {
    log.alarm('tool_misconfigured', { tool: tool.name, cause: sent.cause, errorMessage: sent.message })
  }
  return sent.result
}
