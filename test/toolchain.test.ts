import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'

const manifest = JSON.parse(readFileSync(join(__dirname, '../package.json'), 'utf8')) as Record<
  'dependencies' | 'devDependencies',
  Record<string, string>
>

test('scripts run on the Node that Lambda runs, not on the system one', () => {
  expect(process.versions.node).toBe(manifest.devDependencies.node)
})

test('every dependency is pinned to one exact version', () => {
  const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([])
})

test('there are at most 15 runtime dependencies', () => {
  expect(Object.keys(manifest.dependencies).length).toBeLessThanOrEqual(15)
})
