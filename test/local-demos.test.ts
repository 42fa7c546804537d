/** The four demos, each on a laptop of its own: what the shop did, what people read, what the trace says. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Script } from '../local/claude.ts'
import { type DemoStory, demoStories } from '../local/demo-data.ts'
import { playStory } from '../local/demo-stories.ts'
import { type Laptop, startLaptop } from '../local/laptop.ts'
import { createPrinter, type Line } from '../local/print.ts'
import type { TraceEntry } from '../schemas/trace.ts'

interface Played {
  laptop: Laptop
  went: boolean
  output: string
  lines: Line[]
}

const open: Laptop[] = []
async function play(story: DemoStory, script?: Script): Promise<Played> {
  const lines: Line[] = []
  const laptop = await startLaptop({
    port: 0,
    onLine: (line) => lines.push(line),
    ...(script === undefined ? {} : { script }),
  })
  open.push(laptop)
  let output = ''
  const printer = createPrinter({ out: (text) => (output += text), color: false })
  const went = await playStory(laptop, printer, story, new AbortController().signal)
  return { laptop, went, output, lines }
}
afterAll(async () => {
  for (const laptop of open) await laptop.close()
})

const tickets = ({ laptop }: Played) => laptop.standIns.zendesk.tickets().toReversed()
const said = (played: Played, isPublic: boolean): string[] =>
  tickets(played).flatMap(({ messages }) =>
    messages.flatMap((m) => (m.by === 'us' && m.public === isPublic ? [m.text] : [])),
  )
async function traced(played: Played): Promise<TraceEntry[]> {
  const records = await Promise.all(tickets(played).map(({ id }) => played.laptop.trace('zendesk', id)))
  return records.flat().flatMap(({ entries }) => entries.map(({ entry }) => entry))
}

/** The writes of a story that ran on somebody's consent. */
const consented = async (played: Played): Promise<unknown[]> =>
  (await traced(played)).flatMap((e) =>
    e.kind === 'tool' && e.consent !== undefined ? [[e.name, e.outcome, e.consent]] : [],
  )

describe('a demo that goes as it should', () => {
  let played: Record<DemoStory, Played>
  beforeAll(async () => {
    const all = await Promise.all(demoStories.map(async (story) => [story, await play(story)] as const))
    played = Object.fromEntries(all) as Record<DemoStory, Played>
  }, 60_000)

  test.each(demoStories)('%s says so, shows its trace, and raises no alarm', (story) => {
    const { went, output, lines } = played[story]
    expect(output).toMatch(/The trace of ticket \d+[\s\S]*identified +mailbox[\s\S]*What came of it\n {2}yes/)
    expect(output).not.toMatch(/^ {2}NO /m)
    expect(went).toBe(true)
    expect(lines.filter(({ alarm }) => alarm)).toEqual([])
  })

  test('refund: by the code that was mailed, once, within the cap', async () => {
    const { laptop } = played.refund
    expect(laptop.shop.refunds).toEqual([
      { id: 'rf_1', orderId: '1017', amount: 12.9, key: expect.any(String) },
    ])
    expect(laptop.aws.mails()).toMatchObject([
      { to: ['zoe@example.com'], text: expect.stringContaining('Refund 12.9 of your order 1017') },
    ])
    expect(said(played.refund, true)).toEqual([
      expect.stringMatching(/Please confirm:[\s\S]*Nothing has been done yet/),
      expect.stringContaining('It is done: refund order'),
    ])
    const levels = (await traced(played.refund)).flatMap((e) => (e.kind === 'identified' ? [e.level] : []))
    expect(levels).toEqual(['mailbox', 'confirmed'])
    expect(await consented(played.refund)).toEqual([['refund_order', 'done', 'code']])
  })

  test('cancel: a task that looks first, by the token in the reply, and is finished', async () => {
    const { laptop } = played.cancel
    expect(laptop.shop.cancellations).toEqual([{ orderId: '2077', key: expect.any(String) }])
    expect(said(played.cancel, true)).toEqual([
      expect.stringMatching(/Cancel your order 2077[\s\S]*write [0-9A-Z]{4}-[0-9A-Z]{4}/),
      expect.stringContaining('It is done: cancel order'),
    ])
    const tools = (await traced(played.cancel)).flatMap((e) => (e.kind === 'tool' ? [[e.name, e.cause]] : []))
    expect(tools.slice(0, 3)).toEqual([
      ['start_task', undefined],
      ['check_cancellation', undefined],
      ['cancel_order', 'needs_confirmation'],
    ])
    expect(tools.at(-1)).toEqual(['finish_task', undefined])
    expect(await consented(played.cancel)).toEqual([['cancel_order', 'done', 'customer']])
  })

  test('approval: by the note of an agent, whose code the customer never sees', async () => {
    const { laptop } = played.approval
    expect(laptop.shop.addressChanges).toEqual([
      { orderId: '2077', address: '7 Park Row, Leeds LS1 5HD', key: expect.any(String) },
    ])
    const [note = ''] = said(played.approval, false)
    const code = /approve (\S+)/.exec(note)?.[1] ?? 'none'
    expect(said(played.approval, true)).toEqual([
      expect.stringContaining('A colleague decides about it'),
      expect.stringContaining('This was approved and has been done:'),
    ])
    expect(said(played.approval, true).join()).not.toContain(code)
    expect(await consented(played.approval)).toEqual([['change_delivery_address', 'done', 'agent']])
  })

  test('stranger: asked for twice, refused twice, and nothing of it leaves', async () => {
    const { laptop } = played.stranger
    expect(laptop.shop.refunds).toEqual([])
    expect(
      laptop.shop.requests.filter(({ path, method }) => path.includes('1042') && method !== 'GET'),
    ).toEqual([])
    expect([said(played.stranger, true), laptop.aws.mails()]).toEqual([[], []])
    expect(JSON.stringify(laptop.claude?.requests)).not.toMatch(/JD014600001042|Lindenweg|rucksack/)
    const tools = (await traced(played.stranger)).flatMap((e) =>
      e.kind === 'tool' ? [[e.name, e.outcome, e.cause]] : [],
    )
    const each = [
      ['get_order', 'failed', 'not_found'],
      ['refund_order', 'refused', 'not_allowed'],
    ]
    expect(tools.filter(([name]) => name !== 'hand_over')).toEqual([...each, ...each])
  })
})

test('a demo in which nothing comes about says what, and is no success', async () => {
  const { went, output } = await play('cancel', () => ({
    content: [{ type: 'text', text: 'It is cancelled.' }],
  }))
  expect(went).toBe(false)
  expect(output).toMatch(/^ {2}NO +order 2077 was cancelled, once$/m)
}, 30_000)
