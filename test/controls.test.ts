/** docs/controls.md names, for each control, a file that decides and a test that guards it: they are there. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'

const root = join(__dirname, '..')
const row = /^\| (.+?) \| (`[^|]+) \| `([a-z0-9-]+\.test\.ts)`: (.+) \|$/
const heading = /^\| (control \||---\|)|^\|---/

const rows = readFileSync(join(root, 'docs/controls.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|') && !heading.test(line))

test('every row of the list of controls has a file and a test', () => {
  expect(rows.filter((line) => !row.test(line))).toEqual([])
  expect(rows.length).toBeGreaterThan(50)
})

test('every file that decides exists, and every test that guards has that name', () => {
  const missing = rows.flatMap((line) => {
    const [, , files = '', suite = '', name = ''] = row.exec(line) ?? []
    const decides = [...files.matchAll(/`([^`]+)`/g)].map(([, file = '']) =>
      /^(lib|lambdas)\//.test(file) ? file : `lambdas/core/${file}`,
    )
    const text = readFileSync(join(root, 'test', suite), 'utf8')
    return [
      ...decides.filter((file) => !existsSync(join(root, file))),
      ...(text.includes(name) ? [] : [name]),
    ]
  })
  expect(missing).toEqual([])
})
