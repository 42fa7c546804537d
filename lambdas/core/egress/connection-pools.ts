/**
 * Connections kept alive per tenant and origin. A socket that carried one tenant's credentials never carries
 * another's, whatever the two call.
 */
import * as http from 'node:http'
import * as https from 'node:https'
import type { Duplex } from 'node:stream'

const mostPools = 64
/** A socket nobody uses is closed after this; sooner where the server's Keep-Alive header says so. */
const idleMs = 10_000
const mostIdle = 4

/** What a request brings along to open its connection, if none is free. Put into the options of `http.request`. */
export interface Dialling {
  dial(): Promise<Duplex>
}

/** Oldest use first. The key begins with the tenant, whose id has no space. */
const pools = new Map<string, http.Agent>()

/** The connections of this tenant to this origin. The one used longest ago is closed when there are too many. */
export function pooledAgent(tenant: string, origin: string): http.Agent {
  const key = `${tenant} ${origin}`
  const agent =
    pools.get(key) ?? createAgent(origin, { keepAlive: true, timeout: idleMs, maxFreeSockets: mostIdle })
  pools.delete(key)
  pools.set(key, agent)
  const [oldest] = pools
  if (pools.size > mostPools && oldest !== undefined) {
    pools.delete(oldest[0])
    retire(oldest[1])
  }
  return agent
}

/** A connection for one request: new, and closed after it. */
export const freshAgent = (origin: string): http.Agent => createAgent(origin, { keepAlive: false })

/** Neither kind reads a proxy from the environment: only the global agents do. */
function createAgent(origin: string, options: http.AgentOptions): http.Agent {
  const agent = origin.startsWith('https:') ? new https.Agent(options) : new http.Agent(options)
  agent.createConnection = (request, done) => {
    const { dial } = request as http.ClientRequestArgs & Dialling
    dial().then(
      (socket) => done?.(null, socket),
      (error) => done?.(error, undefined as never),
    )
    return undefined
  }
  return agent
}

/** Closes what is idle now, and what is busy as soon as its answer is read. */
function retire(agent: http.Agent): void {
  agent.maxFreeSockets = 0
  for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy()
}
