import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { createLog } from '../lambdas/core/log.ts'
import type { LogFields } from '../lambdas/core/ports.ts'

// The same cases in every run.
fc.configureGlobal({ seed: 1 })

function recorder() {
  const lines: string[] = []
  const clock = { now: () => Date.parse('2026-11-21T12:00:00Z') }
  return { lines, log: createLog({ write: (line) => lines.push(line), clock }) }
}

/** What one call of the log wrote. */
function written(fields: object, event = 'turn_ended'): Record<string, unknown> {
  const { lines, log } = recorder()
  log.info(event, fields as LogFields)
  expect(lines).toHaveLength(1)
  return JSON.parse(lines[0] ?? '')
}
const head = { time: '2026-11-21T12:00:00.000Z', level: 'info', event: 'turn_ended' }

describe('a log line', () => {
  test('is one line of JSON with time, level, event and fields', () => {
    const { lines, log } = recorder()
    log.info('a', { ticketId: '42', ms: 1.5 })
    log.warn('b', { errorName: 'TypeError', model: 'claude-sonnet-5-5' })
    log.alarm('c')
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { ...head, event: 'a', ticketId: '42', ms: 1.5 },
      { ...head, level: 'warn', event: 'b', errorName: 'TypeError', model: 'claude-sonnet-5-5' },
      { ...head, level: 'error', event: 'c', alarm: true },
    ])
    expect(lines.join('')).not.toContain('\n')
  })

  test('has the fields that its log was given, and its own win', () => {
    const { lines, log } = recorder()
    log.with({ tenant: 'acme', ticketId: '1' }).with({ ticketId: '2' }).info('turn_ended', { step: 1 })
    expect(JSON.parse(lines[0] ?? '')).toEqual({ ...head, tenant: 'acme', ticketId: '2', step: 1 })
  })

  test("tells a customer's assurance apart from its own level", () => {
    expect(written({ assurance: 'mailbox' })).toEqual({ ...head, assurance: 'mailbox' })
  })

  test('says what went wrong in the words of our own errors', () => {
    const errorMessage =
      'reading the secret deskhand/acme/outbound/shop: AWS refused (AccessDenied, HTTP 400).'
    expect(written({ errorMessage })).toEqual({ ...head, errorMessage })
  })

  test.each([
    ['an unknown field', { body: 'hello', toString: 'x', constructor: 'y' }, {}],
    ['a field that is no field of its own', Object.create({ ticketId: '1' }), {}],
    ['a number that is none', { ms: Number.NaN, bytes: Number.POSITIVE_INFINITY, step: '1' }, {}],
    ['what is undefined', { tool: undefined }, {}],
  ])('drops %s', (_what, fields, left) => {
    expect(written(fields)).toEqual({ ...head, ...left })
  })

  test.each([
    ['text', { ticketId: 'where is my order' }],
    ['an address', { messageId: 'anna@example.com' }],
    ['a line break', { code: 'a\nb' }],
    ['something long', { deliveryId: 'x'.repeat(201) }],
    ['an object', { tool: { name: 'x' } }],
    ['an address in a message', { errorMessage: 'no customer anna@example.com' }],
    ['an address in a URL', { errorMessage: 'GET /users?email=anna%40example.com failed' }],
    ['an Anthropic key', { errorMessage: 'invalid x-api-key sk-ant-api03-abc' }],
    ['a bearer token', { errorMessage: 'sent Bearer abcdefgh' }],
    ['a JSON web token', { errorMessage: 'token eyJhbGciOiJFUzI1NiJ9.e30.x' }],
    ['other than ASCII', { errorMessage: 'Grüße von Anna' }],
    ['a long message', { errorMessage: 'x'.repeat(301) }],
  ])('withholds %s', (_what, fields) => {
    const [name = ''] = Object.keys(fields)
    expect(written(fields)).toEqual({ ...head, [name]: '[withheld]' })
  })

  test('withholds an event that is no name', () => {
    expect(written({}, 'anna@example.com').event).toBe('[withheld]')
  })
})

/** Fields that the type knows, and any others. */
const names = fc.oneof(
  fc.constantFrom(
    'ticketId',
    'messageId',
    'tool',
    'cause',
    'level',
    'errorMessage',
    'model',
    'ms',
    'release',
  ),
  fc.string(),
)
const token = fc.stringMatching(/^[A-Za-z0-9]{20,40}$/)
const planted = fc.oneof(
  fc.emailAddress(),
  fc.emailAddress().map(encodeURIComponent),
  token.map((text) => `sk-ant-api03-${text}`),
  token.map((text) => `Bearer ${text}`),
  token.map((text) => `Basic ${text}`),
  token.map((text) => `eyJ${text}.${text}.${text}`),
  fc.stringMatching(/^AKIA[A-Z0-9]{16}$/),
)
/** What is private by itself, in a sentence, or deep inside of something. */
const carrier = (secret: string) =>
  fc.oneof(
    fc.constant<unknown>(secret),
    fc.tuple(fc.string(), fc.string()).map<unknown>(([before, after]) => `${before} ${secret} ${after}`),
    fc.constant<unknown>([secret]),
    fc.constant<unknown>({ [secret]: secret, toJSON: () => secret }),
    fc.constant<unknown>(new Error(secret)),
  )

test('planted addresses and credentials never appear, wherever they are put', () => {
  fc.assert(
    fc.property(
      planted.chain((secret) =>
        fc.tuple(fc.constant(secret), fc.dictionary(fc.oneof(names, fc.constant(secret)), carrier(secret))),
      ),
      fc.boolean(),
      ([secret, fields], asEvent) => {
        const { lines, log } = recorder()
        const child = log.with(fields as LogFields)
        child.info('turn_ended', fields as LogFields)
        child.warn(asEvent ? secret : 'x', fields as LogFields)
        child.alarm('alarm', fields as LogFields)
        expect(lines).toHaveLength(3)
        expect(lines.join('\n')).not.toContain(secret)
      },
    ),
    { numRuns: 500 },
  )
})
