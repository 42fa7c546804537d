/** A tenant's configuration as files, one for each thing, so that a team keeps its agent in git. No secret is in it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { parseDocument, stringify } from 'yaml'
import { type Kind, kinds, onlyId, readDefinition } from '../lambdas/admin/kinds.ts'
import { helpdesks } from '../lambdas/helpdesks.ts'

/** `<collection>/<id>` -> definition. */
export type Files = Map<string, unknown>

const extensions = ['.yaml', '.yml', '.json']

export const nameOf = (kind: Kind, id: string): string =>
  kind.single ? kind.collection : `${kind.collection}/${id}`

/** Reads a directory. `problems` names the file, the place and what would be right; the schemas fill in defaults. */
export function readFiles(directory: string, tenant: string): { files: Files; problems: string[] } {
  const files: Files = new Map()
  const problems: string[] = []
  for (const kind of kinds) {
    for (const path of pathsOf(directory, kind)) {
      const read = readOne(path, kind, tenant)
      if (read.ok) {
        const name = nameOf(kind, kind.idOf(read.definition))
        if (files.has(name)) problems.push(`${path}: ${name} is in two files`)
        files.set(name, read.definition)
      } else problems.push(...read.problems.map((problem) => `${path}: ${problem}`))
    }
  }
  return { files, problems }
}

function pathsOf(directory: string, kind: Kind): string[] {
  if (kind.single)
    return extensions.map((extension) => join(directory, `${kind.collection}${extension}`)).filter(existsSync)
  const folder = join(directory, kind.collection)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((file) => extensions.includes(extname(file)))
    .sort((a, b) => (a < b ? -1 : 1))
    .map((file) => join(folder, file))
}

function readOne(
  path: string,
  kind: Kind,
  tenant: string,
): { ok: true; definition: unknown } | { ok: false; problems: string[] } {
  // JSON is YAML, too. A file of ours needs no alias, and a chain of them can grow without end.
  const document = parseDocument(readFileSync(path, 'utf8'), { uniqueKeys: true, schema: 'core' })
  if (document.errors.length > 0)
    return { ok: false, problems: document.errors.map(({ message }) => message) }
  const value = toValue(document)
  if (!value.ok) return { ok: false, problems: [value.why] }
  // Which URLs may be called is the server's to say: a laptop's may be.
  const parsed = readDefinition({ ...kind, check: () => [] }, value.value, { tenant, policy: {}, helpdesks })
  if (parsed.ok) return parsed
  return {
    ok: false,
    problems: parsed.mistakes.map(
      ({ pointer = '', detail }) => `${pointer.replace('#/definition', '#')}: ${detail}`,
    ),
  }
}

function toValue(
  document: ReturnType<typeof parseDocument>,
): { ok: true; value: unknown } | { ok: false; why: string } {
  try {
    return { ok: true, value: document.toJS({ maxAliasCount: 0 }) }
  } catch {
    return { ok: false, why: 'write aliases (*name) out' }
  }
}

/** Writes each thing to its file; files of things that are there no more are removed. */
export function writeFiles(directory: string, files: Files, format: 'yaml' | 'json'): void {
  for (const kind of kinds) for (const path of pathsOf(directory, kind)) rmSync(path)
  for (const [name, definition] of files) {
    const path = join(directory, `${name}.${format}`)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(
      path,
      format === 'json' ? `${JSON.stringify(definition, undefined, 2)}\n` : stringify(definition),
    )
  }
}

/** What a name of `Files` is of. */
export function partsOf(name: string): { kind: Kind; id: string } {
  const [collection = '', id = onlyId] = name.split('/')
  const kind = kinds.find((one) => one.collection === collection)
  if (kind === undefined) throw new Error(`${name} names no kind`)
  return { kind, id }
}
