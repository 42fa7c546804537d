/** Plays cases one after the other and says how each went. */
import { randomBytes } from 'node:crypto'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { createSecrets } from '../../lambdas/core/aws/secrets.ts'
import type { Definition } from '../../lambdas/core/check-configuration.ts'
import { createModel } from '../../lambdas/core/claude-model.ts'
import { createEgress } from '../../lambdas/core/egress/egress.ts'
import { DeskhandError } from '../../lambdas/core/errors.ts'
import { createAccessTokens } from '../../lambdas/core/oauth/access-tokens.ts'
import type { Io, KnownSecrets } from '../../lambdas/core/ports.ts'
import { candidateAgent } from '../../lambdas/core/simulate/candidate.ts'
import { checkExpectations } from '../../lambdas/core/simulate/check-expectations.ts'
import { createMemoryTable } from '../../lambdas/core/simulate/memory-table.ts'
import { type Simulated, type SimulationRuntime, simulate } from '../../lambdas/core/simulate/simulate.ts'
import type { ConnectionBase } from '../../schemas/connection.ts'
import type { SimulationCase } from '../../schemas/simulation.ts'
import { startClaude } from '../claude.ts'

export interface Played {
  case: SimulationCase
  simulated: Simulated
  /** What is not as expected. */
  wrong: string[]
}

export interface PlayOptions {
  tenant: string
  definitions: readonly Definition[]
  cases: readonly SimulationCase[]
  /** Absent: a scripted stand-in answers, which understands little. */
  anthropic?: { apiKey: string; baseURL?: string }
  /** Reads without a recording are really made, with the AWS credentials of the shell. */
  callReads: boolean
  onPlayed(played: Played): void
}

/** Throws `bad_configuration` where the definitions make no agent. */
export async function play(options: PlayOptions): Promise<Played[]> {
  const { tenant, definitions, cases, callReads } = options
  const agent = await candidateAgent(tenant, definitions)
  const connection = definitions.find(({ kind }) => kind === 'connection')?.definition as
    | ConnectionBase
    | undefined
  const standIn = options.anthropic === undefined ? await startClaude() : undefined
  const anthropic = options.anthropic ?? { apiKey: 'stand-in', ...(standIn ? { baseURL: standIn.url } : {}) }
  const runtime: SimulationRuntime = {
    tenant: tenantHere(tenant, callReads),
    model: createModel({
      apiKey: async () => anthropic.apiKey,
      ...(anthropic.baseURL === undefined ? {} : { baseURL: anthropic.baseURL }),
      io,
    }),
    clock,
  }
  const played: Played[] = []
  try {
    for (const each of cases) {
      const input = { ...each, offline: each.offline || !callReads }
      const simulated = await simulate(runtime, agent, input, connection)
      const one = { case: each, simulated, wrong: checkExpectations(each.expect, simulated) }
      played.push(one)
      options.onPlayed(one)
    }
  } finally {
    await standIn?.close()
  }
  return played
}

const io: Io = (_port, call) => call()
const clock = { now: () => Date.now() }

/** What a tenant has on this machine: its secrets where they may be read, and no key to sign with. */
function tenantHere(tenant: string, callReads: boolean): SimulationRuntime['tenant'] {
  const secrets = callReads
    ? createSecrets({ client: new SecretsManagerClient({}), tenant, direction: 'outbound', clock, io })
    : noSecrets
  const http = createEgress({ tenant, io })
  const store = { write: async () => Promise.reject(nothingToKeep) }
  const table = createMemoryTable()
  return {
    tenant,
    secrets,
    http,
    tokens: createAccessTokens({ tenant, http, secrets, store, table, clock, random: randomBytes }),
    signIdentity: async () => {
      throw new DeskhandError(
        'bad_configuration',
        'the key that signs Deskhand-Identity is in the cloud only',
      )
    },
  }
}

const noSecrets: KnownSecrets = { read: async () => undefined, known: () => [] }
const nothingToKeep = new DeskhandError('bad_configuration', 'a simulation keeps no refresh token')
