/** A whole turn in a simulation: what the customer would read, by the code of a real turn, and nothing leaves. */
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { TenantRuntime } from '../lambdas/core/ports.ts'
import { candidateAgent } from '../lambdas/core/simulate/candidate.ts'
import { simulate, simulatedTenant } from '../lambdas/core/simulate/simulate.ts'
import type { AgentConfiguration } from '../lambdas/core/tenant-configuration.ts'
import {
  demoAgentSettings,
  demoAuthorization,
  demoTools,
  demoUserDataApi,
  refundTool,
} from '../local/demo-data.ts'
import { simulationInput } from '../schemas/simulation.ts'
import { agentSettings, authorization, toolDefinition, userDataApi } from '../schemas/tenant-apis.ts'
import { calls, callsThenSays, results, says, shown } from './claude-scripts.ts'
import { startWorld, type World } from './world.ts'

let world: World
let tenant: TenantRuntime
beforeAll(async () => {
  world = await startWorld({ script: () => says('Hello!') })
  tenant = await world.answering().forTenant('nordlicht')
})
afterAll(() => world.close())
beforeEach(() => {
  world.shop.requests.length = 0
  world.shop.refunds.length = 0
})

const order = { order: { id: '1042', state: 'in_transit', email: 'zoe@example.com', card: '4111' } }
const zoe = { email: 'zoe@example.com', name: 'Zoë Müller', level: 'mailbox' }

/** The demo's agent with these changes to its refund, as a candidate that nobody published. */
async function agentOf(change: object = {}, signs = false): Promise<AgentConfiguration> {
  const refund = { ...refundTool(world.shop.url, 'key'), identity: 'mailbox', ...change }
  const shop = { ...demoAuthorization, ...(signs ? { identity: true } : {}) }
  return await candidateAgent('nordlicht', [
    { kind: 'authorization', id: 'shop', definition: authorization.parse(shop) },
    { kind: 'user-data-api', id: 'default', definition: userDataApi.parse(demoUserDataApi(world.shop.url)) },
    { kind: 'agent-settings', id: 'default', definition: agentSettings.parse(demoAgentSettings) },
    ...[...demoTools(world.shop.url), refund].map((definition) => ({
      kind: 'tool' as const,
      id: definition.name,
      definition: toolDefinition.parse(definition),
    })),
  ])
}

async function simulated(input: object, agent?: AgentConfiguration) {
  const { model, clock } = world.answering()
  const whole = simulationInput.parse({ message: 'Where is my order 1042?', customer: zoe, ...input })
  return await simulate({ tenant, model, clock }, agent ?? (await agentOf()), whole)
}

/** What she may refund. */
const hers = { orders: [{ id: '1042' }] }

const getOrder: [string, Record<string, unknown>] = ['get_order', { order_id: '1042' }]
const refund: [string, Record<string, unknown>] = ['refund_order', { order_id: '1042', amount: 20 }]
const sentRefunds = (): number => world.shop.requests.filter(({ path }) => path.endsWith('/refunds')).length

describe('with recorded results', () => {
  test('nothing is called, and the model reads what the tool selects of them', async () => {
    world.script = callsThenSays([getOrder], 'It is on its way.')
    const ended = await simulated({ toolResults: { get_order: { body: order } }, userData: { name: 'Zoë' } })
    expect(ended).toMatchObject({
      outcome: 'replied',
      reply: 'It is on its way.',
      calls: [{ tool: 'get_order', arguments: { order_id: '1042' }, outcome: 'done' }],
      userData: { code: 'data' },
      requests: [
        { tool: 'user-data-api', how: 'recorded' },
        { tool: 'get_order', how: 'recorded' },
      ],
      problems: [],
    })
    expect(ended.calls[0]?.result).toContain('in_transit')
    expect(ended.calls[0]?.result).not.toContain('4111')
    expect(world.shop.requests).toEqual([])
    expect(ended.cost).toBeGreaterThan(0)
    expect(ended.tokens.output).toBeGreaterThan(0)
    expect(ended.trace.map(({ entry }) => entry.kind)).toEqual([
      'identified',
      'begun',
      'user_data',
      'model',
      'tool',
      'model',
      'replied',
    ])
  })

  test('the first that fits the arguments counts; where none fits the call fails by name and is not made', async () => {
    world.script = callsThenSays([getOrder, ['get_order', { order_id: '7' }]], 'Well.')
    const ended = await simulated({
      userData: null,
      toolResults: {
        get_order: [
          { when: { order_id: '9' }, body: {} },
          { when: { order_id: '1042' }, body: order },
        ],
      },
    })
    expect(ended.calls.map(({ outcome }) => outcome)).toEqual(['done', 'failed'])
    expect(ended.requests.map(({ tool, how }) => `${tool} ${how}`)).toEqual([
      'user-data-api recorded',
      'get_order recorded',
      'get_order not_recorded',
    ])
    expect(ended.problems).toContainEqual(expect.objectContaining({ cause: 'not_recorded' }))
    expect(world.shop.requests).toEqual([])
  })

  test('an owner that is somebody else is nobody, as ever', async () => {
    const agent = await agentOf()
    const tool = agent.tools.get('get_order')
    if (tool !== undefined) tool.response.owner = 'order.email'
    world.script = callsThenSays([getOrder], 'Hm.')
    const body = { order: { ...order.order, email: 'ben@example.org' } }
    const ended = await simulated({ userData: null, toolResults: { get_order: { body } } }, agent)
    expect(ended.calls[0]).toMatchObject({ outcome: 'failed', cause: 'not_found' })
  })

  test.each([
    [{ status: 404 }, 'not_found'],
    [{ fails: 'timeout' }, 'unavailable'],
    [{ status: 429 }, 'rate_limited'],
  ])('that are failures (%j) are read as the failure they are', async (recording, cause) => {
    world.script = callsThenSays([getOrder], 'Hm.')
    const ended = await simulated({ userData: null, toolResults: { get_order: recording } })
    expect(ended.calls[0]).toMatchObject({ outcome: 'failed', cause })
  })
})

describe('without recorded results', () => {
  test('reads are really made, signed as simulated', async () => {
    world.script = callsThenSays([getOrder], 'It is on its way.')
    const ended = await simulated({}, await agentOf({}, true))
    expect(ended).toMatchObject({ outcome: 'replied', requests: [{ how: 'called' }, { how: 'called' }] })
    expect(world.shop.requests).toHaveLength(2)
    for (const { headers } of world.shop.requests) {
      const [, claims = ''] = String(headers.identity).split('.')
      expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
        mode: 'simulated',
        email: 'zoe@example.com',
        assurance: 'mailbox',
      })
    }
  })

  test('offline, they fail by name', async () => {
    world.script = callsThenSays([getOrder], 'I cannot look that up.')
    const ended = await simulated({ offline: true })
    expect(ended.requests.map(({ how }) => how)).toEqual(['offline', 'offline'])
    expect(ended.userData).toEqual({ code: 'unavailable', cause: 'offline' })
    expect(world.shop.requests).toEqual([])
  })

  test('a write is not sent, whatever the tool says of consent', async () => {
    world.script = callsThenSays([refund], 'Done.')
    const ended = await simulated({}, await agentOf({ confirm: 'never' }))
    expect(ended.calls[0]).toMatchObject({ tool: 'refund_order', outcome: 'failed' })
    expect(ended.requests.at(-1)).toMatchObject({
      tool: 'refund_order',
      method: 'POST',
      how: 'write_not_recorded',
    })
    expect(JSON.parse(ended.requests.at(-1)?.body ?? '')).toMatchObject({ amount: 20 })
    expect(sentRefunds()).toBe(0)
  })
})

describe('what the customer would read', () => {
  test('of a write that waits for their yes: the proposal and its token', async () => {
    world.script = callsThenSays([refund], 'I can do that.')
    const ended = await simulated({ userData: hers }, await agentOf({ confirm: 'customer' }))
    expect(ended.proposals).toMatchObject([{ tool: 'refund_order', by: 'customer' }])
    expect(ended.reply).toMatch(/I can do that\.[\s\S]*20[\s\S]*[0-9A-Z]{4}-[0-9A-Z]{4}/)
    expect(sentRefunds()).toBe(0)
  })

  test('of a write above the level of a mail: a code, which is mailed to nobody', async () => {
    world.script = callsThenSays([refund], 'I can do that.')
    const before = world.aws.mails().length
    const agent = await agentOf({ confirm: 'customer', identity: 'signed_in' })
    const ended = await simulated({ userData: hers }, agent)
    expect(ended.mails).toMatchObject([{ to: 'zoe@example.com' }])
    expect(world.aws.mails()).toHaveLength(before)
    const without = await simulated({ userData: hers, codes: false }, agent)
    expect(without.mails).toEqual([])
    expect(without.proposals).toEqual([])
  })

  test('of a write with a recorded answer that needs nobody’s yes: what the model makes of it', async () => {
    world.script = (request) =>
      results(request).length === 0 ? calls(refund) : says(`Refunded: ${results(request).join()}`)
    const input = {
      userData: hers,
      toolResults: { refund_order: { body: { refund: { id: 'r1', state: 'done' } } } },
    }
    const ended = await simulated(input, await agentOf({ confirm: 'never' }))
    expect(ended).toMatchObject({ outcome: 'replied', calls: [{ outcome: 'done' }] })
    expect(ended.reply).toContain('r1')
    expect(sentRefunds()).toBe(0)
  })

  test('of a write whose recorded answer leaves it open: nothing, a human', async () => {
    world.script = callsThenSays([refund], 'Done.')
    const input = { userData: hers, toolResults: { refund_order: { status: 500 } } }
    const ended = await simulated(input, await agentOf({ confirm: 'never', idempotency: 'none' }))
    expect(ended).toMatchObject({ outcome: 'handed_over', cause: 'unknown_outcome' })
    expect(ended.reply).toBeUndefined()
    expect(ended.handOver).toContain('refund_order')
  })

  test('where the agent asks for a human: nothing', async () => {
    world.script = () => calls(['hand_over', { reason: 'legal', summary: 'wants a lawyer' }])
    const ended = await simulated({ userData: hers })
    expect(ended).toMatchObject({ outcome: 'handed_over', cause: 'agent_asked', calls: [] })
    expect(ended.handOver).toContain('wants a lawyer')
  })

  test('where a human has replied: nothing, and Claude is not asked', async () => {
    const asked = world.claude.requests.length
    const ended = await simulated({ history: [{ from: 'human', text: 'I have this.' }] })
    expect(ended).toMatchObject({ outcome: 'silent', cause: 'human_replied' })
    expect(world.claude.requests).toHaveLength(asked)
  })

  test('where Claude does not answer: why', async () => {
    world.script = () => ({ error: { status: 401, type: 'authentication_error' } })
    const ended = await simulated({ userData: null })
    expect(ended).toMatchObject({ outcome: 'failed', cause: 'bad_configuration' })
    expect(ended.problems[0]?.message).toMatch(/API key/)
  })
})

describe('the level', () => {
  test.each(['none', 'claimed', 'mailbox', 'signed_in', 'confirmed'])(
    'is %s as the case says',
    async (level) => {
      world.script = () => says('Hello!')
      const ended = await simulated({ userData: null, customer: { ...zoe, level } })
      expect(ended.trace[0]?.entry).toMatchObject({ kind: 'identified', level })
      expect(ended.userData.code).toBe(['none', 'claimed'].includes(level) ? 'not_asked' : 'none')
    },
  )

  test('confirmed by a mail is so too', async () => {
    const customer = { ...zoe, level: 'confirmed', channel: 'email' }
    expect((await simulated({ userData: null, customer })).trace[0]?.entry).toMatchObject({
      level: 'confirmed',
    })
  })

  test.each([
    [{ ...zoe, level: 'signed_in', channel: 'email' }, /nobody is signed_in on email/],
    [{ level: 'mailbox' }, /needs an address/],
  ])('that cannot be (%j) is refused', (customer, why) => {
    const parsed = simulationInput.safeParse({ message: 'Hi', customer })
    expect(parsed.error?.message).toMatch(why)
  })
})

test('a simulated tenant has no way out that nobody decided on', async () => {
  const { http, signIdentity } = simulatedTenant(tenant, () => ({ cause: 'x', message: 'x' }))
  const url = `${world.shop.url}/orders`
  for (const port of ['tool', 'user_data', 'token', 'helpdesk'] as const)
    expect(await http({ port, method: 'GET', url, timeoutMs: 1000, repeatable: true })).toMatchObject({
      ok: false,
      sent: false,
    })
  expect(world.shop.requests).toEqual([])
  const live = { effect: 'e', fence: 1, ticket: '1', tool: 'refund_order', email: undefined }
  const token = await signIdentity({ ...live, assurance: 'none', mode: 'live' }, { method: 'GET', url })
  const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
  expect(JSON.parse(claims)).toMatchObject({ mode: 'simulated' })
})

test('a simulation leaves no row, note, mail or log line', async () => {
  world.script = callsThenSays([getOrder, refund], 'Done.')
  const lines = world.lines.length
  const before = await everything()
  await simulated({}, await agentOf({ confirm: 'never' }))
  expect(await everything()).toEqual(before)
  expect(world.lines).toHaveLength(lines)
})

test('the history is in the prompt, and the time is the case’s', async () => {
  world.script = (request) => says(shown(request).includes('is 2 days late') ? 'Read.' : 'Not read.')
  const history = [
    { from: 'customer', text: 'My parcel is 2 days late' },
    { from: 'agent', text: 'Which one?' },
  ]
  const ended = await simulated({ userData: null, history, at: '2027-02-03T10:00:00Z' })
  expect(ended.reply).toBe('Read.')
  expect(new Date(ended.trace[0]?.at ?? 0).toISOString()).toMatch(/^2027-02-03T10:00/)
})

async function everything(): Promise<unknown> {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  const client = new DynamoDBClient({ endpoint: world.tables.url, region: 'local', credentials })
  const scan = async (TableName: string) => (await client.send(new ScanCommand({ TableName }))).Items
  return [await scan('conversations'), await scan('configuration'), world.aws.mails()]
}
