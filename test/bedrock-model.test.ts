/** Claude on Amazon Bedrock: the same question and answer, signed as the role that runs. */
import { createHash, createHmac } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { createClaude } from '../lambdas/core/aws/claude.ts'
import { createBedrockModel } from '../lambdas/core/bedrock-model.ts'
import { costOf, hasPrice } from '../schemas/prices.ts'
import { agentSettings } from '../schemas/tenant-apis.ts'

const model = 'global.anthropic.claude-sonnet-5-5'
const params = {
  model,
  max_tokens: 100,
  thinking: { type: 'between_tools' as const },
  messages: [{ role: 'user' as const, content: 'I am anna@example.com' }],
}
const message = {
  id: 'msg_bdrk_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-5-5',
  content: [{ type: 'text', text: 'Hello', citations: null }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 10, output_tokens: 2 },
}
const role = { accessKeyId: 'ASIAROLE', secretAccessKey: 'secret-of-the-role', sessionToken: 'session' }

interface Asked {
  method: string
  path: string
  headers: IncomingHttpHeaders
  body: string
}
let asked: Asked[]
let answers: { status: number; headers?: Record<string, string>; body: unknown }[]
let server: Server
let baseURL: string
beforeEach(async () => {
  asked = []
  answers = []
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      asked.push({ method, path: url, headers, body: Buffer.concat(chunks).toString() })
      const { status, headers: more = {}, body } = answers.shift() ?? { status: 200, body: message }
      response.writeHead(status, { 'content-type': 'application/json', 'x-amzn-requestid': 'r-1', ...more })
      response.end(JSON.stringify(body))
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(() => {
  server.closeAllConnections()
  return new Promise((done) => server.close(done))
})

const bedrock = (change: Partial<Parameters<typeof createBedrockModel>[0]> = {}) =>
  createBedrockModel({
    region: 'eu-central-1',
    credentials: async () => role,
    baseURL,
    io: (_port, call) => call(),
    ...change,
  })
const options = { signal: new AbortController().signal, timeoutMs: 5_000 }

/** The signature that AWS would expect: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
function expectedSignature({ method, path, headers, body }: Asked, secret: string): string {
  const {
    date = '',
    scope = '',
    signed = '',
  } = /Credential=[^/]+\/(?<scope>(?<date>\d{8})\/[^,]+), SignedHeaders=(?<signed>[^,]+)/.exec(
    headers.authorization ?? '',
  )?.groups ?? {}
  const sha = (text: string) => createHash('sha256').update(text).digest('hex')
  const lines = signed
    .split(';')
    .map((name) => `${name}:${String(headers[name]).trim().replace(/ +/g, ' ')}\n`)
  const canonical = [method, path, '', lines.join(''), signed, sha(body)].join('\n')
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha(canonical)].join('\n')
  const [, region = '', service = ''] = scope.split('/')
  const key = [date, region, service, 'aws4_request'].reduce<string | Buffer>(
    (last, part) => createHmac('sha256', last).update(part).digest(),
    `AWS4${secret}`,
  )
  return createHmac('sha256', key).update(text).digest('hex')
}

describe('a call of Claude on Bedrock', () => {
  test('goes to the model’s own path, with the version in the body, and answers what Claude said', async () => {
    expect(await bedrock().create(params, options)).toMatchObject({
      id: 'msg_bdrk_1',
      content: message.content,
    })
    expect(asked).toHaveLength(1)
    expect(asked[0]).toMatchObject({ method: 'POST', path: `/model/${model}/invoke` })
    const { model: _, ...rest } = params
    expect(JSON.parse(asked[0]?.body ?? '')).toEqual({ ...rest, anthropic_version: '2026-10-21' })
  })

  test('is signed by the role, for this region and service, over this body', async () => {
    await bedrock().create(params, options)
    const [request] = asked
    if (request === undefined) throw new Error('nothing was asked')
    const { authorization = '' } = request.headers
    expect(authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=ASIAROLE\/\d{8}\/eu-central-1\/bedrock\/aws4_request, /,
    )
    expect(authorization).toContain(`Signature=${expectedSignature(request, role.secretAccessKey)}`)
    expect(authorization).not.toContain(`Signature=${expectedSignature(request, 'another secret')}`)
    expect(/SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(';')).toEqual(
      expect.arrayContaining(['host', 'x-amz-date', 'x-amz-security-token']),
    )
    expect(request.headers['x-amz-security-token']).toBe('session')
    expect(JSON.stringify(request)).not.toContain(role.secretAccessKey)
  })

  test('asks for the credentials each time, because they end', async () => {
    let times = 0
    const model = bedrock({ credentials: async () => ({ ...role, accessKeyId: `ASIA${++times}` }) })
    await model.create(params, options)
    await model.create(params, options)
    expect(asked.map(({ headers }) => /ASIA\d/.exec(headers.authorization ?? '')?.[0])).toEqual([
      'ASIA1',
      'ASIA2',
    ])
  })

  test.each([
    [403, 'bad_configuration', /Enable the model in Amazon Bedrock/],
    [404, 'bad_configuration', /inference profile/],
    [400, 'refused', /request/],
    [500, 'unavailable', /failing/],
  ] as const)('refused with %d is %s', async (status, code, says) => {
    const body = { message: 'quoting anna@example.com' }
    for (const _ of [1, 2]) answers.push({ status, headers: { 'retry-after-ms': '1' }, body })
    const error = await bedrock()
      .create(params, options)
      .catch((problem: unknown) => problem)
    expect(error).toMatchObject({ code, message: expect.stringMatching(says) })
    expect((error as Error).message).not.toContain('anna')
  })

  test('that is throttled for long ends at once, with the wait', async () => {
    answers.push({ status: 429, headers: { 'retry-after': '60' }, body: { message: 'Too many tokens' } })
    await expect(bedrock().create(params, options)).rejects.toMatchObject({
      code: 'rate_limited',
      retryAfterMs: 60_000,
    })
    expect(asked).toHaveLength(1)
  })

  test('without credentials says so and asks nothing', async () => {
    const credentials = () => Promise.reject(new Error('no role'))
    await expect(bedrock({ credentials }).create(params, options)).rejects.toMatchObject({
      code: 'unavailable',
    })
    expect(asked).toEqual([])
  })
})

describe('the environment', () => {
  const variables = {
    AWS_BEARER_TOKEN_BEDROCK: 'bearer-of-the-environment',
    ANTHROPIC_BEDROCK_BASE_URL: 'http://127.0.0.1:1',
    ANTHROPIC_API_KEY: 'key-of-the-environment',
    AWS_ACCESS_KEY_ID: 'AKIAENVIRONMENT',
    AWS_SECRET_ACCESS_KEY: 'environment',
    AWS_REGION: 'us-west-2',
  }
  const before = Object.fromEntries(Object.keys(variables).map((name) => [name, process.env[name]]))
  afterEach(() => {
    jest.restoreAllMocks()
    for (const [name, value] of Object.entries(before))
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
  })

  test('chooses neither place, nor region, nor credential', async () => {
    Object.assign(process.env, variables)
    await bedrock().create(params, options)
    expect(asked[0]?.headers.authorization).toMatch(/Credential=ASIAROLE\/\d{8}\/eu-central-1\/bedrock/)
    expect(JSON.stringify(asked[0]?.headers)).not.toMatch(/environment|AKIA|us-west-2/i)
  })

  test('does not choose where requests go, where nobody does', async () => {
    Object.assign(process.env, { ...variables, ANTHROPIC_BEDROCK_BASE_URL: baseURL })
    const away = new AbortController()
    const dialled: string[] = []
    jest.spyOn(globalThis, 'fetch').mockImplementation(async (input) => {
      dialled.push(String(input))
      away.abort()
      throw new TypeError('fetch failed')
    })
    const { baseURL: _given, ...rest } = {
      region: 'eu-central-1',
      credentials: async () => role,
      baseURL,
      io: <T>(_port: string, call: () => Promise<T>) => call(),
    }
    await expect(
      createBedrockModel(rest).create(params, { ...options, signal: away.signal }),
    ).rejects.toMatchObject({ code: 'unavailable' })
    expect(dialled).toEqual([`https://bedrock-runtime.eu-central-1.amazonaws.com/model/${model}/invoke`])
    expect(asked).toEqual([])
  })

  test('gives the function’s own role in the cloud, as every client of AWS finds it', async () => {
    Object.assign(process.env, variables)
    const claude = createClaude(
      { bedrockRegion: 'eu-central-1', baseURL },
      { aws: { region: 'eu-central-1' }, clock: { now: () => Date.now() }, io: (_port, call) => call() },
    )
    await claude.create(params, options)
    expect(asked[0]?.headers.authorization).toContain('Credential=AKIAENVIRONMENT/')
  })
})

test.each([
  model,
  'eu.anthropic.claude-haiku-5-5',
  'anthropic.claude-opus-5-5',
  'us.anthropic.claude-haiku-4-5-20251001-v1:0',
])('a tenant can choose %s, and its price is known', (id) => {
  expect(agentSettings.parse({ model: id }).model).toBe(id)
  expect(hasPrice(id)).toBe(true)
  const tokens = { input: 1000, output: 10, cacheRead: 0, cacheWrite: 0 }
  const own = id.replace(/^.*(?=claude)/, '').replace(/-2025.*$/, '')
  expect(costOf(id, tokens)).toBe(costOf(own, tokens))
})
