/** docs/operations.md: every alarm of the template has a section under its exact name, and what it names is there. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { alarmName } from '../lib/alarm.ts'
import { DeskhandFunction } from '../lib/deskhand-function.ts'
import { answerMeasures, receiveMeasures } from '../lib/log-lines.ts'
import { helpdeskNames } from '../schemas/names.ts'
import { synthesize } from './stack-template.ts'

const root = join(__dirname, '..')
const text = readFileSync(join(root, 'docs/operations.md'), 'utf8')
const headings = [...text.matchAll(/^### `(deskhand-[^`]+)`$/gm)].map(([, name = '']) => name)
const stacks = synthesize({ dailyBudgets: '{"acme": 50}' })
const alarms = stacks.all('AWS::CloudWatch::Alarm').map(({ Properties }) => String(Properties.AlarmName))
const functions = stacks.deskhand.node
  .findAll()
  .filter((construct) => construct instanceof DeskhandFunction)
  .map((construct) => alarmName(construct, '').replace(/^deskhand-|-$/g, ''))

/** The names that a heading stands for. */
const pattern = (heading: string): RegExp =>
  new RegExp(
    `^${heading
      .replace('<helpdesk>', `(${helpdeskNames.join('|')})`)
      .replace('<function>', `(${functions.join('|')})`)
      .replace('<tenant>', 'acme')}$`,
  )

test('every alarm has one section', () => {
  const found = alarms.map((name) => [name, headings.filter((heading) => pattern(heading).test(name)).length])
  expect(found.filter(([, sections]) => sections !== 1)).toEqual([])
  expect(alarms.length).toBeGreaterThan(40)
})

test('every section is about an alarm that there is', () => {
  expect(headings.filter((heading) => !alarms.some((name) => pattern(heading).test(name)))).toEqual([])
})

test('every event that alarms is in the table of its section, and every event there is one', () => {
  const source = readdirSync(join(root, 'lambdas'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(root, 'lambdas', file), 'utf8'))
    .join('\n')
  const written = [...source.matchAll(/\.alarm\(\s*'(\w+)'/g)].map(([, event = '']) => event)
  const table = text.slice(text.indexOf('| event | do |'), text.indexOf('### `deskhand-sweeper-silent`'))
  const told = [...table.matchAll(/^\| (.+?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, event = '']) => event),
  )
  expect(written.length).toBeGreaterThan(10)
  expect(written.filter((event) => !told.includes(event))).toEqual([])
  expect(
    told.filter((event) => !source.includes(event.replace(/^webhook_(wrong_account|unreadable)$/, '$1'))),
  ).toEqual([])
})

test('every metric is in its table', () => {
  const table = text.slice(text.indexOf('| metric | counts |'), text.indexOf('They are read from the log'))
  const names = Object.keys({ ...receiveMeasures, ...answerMeasures })
  expect(names.filter((name) => !table.includes(`\`${name}\``))).toEqual([])
})

test('every setting that it names is one', () => {
  const settings = readFileSync(join(root, 'lib/settings.ts'), 'utf8')
  const named = [...text.matchAll(/-c (\w+)=/g)].map(([, name = '']) => name)
  expect(named.length).toBeGreaterThan(3)
  expect(named.filter((name) => !settings.includes(`  ${name}: `))).toEqual([])
})

test('every link inside this repository leads somewhere', () => {
  const links = [...text.matchAll(/\]\(((?!https?:)[^)#]*)(?:#[^)]*)?\)/g)].map(([, path = '']) => path)
  const missing = links.filter((path) => {
    try {
      return path !== '' && readFileSync(join(root, 'docs', path)).length === 0
    } catch {
      return true
    }
  })
  expect(missing).toEqual([])
})
