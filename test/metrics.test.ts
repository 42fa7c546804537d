/** What the metric filters make of the lines that the real handlers write. */
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Context, SQSRecord } from 'aws-lambda'
import { createAnswer } from '../lambdas/core/answer.ts'
import { createQueue } from '../lambdas/core/aws/queue.ts'
import { withDefaults } from '../lambdas/core/aws/runtime-options.ts'
import { zendesk } from '../lambdas/zendesk/helpdesk.ts'
import { answerMeasures, logLines, receiveMeasures } from '../lib/log-lines.ts'
import { demoTenant } from '../local/demo-data.ts'
import { costOf } from '../schemas/prices.ts'
import { calls, callsThenSays, echoes, results, says } from './claude-scripts.ts'
import { counted, matches } from './log-filter.ts'
import { startWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ script: echoes })
})
afterAll(() => world.close())
let from = 0
beforeEach(() => {
  world.clock.time += 3_600_000
  world.script = echoes
  from = world.lines.length
})

const tenant = `Helpdesk=zendesk,Tenant=${demoTenant}`
const metrics = (): Record<string, number> =>
  counted({ ...receiveMeasures, ...answerMeasures }, world.lines.slice(from))
/** Without the durations, which the clock of a test does not move. */
const figures = (): Record<string, number> =>
  Object.fromEntries(
    Object.entries(metrics()).filter(([name]) => !/^\w+Ms\{|Tokens|Cost|InARow|Credentials/.test(name)),
  )
const connection = (): string => `Helpdesk=zendesk,Connection=${world.connectionId}`

describe('by helpdesk and tenant', () => {
  test('a refund: one event, one turn, one reply, each step timed, tokens and their cost', async () => {
    world.script = callsThenSays([['refund_order', { order_id: '1042', amount: 20 }]], 'It is on its way.')
    await world.ask('Please refund 20 EUR of my order 1042.')
    expect(figures()).toEqual({
      [`Events{${tenant}}`]: 1,
      [`Turns{${tenant}}`]: 1,
      [`Replies{${tenant},Code=replied}`]: 1,
      [`Writes{${tenant},Code=done}`]: 1,
    })
    const all = metrics()
    const names = Object.keys(all).filter((name) => /^\w+Ms\{/.test(name))
    expect(new Set(names)).toEqual(
      new Set(
        ['IdentifyMs', 'ModelMs', 'PostMs', 'ReadMs', 'ToolMs', 'TurnMs', 'UserDataMs'].map(
          (name) => `${name}{${tenant}}`,
        ),
      ),
    )
    const tokens = (name: string): number => all[`${name}Tokens{${tenant}}`] ?? Number.NaN
    const asked = world.lines.slice(from).filter(({ event }) => event === 'model_answered')
    expect(asked).toHaveLength(2)
    expect(tokens('Input') + tokens('CacheRead') + tokens('CacheWrite')).toBeGreaterThan(0)
    expect(tokens('Output')).toBeGreaterThan(0)
    expect(all[`ModelCost{${tenant}}`]).toBeCloseTo(
      costOf(String(asked[0]?.model), {
        input: tokens('Input'),
        output: tokens('Output'),
        cacheRead: tokens('CacheRead'),
        cacheWrite: tokens('CacheWrite'),
      }) ?? Number.NaN,
      5,
    )
  })

  test('a hand-over, and what a rule refused the model, by their causes', async () => {
    world.script = (request) =>
      results(request).length === 0
        ? calls(['refund_order', { order_id: '1042' }])
        : calls(['hand_over', { reason: 'cannot', summary: 'wants a refund' }])
    await world.ask('Please refund my order 1042.')
    expect(figures()).toEqual({
      [`Events{${tenant}}`]: 1,
      [`Turns{${tenant}}`]: 1,
      [`ToolRefusals{${tenant},Cause=bad_arguments}`]: 1,
      [`HandOvers{${tenant},Cause=agent_asked}`]: 1,
    })
  })

  test('a turn that fails, until it ends well', async () => {
    const ticketId = world.openTicket('Hello')
    await world.deliver(ticketId)
    world.script = () => ({ error: { status: 529, type: 'overloaded_error' } })
    await world.run(ticketId)
    expect(figures()).toEqual({ [`Events{${tenant}}`]: 1, [`TurnsFailed{${tenant}}`]: 1 })
    expect(world.lines.slice(from).filter((line) => matches(logLines.turnFailed, line))).toHaveLength(1)
    world.script = says.bind(undefined, 'Hello!')
    await world.untilQuiet(ticketId)
    expect(figures()).toMatchObject({ [`Turns{${tenant}}`]: 1, [`TurnsFailed{${tenant}}`]: 1 })
  })
})

describe('a stranger', () => {
  const at = (connectionId: string) => world.process().knock('{}', {}, { connectionId })

  test('makes no metric of a tenant or connection by naming one', async () => {
    for (let n = 0; n < 20; n++) await at(`made-up-${n}.${'x'.repeat(22)}`)
    await at('../no id at all')
    expect(metrics()).toEqual({ 'RefusedStrangers{Helpdesk=zendesk,Cause=unknown_connection}': 21 })
  })

  test('who knows the URL of a connection is counted there', async () => {
    await at(world.connectionId)
    const [[refusal = ''] = []] = Object.entries(metrics()).filter(([name]) => name.startsWith('Refusals'))
    expect(refusal).toMatch(new RegExp(`^Refusals\\{${tenant},Cause=\\w+\\}$`))
    expect(metrics()[`FailuresInARow{${connection()}}`]).toBe(1)
  })
})

describe('in a row, for one connection', () => {
  const failing = (): number => metrics()[`FailuresInARow{${connection()}}`] ?? 0
  const refused = (): number => metrics()[`CredentialsRefused{${connection()}}`] ?? 0

  test('five webhooks that fail are five, and one that succeeds makes them none', async () => {
    for (let n = 0; n < 5; n++) await world.process().knock('{}', {})
    expect(failing()).toBe(5)
    await world.ask('Hello')
    expect(failing()).toBeLessThan(1)
  })

  test('a store that is down fails a webhook of a connection that was found before', async () => {
    const down = world.process(undefined, undefined, { fails: (port) => port === 'conversations.ring' })
    expect(await down.deliver(world.openTicket('Hello'))).toBe(409)
    expect(failing()).toBe(1)
  })

  test('credentials that the helpdesk refuses are counted, and one read that works makes them none', async () => {
    const ticketId = world.openTicket('Hello')
    await world.deliver(ticketId)
    let revoked = true
    world.zendesk.failNext(
      { when: 'before', answer: { status: 401, json: { error: 'invalid_token' } } },
      { times: Number.MAX_SAFE_INTEGER, only: () => revoked },
    )
    await world.run(ticketId)
    await world.run(ticketId)
    expect(refused()).toBe(2)
    revoked = false
    await world.untilQuiet(ticketId)
    expect(refused()).toBeLessThan(1)
  })
})

describe('a trace id', () => {
  const root = '1-67891233-abcdef012345678912345678'
  const header = `Root=${root};Parent=463ac35c9f6413ad;Sampled=1;Lineage=a87bd80c:1|68fd508a:5`
  const set = (value: string | undefined): void => {
    if (value === undefined) delete process.env._X_AMZN_TRACE_ID
    else process.env._X_AMZN_TRACE_ID = value
  }
  afterEach(() => set(undefined))

  /** The one line that a function writes to its standard output. */
  function written(): Record<string, unknown> {
    const lines: string[] = []
    const { write } = process.stdout
    process.stdout.write = ((line: string) => lines.push(line) > 0) as typeof write
    try {
      withDefaults({}).log.info('turn_ended')
    } finally {
      process.stdout.write = write
    }
    return JSON.parse(lines.join(''))
  }

  test('is on every line of its invocation, and on none outside of Lambda', () => {
    set(header)
    expect(written()).toMatchObject({ event: 'turn_ended', traceId: root })
    set('Root=1-00000000-000000000000000000000000')
    expect(written()).toMatchObject({ traceId: '1-00000000-000000000000000000000000' })
    for (const none of [undefined, 'Root=anna', `Root=${root};Parent=a b`]) {
      set(none)
      expect(written()).not.toHaveProperty('traceId')
    }
  })

  test('goes with the wake-up, so that the lines of the turn name the webhook that rang', async () => {
    set(header)
    const ticketId = world.openTicket('Hello')
    await world.deliver(ticketId)
    set(undefined)
    world.clock.time += 5_000
    const client = { endpoint: world.aws.url, region: 'local', credentials: world.aws.credentials }
    const { Messages = [] } = await new SQSClient(client).send(
      new ReceiveMessageCommand({
        QueueUrl: `${world.aws.url}/000000000000/zendesk`,
        MessageSystemAttributeNames: ['All'],
        MaxNumberOfMessages: 10,
      }),
    )
    const message = Messages.find(({ Body }) => Body === world.wakeUp(ticketId))
    expect(message?.Attributes?.AWSTraceHeader).toBe(header)

    from = world.lines.length
    const record = { messageId: 'm', body: message?.Body, attributes: message?.Attributes } as SQSRecord
    const context = { getRemainingTimeInMillis: () => 180_000 } as Context
    await createAnswer(zendesk, world.answering())({ Records: [record] }, context)
    const lines = world.lines.slice(from)
    expect(lines.map(({ event }) => event)).toContain('turn_ended')
    expect(new Set(lines.map(({ wokenBy }) => wokenBy))).toEqual(new Set([root]))
    await world.loseWakeUps()
  })

  test('that is no trace header is not sent on', async () => {
    set('Root=x; drop table')
    const client = { endpoint: world.aws.url, region: 'local', credentials: world.aws.credentials }
    const queue = createQueue(new SQSClient(client), world.aws.createQueue('traces'), (_port, call) => call())
    await queue.send({ connectionId: world.connectionId, ticketId: '1' }, 0)
    expect(world.aws.messages('traces')[0]).not.toHaveProperty('trace')
  })
})
