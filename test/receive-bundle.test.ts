import { describe, expect, test } from '@jest/globals'
import { build } from 'esbuild'
import { bundling } from '../lib/bundling.ts'
import { helpdeskNames } from '../schemas/names.ts'

/** What is in the bundle of a helpdesk's `receive`. */
async function bundleOf(helpdesk: string): Promise<{ inputs: string[]; bytes: number }> {
  const bundle = await build({
    entryPoints: [`lambdas/${helpdesk}/receive.ts`],
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'cjs',
    ...bundling,
    metafile: true,
    write: false,
    logLevel: 'silent',
  })
  const inputs = Object.values(bundle.metafile.outputs).flatMap((output) =>
    Object.entries(output.inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  )
  return { inputs, bytes: bundle.outputFiles[0]?.contents.byteLength ?? 0 }
}

/** What could call a model, a helpdesk or a key, or read a ticket. */
const forbidden =
  /@anthropic-ai|html-to-text|client-kms|client-sts|lambdas\/core\/(aws\/(vault|tenant-session)|egress\/|helpdesk-api\/|tools\/|agent|answer|turn|written-text)/

describe.each(helpdeskNames)('the receiving function of %s', (helpdesk) => {
  const built = bundleOf(helpdesk)

  test('holds what it says, and not what could call a model, a helpdesk or a key', async () => {
    const { inputs } = await built
    expect(inputs).toContain(`lambdas/${helpdesk}/receive.ts`)
    expect(inputs).toContain('lambdas/core/receive.ts')
    expect(inputs.filter((path) => forbidden.test(path))).toEqual([])
    // Of its own helpdesk the inbound half alone, and no other helpdesk.
    const adapters = inputs.filter((path) => /^lambdas\/(?!core\/)/.test(path))
    expect(new Set(adapters)).toEqual(
      new Set([`lambdas/${helpdesk}/inbound.ts`, `lambdas/${helpdesk}/receive.ts`]),
    )
  })

  test('is under 500 KB', async () => {
    const { bytes } = await built
    expect(bytes).toBeGreaterThan(100_000)
    expect(bytes).toBeLessThan(500_000)
  })
})
