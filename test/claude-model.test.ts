import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { createModel } from '../lambdas/core/claude-model.ts'
import { DeskhandError } from '../lambdas/core/errors.ts'
import type { Io } from '../lambdas/core/ports.ts'

const plain: Io = (_port, call) => call()
const params = {
  model: 'claude-sonnet-5-5',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'I am anna@example.com' }],
}
const message = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-5-5',
  content: [{ type: 'text', text: 'Hello', citations: null }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 10, output_tokens: 2 },
  a_field_of_tomorrow: { kept: true },
}
interface Answer {
  status?: number
  headers?: Record<string, string>
  body?: unknown
  /** Nothing is answered, or the headers only. */
  hang?: 'headers' | 'body'
}

let answers: Answer[]
let asked: { url: string; headers: IncomingHttpHeaders; body: unknown }[]
let server: Server
let baseURL: string
beforeEach(async () => {
  answers = []
  asked = []
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      asked.push({
        url: request.url ?? '',
        headers: request.headers,
        body: JSON.parse(Buffer.concat(chunks).toString()),
      })
      const { status = 200, headers = {}, body = message, hang } = answers.shift() ?? {}
      if (hang === 'headers') return
      response.writeHead(status, { 'content-type': 'application/json', 'request-id': 'req_1', ...headers })
      if (hang === 'body') response.write('{')
      else response.end(JSON.stringify(body))
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(() => {
  server.closeAllConnections()
  return new Promise((done) => server.close(done))
})

const model = (options: Partial<Parameters<typeof createModel>[0]> = {}) =>
  createModel({ apiKey: async () => 'key-of-ours', baseURL, io: plain, ...options })
const create = (options: { signal?: AbortSignal; timeoutMs?: number } = {}, using = model()) =>
  using.create(params, { signal: new AbortController().signal, timeoutMs: 5_000, ...options })
const caught = async (promise: Promise<unknown>): Promise<DeskhandError> => {
  const error = await promise.catch((problem: unknown) => problem)
  expect(error).toBeInstanceOf(DeskhandError)
  return error as DeskhandError
}
const refusal = (type: string, error_code?: string) => ({
  type: 'error',
  error: { type, message: 'quoting anna@example.com', ...(error_code && { details: { error_code } }) },
})

describe('a call of Claude', () => {
  test('sends the request with the key and answers what the API sent', async () => {
    const ports: string[] = []
    const io: Io = (port, call) => {
      ports.push(port)
      return call()
    }
    const answer = await create({}, model({ io }))
    expect(JSON.parse(JSON.stringify(answer))).toEqual(message)
    expect((answer as { _request_id?: string })._request_id).toBe('req_1')
    expect(asked).toHaveLength(1)
    expect(asked[0]).toMatchObject({ url: '/v1/messages', body: params })
    expect(asked[0]?.headers.authorization).toBe('Bearer key-of-ours')
    expect(ports).toEqual(['model.create'])
  })

  test('is repeated once when Claude is overloaded for a moment', async () => {
    answers = [{ status: 529, headers: { 'retry-after-ms': '1' }, body: refusal('overloaded_error') }]
    expect((await create()).id).toBe('msg_1')
    expect(asked).toHaveLength(2)
  })

  test.each([
    [429, 'rate_limit_error', { 'retry-after': '60' }, 60_000],
    [429, 'rate_limit_error', { 'retry-after': '2147483' }, 2_147_483_000],
    [529, 'overloaded_error', { 'retry-after-ms': '4000' }, 4_000],
  ])(
    'that is to come back later (%d %s) ends at once, with the wait',
    async (status, type, headers, wait) => {
      answers = [{ status, headers, body: refusal(type) }]
      const error = await caught(create())
      expect(error).toMatchObject({ code: 'rate_limited', retryAfterMs: wait })
      expect(asked).toHaveLength(1)
    },
  )

  test('that is to come back at a date ends at once, with the wait', async () => {
    const date = new Date(Date.now() + 3_600_000).toUTCString()
    answers = [{ status: 429, headers: { 'retry-after': date }, body: refusal('rate_limit_error') }]
    const { code, retryAfterMs } = await caught(create())
    expect(code).toBe('rate_limited')
    expect(retryAfterMs).toBeGreaterThan(3_500_000)
    expect(retryAfterMs).toBeLessThanOrEqual(3_600_000)
  })

  test.each([
    [400, 'invalid_request_error', undefined, 'refused', /request/],
    [413, 'request_too_large', undefined, 'refused', /request/],
    [422, 'invalid_request_error', undefined, 'refused', /request/],
    [401, 'authentication_error', undefined, 'bad_configuration', /key/],
    [402, 'billing_error', undefined, 'bad_configuration', /spend limit/],
    [403, 'permission_error', undefined, 'bad_configuration', /workspace/],
    [404, 'not_found_error', undefined, 'bad_configuration', /model/],
    [400, 'invalid_request_error', 'organization_on_hold', 'bad_configuration', /organization/],
    [429, 'rate_limit_error', 'contract_spend_limit_reached', 'bad_configuration', /spend limit/],
    [429, 'rate_limit_error', 'enforced_spend_limit_reached', 'bad_configuration', /spend limit/],
    [429, 'rate_limit_error', 'ramp_limit_exceeded', 'rate_limited', /busy/],
    [500, 'api_error', undefined, 'unavailable', /failing/],
    [503, 'api_error', undefined, 'unavailable', /failing/],
  ] as const)('refused with %d %s %s is %s', async (status, type, errorCode, code, says) => {
    const headers = { 'x-should-retry': 'false' }
    answers = [{ status, headers, body: refusal(type, errorCode) }]
    const error = await caught(create())
    expect(error.code).toBe(code)
    expect(error.message).toMatch(says)
    expect(error.message).toContain('req_1')
    expect(error.message).not.toContain('anna')
  })

  test('that nobody answers is unavailable', async () => {
    expect(await caught(create({}, model({ baseURL: 'http://127.0.0.1:1' })))).toMatchObject({
      code: 'unavailable',
    })
  })

  test('that is not answered in time is repeated once, then unavailable', async () => {
    answers = [{ hang: 'headers' }, { hang: 'headers' }]
    expect(await caught(create({ timeoutMs: 30 }))).toMatchObject({ code: 'unavailable' })
    expect(asked).toHaveLength(2)
  })

  test.each([
    ['before the answer', { hang: 'headers' as const }],
    ['within the answer', { hang: 'body' as const }],
    ['between two attempts', { status: 429, headers: { 'retry-after-ms': '2000' } }],
  ])('ends with its signal %s', async (_when, answer) => {
    answers = [answer, answer]
    const turn = new AbortController()
    const ended = caught(create({ signal: turn.signal }))
    while (asked.length === 0) await new Promise((done) => setTimeout(done, 1))
    await new Promise((done) => setTimeout(done, 20))
    turn.abort()
    expect(await ended).toMatchObject({ code: 'unavailable' })
    expect(asked).toHaveLength(1)
  })

  test('with a signal that has ended sends nothing', async () => {
    expect(await caught(create({ signal: AbortSignal.abort() }))).toMatchObject({ code: 'unavailable' })
    expect(asked).toHaveLength(0)
  })

  test('whose key cannot be read says why', async () => {
    const apiKey = () => Promise.reject(new DeskhandError('bad_configuration', 'no key is stored'))
    expect(await caught(create({}, model({ apiKey })))).toMatchObject({
      code: 'bad_configuration',
      message: 'no key is stored',
    })
  })
})

describe('the environment', () => {
  const variables = ['ANTHROPIC_BASE_URL', 'ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_LOG']
  afterEach(() => {
    for (const name of variables) delete process.env[name]
    jest.restoreAllMocks()
  })

  test('does not choose where requests go', async () => {
    process.env.ANTHROPIC_BASE_URL = baseURL
    const away = new AbortController()
    const dialled: string[] = []
    jest.spyOn(globalThis, 'fetch').mockImplementation(async (input) => {
      dialled.push(String(input))
      away.abort()
      throw new TypeError('fetch failed')
    })
    const { baseURL: _given, ...rest } = { baseURL, apiKey: async () => 'key-of-ours', io: plain }
    await caught(create({ signal: away.signal }, createModel(rest)))
    expect(dialled).toEqual(['https://api.anthropic.com/v1/messages'])
    expect(asked).toHaveLength(0)
  })

  test('does not give the key', async () => {
    process.env.ANTHROPIC_API_KEY = 'key-of-the-environment'
    process.env.ANTHROPIC_AUTH_TOKEN = 'token-of-the-environment'
    await create()
    expect(asked[0]?.headers.authorization).toBe('Bearer key-of-ours')
    expect(JSON.stringify(asked[0]?.headers)).not.toContain('environment')
  })

  test('does not make the SDK log what is sent', async () => {
    process.env.ANTHROPIC_LOG = 'debug'
    const written: unknown[] = []
    for (const level of ['debug', 'info', 'warn', 'error', 'log'] as const) {
      jest.spyOn(console, level).mockImplementation((...parts) => written.push(parts))
    }
    await create()
    expect(written).toEqual([])
  })
})
