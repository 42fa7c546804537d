/** Names that our patterns admit, made from what others call their things. */

/** Gives each name out once: the second `get_order` is `get_order_2`. */
export function createNames(most: number, separator: '_' | '-'): (wanted: string) => string {
  const taken = new Set<string>()
  return (wanted) => {
    let name = wanted.slice(0, most)
    for (let n = 2; taken.has(name); n++) {
      const suffix = `${separator}${n}`
      name = `${wanted.slice(0, most - suffix.length)}${suffix}`
    }
    taken.add(name)
    return name
  }
}

export const mostOfTool = 48
export const mostOfParameter = 64
/** That of a delegated authorization: its grant is named after it. */
export const mostOfAuthorization = 57

/** `listOrders`, `orders/list` and `List orders` are all `list_orders`-like: lower case, words with `_` between. */
export function asToolName(text: string): string {
  const name = words(text).join('_')
  const started = /^[a-z]./.test(name) ? name : `call_${name}`
  const cut = started.slice(0, mostOfTool).replace(/_+$/, '')
  // Deskhand's own tools cannot be called like.
  return /^(?:hand_over|start_task|finish_task|search_articles)$/.test(cut) ? `api_${cut}` : cut
}

/** As it is where it may be; else with `_` for what a parameter's name cannot hold. */
export function asParameterName(text: string): string {
  const name = text.replaceAll(/[^A-Za-z0-9_]+/g, '_').replaceAll(/^_+|_+$/g, '') || 'value'
  return isParameterName(text) ? text : (/^[0-9]/.test(name) ? `_${name}` : name).slice(0, mostOfParameter)
}
export const isParameterName = (text: string): boolean => /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(text)

/** Of an authorization and its secret. `grant-` is where Deskhand keeps its own. */
export function asAuthorizationName(text: string): string {
  const name = words(text).join('-').slice(0, mostOfAuthorization).replace(/-+$/, '')
  return name === '' || name.startsWith('grant-') ? `api-${name || 'key'}` : name
}

const words = (text: string): string[] =>
  text
    .slice(0, 500)
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
