/**
 * What CloudWatch Logs makes of our filter patterns, as far as they go: equality, presence, `&&`, `||`. It throws on
 * what it does not know.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
 */
import type { IFilterPattern } from 'aws-cdk-lib/aws-logs'
import type { Measure } from '../lib/log-lines.ts'
import type { LogLine } from './world.ts'

/** Does a line match? */
export function matches(pattern: IFilterPattern, line: LogLine): boolean {
  const text = pattern.logPatternString.trim()
  if (!text.startsWith('{') || !text.endsWith('}')) throw new Error(`no JSON pattern: ${text}`)
  return holds(text.slice(1, -1).trim(), line)
}

function holds(text: string, line: LogLine): boolean {
  for (const [operator, every] of [
    ['||', false],
    ['&&', true],
  ] as const) {
    const parts = split(text, operator)
    if (parts.length > 1)
      return every ? parts.every((part) => holds(part, line)) : parts.some((part) => holds(part, line))
  }
  return text.startsWith('(') ? holds(text.slice(1, -1), line) : term(text, line)
}

/** At the top level, outside of parentheses. */
function split(text: string, operator: string): string[] {
  const parts: string[] = []
  let depth = 0
  let from = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth++
    if (text[i] === ')') depth--
    if (depth === 0 && text.startsWith(operator, i)) {
      parts.push(text.slice(from, i).trim())
      from = i + operator.length
    }
  }
  return [...parts, text.slice(from).trim()]
}

function term(text: string, line: LogLine): boolean {
  const absent = /^\$\.(\w+) NOT EXISTS$/.exec(text)
  if (absent) return line[absent[1] ?? ''] === undefined
  const is = /^\$\.(\w+) IS TRUE$/.exec(text)
  if (is) return line[is[1] ?? ''] === true
  const compared = /^\$\.(\w+) (=|!=) "([\w*]+)"$/.exec(text)
  if (!compared) throw new Error(`not known here: ${text}`)
  const [, field = '', operator, wanted] = compared
  const value = line[field]
  if (value === undefined) return false
  if (wanted === '*') return operator === '='
  return (String(value) === wanted) === (operator === '=')
}

/** Every metric that the lines make: `Name{Dimension=value,...}` and its sum. */
export function counted(
  measures: Record<string, Measure | Measure[]>,
  lines: LogLine[],
): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const [name, each] of Object.entries(measures)) {
    for (const { pattern, value = '1', by } of [each].flat()) {
      for (const line of lines.filter((one) => matches(pattern, one))) {
        const field = (path: string): unknown => line[path.slice(2)]
        const number = value.startsWith('$') ? field(value) : Number(value)
        const values = Object.entries(by).map(([dimension, path]) => [dimension, field(path)])
        if (typeof number !== 'number' || values.some(([, found]) => found === undefined))
          throw new Error(`${name} counts a line without its fields: ${JSON.stringify(line)}`)
        const key = `${name}{${values.map(([dimension, found]) => `${dimension}=${found}`).join(',')}}`
        sums[key] = Math.round(((sums[key] ?? 0) + number) * 1e6) / 1e6
      }
    }
  }
  return sums
}
