import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Context } from 'aws-lambda'
import { inbound } from '../lambdas/zendesk/inbound.ts'
import type { Doorbell } from '../schemas/doorbell.ts'
import { ticketRow } from '../schemas/ticket-row.ts'
import { commentAdded } from './fixtures/zendesk-webhooks.ts'
import { type Door, noon, signed, signingSecret, startDoor, v1, v2 } from './receiving.ts'

let door: Door
beforeAll(async () => {
  door = await startDoor()
})
afterAll(() => door.close())
beforeEach(() => {
  door.clock.time = noon
})

const eventOf = (id: string, body: string, headers = signed(body)) => v2(id, body, headers)
const comment = (about: Parameters<typeof commentAdded>[0] = { ticketId: '5158' }) =>
  JSON.stringify(commentAdded(about))

/** The ports through which something is kept or told to somebody. */
const work = (ports: string[]) => ports.filter((port) => /^(conversations|queue)\./.test(port))

describe('a genuine webhook', () => {
  test('rings the ticket row, then sends the wake-up, and only then answers 200', async () => {
    const { id, tenant } = await door.connect()
    const { receive, ports, lines } = door.process()
    const body = comment({ ticketId: '5158', commentId: '77', eventId: 'e-1' })

    expect((await receive(eventOf(id, body))).statusCode).toBe(200)

    expect(ports).toEqual([
      'configuration.release',
      'configuration.definitions',
      'secrets.inbound',
      'conversations.ring',
      'queue.send',
    ])
    expect(await door.ticket(id, '5158')).toEqual({
      pk: `T#${tenant}#ticket#${id}#5158`,
      sk: 'ticket',
      helpdesk: 'zendesk',
      rung: 1,
      seen: new Set(['e-1']),
      wanted: new Set(['77']),
      customer: true,
      due: expect.stringMatching(/^d[0-7]$/),
      dueAt: noon + 60_000,
      dueSince: noon,
    })
    const [message, ...others] = door.wakeUps(id)
    expect(others).toEqual([])
    expect(JSON.parse(message?.body ?? '')).toEqual({ connectionId: id, ticketId: '5158' })
    expect(message?.group).toBe(tenant)
    expect((message?.visibleAt ?? 0) - (message?.sentAt ?? 0)).toBe(2000)
    expect(lines).toEqual([
      {
        level: 'info',
        event: 'webhook_accepted',
        helpdesk: 'zendesk',
        connectionId: id,
        tenant,
        count: 1,
        status: 200,
        ms: 0,
      },
    ])
  })

  test('costs one write and one message once the process is warm', async () => {
    const { id } = await door.connect()
    const { receive, ports } = door.process()
    await receive(eventOf(id, comment()))
    ports.length = 0
    await receive(eventOf(id, comment({ ticketId: '5159' })))
    expect(ports).toEqual(['conversations.ring', 'queue.send'])
  })

  test('leaves nothing of its content in the row, the message or the log', async () => {
    const { id } = await door.connect()
    const { receive, lines } = door.process()
    await receive(
      eventOf(id, comment({ ticketId: '5158', text: 'my card is 4242, write to zoe@example.com' })),
    )
    const kept = JSON.stringify([await door.ticket(id, '5158'), door.wakeUps(id), lines])
    expect(kept).toContain('webhook_accepted')
    expect(kept).not.toMatch(/4242|zoe|Zoë|Order 1042|missing|signing-secret/)
  })

  test('that rings nothing is 200 and no work', async () => {
    const { id } = await door.connect()
    const { receive, ports, lines } = door.process()
    const bodies = [
      comment({ ticketId: '5158', authorId: '900000000001' }),
      JSON.stringify({
        ...commentAdded({ ticketId: '5158' }),
        type: 'zen:event-type:ticket.priority_changed',
      }),
    ]
    for (const body of bodies) expect((await receive(eventOf(id, body))).statusCode).toBe(200)
    expect(work(ports)).toEqual([])
    expect(lines.map(({ event }) => event)).toEqual(['webhook_ignored', 'webhook_ignored'])
  })
})

describe('a duplicate', () => {
  test('of a ticket that is still due wakes it again and rings nothing', async () => {
    const { id } = await door.connect()
    const { receive, lines } = door.process()
    const event = eventOf(id, comment())
    for (let i = 0; i < 3; i++) expect((await receive(event)).statusCode).toBe(200)
    expect((await door.ticket(id, '5158'))?.rung).toBe(1)
    expect(door.wakeUps(id).length).toBe(3)
    expect(lines.map(({ event }) => event)).toEqual([
      'webhook_accepted',
      'webhook_duplicate',
      'webhook_duplicate',
    ])
  })

  test('of settled work is 200, one call and no message', async () => {
    const { id, tenant } = await door.connect()
    const { receive, ports } = door.process()
    const event = eventOf(id, comment())
    await receive(event)
    await door.conversations.update(
      'settle',
      { pk: `T#${tenant}#ticket#${id}#5158`, sk: 'ticket' },
      { update: 'REMOVE due, dueAt, dueSince, wanted, customer' },
    )
    ports.length = 0

    expect((await receive(event)).statusCode).toBe(200)

    expect(ports).toEqual(['conversations.ring'])
    expect(door.wakeUps(id).length).toBe(1)
    expect((await door.ticket(id, '5158'))?.due).toBeUndefined()
  })

  test('in five deliveries at the same time rings once', async () => {
    const { id } = await door.connect()
    const { receive } = door.process()
    const event = eventOf(id, comment())
    const answers = await Promise.all(Array.from({ length: 5 }, () => receive(event)))
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200, 200])
    expect((await door.ticket(id, '5158'))?.rung).toBe(1)
  })
})

describe('401 with the same body and without work', () => {
  const body = comment()
  const unauthorized = { statusCode: 401, headers: { 'content-type': 'text/plain' }, body: 'unauthorized' }

  test.each([
    ['another secret', () => signed(body, { secret: 'another-secret-entirely' })],
    ['another body', () => signed(`${body} `)],
    ['no signature', () => ({})],
    ['a signature of 301 seconds ago', () => signed(body, { at: noon - 301_000 })],
    ['a signature of 301 seconds ahead', () => signed(body, { at: noon + 301_000 })],
  ])('%s', async (_name, headers) => {
    const { id, tenant } = await door.connect()
    const { receive, ports, lines } = door.process()
    expect(await receive(eventOf(id, body, headers()))).toEqual(unauthorized)
    expect(work(ports)).toEqual([])
    expect(await door.ticket(id, '5158')).toBeUndefined()
    expect(lines).toEqual([expect.objectContaining({ event: 'webhook_refused', tenant, connectionId: id })])
  })

  test('300 seconds ago and ahead are accepted', async () => {
    const { id } = await door.connect()
    const { receive } = door.process()
    for (const at of [noon - 300_000, noon + 300_000]) {
      expect((await receive(eventOf(id, body, signed(body, { at })))).statusCode).toBe(200)
    }
  })

  test('a connection that is unknown, of another tenant, of another helpdesk, or switched off', async () => {
    const mine = await door.connect()
    const off = await door.connect({ enabled: false })
    const other = await door.connect({ helpdesk: 'intercom' as 'zendesk' })
    const ids = [
      `${mine.tenant}.${'x'.repeat(22)}`,
      `${off.tenant}.${mine.id.split('.')[1]}`,
      `nobody-at-all.${'x'.repeat(22)}`,
      off.id,
      other.id,
    ]
    const { receive, ports, lines } = door.process()
    for (const id of ids) expect(await receive(eventOf(id, body))).toEqual(unauthorized)
    expect(work(ports)).toEqual([])
    expect(ports).not.toContain('secrets.inbound')
    expect(lines.map(({ cause }) => cause)).toEqual([
      'unknown_connection',
      'unknown_connection',
      'unknown_connection',
      'connection_disabled',
      'unknown_connection',
    ])
    // Lines are counted by tenant: what a stranger makes up is none.
    expect(lines.map((line) => line.tenant)).toEqual([undefined, undefined, undefined, off.tenant, undefined])
  })

  test("one tenant's signature on another tenant's connection", async () => {
    const a = await door.connect()
    const b = await door.connect()
    door.aws.putSecret(`deskhand/${b.tenant}/inbound/zendesk`, { value: 'the-secret-of-tenant-b' })
    const { receive, ports } = door.process()
    expect(await receive(eventOf(b.id, body))).toEqual(unauthorized)
    expect((await receive(eventOf(a.id, body))).statusCode).toBe(200)
    expect(await door.ticket(b.id, '5158')).toBeUndefined()
    expect(work(ports)).toEqual(['conversations.ring', 'queue.send'])
  })

  test('an id that cannot be one of ours, before any I/O', async () => {
    const { id, tenant } = await door.connect()
    const { receive, ports, lines } = door.process()
    const ids = ['', tenant, `${id}x`, id.slice(0, -1), id.toUpperCase(), `../${id}`, `T#${id}`, `${id}\n`]
    for (const wrong of ids) expect(await receive(eventOf(wrong, body))).toEqual(unauthorized)
    expect(ports).toEqual([])
    expect(lines.filter((line) => line.connectionId !== undefined)).toEqual([])
  })

  test('an unknown id is looked for once in ten seconds', async () => {
    const tenant = 'not-here-yet'
    const { receive, ports } = door.process()
    const unknown = eventOf(`${tenant}.${'x'.repeat(22)}`, body)
    for (let i = 0; i < 5; i++) await receive(unknown)
    expect(ports).toEqual(['configuration.release'])

    const { id } = await door.connect({}, tenant)
    door.clock.time += 9_999
    expect((await receive(eventOf(id, body))).statusCode).toBe(401)
    door.clock.time += 1
    expect((await receive(eventOf(id, body))).statusCode).toBe(200)
  })
})

describe('secrets', () => {
  const body = comment()
  const put = (tenant: string, name: string, value: string) =>
    door.aws.putSecret(`deskhand/${tenant}/inbound/${name}`, { value })

  test('two count while one is being rotated, and the previous one until it expires', async () => {
    const expiresAt = new Date(noon + 1000).toISOString()
    const { id, tenant } = await door.connect({
      inbound: [{ secret: 'next' }, { secret: 'previous', expiresAt }],
    })
    put(tenant, 'next', 'the-next-signing-secret')
    put(tenant, 'previous', 'the-previous-signing-secret')
    const { receive } = door.process()
    const status = async (secret: string) =>
      (await receive(eventOf(id, body, signed(body, { secret })))).statusCode

    expect(await status('the-next-signing-secret')).toBe(200)
    expect(await status('the-previous-signing-secret')).toBe(200)
    door.clock.time = noon + 1000
    expect(await status('the-previous-signing-secret')).toBe(401)
    expect(await status('the-next-signing-secret')).toBe(200)
  })

  test("Zendesk's published secret opens nothing, even where an admin entered it", async () => {
    const published = 'dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=='
    const { id, tenant } = await door.connect()
    put(tenant, 'zendesk', published)
    const { receive, ports } = door.process()
    const event = eventOf(id, body, signed(body, { secret: published }))
    expect((await receive(event)).statusCode).toBe(401)
    expect(work(ports)).toEqual([])
  })

  test('one that is not stored opens nothing, and the helpdesk shall send again once it is mended', async () => {
    const { id } = await door.connect({ inbound: [{ secret: 'nowhere' }] })
    const { receive, ports, lines } = door.process()
    for (const secret of ['', 'undefined', signingSecret]) {
      expect((await receive(eventOf(id, body, signed(body, { secret })))).statusCode).toBe(409)
    }
    expect(work(ports)).toEqual([])
    expect(lines[0]).toMatchObject({ level: 'alarm', event: 'webhook_deferred' })
  })

  test('one that is not stored yet while it is being rotated in: what it signed shall be sent again, too', async () => {
    const { id, tenant } = await door.connect({ inbound: [{ secret: 'next' }, { secret: 'previous' }] })
    put(tenant, 'previous', 'the-previous-signing-secret')
    const { receive, ports, lines } = door.process()
    const statusOf = async (secret: string) =>
      (await receive(eventOf(id, body, signed(body, { secret })))).statusCode
    expect(await statusOf('the-next-signing-secret')).toBe(409)
    expect(work(ports)).toEqual([])
    expect(lines.at(-1)).toMatchObject({ level: 'alarm', event: 'webhook_deferred' })
    expect(await statusOf('the-previous-signing-secret')).toBe(200)
  })

  test('one that is too short to be one opens nothing', async () => {
    const { id, tenant } = await door.connect({ inbound: [{ secret: 'short' }] })
    put(tenant, 'short', 'short')
    const { receive, lines } = door.process()
    for (const secret of ['', 'short', 'undefined']) {
      expect((await receive(eventOf(id, body, signed(body, { secret })))).statusCode).toBe(401)
    }
    expect(lines[0]?.cause).toBe('no_active_secret')
  })
})

describe('genuine and of no use: 200, an alarm and no work', () => {
  const deep = (levels: number) =>
    `{"deep":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)},${comment().slice(1)}`
  test.each([
    [
      'a body of another account',
      JSON.stringify(commentAdded({ ticketId: '1', accountId: 1 })),
      'webhook_wrong_account',
      undefined,
    ],
    ['no body', '', 'webhook_unreadable', 'not_json'],
    ['JSON that is cut off', comment().slice(0, -1), 'webhook_unreadable', 'not_json'],
    ['NaN', '{"a":NaN}', 'webhook_unreadable', 'not_json'],
    ['JSON of 33 levels', deep(33), 'webhook_unreadable', 'too_deep'],
    ['JSON of 100,000 levels', '['.repeat(100_000), 'webhook_unreadable', 'too_deep'],
    ['JSON that is not an object', '[]', 'webhook_unreadable', undefined],
  ])('%s', async (_name, body, event, cause) => {
    const { id } = await door.connect()
    const { receive, ports, lines } = door.process()
    expect((await receive(eventOf(id, body))).statusCode).toBe(200)
    expect(work(ports)).toEqual([])
    expect(lines).toMatchObject([{ level: 'alarm', event, connectionId: id }])
    expect(lines[0]?.cause).toBe(cause)
  })

  test('a ticket id that could leave its key, whatever the adapter let through', async () => {
    const { id } = await door.connect()
    const doorbells: Doorbell[] = [{ ticketId: '1#effect', from: 'customer', at: noon }]
    const { receive, ports, lines } = door.process({ ...inbound, webhook: () => ({ doorbells }) })
    expect((await receive(eventOf(id, '{}'))).statusCode).toBe(200)
    expect(work(ports)).toEqual([])
    expect(lines).toMatchObject([{ level: 'alarm', event: 'webhook_unreadable' }])
  })
})

describe('when something is down', () => {
  test.each(['configuration.release', 'configuration.definitions', 'secrets.inbound', 'conversations.ring'])(
    '%s: 409, so that Zendesk sends again, and then it is accepted',
    async (port) => {
      const { id } = await door.connect()
      const { receive, down, lines } = door.process()
      const event = eventOf(id, comment())
      down.add(port)
      expect((await receive(event)).statusCode).toBe(409)
      expect(lines).toEqual([
        expect.objectContaining({
          level: 'alarm',
          event: 'webhook_deferred',
          cause: 'unavailable',
          connectionId: id,
        }),
      ])
      expect(door.wakeUps(id)).toEqual([])
      down.clear()
      expect((await receive(event)).statusCode).toBe(200)
      expect((await door.ticket(id, '5158'))?.rung).toBe(1)
    },
  )

  test('DynamoDB itself, and nobody listens there: 409', async () => {
    const { id } = await door.connect()
    const { receive, lines } = door.process(inbound, 'http://127.0.0.1:1')
    expect((await receive(eventOf(id, comment()))).statusCode).toBe(409)
    expect(lines).toEqual([expect.objectContaining({ event: 'webhook_deferred', cause: 'unavailable' })])
  })

  test('another helpdesk gets the status that makes it send again', async () => {
    const { id } = await door.connect()
    const { receive, down } = door.process({ ...inbound, retryStatus: 503 })
    down.add('conversations.ring')
    expect((await receive(eventOf(id, comment()))).statusCode).toBe(503)
  })

  test('the queue after the ring: 200, and the ticket is due for the sweeper', async () => {
    const { id } = await door.connect()
    const { receive, down, lines } = door.process()
    down.add('queue.send')
    expect((await receive(eventOf(id, comment()))).statusCode).toBe(200)
    expect(await door.ticket(id, '5158')).toMatchObject({ due: expect.any(String), dueAt: noon + 60_000 })
    expect(lines.map(({ event }) => event)).toEqual(['wake_up_failed', 'webhook_accepted'])
  })

  test('a connection that does not parse: 409 and an alarm that names the place, not the value', async () => {
    const { id } = await door.connect({ subdomain: 'Not A Subdomain' })
    const { receive, lines } = door.process()
    expect((await receive(eventOf(id, comment()))).statusCode).toBe(409)
    expect(lines[0]).toMatchObject({ level: 'alarm', cause: 'bad_configuration' })
    expect(lines[0]?.errorMessage).toBe(
      `connection ${id} version 1 does not parse at subdomain: a subdomain is the part before .zendesk.com alone`,
    )
  })

  test('a store that does not answer: 409 before the function runs out of time', async () => {
    const { id } = await door.connect()
    const { receive, stuck } = door.process()
    stuck.add('conversations.ring')
    const context = { getRemainingTimeInMillis: () => 520 } as Context
    expect((await receive(eventOf(id, comment()), context)).statusCode).toBe(409)
  })
})

describe('a batch', () => {
  const batchOf = (doorbells: Doorbell[]) => ({ ...inbound, webhook: () => ({ doorbells }) })
  const doorbell = (ticketId: string, n: number): Doorbell => ({
    ticketId,
    messageId: `m${n}`,
    from: 'customer',
    at: noon,
  })

  test.each([100, 101, 250])('of %i doorbells of three tickets wakes each', async (count) => {
    const { id } = await door.connect()
    const doorbells = Array.from({ length: count }, (_, n) => doorbell(`t${n % 3}`, n))
    const { receive, lines } = door.process(batchOf(doorbells))
    expect((await receive(eventOf(id, '{}'))).statusCode).toBe(200)
    expect(lines.at(-1)).toMatchObject({ event: 'webhook_accepted', count })
    const tickets = await Promise.all(['t0', 't1', 't2'].map((ticket) => door.ticket(id, ticket)))
    const wanted = tickets.flatMap((ticket) => [...(ticketRow.parse(ticket).wanted ?? [])])
    expect(new Set(wanted).size).toBe(count)
    expect(new Set(door.wakeUps(id).map(({ body }) => JSON.parse(body).ticketId))).toEqual(
      new Set(['t0', 't1', 't2']),
    )
  })

  test('of 250 doorbells of one ticket is rung in three updates', async () => {
    const { id } = await door.connect()
    const doorbells = Array.from({ length: 250 }, (_, n) => doorbell('t0', n))
    const { receive, ports } = door.process(batchOf(doorbells))
    expect((await receive(eventOf(id, '{}'))).statusCode).toBe(200)
    expect(ports.filter((port) => port === 'conversations.ring').length).toBe(3)
    expect(await door.ticket(id, 't0')).toMatchObject({
      rung: 3,
      seen: new Set(doorbells.map(({ messageId }) => `m:${messageId}`)),
    })
  })
})

test('both payload versions of the same webhook are the same webhook', async () => {
  const { id } = await door.connect()
  const { receive, lines } = door.process()
  const body = comment({ ticketId: '5158' })
  expect((await receive(v2(id, body, signed(body)))).statusCode).toBe(200)
  expect((await receive(v1(id, body, signed(body)))).statusCode).toBe(200)
  expect(lines.map(({ event }) => event)).toEqual(['webhook_accepted', 'webhook_duplicate'])
})
