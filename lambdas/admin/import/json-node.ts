/** Reading values of a document that nobody has checked: what is not there or of another kind reads as empty. */
export type Node = Record<string, unknown>

export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
export const nodeOf = (value: unknown): Node => (isNode(value) ? value : {})
export const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** The member itself, never one that is inherited. */
export const memberOf = (node: Node, name: string): unknown =>
  Object.hasOwn(node, name) ? node[name] : undefined
