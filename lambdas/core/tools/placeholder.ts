/** A JSON value. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/** A placeholder of a template: `{name}`. */
export const placeholder = /\{([A-Za-z_][A-Za-z0-9_]*)\}/g

/** Names of the placeholders in `template`, in order. */
export const placeholdersIn = (template: string): string[] =>
  [...template.matchAll(placeholder)].map(([, name]) => name ?? '')
