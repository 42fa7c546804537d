/** Prints the document of the admin API; with --lint, what redocly's strictest rules say of it. */
import { parseArgs } from 'node:util'
import { openApiDocument } from '../lambdas/admin/openapi.ts'
import { routesOf } from '../lambdas/admin/routes.ts'
import { helpdesks } from '../lambdas/helpdesks.ts'

const { values } = parseArgs({
  options: {
    lint: { type: 'boolean', default: false },
    url: { type: 'string', default: 'https://deskhand.acme.com' },
  },
})
const routes = routesOf(helpdesks)
const text = JSON.stringify(openApiDocument(routes, values.url), undefined, 2)
if (values.lint) process.exitCode = await lint(text)
else process.stdout.write(`${text}\n`)

async function lint(source: string): Promise<number> {
  const { createConfig, lintFromString } = await import('@redocly/openapi-core')
  const config = await createConfig({ extends: ['recommended-strict'] })
  const problems = await lintFromString({ source, config })
  for (const { ruleId, message, location } of problems)
    process.stderr.write(`${ruleId}: ${message} at ${location[0]?.pointer ?? ''}\n`)
  process.stdout.write(`admin API document: ${routes.length} operations, ${problems.length} findings\n`)
  return problems.length === 0 ? 0 : 1
}
