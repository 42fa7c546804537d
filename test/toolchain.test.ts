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

/** Whoever adds one says in docs/adr/ why, and here that it was looked at. */
const reviewed = [
  '@anthropic-ai/bedrock-sdk',
  '@anthropic-ai/sdk',
  '@aws-lambda-powertools/jmespath',
  '@middy/core',
  '@middy/http-router',
  '@scalar/openapi-parser',
  'ajv',
  'canonicalize',
  'html-to-text',
  'markdown-it',
  'minisearch',
  'oauth4webapi',
  're2js',
  'shell-quote',
  'yaml',
  'zod',
  'zod-openapi',
]

test('every runtime dependency was reviewed; the clients of the AWS SDK are one', () => {
  const others = Object.keys(manifest.dependencies).filter((name) => !name.startsWith('@aws-sdk/'))
  expect(others).toEqual(reviewed)
})
