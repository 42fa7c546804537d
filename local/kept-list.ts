import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

/** A list that a file keeps, where there is one: call `save` after each change. */
export function keptList<T>(file: string | undefined): { items: T[]; save(): void } {
  const items: T[] =
    file !== undefined && existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T[]) : []
  return {
    items,
    save() {
      if (file === undefined) return
      // A rename is atomic: whoever kills this process finds the old file or the new one.
      writeFileSync(`${file}.new`, JSON.stringify(items), { mode: 0o600 })
      renameSync(`${file}.new`, file)
    },
  }
}
