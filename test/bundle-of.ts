import { build } from 'esbuild'
import { bundling } from '../lib/bundling.ts'

/** What is in the bundle of the function `lambdas/<path>.ts`, as it is deployed, and how large it is. */
export async function bundleOf(path: string): Promise<{ inputs: string[]; bytes: number }> {
  const bundle = await build({
    entryPoints: [`lambdas/${path}.ts`],
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
