/** `npm run simulate`: a file of cases is played, and what is not as expected is told and fails. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { checkExpectations } from '../lambdas/core/simulate/check-expectations.ts'
import type { Simulated } from '../lambdas/core/simulate/simulate.ts'
import { play } from '../local/simulation/play.ts'
import { readCases, readConfiguration } from '../local/simulation/read-files.ts'
import type { Expectation } from '../schemas/simulation.ts'

const docs = join(__dirname, '../docs')
const cases = join(docs, 'acme.simulation.yaml')
const configuration = join(docs, 'acme.example.json')
const directory = mkdtempSync(join(tmpdir(), 'simulation-'))
const written = (name: string, text: string): string => {
  writeFileSync(join(directory, name), text)
  return join(directory, name)
}

test('the example of the docs goes as it says, offline and without a key', async () => {
  const played = await play({
    ...readConfiguration(configuration),
    cases: readCases(cases),
    callReads: false,
    onPlayed: () => undefined,
  })
  expect(played.map(({ wrong }) => wrong)).toEqual([[], [], [], []])
  expect(played.flatMap(({ simulated }) => simulated.requests).map(({ how }) => how)).not.toContain('called')
})

const turn = (change: Partial<Simulated> = {}): Simulated => ({
  outcome: 'replied',
  reply: 'Your order 1 is on its way.',
  notes: [],
  proposals: [],
  calls: [
    { tool: 'find', arguments: { by: { name: 'x', age: 2 }, page: null }, outcome: 'done' },
    { tool: 'get', arguments: { id: '1' }, outcome: 'failed', cause: 'not_found' },
  ],
  requests: [],
  mails: [],
  userData: { code: 'none' },
  tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
  ms: 1,
  trace: [],
  problems: [],
  ...change,
})
const wrong = (expected: Expectation, actual = turn()): string[] => checkExpectations(expected, actual)

describe('what is expected', () => {
  test.each<[string, Expectation]>([
    ['a call with a part of its arguments', { calls: [{ tool: 'find', arguments: { by: { name: 'x' } } }] }],
    [
      'exactly these, null being nothing',
      { calls: [{ tool: 'find', exactly: { by: { name: 'x', age: 2 } } }] },
    ],
    ['calls in their order', { calls: [{ tool: 'find' }, { tool: 'get', outcome: 'failed' }] }],
    ['no call of another', { noCalls: ['refund'] }],
    ['words, whatever their case', { reply: { contains: ['ORDER 1'], notContains: ['refund'] } }],
    ['no hand-over, no proposal', { handedOver: false, proposals: [] }],
  ])('holds: %s', (_, expected) => {
    expect(wrong(expected)).toEqual([])
  })

  test.each<[string, Expectation, RegExp]>([
    [
      'another argument',
      { calls: [{ tool: 'get', arguments: { id: '2' } }] },
      /- get at least \{"id":"2"\}\n\+ find/,
    ],
    ['an argument more', { calls: [{ tool: 'find', exactly: { by: { name: 'x' } } }] }, /- find/],
    ['the other order', { calls: [{ tool: 'get' }, { tool: 'find' }] }, /- find/],
    ['twice', { calls: [{ tool: 'get' }, { tool: 'get' }] }, /- get/],
    ['another outcome', { calls: [{ tool: 'get', outcome: 'done' }] }, /failed \(not_found\)/],
    ['a call that must not be', { noCalls: ['get'] }, /get must not be called/],
    ['a word that is missing', { reply: { contains: ['refund'] } }, /does not contain "refund":\nYour order/],
    ['a word that is there', { reply: { notContains: ['on its way'] } }, /contains "on its way"/],
    ['a hand-over', { handedOver: true }, /a hand-over is expected, but it ended replied/],
    ['a proposal', { proposals: ['refund'] }, /expected refund, made none/],
    ['a task', { task: 'returns' }, /the task returns is expected, but none/],
  ])('does not hold: %s', (_, expected, says) => {
    expect(wrong(expected).join('\n')).toMatch(says)
  })

  test('a list in arguments is the whole list', () => {
    const actual = turn({ calls: [{ tool: 'get', arguments: { ids: ['1', '2'] }, outcome: 'done' }] })
    expect(wrong({ calls: [{ tool: 'get', arguments: { ids: ['1'] } }] }, actual)).toHaveLength(1)
    expect(wrong({ calls: [{ tool: 'get', arguments: { ids: ['1', '2'] } }] }, actual)).toEqual([])
  })

  test('a turn that failed is wrong, whatever was expected', () => {
    const { reply: _, ...rest } = turn()
    const failed: Simulated = { ...rest, outcome: 'failed', cause: 'unavailable', calls: [] }
    expect(wrong({ noCalls: ['get'] }, failed)).toEqual(['the turn failed: unavailable'])
  })

  test('where nothing is said, words are missing but none is too many', () => {
    const { reply: _, ...rest } = turn()
    const silent: Simulated = { ...rest, outcome: 'handed_over', cause: 'agent_asked' }
    expect(wrong({ reply: { contains: ['x'] } }, silent)).toHaveLength(1)
    expect(wrong({ reply: { notContains: ['x'] } }, silent)).toEqual([])
  })
})

describe('the files', () => {
  test.each([
    [
      'a field that does not exist',
      '- {name: a, message: b, customer: {level: none}, expct: {}}',
      /0: .*expct/,
    ],
    [
      'nothing expected',
      '- {name: a, message: b, customer: {level: none}, expect: {}}',
      /nothing is expected/,
    ],
    ['no level', '- {name: a, message: b, customer: {}, expect: {handedOver: true}}', /0\.customer\.level/],
    ['no YAML', '- {name: a', /line 1/],
  ])('of cases with %s are refused', (_, text, says) => {
    const file = written('wrong.yaml', text)
    expect(() => readCases(file)).toThrow(says)
    expect(() => readCases(file)).toThrow(/wrong\.yaml/)
  })

  test('of a directory make one configuration; what there is one of is in one file', () => {
    const { agentSettings, tools, ...rest } = JSON.parse(readFileSync(configuration, 'utf8'))
    const parts = mkdtempSync(join(directory, 'parts-'))
    const put = (name: string, part: object) => writeFileSync(join(parts, name), JSON.stringify(part))
    put('a.json', { ...rest, tools: tools.slice(0, 1) })
    put('b.yaml', { agentSettings, tools: tools.slice(1) })
    put('c.simulation.yaml', [])
    expect(readConfiguration(parts).definitions).toHaveLength(
      readConfiguration(configuration).definitions.length,
    )
    put('d.json', { agentSettings })
    expect(() => readConfiguration(parts)).toThrow(/agentSettings: is in another file/)
  })

  test('of a configuration that could not be published are refused', () => {
    const file = JSON.parse(readFileSync(configuration, 'utf8'))
    file.tools[0].request.url = 'http://localhost/orders/{order_id}'
    expect(() => readConfiguration(written('local.json', JSON.stringify(file)))).toThrow(
      /tools\.0\.request\.url/,
    )
  })
})

describe('the command', () => {
  const run = (...args: string[]) => {
    const { ANTHROPIC_API_KEY: _, ANTHROPIC_BASE_URL: __, ...env } = process.env
    const bin = join(__dirname, '../bin/simulate.ts')
    const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { env, encoding: 'utf8' })
    return { status, stdout, stderr }
  }

  test('ends with 0 where every case is as expected, and says that nobody intelligent answered', () => {
    const { status, stdout } = run(cases, '--config', configuration)
    expect(stdout).toMatch(/scripted stand-in answers[\s\S]*✓ an order is looked up[\s\S]*4 of 4 as expected/)
    expect(status).toBe(0)
  })

  test('ends with 1 where one is not, with what was called', () => {
    const text = readFileSync(cases, 'utf8').replace(
      'exactly: { order_id: "4711" }',
      'exactly: { order_id: "1" }',
    )
    const { status, stdout } = run(written('one.yaml', text), '--config', configuration)
    expect(stdout).toMatch(
      /✗ an order is looked up[\s\S]*- get_order \{"order_id":"1"\}[\s\S]*3 of 4 as expected/,
    )
    expect(status).toBe(1)
  })

  test.each([
    [['--config', configuration], /one file of cases/],
    [[cases], /--config/],
    [[join(directory, 'none.yaml'), '--config', configuration], /none\.yaml/],
    [[cases, '--config', configuration, '--only', 'nobody'], /no such case/],
  ])('ends with 2 where it is used wrongly: %j', (args, says) => {
    const { status, stderr } = run(...args)
    expect(stderr).toMatch(says)
    expect(status).toBe(2)
  })
})
