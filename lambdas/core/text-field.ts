/** A string that the model gave under `name`; `undefined` for anything else. */
export function textField(input: unknown, name: string): string | undefined {
  if (typeof input !== 'object' || input === null || !Object.hasOwn(input, name)) return undefined
  const value: unknown = Reflect.get(input, name)
  return typeof value === 'string' ? value : undefined
}
