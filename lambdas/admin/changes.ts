/** What differs between two JSON values, place by place. */
import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import { pointerTo } from './problem.ts'

export const change = z
  .object({
    pointer: z.string().meta({ description: 'A JSON Pointer as a URI fragment.' }),
    before: z.unknown().optional(),
    after: z.unknown().optional(),
  })
  .meta({ id: 'Change' })
export type Change = z.infer<typeof change>

/** Objects are compared member by member, everything else as a whole; absent is `undefined`. */
export function changesBetween(before: unknown, after: unknown, path: readonly string[] = []): Change[] {
  if (isDeepStrictEqual(before, after)) return []
  if (!isObject(before) || !isObject(after))
    return [
      {
        pointer: pointerTo(path),
        ...(before === undefined ? {} : { before }),
        ...(after === undefined ? {} : { after }),
      },
    ]
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  return names.flatMap((name) => changesBetween(own(before, name), own(after, name), [...path, name]))
}

const own = (object: Record<string, unknown>, name: string): unknown =>
  Object.hasOwn(object, name) ? object[name] : undefined

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** JSON Merge Patch: https://www.rfc-editor.org/rfc/rfc7396#section-2 */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {}
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name]
    else setOwn(merged, name, mergePatch(own(merged, name), value))
  }
  return merged
}

/** `__proto__` is a name like any other. */
function setOwn(object: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
}
