import * as z from 'zod'
import { article } from './article.ts'
import { authorization } from './authorization.ts'
import { task } from './task.ts'
import { agentSettings, userDataApi } from './tenant-apis.ts'

/**
 * A tenant's whole configuration as one file; `docs/acme.example.json` is one. Connections are checked against their
 * helpdesk's schema (`<helpdesk>.ts`) and tools against `toolDefinition` and the rules of `check-tool.ts`, one by one.
 */
export const configurationFile = z.strictObject({
  connections: z.array(z.looseObject({ id: z.string(), helpdesk: z.string() })).default([]),
  userDataApi: userDataApi.optional(),
  authorizations: z.array(authorization).default([]),
  tools: z.array(z.looseObject({ name: z.string() })).default([]),
  tasks: z.array(task).default([]),
  articles: z.array(article).default([]),
  agentSettings: agentSettings.optional(),
})
