import { describe, expect, test } from '@jest/globals'
import type { Message, Ticket } from '../lambdas/core/helpdesk.ts'
import { shouldAnswer } from '../lambdas/core/should-answer.ts'
import { ticketRow } from '../schemas/ticket-row.ts'

const minute = 60_000
const hour = 60 * minute
const start = Date.parse('2026-11-21T09:00:00Z')

type Said = Partial<Omit<Message, 'author'>> & { by?: 'customer' | 'us' | 'human' | 'rule' }

/** Messages one minute apart, unless they say when. */
const messagesOf = (said: Said[]): Message[] =>
  said.map(({ by = 'customer', ...more }, i) => ({
    id: `m${i + 1}`,
    at: start + i * minute,
    author: {
      id: by,
      role: by === 'customer' ? 'customer' : by === 'rule' ? 'system' : 'team',
    },
    visibility: 'public',
    ours: by === 'us',
    automatic: by === 'rule',
    text: `message ${i + 1} of ${by}`,
    attachments: [],
    evidence: {},
    ...more,
  }))

const ticketOf = (said: Said[], change: Partial<Ticket> = {}): Ticket => ({
  id: '1',
  subject: 'Order',
  channel: 'email',
  status: 'open',
  requester: { id: 'customer' },
  assignee: 'nobody',
  handedOver: false,
  inScope: true,
  audience: ['zoe@example.com'],
  stamp: 's',
  messages: messagesOf(said),
  complete: true,
  ...change,
})

function decide(
  said: Said[],
  change: Partial<Ticket> = {},
  row: object = {},
  answered: string[] = [],
  now = start + said.length * minute,
): string {
  const verdict = shouldAnswer(
    ticketOf(said, change),
    ticketRow.parse({ pk: 'p', sk: 'ticket', ...row }),
    new Set(answered),
    now,
  )
  if (verdict.do === 'nothing') return verdict.cause
  return `${verdict.do === 'answer' ? 'answer' : verdict.cause} ${verdict.message.id}`
}

describe('which message is answered', () => {
  test.each<[string, Said[], string]>([
    ['the only one', [{}], 'answer m1'],
    ['the newest of a burst', [{}, {}, {}], 'answer m3'],
    ['none after our reply', [{}, { by: 'us' }], 'nothing_new'],
    ['the one after our reply', [{}, { by: 'us' }, {}], 'answer m3'],
    ['not a customer’s internal comment', [{}, { by: 'us' }, { visibility: 'internal' }], 'nothing_new'],
    ['not an automatic one', [{}, { by: 'us' }, { automatic: true }], 'nothing_new'],
    ['the one before an automatic one', [{}, { automatic: true }], 'answer m1'],
    ['the one before a rule’s acknowledgement', [{}, { by: 'rule' }], 'answer m1'],
    ['the one before a colleague’s note', [{}, { by: 'human', visibility: 'internal' }], 'answer m1'],
    ['the one before our own note', [{}, { by: 'us', visibility: 'internal' }], 'answer m1'],
    ['none of a ticket without messages', [], 'nothing_new'],
  ])('%s', (_, said, verdict) => {
    expect(decide(said)).toBe(verdict)
  })

  test('not one that has an answer by the ledger, though the helpdesk does not show it', () => {
    expect(decide([{}], {}, {}, ['m1'])).toBe('nothing_new')
    expect(decide([{}, {}], {}, {}, ['m1'])).toBe('answer m2')
  })
})

describe('who has the ticket', () => {
  test.each<[string, Said[], Partial<Ticket>, object, string]>([
    ['a human replied', [{}, { by: 'human' }, {}], {}, {}, 'human_replied'],
    [
      'a human replied, and it is assigned to us',
      [{}, { by: 'human' }, {}],
      { assignee: 'us' },
      {},
      'answer m3',
    ],
    ['a human is assigned', [{}], { assignee: 'human' }, {}, 'human_assigned'],
    ['we are assigned', [{}], { assignee: 'us' }, {}, 'answer m1'],
    ['it is closed', [{}], { status: 'closed' }, {}, 'closed'],
    ['it is solved and the customer wrote', [{}], { status: 'solved' }, {}, 'answer m1'],
    ['it is out of scope', [{}], { inScope: false }, {}, 'out_of_scope'],
    ['it is handed over', [{}], { handedOver: true }, { handedOver: true }, 'handed_over'],
    ['a human put the tag on', [{}], { handedOver: true }, {}, 'handed_over'],
    [
      'handed over, a human answered, the tag taken off',
      [{}, { by: 'human' }, {}],
      { handedOver: false },
      { handedOver: true },
      'answer m3',
    ],
    [
      'handed over, then assigned to us with the tag still on',
      [{}, { by: 'human' }, {}],
      { handedOver: true, assignee: 'us' },
      { handedOver: true },
      'answer m3',
    ],
    [
      'given back before the human replied again',
      [{}, { by: 'human' }, {}],
      {},
      { givenBackAt: start },
      'human_replied',
    ],
    [
      'given back after the human replied',
      [{}, { by: 'human' }, {}],
      {},
      { givenBackAt: start + 90_000 },
      'answer m3',
    ],
  ])('%s', (_, said, change, row, verdict) => {
    expect(decide(said, change, row)).toBe(verdict)
  })
})

describe('a late message', () => {
  test('of more than 24 hours starts no turn', () => {
    expect(decide([{}], {}, {}, [], start + 24 * hour)).toBe('answer m1')
    expect(decide([{}], {}, {}, [], start + 24 * hour + 1)).toBe('too_old')
  })
  test('that was due for more than 24 hours goes to a human', () => {
    const due = { dueSince: start }
    expect(decide([{}], {}, due, [], start + 24 * hour)).toBe('answer m1')
    expect(decide([{}], {}, due, [], start + 24 * hour + 1)).toBe('too_late m1')
    expect(decide([{}, { by: 'us' }], {}, due, [], start + 25 * hour)).toBe('nothing_new')
  })
})

describe('the loop brake', () => {
  /** Runs two robots against each other. Answers how many replies we sent until the brake, and its verdict. */
  function duel(
    first: string,
    robot: (n: number, last: string) => string,
    ours: (n: number) => string,
    gap: number,
  ) {
    const said: Said[] = [{ text: first, at: start }]
    for (let replies = 0; replies < 20; replies++) {
      const at = start + (2 * replies + 1) * gap
      const verdict = decide(said, {}, {}, [], at)
      if (!verdict.startsWith('answer')) return { replies, verdict: verdict.split(' ')[0] }
      const text = ours(replies)
      said.push({ by: 'us', text, at }, { text: robot(replies, text), at: at + gap })
    }
    return { replies: 20, verdict: 'none' }
  }
  const sentences = [
    'We look into it at once',
    'Your parcel is on its way to you',
    'All is fine now, enjoy your day',
  ]
  const varied = (n: number): string =>
    `Reply ${n}. ${sentences[n % 3]}. Kind regards from Nora, ticket ${n}.`

  test.each<[string, (n: number, last: string) => string]>([
    ['says the same with another number', (n) => `I am out of office. Case #${1000 + n}.`],
    [
      'quotes us with marks',
      (n, last) => `Out of office until ${n} May.\n\n> ${last.replaceAll('\n', '\n> ')}`,
    ],
    ['quotes us without marks', (n, last) => `Thank you for your mail, case ${n}. You wrote: ${last}`],
    ['answers with a quotation alone', (n, last) => `${last} ${n}`],
  ])('stops an auto-responder that %s after at most 3 replies, day by day', (_, robot) => {
    for (const gap of [minute, 7 * hour]) {
      const { replies, verdict } = duel('Where is my order?', robot, varied, gap)
      expect(verdict).toBe('loop_brake')
      expect(replies).toBeLessThanOrEqual(3)
      expect(duel(robot(99, varied(0)), robot, varied, gap).replies).toBeLessThanOrEqual(3)
    }
  })

  test('stops at 6 replies an hour whatever is said, and only then', () => {
    const words = ['apple', 'pear', 'plum', 'fig', 'lime', 'kiwi', 'date', 'grape', 'melon', 'berry']
    const chatty = (n: number): string => `and what about the ${words[n % 10]} then`
    expect(duel('hello', chatty, varied, minute)).toEqual({ replies: 6, verdict: 'loop_brake' })
    expect(duel('hello', chatty, varied, 20 * minute).replies).toBe(20)
  })

  test('lets a customer send the same twice, in a burst, or answer with numbers', () => {
    const twice: Said[] = [{ text: 'Hello?' }, { by: 'us', text: 'Hi!' }, { text: 'Hello?' }]
    expect(decide(twice)).toBe('answer m3')
    expect(decide(Array.from({ length: 5 }, () => ({ text: 'Hello?' })))).toBe('answer m5')
    const numbers = ['1042', '50667', '3', '17'].flatMap((text): Said[] => [
      { text },
      { by: 'us', text: 'And?' },
    ])
    expect(decide([...numbers, { text: '5' }])).toBe('answer m9')
  })
})
