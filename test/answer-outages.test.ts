/** Outages of others use up no attempt and end with an answer; what is our own fault ends with a human. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { AnswerRuntime } from '../lambdas/core/ports.ts'
import type { Answered } from '../local/serve.ts'
import { demoConnectionId } from '../local/zendesk/demo.ts'
import { calls, echoes, results, says } from './claude-scripts.ts'
import { type Plan, startWorld, type World } from './world.ts'

const minute = 60_000
const hour = 60 * minute

let world: World
beforeAll(async () => {
  world = await startWorld({ script: echoes })
})
afterAll(() => world.close())
beforeEach(() => {
  world.script = echoes
  world.clock.time += hour
})

const texts = (ticketId: string): string[] => world.replies(ticketId).map((reply) => reply.plain_body)
const logged = (ticketId: string, event: string) =>
  world.lines.filter((line) => line.event === event && line.ticketId === ticketId)
const postponed = (ticketId: string): unknown[] =>
  logged(ticketId, 'postponed').map((line) => [line.cause, line.ms])

async function opened(text = 'Hello'): Promise<string> {
  const ticketId = world.openTicket(text)
  await world.deliver(ticketId)
  return ticketId
}

/** No attempt was used up, and in the end there is one reply and no human. */
async function endsWell(ticketId: string): Promise<void> {
  expect((await world.row(ticketId))?.attempts ?? 0).toBe(0)
  expect(texts(ticketId)).toEqual([])
  await world.untilQuiet(ticketId)
  expect(texts(ticketId)).toEqual(['You wrote: Hello'])
  expect(world.notes(ticketId)).toEqual([])
}

describe('the helpdesk', () => {
  test('says 429: it is left alone for as long as it asks', async () => {
    const ticketId = await opened()
    world.zendesk.failNext({ when: 'before', answer: { status: 429, headers: { 'retry-after': '93' } } })
    await world.run(ticketId)
    expect(postponed(ticketId)).toEqual([['rate_limited', 93_000]])
    expect((await world.row(ticketId))?.dueAt).toBe(world.clock.time + 93_000)
    await endsWell(ticketId)
  })

  test.each<[string, Answered, number]>([
    ['500, for longer than five attempts', { status: 500 }, 7],
    ['503', { status: 503 }, 1],
    ['a page instead of JSON', { status: 200, html: '<html>maintenance</html>' }, 1],
    ['a reset', 'reset', 1],
  ])('fails at a read with %s', async (_, answer, times) => {
    const ticketId = await opened()
    let down = true
    const only = ({ method }: { method: string }) => down && method === 'GET'
    world.zendesk.failNext({ when: 'before', answer }, { times: Number.MAX_SAFE_INTEGER, only })
    for (let runs = 0; runs < times; runs++) await world.run(ticketId)
    down = false
    await endsWell(ticketId)
    const delays = logged(ticketId, 'postponed').map((line) => line.ms)
    expect(delays).toEqual([30, 60, 120, 300, 900, 900, 900].slice(0, times).map((each) => each * 1000))
  })

  test('refuses the token: an alarm names the connection, and the event is answered once that is mended', async () => {
    const ticketId = await opened()
    let revoked = true
    world.zendesk.failNext(
      { when: 'before', answer: { status: 401, json: { error: 'invalid_token' } } },
      { times: Number.MAX_SAFE_INTEGER, only: () => revoked },
    )
    for (let runs = 0; runs < 2; runs++) await world.run(ticketId)
    const alarms = world.lines.filter((line) => line.alarm === true && line.event === 'connection_broken')
    expect(alarms.length).toBeGreaterThanOrEqual(2)
    expect(alarms.at(-1)).toMatchObject({ connectionId: demoConnectionId, ticketId })
    expect(String(alarms.at(-1)?.errorMessage)).toMatch(/OAuth client|credentials/)
    revoked = false
    await endsWell(ticketId)
  })
})

describe('Claude', () => {
  test.each([
    [529, 7],
    [429, 1],
    [500, 1],
  ])('answers %d, %d time(s)', async (status, times) => {
    const ticketId = await opened()
    world.script = () => ({ error: { status, type: 'api_error', headers: { 'retry-after': '60' } } })
    for (let runs = 0; runs < times; runs++) await world.run(ticketId)
    world.script = echoes
    await endsWell(ticketId)
  })

  test('cuts the connection', async () => {
    const ticketId = await opened()
    let down = true
    world.script = (request, n) => (down ? { fault: 'reset' } : echoes(request, n))
    await world.run(ticketId)
    down = false
    await endsWell(ticketId)
  })

  test('never answers: the run ends before its time is up', async () => {
    const ticketId = await opened()
    world.script = () => ({ fault: 'hang' })
    await world.run(ticketId, world.process(undefined, undefined, { lambdaMs: 5400 }))
    expect(postponed(ticketId)).toEqual([['unavailable', 30_000]])
    world.script = echoes
    await endsWell(ticketId)
  })

  test('asks to wait a year: the run does not', async () => {
    const ticketId = await opened()
    world.script = () => ({
      error: { status: 529, type: 'overloaded_error', headers: { 'retry-after': '31536000' } },
    })
    await world.run(ticketId)
    expect(postponed(ticketId)).toEqual([['rate_limited', hour]])
    world.script = echoes
    await endsWell(ticketId)
  })
})

describe('AWS', () => {
  const downFor = async (broken: (port: string) => boolean): Promise<string> => {
    const ticketId = await opened()
    for (let runs = 0; runs < 3; runs++) {
      await world.run(ticketId, world.process(undefined, undefined, { fails: broken }))
    }
    return ticketId
  }

  test.each(['secrets.outbound', 'configuration.release', 'kms.data_key', 'conversations.effects'])(
    'fails at %s',
    async (port) => {
      await endsWell(await downFor((name) => name === port))
    },
  )

  test.each(['conversations.pauses', 'conversations.claim', 'sts.assume_role'])(
    'fails at %s: nothing can be claimed, so the wake-up goes back to the queue',
    async (port) => {
      const ticketId = await opened()
      const process = world.process(undefined, undefined, { fails: (name) => name === port })
      expect(await process.answer(world.wakeUp(ticketId))).toBe('failed')
      await endsWell(ticketId)
    },
  )

  test('fails at everything once the ticket is claimed: the end of the lease brings it back', async () => {
    const ticketId = await opened()
    const process = world.process(undefined, undefined, {
      fails: (port) => port.startsWith('conversations.') && !/\.(pauses|claim)$/.test(port),
    })
    expect(await process.answer(world.wakeUp(ticketId))).toBe('ended')
    await world.untilQuiet(ticketId)
    expect(texts(ticketId)).toEqual(['You wrote: Hello'])
  })

  test('loses the answer to a store after the reply: it is found, not posted again', async () => {
    const ticketId = await opened()
    const process = world.process(undefined, undefined, { fails: (port) => port === 'conversations.outcome' })
    await world.untilQuiet(ticketId, process)
    expect(texts(ticketId)).toEqual(['You wrote: Hello'])
  })
})

describe('the tenant’s APIs', () => {
  test('of tools are down: the model reads a typed failure, and the turn goes on', async () => {
    world.script = (request) =>
      results(request).length === 0
        ? calls(['get_order', { order_id: '1042' }], ['list_orders', {}])
        : says(results(request).join(' | '))
    world.shop.failNext(
      { when: 'before', answer: { status: 503 } },
      { only: ({ url }) => url.pathname === '/orders/1042' },
    )
    world.shop.failNext(
      { when: 'before', answer: 'reset' },
      { only: ({ url }) => url.pathname === '/orders' },
    )
    const ticketId = await world.ask('Hello')
    expect(texts(ticketId)).toEqual([expect.stringMatching(/^unavailable: .* \| unavailable: /)])
  })

  test.each<[string, Answered]>([
    ['500', { status: 500 }],
    ['a reset', 'reset'],
    [
      'an answer about somebody else',
      { status: 200, json: { identifier: 'ben@example.org', user_info: 'Ben' } },
    ],
  ])('of user data answer %s: the agent goes on without', async (_, answer) => {
    const only = ({ url }: { url: URL }) => url.pathname === '/user-data'
    world.shop.failNext({ when: 'before', answer }, { only })
    world.script = (request) => says(JSON.stringify(request.messages).includes('Ben') ? 'leak' : 'without')
    const ticketId = await world.ask('Hello')
    expect(texts(ticketId)).toEqual(['without'])
    expect(logged(ticketId, 'user_data').concat(logged(ticketId, 'user_data_mismatch'))).toHaveLength(1)
  })

  test('of user data hang: the run ends in time and the agent goes on later', async () => {
    const only = ({ url }: { url: URL }) => url.pathname === '/user-data'
    world.shop.failNext({ when: 'before', answer: 'hang' }, { only })
    const ticketId = await opened()
    await world.run(ticketId, world.process(undefined, undefined, { lambdaMs: 5400 }))
    await endsWell(ticketId)
  })
})

describe('our own fault', () => {
  /** Runs until the ticket is settled, each process by `make`. Answers how many there were. */
  async function runAll(ticketId: string, make: () => ReturnType<World['process']>): Promise<number> {
    for (let runs = 0, rounds = 0; rounds < 60; rounds++) {
      if ((await world.row(ticketId))?.due === undefined) return runs
      if (await world.step(ticketId, make())) runs++
    }
    throw new Error('not settled')
  }
  const expectHuman = (ticketId: string, why: string) => {
    expect(world.replies(ticketId)).toEqual([])
    expect(world.tags(ticketId)).toEqual(['ai-handed-over'])
    expect(world.notes(ticketId).map((note) => note.plain_body)).toEqual([expect.stringContaining(why)])
  }

  test('a process that dies each time: after five attempts a human gets the ticket', async () => {
    const ticketId = await opened()
    const dies: Plan = { n: 1, port: 'model.create', when: 'before' }
    expect(await runAll(ticketId, () => world.process(dies))).toBe(6)
    expectHuman(ticketId, 'Answering failed several times')
    expect(logged(ticketId, 'too_many_attempts')).toMatchObject([{ alarm: true, attempt: 6 }])
  })

  test('an unexpected exception each time: likewise, and each is an alarm', async () => {
    const ticketId = await opened('please do not log me')
    const breaks = (runtime: AnswerRuntime): AnswerRuntime => ({
      ...runtime,
      model: { create: () => Promise.reject(new TypeError('cannot read please do not log me')) },
    })
    expect(await runAll(ticketId, () => world.process(undefined, breaks))).toBe(6)
    expectHuman(ticketId, 'Answering failed several times')
    expect(logged(ticketId, 'turn_failed')).toHaveLength(5)
    expect(logged(ticketId, 'turn_failed')[0]).toMatchObject({ alarm: true, errorName: 'TypeError' })
    expect(JSON.stringify(world.lines)).not.toContain('do not log me')
  })

  test('a new message after that is answered: attempts are counted anew', async () => {
    const ticketId = await opened()
    const dies: Plan = { n: 1, port: 'model.create', when: 'before' }
    for (let deaths = 0; deaths < 4; deaths++) await world.run(ticketId, world.process(dies))
    await world.untilQuiet(ticketId)
    expect(texts(ticketId)).toEqual(['You wrote: Hello'])
    expect(await world.row(ticketId)).toMatchObject({ attempts: 0 })
  })

  test('an event that was due for more than 24 hours goes to a human', async () => {
    const ticketId = await opened()
    await world.loseWakeUps()
    world.clock.time += 25 * hour
    await world.untilQuiet(ticketId)
    expectHuman(ticketId, 'waited for more than 24 hours')
  })

  test('a webhook that comes more than 24 hours late starts no turn', async () => {
    const ticketId = world.openTicket('Hello')
    world.clock.time += 25 * hour
    await world.deliver(ticketId)
    const before = world.claude.requests.length
    await world.untilQuiet(ticketId)
    expect(world.comments(ticketId)).toHaveLength(1)
    expect(world.claude.requests.length).toBe(before)
  })

  test('a ticket that is gone, with a reply under way, is settled', async () => {
    const ticketId = await opened()
    await world.run(ticketId, world.process({ n: 1, port: 'conversations.outcome', when: 'before' }))
    const gone = {
      times: Number.MAX_SAFE_INTEGER,
      only: ({ url }: { url: URL }) => url.pathname.includes(ticketId),
    }
    world.zendesk.failNext({ when: 'before', answer: { status: 404, json: {} } }, gone)
    await world.untilQuiet(ticketId)
    expect(await world.row(ticketId)).toMatchObject({ open: {}, attempts: 0 })
  })
})
