/** What a turn tells its trace. Each function here turns something that happened into one entry. */
import type { Decider, ProposalMark } from '../../schemas/consent.ts'
import { costOf } from '../../schemas/prices.ts'
import type { ParameterSchema } from '../../schemas/tenant-apis.ts'
import type { TraceEntry } from '../../schemas/trace.ts'
import { type Call, countsOf } from './agent.ts'
import { DeskhandError } from './errors.ts'
import type { Evidence, Message, Ticket } from './helpdesk.ts'
import type { Identity } from './identify.ts'
import type { Step } from './ledger.ts'
import { isBuiltIn } from './perform-built-ins.ts'
import type { Performed } from './performed.ts'
import type { Model } from './ports.ts'
import { taskUnderWay } from './task-state.ts'
import type { AgentConfiguration } from './tenant-configuration.ts'
import { contentText, ownWords, redacted } from './trace-redaction.ts'
import type { Turn, Work } from './turn.ts'
import type { UserData } from './user-data.ts'

const keepsContent = ({ settings }: AgentConfiguration): boolean => settings.traceContent

export const identified = (identity: Identity, message: Message, ticket: Ticket): TraceEntry => ({
  kind: 'identified',
  level: identity.level,
  why: identity.why,
  suspicious: identity.suspicious,
  evidence: affirmed(message.evidence),
  audience: ticket.audience === 'unknown' ? 'unknown' : ticket.audience.length,
})

/** Names of what is there; of an address or sender only that it is. */
const affirmed = (evidence: Evidence): string[] =>
  Object.entries(evidence)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => (name === 'channel' ? `channel ${value}` : name))
    .sort()

export const begun = (turn: Turn): TraceEntry => ({
  kind: 'begun',
  messageId: turn.message.id,
  channel: turn.ticket.channel,
  release: turn.agent.release,
  mode: turn.connection.mode,
  task: taskUnderWay(turn)?.name,
  message: contentText(turn.message.text, keepsContent(turn.agent)),
})

export function userDataEntry(
  agent: AgentConfiguration,
  userData: UserData | undefined,
  stored: boolean,
): TraceEntry {
  const { kind: code } = userData ?? { kind: 'not_asked' as const }
  if (userData?.kind === 'data') {
    const { bytes, cut, text } = userData
    return { kind: 'user_data', code, stored, bytes, cut, text: contentText(text, keepsContent(agent)) }
  }
  return {
    kind: 'user_data',
    code,
    stored,
    ...(userData?.kind === 'unavailable' ? { cause: userData.cause } : {}),
  }
}

/** The model, with an entry for each answer and for each failure to get one. */
export function tracedModel({ model, trace, clock, agent }: Turn, firstStep: number): Model {
  let step = firstStep
  return {
    create: async (params, options) => {
      const started = clock.now()
      const about = { kind: 'model' as const, model: params.model, step: step++, stored: false }
      try {
        const answer = await model.create(params, options)
        const tokens = countsOf(answer.usage)
        trace.add({
          ...about,
          stop: answer.stop_reason ?? 'none',
          tokens,
          cost: costOf(params.model, tokens, agent.settings.price),
          ms: clock.now() - started,
        })
        return answer
      } catch (error) {
        const stop = error instanceof DeskhandError ? error.code : 'unexpected'
        trace.add({ ...about, stop, ms: clock.now() - started })
        throw error
      }
    },
  }
}

/** One call and what came of it; `consent`: whose it ran on. */
export function toolEntry(
  { agent }: Turn,
  call: Call,
  performed: Performed,
  ms?: number,
  consent?: Decider,
): TraceEntry {
  const tool = agent.tools.get(call.name)
  const own = isBuiltIn(call)
  const keep = keepsContent(agent)
  return {
    kind: 'tool',
    name: own || tool !== undefined ? call.name : 'unknown',
    version: agent.versions[`tool#${call.name}`],
    release: agent.release,
    effect: own ? 'own' : tool?.effect,
    arguments: redacted(call.input, keep, choicesOf(agent, call, tool?.parameters.properties)),
    outcome: outcomeOf(performed),
    cause: performed.end === undefined ? performed.cause : causeOf(performed.end),
    consent,
    why: performed.refused ? ownWords(performed.text) : undefined,
    bytes: Buffer.byteLength(performed.text),
    stored: ms === undefined,
    ms,
    result: contentText(performed.text, keep),
  }
}

function outcomeOf({ end, refused, error }: Performed): 'done' | 'failed' | 'refused' | 'ended_turn' {
  if (end !== undefined) return 'ended_turn'
  return refused ? 'refused' : error ? 'failed' : 'done'
}

const causeOf = (end: NonNullable<Performed['end']>): string =>
  end.end === 'hand_over' ? end.cause : end.end

/** What a schema lists is the tenant's own word, and so are names of tasks. */
function choicesOf(
  { tasks }: AgentConfiguration,
  call: Call,
  properties: Record<string, ParameterSchema> = {},
): Set<unknown> {
  const listed = Object.values(properties).flatMap(choicesIn)
  return new Set(isBuiltIn(call) ? [...tasks.keys(), 'completed', 'abandoned'] : listed)
}
const choicesIn = (schema: ParameterSchema): unknown[] => [
  ...(schema.enum ?? []),
  ...(schema.items === undefined ? [] : choicesIn(schema.items)),
  ...Object.values(schema.properties ?? {}).flatMap(choicesIn),
]

/** What an earlier run of this turn stored: its answers, and the results that went back to the model. */
export function storedEntries(turn: Turn, steps: readonly Step[]): TraceEntry[] {
  const { model, price } = turn.agent.settings
  return steps.flatMap(({ answer }, n): TraceEntry[] => {
    const tokens = countsOf(answer.usage)
    const results = (steps[n + 1]?.user ?? []).flatMap((block) =>
      block.type === 'tool_result' ? [block] : [],
    )
    const calls = answer.content.flatMap((block) => (block.type === 'tool_use' ? [block] : []))
    return [
      {
        kind: 'model',
        step: n,
        model: answer.model,
        stop: answer.stop_reason ?? 'none',
        tokens,
        cost: costOf(model, tokens, price),
        stored: true,
      },
      ...calls.flatMap((call) => {
        const result = results.find(({ tool_use_id }) => tool_use_id === call.id)
        if (result === undefined) return []
        return [toolEntry(turn, call, performedOf(String(result.content), result.is_error === true))]
      }),
    ]
  })
}

/** A stored result, read back: `refused: not_allowed: why`. */
function performedOf(text: string, error: boolean): Performed {
  const [, refused, cause] = /^(refused: )?([a-z_]+): /.exec(text) ?? []
  return {
    text,
    error,
    ...(error && cause !== undefined ? { cause } : {}),
    ...(error && refused !== undefined ? { refused: true } : {}),
  }
}

/** What became of a proposal, and who decided, by an id: an address in one is taken out. */
export const decided = (
  tool: string,
  { id, by, decidedBy }: ProposalMark,
  state: Exclude<ProposalMark['state'], 'proposed'>,
): TraceEntry => ({
  kind: 'decided',
  tool,
  proposal: id,
  by,
  state,
  decidedBy: decidedBy === undefined ? undefined : ownWords(decidedBy),
})

/** `proposal`: it tells what became of that one. */
export const replied = (
  { agent, personal }: Pick<Turn, 'agent' | 'personal'>,
  as: 'reply' | 'note',
  { text, removed }: { text: string; removed: readonly string[] },
  proposal?: string,
): TraceEntry => ({
  kind: 'replied',
  as,
  personal,
  bytes: Buffer.byteLength(text),
  removed: [...removed],
  proposal,
  text: contentText(text, keepsContent(agent)),
})

export const handedOver = ({ agent }: Work, cause: string, summary: string | undefined): TraceEntry => ({
  kind: 'handed_over',
  cause,
  summary: contentText(summary, keepsContent(agent)),
})
