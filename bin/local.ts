import { writeFileSync } from 'node:fs'
import { printWhatNext, runDemo } from '../local/demo.ts'
import { demoHelpdesks } from '../local/demo-helpdesks.ts'
import { playStory } from '../local/demo-stories.ts'
import { startLaptop } from '../local/laptop.ts'
import { type LocalFlags, readFlags, usage } from '../local/local-flags.ts'
import { createPrinter, wantsColor } from '../local/print.ts'
import { helpdeskNames } from '../schemas/names.ts'

const read = readFlags(process.argv.slice(2), process.env)
if ('help' in read) process.stdout.write(usage)
else if ('wrong' in read) {
  process.stderr.write(`${read.wrong}\n\n${usage}`)
  process.exitCode = 2
} else await run(read.flags)

async function run(flags: LocalFlags): Promise<void> {
  const printer = createPrinter({
    out: (text) => process.stdout.write(text),
    color: wantsColor(process.stdout, process.env),
  })
  const started = performance.now()
  const laptop = await startLaptop({ ...flags, onLine: printer.step }).catch((error: unknown) => {
    const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
    const why = taken
      ? `port ${flags.port} is taken: choose another with PORT=${flags.port + 1000} npm start`
      : String(error)
    process.stderr.write(`Deskhand did not start: ${why}\n`)
    process.exitCode = 1
    return undefined
  })
  if (laptop === undefined) return

  if (flags.adminTokenFile !== undefined)
    writeFileSync(flags.adminTokenFile, `${laptop.operatorToken}\n`, { mode: 0o600 })

  const closing = new AbortController()
  const close = async () => {
    if (closing.signal.aborted) process.exit(130)
    closing.abort()
    await laptop.close()
  }
  process.on('SIGINT', () => void close())
  process.on('SIGTERM', () => void close())

  printer.heading(`Deskhand is up in ${Math.round(performance.now() - started)} ms`)
  printer.rows([
    ['front door', laptop.url],
    ['admin API', `${laptop.url}/admin/openapi.json  ${tokenIs(flags)}`],
    ...helpdeskNames.map((name): [string, string] => [
      demoHelpdesks[name].title,
      `${laptop.standIns[name].url}  a stand-in`,
    ]),
    ['shop', `${laptop.shop.url}  a demo: User Data API and order tools`],
    ['Claude', claudeIs(flags, laptop.claude?.url)],
  ])
  const { signal } = closing
  const went =
    flags.story !== undefined
      ? await playStory(laptop, printer, flags.story, signal)
      : flags.demo.length === 0 || (await runDemo(laptop, printer, flags.demo, signal))
  if (flags.once && !went) process.exitCode = 1
  if (closing.signal.aborted) return
  if (flags.once) return await close()
  printWhatNext(laptop, printer, flags.demo[0] ?? helpdeskNames[0])
  printer.heading('Serving. Ctrl-C ends it.')
}

function tokenIs({ adminTokenFile }: LocalFlags): string {
  return adminTokenFile === undefined
    ? '--admin-token-file FILE writes a token'
    : `the token is in ${adminTokenFile}`
}

function claudeIs(flags: LocalFlags, standIn: string | undefined): string {
  if (standIn !== undefined)
    return `${standIn}  a scripted stand-in, not a model: set ANTHROPIC_API_KEY for real answers`
  return flags.anthropic?.baseURL ?? 'https://api.anthropic.com  real Claude, by ANTHROPIC_API_KEY'
}
