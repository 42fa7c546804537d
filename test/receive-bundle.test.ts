import { beforeAll, describe, expect, test } from '@jest/globals'
import { build } from 'esbuild'
import { bundling } from '../lib/bundling.ts'

const entry = 'lambdas/zendesk/receive.ts'
let inputs: string[]
let bytes: number
beforeAll(async () => {
  const bundle = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'cjs',
    ...bundling,
    metafile: true,
    write: false,
    logLevel: 'silent',
  })
  inputs = Object.values(bundle.metafile.outputs).flatMap((output) =>
    Object.entries(output.inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  )
  bytes = bundle.outputFiles[0]?.contents.byteLength ?? 0
})

describe('the receiving function', () => {
  test('holds what it says, and not what could call a model, a helpdesk or a key', () => {
    expect(inputs).toContain(entry)
    expect(inputs).toContain('lambdas/core/receive.ts')
    const forbidden =
      /@anthropic-ai|client-kms|client-sts|lambdas\/core\/(aws\/(vault|tenant-session)|egress\/|tools\/|agent|answer|turn)|zendesk\/(answer|helpdesk|ticket|post)/
    expect(inputs.filter((path) => forbidden.test(path))).toEqual([])
  })

  test('is under 500 KB', () => {
    expect(bytes).toBeGreaterThan(100_000)
    expect(bytes).toBeLessThan(500_000)
  })
})
