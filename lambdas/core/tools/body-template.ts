/** The JSON body of a tool's request, from a template whose strings name parameters. Values are placed, never spliced. */
import { type Json, placeholder, placeholdersIn } from './placeholder.ts'

/** Names of the parameters in the template's strings, at any depth. Member names are fixed text. */
export function placeholdersInBody(template: Json | undefined): string[] {
  if (typeof template === 'string') return placeholdersIn(template)
  if (typeof template !== 'object' || template === null) return []
  return Object.values(template).flatMap(placeholdersInBody)
}

/** Every string of the template with its path, for whoever checks a definition. */
export function stringsInBody(template: Json | undefined, path: string): [path: string, text: string][] {
  if (typeof template === 'string') return [[path, template]]
  if (typeof template !== 'object' || template === null) return []
  return Object.entries(template).flatMap(([name, inner]) => stringsInBody(inner, `${path}.${name}`))
}

/**
 * Fills the template in one pass. A string that is one placeholder becomes the value with its type; more text around
 * it makes text. A member or item whose parameter is not there is left out.
 */
export function fillBody(
  template: Json,
  values: Readonly<Record<string, Json>>,
  asText: (value: Json | undefined, name: string) => string,
): Json | undefined {
  const at = (name: string): Json | undefined => (Object.hasOwn(values, name) ? values[name] : undefined)
  const fill = (node: Json): Json | undefined => {
    if (typeof node === 'string') {
      const names = placeholdersIn(node)
      const [only = ''] = names
      if (node === `{${only}}`) return at(only)
      if (names.some((name) => at(name) === undefined)) return undefined
      return node.replace(placeholder, (_, name: string) => asText(at(name), name))
    }
    if (typeof node !== 'object' || node === null) return node
    if (Array.isArray(node)) return node.map(fill).filter((item) => item !== undefined)
    return Object.fromEntries(
      Object.entries(node).flatMap(([name, inner]) => {
        const filled = fill(inner)
        return filled === undefined ? [] : [[name, filled]]
      }),
    )
  }
  return fill(template)
}
