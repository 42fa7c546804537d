/** A tenant's configuration as files: exported, compared, applied. */
import { parseArgs } from 'node:util'
import * as z from 'zod'
import { type Change, changesBetween } from '../lambdas/admin/changes.ts'
import { kinds } from '../lambdas/admin/kinds.ts'
import { tenantId } from '../schemas/names.ts'
import { type AdminClient, CallFailed, createAdminClient, tokenFrom } from './admin-client.ts'
import { type Files, nameOf, partsOf, readFiles, writeFiles } from './config-files.ts'
import { runCommand } from './run-command.ts'

const usage = `npm run config -- export|diff|apply --tenant <id> --url <https://…> [flags] <directory>

  export   writes what is drafted (with --live: what is live) into the directory, a file for each thing
  diff     shows what apply would change; exit code 1 when there is something
  apply    saves as drafts what differs, with --why; with --prune also deletes what has no file

  --url <url>          where Deskhand is: the output of the stack, or http://localhost:8787
  --token-file <file>  a token of your identity provider; default: the variable DESKHAND_TOKEN
  --why <reason>       stands in the history (apply)
  --prune              what has no file is deleted (apply), or shown as to be (diff)
  --publish            makes all drafts live after that (apply)
  --live               what is live instead of what is drafted (export, diff)
  --format yaml|json   of exported files, default yaml
`

/** What the server has. */
type Drafted = Map<string, { definition: unknown; version: number; live?: number | undefined }>

/** Exit codes: 0 done, 1 there are differences or the server says no, 2 wrong usage. */
async function main(): Promise<number> {
  const flags = readFlags()
  if (flags === undefined) return 2
  const client = createAdminClient(flags.url, flags.token)
  const base = `/admin/tenants/${flags.tenant}`
  if (flags.command === 'export') {
    const there = await drafted(client, base, flags.live)
    const files: Files = new Map([...there].map(([name, { definition }]) => [name, definition]))
    writeFiles(flags.directory, files, flags.format)
    process.stdout.write(`${files.size} files in ${flags.directory}\n`)
    return 0
  }
  const { files, problems } = readFiles(flags.directory, flags.tenant)
  if (problems.length > 0) {
    for (const problem of problems) process.stderr.write(`  ${problem}\n`)
    process.stderr.write(`${problems.length} to mend, nothing was sent\n`)
    return 1
  }
  const there = await drafted(client, base, flags.live)
  const changed = differences(files, there, flags.prune)
  for (const { name, changes, what } of changed) {
    process.stdout.write(`${marks[what]} ${name}\n`)
    if (what === 'change') for (const change of changes) process.stdout.write(`    ${shown(change)}\n`)
  }
  if (changed.length === 0) process.stdout.write('Nothing differs.\n')
  if (flags.command === 'diff') return changed.length === 0 ? 0 : 1
  const deleted: Item[] = []
  for (const difference of inOrder(changed)) {
    const version = await send(client, base, difference, flags.why)
    if (difference.what === 'remove') deleted.push(itemOf(difference.name, version))
  }
  if (changed.length > 0) process.stdout.write(`${changed.length} saved as drafts\n`)
  if (flags.publish) await publish(client, base, flags.why, deleted)
  return 0
}

const marks = { add: '+', change: '~', remove: '-' } as const
interface Difference {
  name: string
  what: keyof typeof marks
  definition: unknown
  version: number
  changes: Change[]
}

function differences(files: Files, there: Drafted, prune: boolean): Difference[] {
  const wanted = [...files].flatMap(([name, definition]): Difference[] => {
    const now = there.get(name)
    const changes = changesBetween(now?.definition, JSON.parse(JSON.stringify(definition)))
    if (now !== undefined && changes.length === 0) return []
    return [
      { name, what: now === undefined ? 'add' : 'change', definition, version: now?.version ?? 0, changes },
    ]
  })
  const gone = [...there].flatMap(([name, { version }]): Difference[] =>
    prune && !files.has(name) ? [{ name, what: 'remove', definition: undefined, version, changes: [] }] : [],
  )
  return [...wanted, ...gone]
}

/** What others refer to is saved before them and deleted after them. */
const order = ['authorization', 'user-data-api', 'connection', 'tool', 'article', 'agent-settings', 'task']
const rank = ({ name }: Difference): number => order.indexOf(partsOf(name).kind.kind)
const inOrder = (all: Difference[]): Difference[] => [
  ...all.filter(({ what }) => what !== 'remove').sort((a, b) => rank(a) - rank(b)),
  ...all.filter(({ what }) => what === 'remove').sort((a, b) => rank(b) - rank(a)),
]

const kept = z.object({
  id: z.string(),
  version: z.number(),
  live: z.number().optional(),
  definition: z.unknown(),
})

async function drafted(client: AdminClient, base: string, live: boolean): Promise<Drafted> {
  const there: Drafted = new Map()
  for (const kind of kinds) {
    const path = `${base}/${kind.collection}`
    const found = kind.single ? await optional(client, path) : await client.list(path)
    for (const one of found) {
      const item = kept.parse(one)
      if (live && item.live === undefined) continue
      const url = kind.single ? path : `${path}/${encodeURIComponent(item.id)}`
      const shown = live ? kept.parse((await client.call('GET', `${url}?version=live`)).body) : item
      there.set(nameOf(kind, item.id), {
        definition: shown.definition,
        version: item.version,
        live: item.live,
      })
    }
  }
  return there
}

async function optional(client: AdminClient, path: string): Promise<unknown[]> {
  try {
    return [(await client.call('GET', path)).body]
  } catch (error) {
    if (error instanceof CallFailed && error.message.includes(': 404 ')) return []
    throw error
  }
}

/** Answers the version that was saved. */
async function send(client: AdminClient, base: string, difference: Difference, why: string): Promise<number> {
  const { kind, id } = partsOf(difference.name)
  const path = `${base}/${kind.collection}`
  const one = kind.single ? path : `${path}/${encodeURIComponent(id)}`
  const body = { definition: difference.definition, why }
  const ifMatch = `"${difference.version}"`
  const { etag } =
    difference.what === 'remove'
      ? await client.call('DELETE', `${one}?why=${encodeURIComponent(why)}`, { ifMatch })
      : difference.what === 'add' && !kind.single
        ? await client.call('POST', path, { body })
        : await client.call('PUT', one, { body, ifMatch: difference.version === 0 ? '*' : ifMatch })
  return Number(etag.replaceAll('"', ''))
}

/** One version of one thing, as a publish names it. */
interface Item {
  kind: string
  id: string
  version: number
}
const itemOf = (name: string, version: number): Item => {
  const { kind, id } = partsOf(name)
  return { kind: kind.kind, id, version }
}

/** Publishes by name what is drafted now: nothing that somebody saves meanwhile. */
async function publish(client: AdminClient, base: string, why: string, deleted: Item[]): Promise<void> {
  const { etag } = await client.call('GET', `${base}/releases?limit=1`)
  const there = await drafted(client, base, false)
  const waiting = [...there].filter(([, { version, live }]) => version !== live)
  const items = [...waiting.map(([name, { version }]) => itemOf(name, version)), ...deleted]
  if (items.length === 0) {
    process.stdout.write('That is live already.\n')
    return
  }
  try {
    const { body } = await client.call('POST', `${base}/releases`, { body: { why, items }, ifMatch: etag })
    const { release, changed } = z.object({ release: z.number(), changed: z.array(z.string()) }).parse(body)
    process.stdout.write(`Release ${release} is live within 10 seconds: ${changed.length} changed\n`)
  } catch (error) {
    if (!(error instanceof CallFailed && error.message.includes('nothing to publish'))) throw error
    process.stdout.write('That is live already.\n')
  }
}

const shown = ({ pointer, before, after }: Change): string =>
  `${pointer}  ${short(before)} -> ${short(after)}`
const short = (value: unknown): string => {
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

function readFlags() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        tenant: { type: 'string' },
        url: { type: 'string' },
        'token-file': { type: 'string' },
        why: { type: 'string' },
        prune: { type: 'boolean', default: false },
        publish: { type: 'boolean', default: false },
        live: { type: 'boolean', default: false },
        format: { type: 'string', default: 'yaml' },
        help: { type: 'boolean', default: false },
      },
    })
    const [command = '', directory] = positionals
    if (command !== 'export' && command !== 'diff' && command !== 'apply')
      throw new Error('which? export, diff or apply')
    if (directory === undefined) throw new Error(`${command}: into or from which directory?`)
    const tenant = tenantId.safeParse(values.tenant)
    if (!tenant.success) throw new Error('--tenant: 3 to 36 lower-case letters, digits or hyphens')
    const url = values.url?.replace(/\/+$/, '') ?? ''
    if (!/^(https:\/\/|http:\/\/(localhost|127\.0\.0\.1)[:/]?)/.test(url))
      throw new Error('--url: https://…, where Deskhand is (http only on this machine)')
    const { why = '', format } = values
    if (command === 'apply' && why.length < 3) throw new Error('--why: the reason stands in the history')
    if (format !== 'yaml' && format !== 'json') throw new Error('--format: yaml or json')
    const token = tokenFrom(values['token-file'], process.env)
    if (token === undefined) throw new Error('no token: --token-file, or the variable DESKHAND_TOKEN')
    const { prune, publish, live } = values
    return { command, directory, tenant: tenant.data, url, token, why, format, prune, publish, live } as const
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    return undefined
  }
}

runCommand(main)
