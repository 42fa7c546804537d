import { describe, expect, test } from '@jest/globals'
import { createPrinter, wantsColor } from '../local/print.ts'

function printed(print: (printer: ReturnType<typeof createPrinter>) => void, color = false): string {
  let all = ''
  print(createPrinter({ out: (text) => (all += text), color }))
  return all
}

describe('a step', () => {
  test('has a mark, a name, what happened and how long it took, aligned', () => {
    const lines = printed((p) => {
      p.step({ event: 'ticket_read', level: 'info', count: 1, ms: 12.4 })
      p.step({
        event: 'model_answered',
        stopReason: 'end_turn',
        inputTokens: 1200,
        outputTokens: 40,
        ms: 1234,
      })
    }).split('\n')
    expect(lines[0]).toMatch(/^ {2}· ticket read {4}1 message +12 ms$/)
    expect(lines[1]).toMatch(/^ {2}· Claude asked {3}answers; tokens 1,200 in \(0 cached\), 40 out +1\.2 s$/)
    expect(lines[0]?.length).toBe(lines[1]?.length)
  })

  test('that is not known is printed with its fields, and an alarm stands out', () => {
    const text = printed((p) =>
      p.step({ event: 'store_on_fire', level: 'error', alarm: true, code: 'hot', time: 'x' }),
    )
    expect(text).toBe('  ✗ store_on_fire  alarm=true code=hot\n')
  })

  test('that says nothing new is left out', () => {
    const text = printed((p) => {
      p.step({ event: 'swept', count: 0, ms: 1 })
      p.step({ event: 'io', port: 'configuration.definitions', ms: 1 })
    })
    expect(text).toBe('')
  })
})

test('what a customer wrote cannot drive the terminal', () => {
  const text = printed((p) => {
    p.step({
      event: 'customer_wrote',
      who: 'Kim',
      ticketId: 1,
      about: '\u001b]0;owned\u0007\u001b[2Jhi\n  ✓ verified',
    })
    p.box('reply', '\u001b[31mred\u202e evil')
  })
  const controls = [...text].filter(
    (character) => character !== '\n' && (character < ' ' || character === '\u202e'),
  )
  expect(controls).toEqual([])
  expect(text.split('\n')[0]).toContain('hi ✓ verified')
})

test('a frame wraps long lines and keeps its edges straight', () => {
  const text = printed((p) => p.box('The reply', `Hi Zoë,\n\n${'word '.repeat(40)}${'x'.repeat(100)}`))
  const lines = text.split('\n').filter((line) => /^ {2}[┌│└]/.test(line))
  expect(lines.length).toBeGreaterThan(6)
  expect(new Set(lines.map((line) => [...line].length)).size).toBe(1)
})

test('colours are for a terminal whose owner wants them', () => {
  expect(wantsColor({ isTTY: true }, {})).toBe(true)
  expect(wantsColor({ isTTY: true }, { NO_COLOR: '1' })).toBe(false)
  expect(wantsColor({ isTTY: true }, { TERM: 'dumb' })).toBe(false)
  expect(wantsColor({}, {})).toBe(false)
  expect(printed((p) => p.heading('x'), true)).toContain('\u001b[1m')
  expect(printed((p) => p.heading('x'))).toBe('\nx\n')
})
