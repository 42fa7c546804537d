/** Plays a file of cases against a configuration that nobody has to publish: for a tenant's own tests. */
import { parseArgs } from 'node:util'
import { DeskhandError } from '../lambdas/core/errors.ts'
import { play } from '../local/simulation/play.ts'
import { readCases, readConfiguration } from '../local/simulation/read-files.ts'
import { caseReport, summary } from '../local/simulation/report.ts'
import { tenantId } from '../schemas/names.ts'

const usage = `npm run simulate -- <cases.yaml> --config <file or directory> [flags]

  The cases are messages with recorded results of tools and what is expected: docs/simulate.md.
  --config <path>          the tenant's configuration, .json or .yaml; of a directory, all such files together
  --tenant <id>            default: whose connections the configuration has
  --only <text>            cases whose name contains it
  --call-reads             reads without a recorded result are really made, with the AWS credentials of your shell
  --help                   this text

  ANTHROPIC_API_KEY        asks real Claude; without it a scripted stand-in answers, which understands little
  ANTHROPIC_BASE_URL       any server that speaks the Messages API

  Exit code: 0 every case is as expected, 1 not every case, 2 a file or a flag is wrong.
`

async function main(): Promise<number> {
  const flags = readFlags(process.argv.slice(2))
  if (flags === 'help') {
    process.stdout.write(usage)
    return 0
  }
  if (flags === undefined) return 2
  const cases = readCases(flags.file).filter(({ name }) => name.includes(flags.only))
  const { tenant, definitions } = readConfiguration(flags.config, flags.tenant)
  if (cases.length === 0) throw new DeskhandError('bad_configuration', `--only ${flags.only}: no such case`)
  const anthropic = anthropicFrom(process.env)
  if (anthropic === undefined)
    process.stdout.write(
      'Without ANTHROPIC_API_KEY a scripted stand-in answers: this tests the configuration, not Claude.\n\n',
    )
  const played = await play({
    tenant,
    definitions,
    cases,
    callReads: flags.callReads,
    ...(anthropic === undefined ? {} : { anthropic }),
    onPlayed: (one) => process.stdout.write(caseReport(one)),
  })
  process.stdout.write(summary(played))
  return played.every(({ wrong }) => wrong.length === 0) ? 0 : 1
}

function anthropicFrom(env: Record<string, string | undefined>) {
  const { ANTHROPIC_API_KEY: apiKey, ANTHROPIC_BASE_URL: baseURL } = env
  if (!apiKey && !baseURL) return undefined
  return { apiKey: apiKey || 'none', ...(baseURL ? { baseURL } : {}) }
}

function readFlags(args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        config: { type: 'string' },
        tenant: { type: 'string' },
        only: { type: 'string', default: '' },
        'call-reads': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) return 'help' as const
    const [file, another] = positionals
    const { config, tenant, only } = values
    if (file === undefined || another !== undefined) throw new Error('one file of cases, please')
    if (config === undefined) throw new Error('--config: which configuration?')
    if (tenant !== undefined && !tenantId.safeParse(tenant).success)
      throw new Error('--tenant: 3 to 36 lower-case letters, digits or hyphens')
    return { file, config, tenant, only, callReads: values['call-reads'] }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    return undefined
  }
}

main().then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 2
  },
)
