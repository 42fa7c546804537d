/**
 * One message answered as if it had come in, by the code that answers real ones: the same run over a ticket in memory.
 * Nothing is stored, posted, mailed or changed; the model is really asked.
 */
import type Anthropic from '@anthropic-ai/sdk'
import type { Release } from '../../../schemas/configuration.ts'
import type { ConnectionBase } from '../../../schemas/connection.ts'
import type { Decider } from '../../../schemas/consent.ts'
import type { TokenCounts } from '../../../schemas/prices.ts'
import type { SimulationInput } from '../../../schemas/simulation.ts'
import { ticketRow } from '../../../schemas/ticket-row.ts'
import type { TraceEntry, TraceRecord } from '../../../schemas/trace.ts'
import { answerTicket } from '../answer.ts'
import type { Configuration } from '../configuration.ts'
import { addressTag } from '../consent/grant.ts'
import { readProposal } from '../consent/proposals.ts'
import { DeskhandError } from '../errors.ts'
import type { Outgoing } from '../helpdesk.ts'
import type { Clock, Mail, Model, TenantRuntime } from '../ports.ts'
import { ring } from '../ring.ts'
import type { AgentConfiguration } from '../tenant-configuration.ts'
import { ticketKey } from '../ticket-key.ts'
import { readTrace } from '../trace.ts'
import { callsIn, type SimulatedCall } from './calls.ts'
import { madeUpConnection, madeUpHelpdesk } from './made-up-helpdesk.ts'
import { madeUpMessageId, madeUpTicket, madeUpTicketId } from './made-up-ticket.ts'
import { createMemoryTable } from './memory-table.ts'
import { createMemoryVault } from './memory-vault.ts'
import { closedHttp, createRehearsal, type RehearsedRequest } from './rehearse.ts'
import { createSilentLog, type Problem } from './silent-log.ts'

/** As long as `answer` has. */
const wholeTurnMs = 175_000
const codeSender = 'codes@simulated.invalid'

export interface SimulationRuntime {
  /** What real reads are made with, and tokens for them asked for: the tenant's own. */
  tenant: Pick<TenantRuntime, 'tenant' | 'secrets' | 'tokens' | 'signIdentity' | 'http'>
  model: Model
  clock: Clock
  /** For everything, ms. Default: as long as a real turn has. */
  timeoutMs?: number
}

export interface Simulated {
  /** `silent`: the agent says nothing. `failed`: there was no whole turn, see `problems`. */
  outcome: 'replied' | 'handed_over' | 'silent' | 'failed'
  /** Why it is not `replied`, from a closed set in code. */
  cause?: string
  /** As the customer would read it: with what asks for consent or a code. */
  reply?: string
  /** The note that a colleague would find. */
  handOver?: string
  /** Other internal notes: requests for approval. */
  notes: string[]
  /** Writes that wait for somebody's consent. */
  proposals: { tool: string; by: Decider; summary: string }[]
  /** What the model asked for, in order; handing over is not among it. */
  calls: SimulatedCall[]
  /** What was sent to the tenant's APIs, or would have been. */
  requests: RehearsedRequest[]
  /** One-time codes that would have been mailed. */
  mails: { to: string; subject: string; text: string }[]
  /** What the User Data API said, without its text. */
  userData: { code: string; cause?: string; bytes?: number }
  /** The task that is under way, or ended. */
  task?: { name: string; state: string }
  tokens: TokenCounts
  /** US dollars; absent where nobody has said what the model costs. */
  cost?: number
  ms: number
  trace: TraceRecord['entries']
  problems: Problem[]
}

/**
 * Answers `input` with `agent`, which may be a candidate that nobody has published. `connection`: whose approvers and
 * company addresses count. Throws what is a fault of ours; what goes wrong within a turn is `failed`.
 */
export async function simulate(
  runtime: SimulationRuntime,
  agent: AgentConfiguration,
  input: SimulationInput,
  connection?: ConnectionBase,
): Promise<Simulated> {
  const clock = clockAt(runtime.clock, input.at)
  const began = clock.now()
  const { rehearse, requests } = createRehearsal(input, runtime.tenant.http)
  const tenant = simulatedTenant(runtime.tenant, rehearse)
  const { helpdesk, posted } = madeUpHelpdesk(madeUpTicket(input, began), clock.now)
  const { log, problems } = createSilentLog()
  const mails: Simulated['mails'] = []
  const mail: Mail = { sender: codeSender, send: async (one) => void mails.push(one) }
  const answers: Anthropic.Message[] = []
  // Nothing of it is stored: whoever simulates reads the whole trace.
  const open = { ...agent, settings: { ...agent.settings, traceContent: true } }
  const wake = { connectionId: madeUpConnection(tenant.tenant).id, ticketId: madeUpTicketId }
  const key = ticketKey(wake.connectionId, wake.ticketId)

  await ringFor(tenant, input, key, began)
  await answerTicket({
    helpdesk,
    clock,
    log,
    queue: { send: async () => undefined },
    model: recorded(runtime.model, answers),
    ...(input.codes ? { mail } : {}),
    tenant,
    configuration: onlyRelease(tenant.tenant, open, madeUpConnection(tenant.tenant, connection)),
    loadAgent: async () => open,
    tokens: new Map(),
    wake,
    deadline: began + (runtime.timeoutMs ?? wholeTurnMs),
  })

  const record = (await readTrace(tenant.conversations, tenant.vault, key.pk)).at(-1)
  const trace = record?.entries ?? []
  const row = ticketRow.parse(await tenant.conversations.get('ticket', key))
  return {
    ...howItEnded(trace.map(({ entry }) => entry)),
    ...saidIn(posted),
    proposals: await proposalsIn(tenant, key.pk, row.proposals),
    calls: callsIn(answers, trace),
    requests,
    mails,
    userData: userDataIn(trace),
    ...(row.task === undefined ? {} : { task: { name: row.task.name, state: row.task.state } }),
    ...spentIn(trace),
    ms: clock.now() - began,
    trace,
    problems,
  }
}

/** The tenant with nothing that keeps, changes or reaches anything, besides what the rehearsal lets through. */
export const simulatedTenant = (
  { tenant, secrets, tokens, signIdentity }: SimulationRuntime['tenant'],
  rehearse: NonNullable<TenantRuntime['rehearse']>,
): TenantRuntime => ({
  tenant,
  secrets,
  tokens,
  conversations: createMemoryTable(),
  configuration: createMemoryTable(),
  vault: createMemoryVault(),
  signIdentity: (asker, request) => signIdentity({ ...asker, mode: 'simulated' }, request),
  http: closedHttp,
  rehearse,
})

/** Starts at `at` and goes on from there. */
function clockAt({ now }: Clock, at: string | undefined): Clock {
  const ahead = at === undefined ? 0 : Date.parse(at) - now()
  return { now: () => now() + ahead }
}

/** The ticket row as a doorbell leaves it; a customer who is `confirmed` has told a code of ours just before. */
async function ringFor(
  tenant: TenantRuntime,
  { customer }: SimulationInput,
  key: ReturnType<typeof ticketKey>,
  now: number,
): Promise<void> {
  if (customer.level === 'confirmed') {
    const address = await addressTag({ tenant }, customer.email?.toLowerCase())
    const grant = { author: 'customer', address, messageId: madeUpMessageId }
    const isMail = customer.channel === 'email'
    await tenant.conversations.put('grant', {
      ...key,
      grant: isMail ? grant : { ...grant, until: now + wholeTurnMs },
    })
  }
  const doorbell = {
    ticketId: madeUpTicketId,
    messageId: madeUpMessageId,
    from: 'customer' as const,
    at: now,
  }
  await ring(tenant.conversations, madeUpConnection(tenant.tenant), [doorbell], now)
}

/** The one release there is, with the one connection. */
function onlyRelease(tenant: string, agent: AgentConfiguration, connection: ConnectionBase): Configuration {
  const { release: number, versions: live } = agent
  const release: Release = { tenant, release: number, live, by: 'simulation', at: 0, why: 'simulation' }
  return {
    live: async () => release,
    release: async () => release,
    definitions: async () => {
      throw new DeskhandError('bad_configuration', 'the agent of a simulation is loaded before')
    },
    definition: async (_release, kind, id, schema) =>
      kind === 'connection' && id === connection.id ? schema.parse(connection) : undefined,
  }
}

const recorded = (model: Model, answers: Anthropic.Message[]): Model => ({
  create: async (params, options) => {
    const answer = await model.create(params, options)
    answers.push(answer)
    return answer
  },
})

function howItEnded(entries: readonly TraceEntry[]): Pick<Simulated, 'outcome' | 'cause'> {
  const last = entries.findLast(({ kind }) => kind !== 'settled')
  switch (last?.kind) {
    case 'replied':
      return { outcome: 'replied' }
    case 'handed_over':
      return { outcome: 'handed_over', cause: last.cause }
    case 'silent':
      return { outcome: 'silent', cause: last.cause }
    case 'postponed':
      return { outcome: 'failed', cause: last.code }
    default:
      return { outcome: 'silent', cause: 'nothing_new' }
  }
}

function saidIn(posted: readonly Outgoing[]): Pick<Simulated, 'reply' | 'handOver' | 'notes'> {
  const texts = (kind: Outgoing['kind']): string[] =>
    posted.flatMap((outgoing) => (outgoing.kind === kind ? [outgoing.text] : []))
  const [reply, handOver] = [texts('reply').at(-1), texts('hand_over').at(-1)]
  return {
    ...(reply === undefined ? {} : { reply }),
    ...(handOver === undefined ? {} : { handOver }),
    notes: texts('note'),
  }
}

async function proposalsIn(
  { conversations, vault }: TenantRuntime,
  pk: string,
  marks: Readonly<Record<string, { id: string; by: Decider }>>,
): Promise<Simulated['proposals']> {
  return await Promise.all(
    Object.entries(marks).map(async ([tool, { id, by }]) => {
      const proposal = await readProposal(conversations, vault, pk, id)
      return { tool, by, summary: proposal?.summary ?? '' }
    }),
  )
}

function userDataIn(trace: TraceRecord['entries']): Simulated['userData'] {
  const found = trace.map(({ entry }) => entry).find((entry) => entry.kind === 'user_data')
  if (found === undefined) return { code: 'not_asked' }
  const { code, cause, bytes } = found
  return { code, ...(cause === undefined ? {} : { cause }), ...(bytes === undefined ? {} : { bytes }) }
}

/** Of all of the model's answers. */
function spentIn(trace: TraceRecord['entries']): Pick<Simulated, 'tokens' | 'cost'> {
  const asked = trace.flatMap(({ entry }) => (entry.kind === 'model' && entry.tokens ? [entry] : []))
  const sum = (name: keyof TokenCounts): number =>
    asked.reduce((total, { tokens }) => total + (tokens?.[name] ?? 0), 0)
  const isPriced = asked.every(({ cost }) => cost !== undefined)
  return {
    tokens: {
      input: sum('input'),
      output: sum('output'),
      cacheRead: sum('cacheRead'),
      cacheWrite: sum('cacheWrite'),
    },
    ...(isPriced ? { cost: asked.reduce((total, { cost = 0 }) => total + cost, 0) } : {}),
  }
}
