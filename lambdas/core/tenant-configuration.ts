/** A tenant's agent as one release has it: settings, tools, User Data API, authorizations. */
import type Anthropic from '@anthropic-ai/sdk'
import { article } from '../../schemas/article.ts'
import type { Release } from '../../schemas/configuration.ts'
import { type Task, task } from '../../schemas/task.ts'
import {
  type AgentSettings,
  type Authorization,
  agentSettings,
  authorization,
  toolDefinition,
  type UserDataApi,
  userDataApi,
} from '../../schemas/tenant-apis.ts'
import { type Articles, createArticles } from './articles.ts'
import { createBoundedCache } from './bounded-cache.ts'
import { brief } from './brief.ts'
import { builtInTools } from './built-ins.ts'
import type { Configuration } from './configuration.ts'
import { resolveTool, type Tool } from './tools/check-tool.ts'
import { modelTools } from './tools/model-tools.ts'

export interface AgentConfiguration {
  release: number
  settings: AgentSettings
  tools: ReadonlyMap<string, Tool>
  /** What Claude sees of them, sorted by name, and our own besides `hand_over`. */
  modelTools: Anthropic.Tool[]
  /** Those that are switched on. */
  tasks: ReadonlyMap<string, Task>
  /** Tools that some task lists, also one that is switched off: they are called within a task or not at all. */
  taskOnly: ReadonlySet<string>
  articles: Articles
  /** Hosts, and pages of articles, that a reply may link to. */
  links: string[]
  /** What the configuration adds to the instructions. */
  brief: string
  /** `<kind>#<id>` -> version. */
  versions: Release['live']
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

const onlyWithin = 'Works only within a task that names it.'

/** Loads everything a turn may need, in one read of immutable versions. Throws `bad_configuration`. */
export async function loadAgent(configuration: Configuration, release: Release): Promise<AgentConfiguration> {
  const all = await configuration.definitions(release, {
    'agent-settings': agentSettings,
    article,
    authorization,
    task,
    tool: toolDefinition,
    'user-data-api': userDataApi,
  })
  const tools = all.tool
    .map(({ definition }) => resolveTool(definition))
    .filter((tool) => tool.enabled)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const settings = all['agent-settings'][0]?.definition ?? agentSettings.parse({})
  const everyTask = all.task.map(({ definition }) => definition)
  const tasks = everyTask.filter(({ enabled }) => enabled)
  const written = all.article.map(({ definition }) => definition)
  const articles = createArticles(written)
  const taskOnly = new Set(everyTask.flatMap((each) => each.tools))
  const described = (tool: Tool): Tool =>
    taskOnly.has(tool.name) ? { ...tool, description: `${tool.description} ${onlyWithin}` } : tool
  const builtIns = builtInTools(tasks, articles.searchable)
  return {
    release: release.release,
    versions: release.live,
    settings,
    tasks: new Map(tasks.map((each) => [each.name, each])),
    taskOnly,
    articles,
    links: [...settings.linkHosts, ...written.flatMap(({ url }) => url ?? [])],
    brief: brief(settings, tasks, articles.text),
    tools: new Map(tools.map((tool) => [tool.name, tool])),
    // `hand_over` is one more.
    modelTools: [...modelTools(tools.map(described), 1 + builtIns.length), ...builtIns],
    userDataApi: all['user-data-api'][0]?.definition,
    authorizations: new Map(all.authorization.map(({ definition }) => [definition.name, definition])),
  }
}
