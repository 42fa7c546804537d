/** Trying what is drafted before it is live: one call, or a whole turn. Nothing of an answer is kept. */
import * as z from 'zod'
import { auditPk } from '../../../schemas/admin.ts'
import type { Authorization } from '../../../schemas/authorization.ts'
import type { ConnectionBase } from '../../../schemas/connection.ts'
import { authorizationName, connectionId, tenantId } from '../../../schemas/names.ts'
import { type SimulationInput, simulatedCustomer, simulationInput } from '../../../schemas/simulation.ts'
import type { ToolDefinition, UserDataApi } from '../../../schemas/tenant-apis.ts'
import { toolName } from '../../../schemas/tool-rules.ts'
import { newestRelease } from '../../core/configuration.ts'
import { candidateAgent } from '../../core/simulate/candidate.ts'
import { simulate } from '../../core/simulate/simulate.ts'
import { allows } from '../access.ts'
import { filledIn, type Live, load, nameOf } from '../candidate.ts'
import { connectionSecrets } from '../check-secrets.ts'
import { drafts, mustBeRight } from '../drafts.ts'
import { mistakesAt, Problem } from '../problem.ts'
import { type Call, type Route, route } from '../route.ts'
import { tryAuthorization } from '../try/try-authorization.ts'
import { type TriedWrite, tryTool } from '../try/try-tool.ts'
import { tryUserData } from '../try/try-user-data.ts'

const tag = 'trying'
const inTenant = z.object({ tenant: tenantId })
/** API Gateway waits for 30 seconds. */
const simulationMs = 24_000

const triedUserData = z.object({
  ok: z.boolean(),
  code: z.string(),
  status: z.number().optional(),
  ms: z.number(),
  bytes: z.number().optional(),
  echoMatches: z.boolean().optional(),
  userInfo: z.string().optional().meta({ description: 'As the model would read it.' }),
  warnings: z.array(z.string()),
})
const triedAuthorization = z.object({
  ok: z.boolean(),
  cause: z.string().optional(),
  message: z.string().optional(),
  hosts: z.array(z.string()),
  header: z.string().meta({ description: 'With the value hidden.' }),
  signsIdentity: z.boolean(),
  ms: z.number(),
  get: z.looseObject({ ms: z.number() }).optional(),
})
const triedTool = z.object({
  request: z.looseObject({ method: z.string(), url: z.string() }),
  identity: z.record(z.string(), z.unknown()).optional(),
  findings: z.array(z.string()),
  answer: z.looseObject({ ok: z.boolean(), cause: z.string(), result: z.string() }).optional(),
})

export const tryRoutes: Route[] = [
  route(
    {
      id: 'testUserDataApi',
      method: 'POST',
      path: '/admin/tenants/{tenant}/user-data-api/test',
      tag,
      summary:
        'Asks the drafted User Data API about one address: what it answers, how quickly, and what is odd',
      permission: 'try',
      params: inTenant,
      body: z.strictObject({ email: z.string().max(254) }),
      example: { email: 'zoe@example.com' },
      limit: 'tries',
      answers: { status: 200, description: 'What came of it. Nothing of it is kept.', body: triedUserData },
    },
    async (call) => {
      const all = await drafts(call)
      const api = all.get(nameOf('user-data-api', 'default'))?.definition as UserDataApi | undefined
      if (api === undefined) throw new Problem('not_found', 'There is no User Data API yet: PUT it.')
      return {
        status: 200,
        body: await tryUserData(runtimeOf(call), api, await ownAuthorizations(call, all), call.body.email),
      }
    },
  ),
  route(
    {
      id: 'testAuthorization',
      method: 'POST',
      path: '/admin/tenants/{tenant}/authorizations/{id}/test',
      tag,
      summary:
        'Gets the credential of a drafted authorization, and with `url` sends a GET with it; never shows it',
      permission: 'try',
      params: inTenant.extend({ id: authorizationName }),
      body: z.strictObject({ url: z.url().max(2000).optional() }),
      example: { url: 'https://api.acme.com/ping' },
      limit: 'tries',
      answers: { status: 200, description: 'What came of it.', body: triedAuthorization },
    },
    async (call) => {
      const authorization = (await ownAuthorizations(call, await drafts(call))).get(call.params.id)
      if (authorization === undefined)
        throw new Problem('not_found', `There is no authorization ${call.params.id}.`)
      return { status: 200, body: await tryAuthorization(runtimeOf(call), authorization, call.body.url) }
    },
  ),
  route(
    {
      id: 'testTool',
      method: 'POST',
      path: '/admin/tenants/{tenant}/tools/{id}/test',
      tag,
      summary: 'Shows the exact request of a drafted tool without its secrets, and on demand sends it',
      description:
        '`send: call` sends a tool that reads. `send: really_write` sends one that writes, for approvers: it asks nobody, checks no ownership and counts for no limit, and stands in the audit before it is sent.',
      permission: 'try',
      params: inTenant.extend({ id: toolName }),
      body: z.strictObject({
        arguments: z.record(z.string(), z.json()).default({}),
        customer: simulatedCustomer,
        previous: z.record(z.string(), z.json()).optional(),
        send: z.enum(['no', 'call', 'really_write']).default('no'),
      }),
      example: {
        arguments: { order_id: '1042' },
        customer: { email: 'zoe@example.com', level: 'mailbox' },
        send: 'no',
      },
      limit: 'tries',
      answers: { status: 200, description: 'The request, and what came of it.', body: triedTool },
    },
    async (call) => {
      const { body, rank } = call
      if (body.send === 'really_write' && !allows(rank, 'approve'))
        throw new Problem('not_allowed', 'Really writing is for approvers.')
      const all = await drafts(call)
      const version = all.get(nameOf('tool', call.params.id))
      if (version === undefined) throw new Problem('not_found', `There is no tool ${call.params.id}.`)
      const { method } = (version.definition as ToolDefinition).request
      if (body.send === 'call' && method !== 'GET' && !allows(rank, 'approve'))
        throw new Problem('not_allowed', 'Sending anything but a GET is for approvers.')
      const { allowance } = call.tenant
      const tried = await tryTool(
        {
          ...runtimeOf(call),
          audit: (write) => markWrite(call, write),
          ...(allowance === undefined ? {} : { allowance }),
        },
        {
          definition: version.definition,
          authorizations: await ownAuthorizations(call, all),
          arguments: body.arguments,
          customer: body.customer,
          send: body.send,
          ...(body.previous === undefined ? {} : { previous: body.previous }),
        },
      )
      if (!tried.ok)
        throw new Problem('invalid', 'This call cannot be made: see errors.', {
          errors: mistakesAt(tried.problems),
        })
      const { ok: _, ...told } = tried
      return { status: 200, body: told, result: { version: version.version, send: body.send } }
    },
  ),
  route(
    {
      id: 'simulate',
      method: 'POST',
      path: '/admin/tenants/{tenant}/simulate',
      tag,
      summary:
        'Answers one message with everything as it is drafted: the whole turn, its calls and its trace; nothing leaves but reads',
      description: `No write is sent, nothing is posted or kept. Tools in \`toolResults\` are never called; with \`offline\` none is, nor for an editor where one that reads is no GET. After ${simulationMs / 1000} seconds it ends.`,
      permission: 'try',
      params: inTenant,
      body: simulationInput.extend({
        connection: connectionId
          .optional()
          .meta({ description: 'Whose approvers and company addresses count.' }),
      }),
      example: {
        message: 'Where is my order 1042?',
        customer: { email: 'zoe@example.com', name: 'Zoë', level: 'mailbox' },
        toolResults: { get_order: { body: { state: 'in_transit' } } },
        offline: true,
      },
      limit: 'simulations',
      answers: { status: 200, description: 'The turn.', body: z.looseObject({ outcome: z.string() }) },
    },
    async (call) => {
      const { connection: id, ...input } = call.body
      const all = await drafts(call)
      mustBeRight(call, all)
      const definitions = [...all.values()].map(({ kind, id, definition }) => ({ kind, id, definition }))
      const agent = await candidateAgent(call.tenant.tenant, definitions)
      const connection = id === undefined ? undefined : all.get(nameOf('connection', id))?.definition
      if (id !== undefined && connection === undefined)
        throw new Problem('not_found', `There is no connection ${id}.`)
      const { clock, model } = call.runtime
      const simulated = await simulate(
        { tenant: call.tenant, model, clock, timeoutMs: simulationMs },
        agent,
        { ...input, offline: input.offline || (!allows(call.rank, 'approve') && sendsMore(all, input)) },
        connection as ConnectionBase | undefined,
      )
      return { status: 200, body: simulated, result: { outcome: simulated.outcome } }
    },
  ),
]

type Trying = Pick<
  Call<unknown, unknown, unknown>,
  'tenant' | 'runtime' | 'who' | 'rank' | 'now' | 'requestId'
>

const runtimeOf = ({ tenant, runtime }: Trying) => ({ ...tenant, now: runtime.clock.now })

/** Those that lend no helpdesk's credential, as it is drafted or live. */
async function ownAuthorizations(
  { tenant, helpdesks }: Pick<Call<unknown, unknown, unknown>, 'tenant' | 'helpdesks'>,
  all: Live,
): Promise<ReadonlyMap<string, Authorization>> {
  const release = await newestRelease(tenant.configuration, tenant.tenant)
  const live = filledIn(await load(tenant, release?.live ?? {}), helpdesks)
  const taken = new Set([all, live].flatMap((each) => [...connectionSecrets(tenant, each, helpdesks)]))
  return new Map([...authorizationsIn(all)].filter(([, { secret }]) => !taken.has(secret)))
}

const authorizationsIn = (all: Awaited<ReturnType<typeof drafts>>): ReadonlyMap<string, Authorization> =>
  new Map(
    [...all.values()].flatMap(({ kind, id, definition }) =>
      kind === 'authorization' ? [[id, definition as Authorization] as const] : [],
    ),
  )

/** Would a tool that reads by something else than GET really be called? That is for approvers. */
const sendsMore = (all: Live, { toolResults }: Pick<SimulationInput, 'toolResults'>): boolean =>
  [...all.values()].some(
    ({ kind, id, definition }) =>
      kind === 'tool' && !Object.hasOwn(toolResults, id) && isMoreThanGet(definition as ToolDefinition),
  )
const isMoreThanGet = ({ effect, request }: ToolDefinition): boolean =>
  effect === 'read' && request.method !== 'GET'

/** A row of its own, before anything is sent: what was written, and where to. */
async function markWrite(
  { tenant, runtime, who, rank, now, requestId }: Trying,
  write: TriedWrite,
): Promise<void> {
  const { tool, effect, method, url } = write
  await tenant.configuration.put(
    'audit',
    {
      pk: auditPk(tenant.tenant),
      sk: `${String(now).padStart(13, '0')}#${runtime.random(9).toString('base64url')}`,
      action: 'reallyWrite',
      about: { tool, effect, method, host: new URL(url).host },
      by: who.id,
      role: rank,
      at: now,
      requestId,
    },
    { condition: 'attribute_not_exists(pk)' },
  )
}
