import Anthropic from '@anthropic-ai/sdk'
import { afterEach, describe, expect, test } from '@jest/globals'
import { type ClaudeStandIn, type Script, startClaude } from '../local/claude.ts'

const open: ClaudeStandIn[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})
async function claude(script?: Script) {
  const standIn = await startClaude(script ? { script } : {})
  open.push(standIn)
  const client = new Anthropic({ apiKey: 'any', baseURL: standIn.url, maxRetries: 0 })
  return { standIn, client }
}

const getOrder: Anthropic.Tool = {
  name: 'get_order',
  description: 'One order',
  strict: true,
  input_schema: {
    type: 'object',
    additionalProperties: false,
    required: ['order_id'],
    properties: { order_id: { type: 'string' } },
  },
}
const opening = (name: string, text: string): Anthropic.MessageParam => ({
  role: 'user',
  content: [
    {
      type: 'text',
      text: `<customer_name>${name}</customer_name>\n\n<customer_data>\nName: ${name}\nLoyalty level: Gold\n</customer_data>\n\n<ticket>\n\n</ticket>\n\n<newest_message>\n<message from="customer" at="2026-11-21T08:00:00Z">${text}</message>\n</newest_message>`,
    },
  ],
})
const system = (text = 'You are Nora.'): Anthropic.TextBlockParam[] => [
  { type: 'text', text, cache_control: { type: 'ephemeral' } },
]
const create = (client: Anthropic, messages: Anthropic.MessageParam[], tools = [getOrder]) =>
  client.messages.create({ model: 'claude-sonnet-5-5', max_tokens: 500, system: system(), tools, messages })

/** Asks, answers the order tool with `result`, and returns what is said in the end. */
async function conversation(name: string, text: string, result: unknown) {
  const { client } = await claude()
  const first = await create(client, [opening(name, text)])
  const call = first.content.find((block) => block.type === 'tool_use')
  const last = await create(client, [
    opening(name, text),
    { role: 'assistant', content: first.content as Anthropic.ContentBlockParam[] },
    {
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: call?.id ?? '', content: JSON.stringify(result) }],
    },
  ])
  return {
    call,
    said: last.content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n'),
  }
}

describe('without a script', () => {
  test('two customers with two orders get two answers, each from their own result', async () => {
    const zoe = await conversation('Zoë Müller', 'Where is order 1042?', {
      id: '1042',
      state: 'in_transit',
      delivery_date: '2026-11-23',
      carrier: 'DHL',
    })
    expect(zoe.call).toMatchObject({ name: 'get_order', input: { order_id: '1042' } })
    expect(zoe.said).toMatch(/^Hi Zoë,[\s\S]*order 1042 is on its way with DHL[\s\S]*Monday 23 November/)

    const ben = await conversation('Ben Carter', 'hey, order #2077?', {
      order: { id: '2077', state: 'delivered', delivery_date: '2026-11-19' },
    })
    expect(ben.call).toMatchObject({ input: { order_id: '2077' } })
    expect(ben.said).toMatch(/^Hi Ben,[\s\S]*order 2077 was delivered on Thursday 19 November/)
    expect(ben.said).not.toContain('1042')
  })

  test('an order that is not the customer’s is not found, politely', async () => {
    const { said } = await conversation('Ben Carter', 'Where is order 1042?', 'not_found: 404')
    expect(said).toMatch(/could not find/)
  })

  test('a question about the customer’s own record is answered from it', async () => {
    const { client } = await claude()
    const answer = await create(client, [opening('Zoë Müller', 'What is my loyalty level?')])
    expect(answer.content).toMatchObject([
      { type: 'text', text: expect.stringContaining('Loyalty level: Gold') },
    ])
  })

  test('what it cannot know it hands over', async () => {
    const { client } = await claude()
    const answer = await create(client, [opening('Zoë Müller', 'Do you ship to the moon?')])
    expect(answer.stop_reason).toBe('tool_use')
    expect(answer.content).toMatchObject([{ type: 'tool_use', name: 'hand_over' }])
  })
})

describe('as the Messages API', () => {
  test('sampling parameters, a missing key and an unanswered tool call are refused', async () => {
    const { client, standIn } = await claude()
    const body = { model: 'claude-sonnet-5-5', max_tokens: 10, messages: [opening('Zoë', 'hi')] }
    const post = (headers: Record<string, string>, extra: object) =>
      fetch(`${standIn.url}/v1/messages`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ ...body, ...extra }),
      })
    const refused = await post({ 'x-api-key': 'k' }, { temperature: 0.2 })
    expect(refused.status).toBe(400)
    expect(await refused.text()).toContain('temperature: Extra inputs are not permitted')
    expect((await post({}, {})).status).toBe(401)
    const call = { type: 'tool_use' as const, id: 't1', name: 'get_order', input: {} }
    const dangling = [
      opening('Zoë', 'hi'),
      { role: 'assistant' as const, content: [call] },
      opening('Zoë', 'hi'),
    ]
    await expect(create(client, dangling)).rejects.toThrow(Anthropic.BadRequestError)
    const loose = { ...getOrder, input_schema: { ...getOrder.input_schema, required: [] } }
    await expect(create(client, [opening('Zoë', 'hi')], [loose])).rejects.toThrow(/strict/)
  })

  test('a second request reads the first one’s prefix from the cache', async () => {
    const { client } = await claude(() => ({ content: [{ type: 'text', text: 'ok' }] }))
    const first = await create(client, [opening('Zoë', 'one')])
    const second = await create(client, [opening('Ben', 'two')])
    expect(first.usage.cache_creation_input_tokens).toBeGreaterThan(0)
    expect(second.usage.cache_read_input_tokens).toBe(first.usage.cache_creation_input_tokens)
    expect(second.usage.cache_creation_input_tokens).toBe(0)
  })

  test('a script sees each request and decides its answer, error or silence', async () => {
    const { client, standIn } = await claude((request, n) => {
      if (n === 0)
        return { error: { status: 529, type: 'overloaded_error', headers: { 'retry-after': '3' } } }
      if (n === 1) return { fault: 'reset' }
      return { content: [{ type: 'text', text: request.model }], stop_reason: 'refusal' }
    })
    const ask = () => create(client, [opening('Zoë', 'hi')])
    await expect(ask()).rejects.toMatchObject({ status: 529 })
    await expect(ask()).rejects.toThrow(Anthropic.APIConnectionError)
    expect(await ask()).toMatchObject({ stop_reason: 'refusal', _request_id: expect.stringMatching(/^req_/) })
    expect(standIn.requests.map(({ status }) => status)).toEqual([529, 0, 200])
  })
})
