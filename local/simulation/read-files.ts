/** The files of `npm run simulate`: cases, and the configuration they are played with. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { parse } from 'yaml'
import type * as z from 'zod'
import { checkConfiguration, type Definition } from '../../lambdas/core/check-configuration.ts'
import { DeskhandError } from '../../lambdas/core/errors.ts'
import { helpdesks } from '../../lambdas/helpdesks.ts'
import { tenantOf } from '../../schemas/names.ts'
import { type SimulationCase, simulationFile } from '../../schemas/simulation.ts'

/** Throws `bad_configuration` that names the file, each path in it and what would be right. */
export function readCases(file: string): SimulationCase[] {
  const parsed = simulationFile.safeParse(readOne(file))
  if (!parsed.success) throw bad(file, problemsOf(parsed.error))
  return parsed.data
}

/**
 * The tenant's definitions out of a file, or out of every file of a directory together. `tenant`: by default whose
 * connections they are.
 */
export function readConfiguration(
  path: string,
  tenant?: string,
): { tenant: string; definitions: Definition[] } {
  const whole = statIsDirectory(path) ? merged(path) : readOne(path)
  const owner = tenant ?? ownerOf(whole) ?? 'simulation'
  const schemas = Object.fromEntries(
    Object.values(helpdesks).map(({ name, connection }) => [name, connection]),
  )
  const checked = checkConfiguration(owner, whole, schemas)
  if (checked.ok) return { tenant: owner, definitions: checked.definitions }
  throw bad(
    path,
    checked.problems.map((problem) => `${problem.path}: ${problem.message}`),
  )
}

const extensions: ReadonlySet<string> = new Set(['.json', '.yaml', '.yml'])

/** Lists are joined; what there is one of may stand in one file only. Files of cases are left out. */
function merged(directory: string): Record<string, unknown> {
  const whole: Record<string, unknown> = {}
  const files = readdirSync(directory)
    .filter((file) => extensions.has(extname(file)) && !/\.simulation\.\w+$/.test(file))
    .sort()
  for (const file of files) {
    const path = join(directory, file)
    const part = readOne(path)
    if (typeof part !== 'object' || part === null || Array.isArray(part))
      throw bad(path, ['the file: must be an object, as docs/acme.example.json is'])
    for (const [name, value] of Object.entries(part)) {
      const before = whole[name]
      if (before === undefined) whole[name] = value
      else if (Array.isArray(before) && Array.isArray(value)) whole[name] = [...before, ...value]
      else throw bad(path, [`${name}: is in another file of ${directory} too`])
    }
  }
  if (files.length === 0) throw bad(directory, ['there is no .json or .yaml file in it'])
  return whole
}

function ownerOf(file: unknown): string | undefined {
  const { connections } = (file ?? {}) as { connections?: { id?: unknown }[] }
  const id = Array.isArray(connections) ? connections[0]?.id : undefined
  return typeof id === 'string' && id.includes('.') ? tenantOf(id) : undefined
}

function readOne(file: string): unknown {
  try {
    const text = readFileSync(file, 'utf8')
    return extname(file) === '.json' ? JSON.parse(text) : parse(text)
  } catch (error) {
    throw bad(file, [error instanceof Error ? error.message.trim() : 'unreadable'])
  }
}

function statIsDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    throw bad(path, ['there is no such file or directory'])
  }
}

const problemsOf = (error: z.ZodError): string[] =>
  error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`)

const bad = (file: string, problems: string[]): DeskhandError =>
  new DeskhandError('bad_configuration', [`${file}:`, ...problems.map((line) => `  ${line}`)].join('\n'))
