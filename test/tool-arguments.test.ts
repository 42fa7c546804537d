import { describe, expect, test } from '@jest/globals'
import { modelTools } from '../lambdas/core/tools/model-tools.ts'
import {
  bindArguments,
  type Facts,
  modelSchema,
  validateArguments,
} from '../lambdas/core/tools/tool-arguments.ts'
import { toolDefinition } from '../schemas/tenant-apis.ts'

const tool = toolDefinition.parse({
  name: 'refund_order',
  description: 'Refunds an order of this customer',
  effect: 'write',
  request: { url: 'https://api.acme.com/orders/{order_id}/refunds' },
  parameters: {
    type: 'object',
    required: ['order_id', 'email', 'amount'],
    properties: {
      order_id: { type: 'string', description: 'The order', pattern: '^[A-Z]-\\d+$', maxLength: 20 },
      amount: { type: 'number', minimum: 0, maximum: 500 },
      reason: { type: 'string', enum: ['broken', 'late'] },
      note: { type: 'string' },
      items: {
        type: 'array',
        maxItems: 2,
        items: {
          type: 'object',
          required: ['sku'],
          properties: { sku: { type: 'string' }, count: { type: 'integer' } },
        },
      },
      email: { type: 'string', source: 'customer.email' },
      language: { type: 'string', source: 'ticket.language' },
      actor: { type: 'string', source: 'constant', value: 'ai' },
    },
  },
})
const facts: Facts = {
  customer: { email: 'ann@example.com', assurance: 'mailbox' },
  ticket: { id: '7', channel: 'email' },
  tenant: { id: 'acme' },
}
const all = { order_id: 'A-1', amount: 5, reason: null, note: null, items: null }

describe('what Claude sees of a tool', () => {
  test('is strict: no sourced parameter, everything required, optional ones nullable, limits in words', () => {
    expect(modelSchema(tool)).toEqual({
      type: 'object',
      additionalProperties: false,
      required: ['order_id', 'amount', 'reason', 'note', 'items'],
      properties: {
        order_id: {
          type: 'string',
          description: 'The order (matches the regular expression: ^[A-Z]-\\d+$; characters at most: 20)',
        },
        amount: { type: 'number', description: '(at least: 0; at most: 500)' },
        reason: { enum: ['broken', 'late', null] },
        note: { type: ['string', 'null'] },
        items: {
          type: ['array', 'null'],
          description: '(items at most: 2)',
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['sku', 'count'],
            properties: { sku: { type: 'string' }, count: { type: ['integer', 'null'] } },
          },
        },
      },
    })
  })

  test('stays within what one request may hold: later tools go without strict', () => {
    const many = Array.from({ length: 25 }, (_, n) => ({ ...tool, name: `tool_${n}` }))
    const optional = 3
    expect(modelTools(many, 2).filter(({ strict }) => strict)).toHaveLength(Math.floor(16 / optional))
    const plain = many.map((each) => ({
      ...each,
      parameters: {
        ...each.parameters,
        properties: { amount: { type: 'number' as const, source: 'model' as const } },
        required: ['amount'],
      },
    }))
    expect(modelTools(plain, 2).filter(({ strict }) => strict)).toHaveLength(18)
  })
})

describe('the arguments that Claude chooses', () => {
  test('are taken when they fit, and null means left out', () => {
    expect(validateArguments(tool, all)).toEqual({ ok: true, args: { order_id: 'A-1', amount: 5 } })
    expect(validateArguments(tool, { ...all, items: [{ sku: 'x', count: null }] })).toEqual({
      ok: true,
      args: { order_id: 'A-1', amount: 5, items: [{ sku: 'x' }] },
    })
  })

  test.each([
    ['a missing one', { amount: 5 }, 'order_id is missing'],
    ['null for a required one', { ...all, amount: null }, 'amount must be number'],
    ['a wrong type', { ...all, amount: '5' }, 'amount must be number'],
    ['one out of range', { ...all, amount: 501 }, 'amount must be <= 500'],
    ['one that misses the pattern', { ...all, order_id: '../1' }, 'order_id must match pattern'],
    [
      'one that is too long',
      { ...all, order_id: `A-${'1'.repeat(20)}` },
      'order_id must NOT have more than 20',
    ],
    ['one outside the enum', { ...all, reason: 'bored' }, 'reason must be one of ["broken","late"]'],
    [
      'too many items',
      { ...all, items: [{ sku: 'a' }, { sku: 'b' }, { sku: 'c' }] },
      'items must NOT have more than 2',
    ],
    ['an unknown name inside', { ...all, items: [{ sku: 'a', x: 1 }] }, 'there is no parameter "x"'],
    [
      'an unknown name',
      { ...all, x: 1 },
      'there is no parameter "x"; there are: order_id, amount, reason, note, items',
    ],
    [
      'an inherited name',
      JSON.parse('{"order_id":"A-1","amount":5,"__proto__":{"x":1}}'),
      'there is no parameter "__proto__"',
    ],
    ['a list', [1], 'the arguments must be object'],
    ['nothing', undefined, 'the arguments must be object'],
    ['half a character', { ...all, note: 'a\ud800' }, 'not valid Unicode'],
    ['too much', { ...all, note: 'a'.repeat(40_000) }, 'too long'],
  ])('are refused with %s, by name', (_, input, message) => {
    expect(validateArguments(tool, input)).toEqual({ ok: false, message: expect.stringContaining(message) })
  })

  test.each(['email', 'language', 'actor'])('cannot name %s, which has another source', (name) => {
    expect(validateArguments(tool, { ...all, [name]: 'mallory@example.com' }).ok).toBe(false)
  })

  test('are never repeated in the refusal', () => {
    const refused = validateArguments(tool, { ...all, order_id: 'secret-value' })
    expect(JSON.stringify(refused)).not.toContain('secret-value')
  })
})

describe('a pattern', () => {
  const withPatterns = (...patterns: string[]) => ({
    parameters: {
      type: 'object' as const,
      required: [],
      properties: Object.fromEntries(
        patterns.map((pattern, i) => [
          `p${i}`,
          { type: 'string' as const, source: 'model' as const, pattern },
        ]),
      ),
    },
  })
  const fitsAll = (patterns: string[], ...texts: string[]) =>
    validateArguments(withPatterns(...patterns), Object.fromEntries(texts.map((text, i) => [`p${i}`, text])))
      .ok

  test.each([
    ['^(a+)+$', 'a'],
    ['^(a|a)+$', 'a'],
    ['^(a|aa)+$', 'a'],
    ['^(\\w+\\s?)*$', 'word'],
    ['^(x+x+)+y$', 'x'],
    ['(.*)*,(.*)*;$', 'a,'],
    ['^([a-z0-9]+[.-]?)+@acme$', 'a'],
  ])('takes no longer than the text, whatever the pattern: %s', (pattern, text) => {
    // Backtracking would need seconds for the short one and for ever for the long one.
    for (const times of [30, 4000]) {
      const long = `${text.repeat(Math.floor(times / text.length))}!`
      const started = performance.now()
      expect(fitsAll([pattern], long)).toBe(false)
      expect(performance.now() - started).toBeLessThan(1000)
    }
  })

  test.each<[string, string, string]>([
    ['^[0-9]{1,12}$', '1042', '1042x'],
    ['^[A-Z]-\\d+$', 'A-1', 'A-'],
    ['[0-9]', 'order 7', 'order'],
    ['^\\p{L}+$', 'Zoë', 'Zoë1'],
    ['^(?<year>\\d{4})\\/\\d\\d$', '2026/11', '2026/1'],
    ['^\\u00e9\\u{1F600}$', 'é😀', 'e😀'],
    ['^[^@\\s]+@[^@\\s]+$', 'a@b', 'a b@c'],
    ['^a$', 'a', 'a\n'],
  ])('%s fits %j and not %j, as in JavaScript', (pattern, right, wrong) => {
    expect([fitsAll([pattern], right), fitsAll([pattern], wrong)]).toEqual([true, false])
    const js = new RegExp(pattern, 'u')
    expect([js.test(right), js.test(wrong)]).toEqual([true, false])
  })

  test('is its own parameter’s alone', () => {
    expect(fitsAll(['^a$', '^b$'], 'a', 'b')).toBe(true)
    expect(fitsAll(['^a$', '^b$'], 'b', 'b')).toBe(false)
    expect(fitsAll(['^a$', '^b$'], 'a', 'a')).toBe(false)
  })

  test('that cannot be run in linear time fits nothing, however it came into the table', () => {
    expect(fitsAll(['(?=a)a'], 'a')).toBe(false)
    expect(fitsAll(['(a)\\1'], 'aa')).toBe(false)
  })

  test('fits no text of more than 4,096 characters', () => {
    expect(fitsAll(['^a+$'], 'a'.repeat(4096))).toBe(true)
    expect(fitsAll(['^a+$'], 'a'.repeat(4097))).toBe(false)
  })
})

describe('binding', () => {
  const args = { order_id: 'A-1', amount: 5 }

  test('adds what code knows and leaves out an optional value that nobody knows', () => {
    expect(bindArguments(tool, args, facts)).toEqual({
      ok: true,
      values: { order_id: 'A-1', amount: 5, email: 'ann@example.com', actor: 'ai' },
    })
  })

  test('writes sourced values last, over whatever stood there, and removes them when unknown', () => {
    const forged = { ...args, email: 'mallory@example.com', actor: 'human', language: 'xx' }
    expect(bindArguments(tool, forged, facts)).toEqual({
      ok: true,
      values: { order_id: 'A-1', amount: 5, email: 'ann@example.com', actor: 'ai' },
    })
  })

  test('refuses without the address that a required parameter needs', () => {
    const unknown = { ...facts, customer: { assurance: 'claimed' as const } }
    expect(bindArguments(tool, { ...args, email: 'mallory@example.com' }, unknown)).toMatchObject({
      ok: false,
      failure: 'needs_identity',
    })
  })
})
