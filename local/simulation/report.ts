/** How the cases of a simulation went, for a terminal and for the log of a build. */
import type { Played } from './play.ts'

const indented = (text: string, by: string): string =>
  text
    .split('\n')
    .map((line) => `${by}${line}`)
    .join('\n')

/** One case: a mark, its name and what it cost; where it went wrong, what was expected and what was. */
export function caseReport({ case: { name }, simulated, wrong }: Played): string {
  const { cost, ms } = simulated
  const line = `${wrong.length === 0 ? '✓' : '✗'} ${name}  (${ms} ms, ${money(cost)})`
  if (wrong.length === 0) return `${line}\n`
  const problems = simulated.requests
    .filter(({ how }) => how !== 'recorded' && how !== 'called')
    .map(({ tool, method, url, how }) => `${tool}: ${method} ${url} was not sent: ${how}`)
  return `${[line, ...[...wrong, ...problems].map((each) => indented(each, '    '))].join('\n')}\n`
}

export function summary(played: readonly Played[]): string {
  const failed = played.filter(({ wrong }) => wrong.length > 0)
  const costs = played.map(({ simulated }) => simulated.cost)
  const cost = costs.every((one) => one !== undefined)
    ? costs.reduce((total, one) => total + one, 0)
    : undefined
  const { length } = played
  return `\n${length - failed.length} of ${length} as expected, ${money(cost)} for Claude\n`
}

const money = (dollars: number | undefined): string =>
  dollars === undefined ? 'price unknown' : `$${dollars.toFixed(4)}`
