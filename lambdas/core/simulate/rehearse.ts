/** What comes of a simulated turn's calls to the tenant's own APIs: recordings, real reads, and never a write. */
import type { RecordedAnswer, SimulationInput } from '../../../schemas/simulation.ts'
import { userDataTool } from '../ask-user-data.ts'
import { parseJson } from '../parse-json.ts'
import type { Http, HttpAnswer, Rehearse, RehearsedCall } from '../ports.ts'

/** One request of a simulated turn. The credential is not among it. */
export interface RehearsedRequest {
  tool: string
  method: string
  url: string
  body?: string
  /** `recorded`: answered by the case. `called`: really sent. The others failed, and say why nothing was sent. */
  how: 'recorded' | 'called' | 'not_recorded' | 'offline' | 'write_not_recorded'
}

/**
 * Decides each call: the first recording that fits, else for a read `http`, unless offline. A write is never sent, and a
 * tool that has recordings is never called, also where none of them fits.
 */
export function createRehearsal(
  { toolResults, userData, offline }: Pick<SimulationInput, 'toolResults' | 'userData' | 'offline'>,
  http: Http,
): { rehearse: Rehearse; requests: RehearsedRequest[] } {
  const requests: RehearsedRequest[] = []
  const rehearse: Rehearse = (call) => {
    const { tool, request } = call
    const told = (how: RehearsedRequest['how']): void => {
      const { method, url, body } = request
      requests.push({ tool, method, url, ...(body === undefined ? {} : { body }), how })
    }
    const refused = (how: keyof typeof reasons) => {
      told(how)
      return { cause: how, message: `${tool}: ${reasons[how]}` }
    }
    const answer = tool === userDataTool ? recordedUserData(userData, call) : recorded(toolResults, call)
    if (answer !== undefined) {
      told('recorded')
      return { answer }
    }
    if (call.effect === 'write') return refused('write_not_recorded')
    if (Object.hasOwn(toolResults, tool)) return refused('not_recorded')
    if (offline) return refused('offline')
    told('called')
    return { http }
  }
  return { rehearse, requests }
}

const reasons = {
  not_recorded: 'no recorded result is for these arguments: add one to toolResults',
  offline: 'nothing is recorded and the simulation is offline: add a recorded result',
  write_not_recorded: 'a simulation sends no write: add a recorded result to toolResults',
}

/** Sends nothing: what a simulated turn is given instead of the tenant's way out. */
export const closedHttp: Http = async () => ({
  ok: false,
  cause: 'url_refused',
  sent: false,
  message: 'a simulation calls nothing that was not decided on',
})

function recorded(toolResults: SimulationInput['toolResults'], call: RehearsedCall): HttpAnswer | undefined {
  const answers = Object.hasOwn(toolResults, call.tool) ? (toolResults[call.tool] ?? []) : []
  const found = answers.find(({ when }) => when === undefined || includes(call.arguments, when))
  return found && answerOf(found)
}

function answerOf({ status, body, fails }: RecordedAnswer): HttpAnswer {
  return fails === undefined
    ? {
        ok: true,
        status,
        headers: { 'content-type': 'application/json' },
        text: body === undefined ? '' : JSON.stringify(body),
      }
    : { ok: false, cause: fails, sent: fails !== 'connect', message: 'as recorded' }
}

/** The echo is right: it is the API's word that is recorded. */
function recordedUserData(
  userData: SimulationInput['userData'],
  { request }: RehearsedCall,
): HttpAnswer | undefined {
  if (userData === undefined) return undefined
  if (userData === null) return answerOf({ status: 404 })
  const asked = parseJson(Buffer.from(request.body ?? ''))
  const { identifier } = (asked.ok ? asked.value : {}) as { identifier?: string }
  return answerOf({ status: 200, body: { identifier: identifier ?? '', user_info: userData } })
}

/** Does `value` hold all of `part`? Of lists, the same items. */
export function includes(value: unknown, part: unknown): boolean {
  if (typeof part !== 'object' || part === null) return value === part
  if (typeof value !== 'object' || value === null || Array.isArray(value) !== Array.isArray(part))
    return false
  if (Array.isArray(part) && (value as unknown[]).length !== part.length) return false
  return Object.entries(part).every(
    ([name, inner]) =>
      Object.hasOwn(value, name) && includes((value as Record<string, unknown>)[name], inner),
  )
}
