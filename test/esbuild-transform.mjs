import { createHash } from 'node:crypto'
import { transformSync } from 'esbuild'

/** A jest transformer: TypeScript and ESM to CommonJS, with inline source maps. */
export default {
  getCacheKey: (code, path, options) =>
    createHash('sha256').update('2').update(path).update(code).update(options.configString).digest('hex'),
  process: (code, path) =>
    transformSync(code, {
      loader: path.endsWith('ts') ? 'ts' : 'js',
      format: 'cjs',
      target: 'node24',
      // jest runs CommonJS alone.
      supported: { 'dynamic-import': false },
      sourcefile: path,
      sourcemap: 'inline',
      define: { 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' },
    }),
}
