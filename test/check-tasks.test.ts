/** A tenant's tasks, as part of its configuration file: what is wrong is said with its path before it is published. */
import { describe, expect, test } from '@jest/globals'
import { checkConfiguration } from '../lambdas/core/check-configuration.ts'

const tool = (name: string) => ({
  name,
  description: 'Looks up one thing.',
  effect: 'read',
  request: { url: 'https://api.acme.com/x' },
  parameters: { type: 'object' },
})
const task = (change: object = {}) => ({
  name: 'cancel_order',
  description: 'Cancels an order that was not sent.',
  examples: ['Cancel it', 'Stop my order'],
  steps: ['Look up with {{get_order}}.', 'Cancel with {{ cancel_now }}, else {{handover}}.'],
  tools: ['cancel_now'],
  ...change,
})
function problems(tasks: object[], more: object = {}): string[] {
  const tools = ['get_order', 'cancel_now', 'save_claim'].map(tool)
  const checked = checkConfiguration('acme', { tools, tasks, ...more }, {})
  return checked.ok ? [] : checked.problems.map(({ path, message }) => `${path}: ${message}`)
}

describe('a task', () => {
  test('is right', () => {
    expect(problems([task()])).toEqual([])
    const checked = checkConfiguration(
      'acme',
      { tools: ['get_order', 'cancel_now'].map(tool), tasks: [task()] },
      {},
    )
    expect(checked.ok && checked.definitions.map(({ kind, id }) => `${kind} ${id}`)).toContain(
      'task cancel_order',
    )
  })

  test.each<[string, object, string]>([
    [
      'an unknown tool in a step',
      { steps: ['Call {{get_ordr}}.'] },
      'tasks.0.steps.0: {{get_ordr}} names no tool',
    ],
    [
      'the hand-over by another name',
      { steps: ['{{hand_over}}'] },
      'tasks.0.steps.0: {{hand_over}} names no tool',
    ],
    ['nothing', { steps: ['Call {{}}.'] }, 'tasks.0.steps.0: {{}} names no tool'],
    ['an unknown tool in the guidance', { guidance: '{{x}}' }, 'tasks.0.guidance: {{x}} names no tool'],
    [
      'an open brace',
      { steps: ['Call {{get_order'] },
      'tasks.0.steps.0: double braces hold the name of a tool',
    ],
    [
      'an unknown tool of its own',
      { tools: ['cancel_now', 'nope_x'] },
      'tasks.0.tools.1: there is no tool nope_x',
    ],
    ['one example', { examples: ['a'] }, 'tasks.0.examples: Too small'],
    ['eleven examples', { examples: Array.from({ length: 11 }, () => 'a') }, 'tasks.0.examples: Too big'],
    ['no steps', { steps: [] }, 'tasks.0.steps: Too small'],
    ['a setting nobody knows', { live: true }, 'tasks.0: Unrecognized key'],
  ])('with %s is refused, with the path', (_, change, expected) => {
    expect(problems([task(change)]).join('\n')).toContain(expected)
  })

  test('cannot name a tool that belongs to another task', () => {
    const other = task({ name: 'claim', tools: ['save_claim'], steps: ['{{save_claim}} or {{cancel_now}}'] })
    expect(problems([task(), other])).toEqual([
      "tasks.1.steps.0: {{cancel_now}} belongs to another task: list it under this task's tools, too",
    ])
    expect(problems([task(), { ...other, tools: ['save_claim', 'cancel_now'] }])).toEqual([])
  })

  test('is there once', () => {
    expect(problems([task(), task()])).toEqual(['task cancel_order: is there twice: names are unique'])
  })
})

test('a tool cannot be called like one of ours', () => {
  for (const name of ['start_task', 'finish_task', 'search_articles', 'hand_over'])
    expect(checkConfiguration('acme', { tools: [tool(name)] }, {})).toMatchObject({
      ok: false,
      problems: [{ path: 'tools.0.name' }],
    })
})

test('a budget in money needs a price', () => {
  const settings = { model: 'claude-next-9', costBudget: 1 }
  expect(problems([], { agentSettings: settings })).toEqual([
    'agentSettings.costBudget: nobody has said what claude-next-9 costs: add agentSettings.price',
  ])
  const price = { input: 1, output: 2, cacheRead: 0, cacheWrite: 1 }
  expect(problems([], { agentSettings: { ...settings, price } })).toEqual([])
})

test('an article is checked with the rest', () => {
  const article = { id: 'a', title: 'A', text: 'x', url: 'https://10.0.0.1/a' }
  expect(problems([], { articles: [article] })).toEqual([expect.stringMatching(/^articles\.0\.url: /)])
})
