/** Setting up a connection: what to do at the helpdesk, is it right yet, and what can be done there in the admin's place. */
import * as z from 'zod'
import { secretPk, why } from '../../../schemas/admin.ts'
import type { ConnectionBase } from '../../../schemas/connection.ts'
import { helpdeskName, tenantId } from '../../../schemas/names.ts'
import { inboundSecret, outboundSecret } from '../../../schemas/secrets.ts'
import { checkConnections } from '../../core/check-connections.ts'
import { DeskhandError } from '../../core/errors.ts'
import type { Helpdesk, Reach, Step } from '../../core/helpdesk.ts'
import type { Secrets } from '../../core/ports.ts'
import { policyOf } from '../candidate.ts'
import { type Opened, save, told, withProblems } from '../drafts.ts'
import { enterSecret } from '../enter-secret.ts'
import { type Helpdesks, kindOf, readDefinition } from '../kinds.ts'
import { type Mistake, Problem, pointerTo } from '../problem.ts'
import { etag, type Route, route } from '../route.ts'
import { allNewestOf, newestVersion } from '../versions.ts'

const tag = 'connections'
const all = '/admin/tenants/{tenant}/connections'
const one = `${all}/{id}`
const inTenant = z.object({ tenant: tenantId })
const named = inTenant.extend({ id: z.string().min(1).max(100) })
const kind = kindOf('connection')

/** Of a new connection, what is not for its admin to choose. */
const given = ['id', 'helpdesk', 'inbound', 'mode'] as const

const step = z
  .object({
    title: z.string(),
    text: z.string(),
    values: z
      .record(z.string(), z.string())
      .optional()
      .meta({ description: 'What to type in or copy, by what the helpdesk calls it.' }),
  })
  .meta({ id: 'SetupStep' })
const missingSecret = z
  .object({
    direction: z.enum(['inbound', 'outbound']),
    name: z.string(),
    what: z.string().meta({ description: 'What its value is.' }),
    hosts: z.array(z.string()).optional().meta({ description: 'What to enter it for (outbound).' }),
  })
  .meta({ id: 'MissingSecret' })
const guide = {
  webhookUrl: z.string(),
  steps: z.array(step),
  missing: z
    .array(missingSecret)
    .meta({ description: 'Secrets to enter: PUT …/secrets/{direction}/{name}.' }),
  installs: z.boolean().meta({ description: 'Can the webhook be made for you? POST …/install.' }),
}
const shownSecret = z.object({ name: z.string(), value: z.string() }).meta({
  description: 'What the webhook carries. Shown this once: whoever loses it enters another value.',
})

export function connectionRoutes(helpdesks: Helpdesks): Route[] {
  return [
    route(
      {
        id: 'newConnection',
        method: 'POST',
        path: `${all}/new`,
        tag,
        summary:
          'Begins a connection: makes its id and secret, saves a draft in note mode, says what to do there',
        description:
          "`settings` are the connection's own, without id, helpdesk, inbound and mode. Where the secret is ours it is in the answer, this once.",
        permission: 'administer',
        params: inTenant,
        body: z.strictObject({ helpdesk: helpdeskName, settings: z.record(z.string(), z.json()), why }),
        shownBody: newBody(helpdesks),
        example: {
          helpdesk: 'zendesk',
          settings: {
            subdomain: 'acme',
            accountId: '22129848',
            botUserId: '900000000001',
            auth: { type: 'oauth_client_credentials', clientId: 'deskhand', secret: 'zendesk-client' },
          },
          why: 'First connection',
        },
        answers: {
          status: 201,
          description: 'A draft, and what to do now.',
          body: z.object({
            connection: told(kind, helpdesks),
            secret: shownSecret.optional(),
            ...guide,
          }),
          etag: true,
        },
      },
      async (call) => {
        const helpdesk = helpdeskOf(call.helpdesks, call.body.helpdesk)
        const connection = newConnection(call, helpdesk, call.body.settings)
        const { secretName } = targetOf(call, connection)
        const secret = helpdesk.setup.secret === 'ours' ? newSecret(call) : undefined
        // Says what is wrong with the settings before anything is stored.
        const guided = await guideOf(call, helpdesk, connection, secret)
        if (secret !== undefined)
          await enterSecret(call, { direction: 'inbound', name: secretName }, { value: secret })
        const saved = await save(call, kind, connection.id, connection, call.body.why, undefined)
        return {
          status: 201,
          body: {
            connection: await withProblems(call, saved),
            ...(secret === undefined ? {} : { secret: { name: secretName, value: secret } }),
            ...guided,
          },
          headers: {
            ...etag(saved.version),
            location: `${call.runtime.publicUrl}${one.replace('{tenant}', call.tenant.tenant).replace('{id}', connection.id)}`,
          },
          result: { id: connection.id, version: saved.version },
        }
      },
    ),
    route(
      {
        id: 'getConnectionSetup',
        method: 'GET',
        path: `${one}/setup`,
        tag,
        summary:
          'Says again what to do at the helpdesk for connection {id} as it is drafted, without any secret',
        permission: 'read',
        params: named,
        answers: { status: 200, description: 'What to do.', body: z.object(guide) },
      },
      async (call) => {
        const { helpdesk, connection } = await draftOf(call, call.params.id)
        return { status: 200, body: await guideOf(call, helpdesk, connection, undefined) }
      },
    ),
    route(
      {
        id: 'checkConnection',
        method: 'POST',
        path: `${one}/check`,
        tag,
        summary: 'Asks the helpdesk with the stored credentials what connection {id} as it is drafted lacks',
        description:
          'Credentials, scopes, bot user and whatever else its API tells. It writes nothing there.',
        permission: 'try',
        limit: 'tries',
        changesNothing: true,
        params: named,
        body: z.strictObject({}),
        example: {},
        answers: {
          status: 200,
          description: 'What was looked at.',
          body: z.object({
            ok: z.boolean().meta({ description: 'Nothing is missing.' }),
            findings: z.array(
              z
                .object({
                  what: z.string().meta({ description: 'credentials, scope, bot_user, account, …' }),
                  ok: z.boolean(),
                  message: z.string().meta({ description: 'What is missing and how to mend it.' }),
                })
                .meta({ id: 'Finding' }),
            ),
          }),
        },
      },
      async (call) => {
        const { connection } = await draftOf(call, call.params.id)
        const definitions = [{ kind: 'connection' as const, id: connection.id, definition: connection }]
        const checked = await checkConnections(call.helpdesks, definitions, outward(call))
        const findings = checked.flatMap((each) => each.findings)
        return { status: 200, body: { ok: findings.every(({ ok }) => ok), findings } }
      },
    ),
    route(
      {
        id: 'installConnection',
        method: 'POST',
        path: `${one}/install`,
        tag,
        summary:
          'Makes the webhook of connection {id} at the helpdesk, or finds it, and stores what it is signed by',
        description:
          'Safe to repeat. Where the secret is ours a new one is made, and the one that was shown before counts no more. Where the helpdesk has no API for it: 409, with the steps to do by hand as its errors.',
        permission: 'administer',
        params: named,
        body: z.strictObject({ why }),
        example: { why: 'Goes live on Monday' },
        answers: {
          status: 200,
          description: 'It is there.',
          body: z.object({
            outcome: z.enum(['created', 'found']),
            ids: z.array(z.string()).meta({ description: "The helpdesk's own." }),
            webhookUrl: z.string(),
          }),
        },
      },
      async (call) => {
        const { helpdesk, connection } = await draftOf(call, call.params.id)
        const target = targetOf(call, connection)
        const { install } = helpdesk.setup
        if (install === undefined)
          throw byHand(helpdesk, helpdesk.setup.steps(reach(call, connection), target))
        await mustBeItsOwn(call, connection, target.secretName)
        const storing = async (value: string) => {
          await enterSecret(call, { direction: 'inbound', name: target.secretName }, vouching(value))
          return value
        }
        const { outcome, ids, secret } = await install(
          { ...outward(call), ...reach(call, connection), tokens: new Map() },
          { url: target.url, newSecret: () => storing(newSecret(call)) },
        ).catch(asProblem)
        if (secret !== undefined) await storing(secret)
        return {
          status: 200,
          body: { outcome, ids, webhookUrl: target.url },
          result: { outcome, ids: ids.join(' ') },
        }
      },
    ),
  ]
}

/** The body as the document shows it: one for each helpdesk. */
function newBody(helpdesks: Helpdesks): z.ZodType {
  const bodies: z.ZodType[] = Object.values(helpdesks).map(({ name, connection }) =>
    z.strictObject({
      helpdesk: z.literal(name),
      settings:
        connection instanceof z.ZodObject
          ? connection.omit({ id: true, helpdesk: true, inbound: true, mode: true })
          : connection,
      why,
    }),
  )
  return z.union(bodies as [z.ZodType, z.ZodType])
}

function helpdeskOf(helpdesks: Helpdesks, name: string): Helpdesk {
  const found = Object.hasOwn(helpdesks, name) ? helpdesks[name] : undefined
  if (found === undefined) throw new Error(`no helpdesk ${name}`)
  return found
}

/** Under an id and a secret that are nobody else's. Throws `invalid` with every mistake in the settings. */
function newConnection(call: Opened, helpdesk: Helpdesk, settings: Record<string, unknown>): ConnectionBase {
  const { tenant } = call.tenant
  const taken: Mistake[] = given
    .filter((name) => Object.hasOwn(settings, name))
    .map((name) => ({
      detail: `${name} is not a setting of a new connection`,
      pointer: pointerTo(['settings', name]),
    }))
  const definition = {
    ...settings,
    id: `${tenant}.${call.runtime.random(16).toString('base64url')}`,
    helpdesk: helpdesk.name,
    mode: 'note',
    inbound: [{ secret: `${helpdesk.name}-webhook-${call.runtime.random(6).toString('hex')}` }],
  }
  const parsed = readDefinition(kind, definition, {
    tenant,
    policy: policyOf(call.runtime, call.tenant),
    helpdesks: call.helpdesks,
  })
  if (parsed.ok && taken.length === 0) return parsed.definition as ConnectionBase
  const mistakes = [...taken, ...(parsed.ok ? [] : parsed.mistakes.map(inSettings))]
  throw new Problem('invalid', `${mistakes.length} to mend in the settings: see errors.`, {
    errors: mistakes,
  })
}

const inSettings = ({ pointer, ...rest }: Mistake): Mistake => ({
  ...rest,
  ...(pointer === undefined ? {} : { pointer: pointer.replace(/^#\/definition/, '#/settings') }),
})

const newSecret = ({ runtime }: Opened): string => runtime.random(32).toString('base64url')

/** The connection as it is drafted. Throws `not_found`. */
async function draftOf(call: Opened, id: string) {
  const { configuration: table, tenant } = call.tenant
  const newest = await newestVersion({ table, tenant }, 'connection', id)
  if (newest === undefined || newest.deleted) throw new Problem('not_found', `There is no connection ${id}.`)
  const connection = newest.definition as ConnectionBase
  return { helpdesk: helpdeskOf(call.helpdesks, connection.helpdesk), connection }
}

/** Where its webhooks go. The secret that does not expire is the newer one while two are accepted. */
function targetOf({ runtime }: Opened, { id, helpdesk, inbound }: ConnectionBase) {
  const lasting = inbound.find(({ expiresAt }) => expiresAt === undefined) ?? inbound[0]
  return {
    url: `${runtime.publicUrl}/webhooks/${helpdesk}/${id}`,
    secretName: lasting?.secret ?? '',
  }
}

const reach = ({ tenant: { allowance } }: Opened, connection: ConnectionBase): Reach<ConnectionBase> => ({
  connection,
  ...(allowance === undefined ? {} : { allowance }),
})

/** The ways out as a turn would have them, but for secrets: one that was entered a moment ago counts. */
function outward({ tenant, runtime, now }: Opened) {
  const secrets: Secrets = { read: (name) => tenant.secrets.read(name, { fresh: true }) }
  return {
    http: tenant.http,
    secrets,
    now: () => now,
    log: runtime.log.with({ tenant: tenant.tenant }),
    ...(tenant.allowance === undefined ? {} : { allowance: tenant.allowance }),
  }
}

async function guideOf(
  call: Opened,
  helpdesk: Helpdesk,
  connection: ConnectionBase,
  secret: string | undefined,
) {
  const { setup } = helpdesk
  const target = targetOf(call, connection)
  const api = reach(call, connection)
  const steps = setup.steps(api, { ...target, ...(secret === undefined ? {} : { secret }) })
  return {
    webhookUrl: target.url,
    steps: [...steps, ...afterwards],
    missing: [
      ...(await missingOutbound(call, setup.credential(api))),
      ...(secret === undefined ? await missingInbound(call, helpdesk, target.secretName) : []),
    ],
    installs: setup.install !== undefined,
  }
}

/** The same for every helpdesk. */
const afterwards: Step[] = [
  {
    title: 'Check',
    text: 'POST …/check of this connection asks the helpdesk with what was entered, and says what is missing.',
  },
  {
    title: 'Attest',
    text: 'Only what is so, in attestations: by it a customer’s mailbox is known. The page of this helpdesk says what each means there.',
  },
  {
    title: 'Publish',
    text: 'POST …/publish of this connection. It starts in note mode: answers are internal notes. When you like what you read, set mode to reply; an approver who did not write that publishes it.',
  },
]

async function missingOutbound(
  { tenant }: Opened,
  { secret, what, hosts }: ReturnType<Helpdesk['setup']['credential']>,
) {
  const stored = outboundSecret.safeParse(await tenant.secrets.read(secret, { fresh: true }))
  const bound = stored.success ? stored.data.hosts.map((host) => host.toLowerCase()) : []
  return hosts.every((host) => bound.includes(host))
    ? []
    : [{ direction: 'outbound' as const, name: secret, what, hosts }]
}

/** Our role may not read what webhooks are signed by, so what is told of secrets counts. */
async function missingInbound({ tenant }: Opened, { setup }: Helpdesk, name: string) {
  const key = { pk: secretPk(tenant.tenant), sk: `inbound#${name}` }
  if ((await tenant.configuration.get('secret', key)) !== undefined) return []
  const what =
    setup.secret === 'ours'
      ? 'any 32 random bytes: the webhook carries them'
      : 'what the helpdesk signs webhooks by: it shows it'
  return [{ direction: 'inbound' as const, name, what }]
}

const byHand = ({ setup, name }: Helpdesk, steps: Step[]): Problem =>
  new Problem(
    'conflict',
    `${name} has no API that makes ${setup.secret === 'ours' ? 'a webhook' : 'a subscription'}: do the steps in errors by hand.`,
    {
      errors: steps.map(({ title, text, values = {} }) => ({
        detail: [
          `${title}: ${text}`,
          ...Object.entries(values).map(([what, value]) => `${what}: ${value}`),
        ].join('\n'),
      })),
    },
  )

/** What another connection is verified by is not overwritten. */
async function mustBeItsOwn({ tenant }: Opened, { id }: ConnectionBase, secretName: string): Promise<void> {
  const drafts = await allNewestOf({ table: tenant.configuration, tenant: tenant.tenant }, 'connection')
  const other = drafts.find(
    ({ id: each, definition }) =>
      each !== id && (definition as ConnectionBase).inbound.some(({ secret }) => secret === secretName),
  )
  if (other === undefined) return
  throw new Problem(
    'conflict',
    `Connection ${other.id} uses the inbound secret ${secretName}, too: name another one in inbound.`,
  )
}

/** A vendor's secret that is too short to vouch for anything is not stored. */
function vouching(value: string): { value: string } {
  const parsed = inboundSecret.safeParse({ value })
  if (parsed.success) return parsed.data
  throw new Problem('upstream', 'The helpdesk told a secret that is too short to vouch for webhooks.')
}

function asProblem(error: unknown): never {
  if (!(error instanceof DeskhandError) || error.code !== 'connection_broken') throw error
  throw new Problem(
    'upstream',
    `${error.message}. Making a webhook may take an admin role: give it to the bot user, or do it by hand as GET …/setup says.`,
    { cause: error },
  )
}
