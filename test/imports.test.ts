import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { helpdeskNames } from '../schemas/names.ts'

const root = resolve(__dirname, '..')
const folders = ['bin', 'lib', 'lambdas', 'schemas', 'local']

const sources = folders.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => join(folder, file)),
)

/** Paths of the files that `file` imports from this repository, relative to its root. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/(?:from|import|import\()\s*'(\.{1,2}\/[^']+)'/g)].map(([, path = '']) =>
    relative(root, resolve(root, dirname(file), path)),
  )
}

/** Commands that run on an operator's machine: nothing of the laptop is in them. */
const operatorsTools = [
  'bin/admin-client.ts',
  'bin/config-files.ts',
  'bin/config.ts',
  'bin/event-sources.ts',
  'bin/openapi.ts',
  'bin/operators.ts',
  'bin/ops.ts',
  'bin/publish-configuration.ts',
  'bin/run-command.ts',
]

/** Which folders a file may import from, besides its own. */
function mayImport(file: string): string[] {
  if (file.startsWith('schemas/')) return []
  if (file.startsWith('lambdas/core/')) return ['schemas/']
  if (file === 'lambdas/helpdesks.ts') return ['schemas/', 'lambdas/']
  if (file === 'lambdas/admin/admin.ts') return ['schemas/', 'lambdas/core/', 'lambdas/helpdesks.ts']
  if (file.startsWith('lambdas/')) return ['schemas/', 'lambdas/core/']
  if (file.startsWith('lib/')) return ['schemas/']
  if (file === 'bin/deskhand.ts') return ['schemas/', 'lib/']
  if (operatorsTools.includes(file)) return ['schemas/', 'lambdas/']
  if (file.startsWith('local/')) return ['schemas/', 'lambdas/']
  return ['schemas/', 'lambdas/', 'local/']
}
const own = (file: string): string =>
  file.startsWith('lambdas/') ? `${file.split('/').slice(0, 2).join('/')}/` : `${file.split('/')[0]}/`

const edges = sources.flatMap((file) => importsOf(file).map((to) => ({ file, to })))

describe('imports', () => {
  test('go one way: schemas, core, helpdesks, local', () => {
    const wrong = edges.filter(
      ({ file, to }) => !to.startsWith(own(file)) && !mayImport(file).some((folder) => to.startsWith(folder)),
    )
    expect(wrong).toEqual([])
  })

  test('name files that exist', () => {
    expect(edges.filter(({ to }) => !existsSync(join(root, to)))).toEqual([])
    expect(edges.length).toBeGreaterThan(50)
  })

  test('core names no helpdesk', () => {
    const named = sources
      .filter((file) => file.startsWith('lambdas/core/'))
      .filter((file) => {
        const code = readFileSync(join(root, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
        return helpdeskNames.some((name) => new RegExp(name, 'i').test(code))
      })
    expect(named).toEqual([])
  })

  test('nothing under lambdas asks whether it runs on a laptop', () => {
    const asking = sources.filter(
      (file) =>
        file.startsWith('lambdas/') &&
        /isLocal|NODE_ENV|AWS_SAM_LOCAL/.test(readFileSync(join(root, file), 'utf8')),
    )
    expect(asking).toEqual([])
  })
})
