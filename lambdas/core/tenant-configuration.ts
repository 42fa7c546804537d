/** A tenant's agent as one release has it: settings, tools, User Data API, authorizations. */
import type Anthropic from '@anthropic-ai/sdk'
import type { Release } from '../../schemas/configuration.ts'
import {
  type AgentSettings,
  type Authorization,
  agentSettings,
  authorization,
  toolDefinition,
  type UserDataApi,
  userDataApi,
} from '../../schemas/tenant-apis.ts'
import { createBoundedCache } from './bounded-cache.ts'
import type { Configuration } from './configuration.ts'
import { resolveTool, type Tool } from './tools/check-tool.ts'
import { modelTools } from './tools/model-tools.ts'

/** Tools of ours that stand beside the tenant's: `hand_over`. */
const ownTools = 1

export interface AgentConfiguration {
  release: number
  settings: AgentSettings
  tools: ReadonlyMap<string, Tool>
  /** What Claude sees of them, sorted by name. */
  modelTools: Anthropic.Tool[]
  userDataApi: UserDataApi | undefined
  authorizations: ReadonlyMap<string, Authorization>
}

/** Loads the agent of a release: read and parsed once, because a release never changes. Throws `bad_configuration`. */
export type AgentLoader = (release: Release) => Promise<AgentConfiguration>

/** The live release, and one that an interrupted turn goes on with. */
const releasesKept = 2

export function createAgentLoader(configuration: Configuration): AgentLoader {
  const loaded = createBoundedCache<AgentConfiguration>(releasesKept)
  return async (release) => {
    const number = String(release.release)
    const agent = loaded.get(number) ?? (await loadAgent(configuration, release))
    loaded.set(number, agent)
    return agent
  }
}

/** Loads everything a turn may need, in one read of immutable versions. Throws `bad_configuration`. */
export async function loadAgent(configuration: Configuration, release: Release): Promise<AgentConfiguration> {
  const all = await configuration.definitions(release, {
    'agent-settings': agentSettings,
    authorization,
    tool: toolDefinition,
    'user-data-api': userDataApi,
  })
  const tools = all.tool
    .map(({ definition }) => resolveTool(definition))
    .filter((tool) => tool.enabled)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  return {
    release: release.release,
    settings: all['agent-settings'][0]?.definition ?? agentSettings.parse({}),
    tools: new Map(tools.map((tool) => [tool.name, tool])),
    modelTools: modelTools(tools, ownTools),
    userDataApi: all['user-data-api'][0]?.definition,
    authorizations: new Map(all.authorization.map(({ definition }) => [definition.name, definition])),
  }
}
