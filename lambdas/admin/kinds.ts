/** The kinds of things an admin configures, as data: where they are, what they are checked by, what refers to them. */
import * as z from 'zod'
import { article } from '../../schemas/article.ts'
import { authorization } from '../../schemas/authorization.ts'
import type { ConfigKind } from '../../schemas/configuration.ts'
import { tenantOf } from '../../schemas/names.ts'
import { task } from '../../schemas/task.ts'
import { agentSettings, toolDefinition, userDataApi } from '../../schemas/tenant-apis.ts'
import { urlCheckBy, urlsOf } from '../core/check-configuration.ts'
import type { UrlPolicy } from '../core/egress/url-policy.ts'
import type { Helpdesk } from '../core/helpdesk.ts'
import { checkTool } from '../core/tools/check-tool.ts'
import { type Mistake, mistakesAt, mistakesOf } from './problem.ts'
import type { Tag } from './route.ts'

export interface Kind {
  kind: ConfigKind
  /** In the path: `/admin/tenants/{tenant}/tools`. */
  collection: Tag
  /** Names one in an operation's id: `Tool`. */
  singular: string
  /** There is one at most, and its path names none. */
  single: boolean
  /** In the API's document. */
  schema(helpdesks: Helpdesks): z.ZodType
  /** The schema that this very definition is read by, or what is wrong with what chooses it. */
  schemaOf(definition: unknown, helpdesks: Helpdesks): z.ZodType | Mistake
  idOf(definition: unknown): string
  /** What is wrong with it by itself, whatever else the tenant has. */
  check(definition: never, context: { tenant: string; policy: UrlPolicy }): Mistake[]
  example: unknown
}
export type Helpdesks = Readonly<Record<string, Helpdesk>>

/** The id of what a tenant has one of. */
export const onlyId = 'default'

const byItself = (schema: z.ZodType): Pick<Kind, 'schema' | 'schemaOf'> => ({
  schema: () => schema,
  schemaOf: () => schema,
})
const named = (definition: unknown): string => (definition as { name: string }).name

const refusedUrls = (
  urls: readonly (readonly [string, string | undefined])[],
  policy: UrlPolicy,
): Mistake[] => {
  const check = urlCheckBy(policy)
  const wrong = urls.flatMap(([path, url]) => {
    const message = url === undefined ? undefined : check(url)
    return message === undefined ? [] : [{ path, message }]
  })
  return mistakesAt(wrong, ['definition'])
}

export const kinds: readonly Kind[] = [
  {
    kind: 'connection',
    collection: 'connections',
    singular: 'Connection',
    single: false,
    schema: (helpdesks) =>
      z.union(Object.values(helpdesks).map((one) => one.connection) as [z.ZodType, z.ZodType]),
    schemaOf: (definition, helpdesks) => {
      const name = (definition as { helpdesk?: unknown } | null)?.helpdesk
      const found = typeof name === 'string' && Object.hasOwn(helpdesks, name) ? helpdesks[name] : undefined
      return (
        found?.connection ?? {
          detail: `one of ${Object.keys(helpdesks).join(', ')}`,
          pointer: '#/definition/helpdesk',
        }
      )
    },
    idOf: (definition) => (definition as { id: string }).id,
    check: (definition: { id: string; baseUrl?: string }, { tenant, policy }) => [
      ...refusedUrls([['baseUrl', definition.baseUrl]], policy),
      ...(tenantOf(definition.id) === tenant
        ? []
        : [{ detail: `must begin with ${tenant}.`, pointer: '#/definition/id' }]),
    ],
    example: {
      id: 'acme.Jk3vT0s9bQ2mXw7LrZ5eYA',
      helpdesk: 'freshdesk',
      inbound: [{ secret: 'freshdesk-webhook' }],
      domain: 'acme',
      botUserId: '101',
      apiKey: 'freshdesk-key',
      supportAddresses: ['support@acme.com'],
    },
  },
  {
    kind: 'user-data-api',
    collection: 'user-data-api',
    singular: 'UserDataApi',
    single: true,
    ...byItself(userDataApi),
    idOf: () => onlyId,
    check: ({ url }: z.output<typeof userDataApi>, { policy }) => refusedUrls([['url', url]], policy),
    example: { url: 'https://api.acme.com/support/user-data', authorization: 'order-api' },
  },
  {
    kind: 'authorization',
    collection: 'authorizations',
    singular: 'Authorization',
    single: false,
    ...byItself(authorization),
    idOf: named,
    check: (definition: z.output<typeof authorization>, { policy }) =>
      refusedUrls(urlsOf(definition), policy),
    example: { name: 'order-api', type: 'bearer', secret: 'order-api-token' },
  },
  {
    kind: 'tool',
    collection: 'tools',
    singular: 'Tool',
    single: false,
    ...byItself(toolDefinition),
    idOf: named,
    check: (definition: z.output<typeof toolDefinition>, { policy }) => {
      // Whether the authorization is there is a matter of publishing: things may be saved in any order.
      const known = new Set(definition.authorization === undefined ? [] : [definition.authorization])
      const checked = checkTool(definition, {
        urlCheck: urlCheckBy(policy),
        authorizations: known,
        identityAuthorizations: known,
      })
      return checked.ok ? [] : mistakesAt(checked.problems, ['definition'])
    },
    example: {
      name: 'get_order',
      description: "Looks up one of the customer's orders: what was bought, where it is.",
      effect: 'read',
      request: { method: 'GET', url: 'https://api.acme.com/orders/{order_id}' },
      parameters: {
        type: 'object',
        required: ['order_id'],
        properties: { order_id: { type: 'string', description: 'As on the receipt, for example A-1001' } },
      },
      authorization: 'order-api',
      response: { owner: 'customer.email' },
    },
  },
  {
    kind: 'task',
    collection: 'tasks',
    singular: 'Task',
    single: false,
    ...byItself(task),
    idOf: named,
    check: () => [],
    example: {
      name: 'late_parcel',
      description: 'The customer asks where a parcel is that should have arrived.',
      examples: ['Where is my parcel?', 'It should have been here on Monday'],
      steps: ['Look the order up with {{get_order}}.', 'Delayed by more than a week: {{handover}}.'],
    },
  },
  {
    kind: 'article',
    collection: 'articles',
    singular: 'Article',
    single: false,
    ...byItself(article),
    idOf: (definition) => (definition as { id: string }).id,
    check: ({ url }: z.output<typeof article>, { policy }) => refusedUrls([['url', url]], policy),
    example: { id: 'returns', title: 'Returns', text: 'Anything unused may come back within 30 days.' },
  },
  {
    kind: 'agent-settings',
    collection: 'agent-settings',
    singular: 'AgentSettings',
    single: true,
    ...byItself(agentSettings),
    idOf: () => onlyId,
    check: () => [],
    example: { name: 'Nora', guidance: 'Acme sells outdoor gear.', timeZone: 'Europe/Berlin' },
  },
]

export const kindOf = (kind: ConfigKind): Kind => {
  const found = kinds.find((one) => one.kind === kind)
  if (found === undefined) throw new Error(`no kind ${kind}`)
  return found
}

/** Reads a definition as it was sent, and checks it by itself. */
export function readDefinition(
  kind: Kind,
  definition: unknown,
  context: { tenant: string; policy: UrlPolicy; helpdesks: Helpdesks },
): { ok: true; definition: unknown } | { ok: false; mistakes: Mistake[] } {
  const schema = kind.schemaOf(definition, context.helpdesks)
  if (!(schema instanceof z.ZodType)) return { ok: false, mistakes: [schema] }
  const parsed = schema.safeParse(definition)
  if (!parsed.success) return { ok: false, mistakes: mistakesOf(parsed.error, ['definition']) }
  const mistakes = kind.check(parsed.data as never, context)
  return mistakes.length === 0 ? { ok: true, definition: parsed.data } : { ok: false, mistakes }
}
