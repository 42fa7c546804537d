import type { Evidence } from './helpdesk.ts'

type Flag = { [K in keyof Evidence]-?: true extends Evidence[K] ? K : never }[keyof Evidence]

/** One piece of evidence that is there or absent, never false: only its presence speaks. */
export const flag = <K extends Flag>(name: K, holds: boolean): { [name in K]?: true } =>
  (holds ? { [name]: true } : {}) as { [name in K]?: true }
