/** The laptop's terminal output: each step on a line with its duration, then the reply and where to look next. */

/** A log line of the handlers, or an event of the laptop itself. */
export type Line = { event: string; ms?: number } & Record<string, unknown>

export interface Printer {
  /** One step. An event that is not known is printed plainly; a few are part of another line and left out. */
  step(line: Line): void
  /** A line of its own, with a blank line before it. */
  heading(text: string): void
  /** Names and values in two columns. */
  rows(rows: [string, string][]): void
  /** Text in a frame. */
  box(title: string, text: string): void
}

type Tone = 'good' | 'plain' | 'warn' | 'bad'
/** `untimed`: its `ms` is not how long it took. */
type Step = { label: string; detail: string; tone?: Tone; untimed?: boolean } | 'hidden'

const labelWidth = 14
const lineWidth = 84
const boxWidth = 72
const codes = { good: '32', plain: '36', warn: '33', bad: '31', dim: '2', bold: '1' }
const marks: Record<Tone, string> = { good: '✓', plain: '·', warn: '!', bad: '✗' }

/** Colours where a person is looking and has not asked for none (https://no-color.org). */
export const wantsColor = (stream: { isTTY?: boolean }, env: Record<string, string | undefined>): boolean =>
  stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'

export function createPrinter({ out, color }: { out: (text: string) => void; color: boolean }): Printer {
  const paint = (code: keyof typeof codes, text: string) =>
    color ? `\u001b[${codes[code]}m${text}\u001b[0m` : text

  let shown: string | undefined

  return {
    step(line) {
      const step = describe(line)
      if (step === 'hidden') return
      const { label, tone = 'plain' } = step
      // Several tickets may be under way: a line of another one than the last says whose it is.
      const ticketId = line.ticketId === undefined ? undefined : String(line.ticketId)
      const whose =
        line.event !== 'customer_wrote' && ticketId !== undefined && shown !== undefined && ticketId !== shown
          ? `#${ticketId}: `
          : ''
      shown = ticketId ?? shown
      const detail = oneLine(`${whose}${step.detail}`)
      const time = typeof line.ms === 'number' && !step.untimed ? duration(line.ms) : ''
      const gap = Math.max(1, lineWidth - labelWidth - 5 - detail.length - time.length)
      out(
        `  ${paint(tone, marks[tone])} ${paint('bold', label.padEnd(labelWidth))} ${detail}${time && ' '.repeat(gap) + paint('dim', time)}\n`,
      )
    },
    heading(text) {
      out(`\n${paint('bold', oneLine(text))}\n`)
    },
    rows(rows) {
      const width = Math.max(...rows.map(([name]) => name.length))
      for (const [name, value] of rows) out(`  ${paint('dim', name.padEnd(width))}  ${oneLine(value)}\n`)
    },
    box(title, text) {
      const head = oneLine(title).slice(0, boxWidth - 4)
      out(`\n  ┌─ ${paint('bold', head)} ${'─'.repeat(boxWidth - head.length - 1)}┐\n`)
      for (const line of wrap(printable(text), boxWidth)) out(`  │ ${line.padEnd(boxWidth)} │\n`)
      out(`  └${'─'.repeat(boxWidth + 2)}┘\n`)
    },
  }
}

const duration = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`)

/** What a line says in words. */
function describe(line: Line): Step {
  const { event } = line
  const known = steps[event]?.(line)
  if (known === undefined) return { label: event, detail: rest(line), tone: toneOf(line) }
  if (known === 'hidden') return known
  return {
    ...known,
    tone: line.level === 'warn' || line.level === 'error' ? toneOf(line) : (known.tone ?? 'plain'),
  }
}

const toneOf = ({ level }: Line): Tone => (level === 'error' ? 'bad' : level === 'warn' ? 'warn' : 'plain')

const text = (value: unknown): string => (value === undefined ? '' : String(value))
const words = (value: unknown): string => text(value).replaceAll('_', ' ')
const count = (value: unknown, one: string): string => `${text(value)} ${one}${value === 1 ? '' : 's'}`
const number = (value: unknown): string => new Intl.NumberFormat('en').format(Number(value ?? 0))

const endings: Record<string, string> = { tool_use: 'wants a tool', end_turn: 'answers' }

/** An I/O of the handlers, by the name of its port: only these are worth a line. */
const ports: Record<string, Step> = {
  'conversations.ring': { label: 'rung', detail: 'the ticket is due, stored before any answer' },
  'queue.send': {
    label: 'wake-up sent',
    detail: 'due in 2 s, so that a burst becomes one turn',
  },
  'http.token': { label: 'signed in', detail: 'OAuth token from the helpdesk' },
  'conversations.release': { label: 'released', detail: 'the lease is given back' },
}

const steps: Record<string, (line: Line) => Step> = {
  io: ({ port }) => ports[text(port)] ?? 'hidden',
  customer_wrote: ({ who, ticketId, about }) => ({
    label: 'customer',
    detail: `${who} writes in ticket ${ticketId}: ${about}`,
  }),
  mail: ({ to, subject, text: body }) => ({
    label: 'mail out',
    detail: `to ${to}, ${text(subject)}: ${text(body)}`,
    tone: 'good',
  }),
  webhook_in: ({ helpdesk, bytes }) => ({
    label: 'webhook in',
    detail: `from ${helpdesk}, ${number(bytes)} bytes`,
  }),
  webhook_accepted: (line) => ({
    label: 'verified',
    detail: `signature and account are right, ${count(line.count, 'doorbell')}, answered ${line.status}`,
    tone: 'good',
  }),
  webhook_duplicate: ({ status }) => ({
    label: 'verified',
    detail: `rung before: nothing to do, answered ${status}`,
    tone: 'good',
  }),
  webhook_ignored: ({ status }) => ({
    label: 'ignored',
    detail: `our own or a system's message, answered ${status}`,
  }),
  webhook_refused: ({ cause, status }) => ({
    label: 'refused',
    detail: `${words(cause)}, answered ${status}`,
  }),
  wake_up: () => ({ label: 'wake-up', detail: 'taken from the queue' }),
  wake_up_dropped: ({ code }) => ({ label: 'wake-up', detail: `dropped: ${words(code)}` }),
  ticket_claimed: ({ fence, attempt }) => ({
    label: 'claimed',
    detail: `lease ${fence}, attempt ${attempt}`,
  }),
  ticket_read: (line) => ({ label: 'ticket read', detail: count(line.count, 'message') }),
  customer_identified: ({ assurance, cause }) => ({
    label: 'identified',
    detail: `${words(assurance)}${cause === undefined ? '' : `: ${words(cause)}`}`,
  }),
  user_data: ({ code, bytes }) => ({
    label: 'user data',
    detail:
      code === 'data'
        ? `fetched, ${number(bytes)} bytes`
        : code === 'none'
          ? 'no record of this address'
          : words(code),
  }),
  model_answered: (line) => ({
    label: 'Claude asked',
    detail: `${endings[text(line.stopReason)] ?? words(line.stopReason)}; tokens ${number(
      Number(line.inputTokens ?? 0) + Number(line.cacheReadTokens ?? 0) + Number(line.cacheWriteTokens ?? 0),
    )} in (${number(line.cacheReadTokens)} cached), ${number(line.outputTokens)} out`,
  }),
  tool_called: ({ tool, code, cause }) => ({
    label: 'tool called',
    detail: `${tool}: ${code}${cause === undefined ? '' : `, ${words(cause)}`}`,
  }),
  reply_posted: () => ({ label: 'reply posted', detail: 'into the ticket', tone: 'good' }),
  handed_over: ({ cause }) => ({ label: 'handed over', detail: `to a human: ${words(cause)}`, tone: 'warn' }),
  turn_ended: ({ code }) => ({ label: 'turn over', detail: words(code), tone: 'good' }),
  turn_failed: ({ code, errorMessage }) => ({
    label: 'turn failed',
    detail: text(errorMessage ?? words(code)),
  }),
  postponed: ({ cause, ms }) => ({
    label: 'postponed',
    detail: `${words(cause)}, again in ${duration(Number(ms))}`,
    untimed: true,
  }),
  write_ended: () => 'hidden',
  looking_again: () => ({ label: 'looked again', detail: 'something rang meanwhile' }),
  effect_settled: ({ code }) => ({ label: 'settled', detail: `what a look before posted: ${words(code)}` }),
  swept: (line) =>
    line.count === 0 ? 'hidden' : { label: 'swept', detail: `${count(line.count, 'ticket')} rung again` },
  reconciled: (line) =>
    line.count === 0
      ? 'hidden'
      : { label: 'reconciled', detail: `${count(line.count, 'ticket')} moved without a webhook` },
}

const onEveryLine = ['event', 'ms', 'time', 'level', 'tenant', 'connectionId', 'helpdesk']

/** The fields of a line that is not known, without what every line has. */
const rest = (line: Line): string =>
  Object.entries(line)
    .filter(([name]) => !onEveryLine.includes(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')

/** Customers' words cannot drive the terminal: no escapes, no direction marks. */
const printable = (value: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it removes
  value.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
const oneLine = (value: string): string => printable(value.replace(/\s*\n\s*/g, ' '))

function wrap(value: string, width: number): string[] {
  return value.split('\n').flatMap((paragraph) => {
    const lines = ['']
    for (const word of paragraph.split(' ')) {
      const pieces = word.match(new RegExp(`.{1,${width}}`, 'gu')) ?? ['']
      for (const piece of pieces) {
        const last = lines.at(-1) ?? ''
        const joined = last === '' ? piece : `${last} ${piece}`
        if (joined.length <= width) lines[lines.length - 1] = joined
        else lines.push(piece)
      }
    }
    return lines
  })
}
