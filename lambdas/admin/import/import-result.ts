/** What an import gives: drafts for an admin to read and complete, or why there are none. */
import type * as z from 'zod'
import type { Authorization } from '../../../schemas/authorization.ts'
import type { toolDefinition } from '../../../schemas/tenant-apis.ts'
import { checkUrl } from '../../core/egress/url-policy.ts'
import { checkTool, type Problem } from '../../core/tools/check-tool.ts'

export type { Problem } from '../../core/tools/check-tool.ts'

/** A tool as an admin would write it. */
export type ToolDraft = z.input<typeof toolDefinition>

/** An authorization; a finding names each field that only the admin knows (`clientId`, `username`). */
export type AuthorizationDraft = Draft<Authorization>
type Draft<A> = A extends Authorization ? Pick<A, 'name' | 'type' | 'secret'> & Partial<A> : never

/** A credential out of a pasted command, as `deskhand/<tenant>/outbound/<name>` holds it. Never shown again. */
export interface ImportedSecret {
  name: string
  hosts: string[]
  header?: string
  value: string
}

/**
 * Something that was not carried over, or that an admin still has to say. `path`: the flag of a command, the JSON
 * pointer into a document, or, where it begins with `/tools/` or `/authorizations/`, into what was imported.
 */
export type Finding = Problem

export interface Imported {
  tools: ToolDraft[]
  authorizations: AuthorizationDraft[]
  /** Empty for a document. The caller stores the values and shows none of them. */
  secrets: ImportedSecret[]
  findings: Finding[]
}

export type ImportResult = ({ ok: true } & Imported) | { ok: false; problems: Problem[] }

export const refused = (...problems: Problem[]): { ok: false; problems: Problem[] } => ({
  ok: false,
  problems,
})

/** Why a URL may not be called, or `undefined`. */
export const urlProblem = (url: string): string | undefined => {
  const verdict = checkUrl(url)
  return verdict.ok ? undefined : verdict.reason
}

/** What publishing would refuse of the drafts as they are, so that the admin completes them first. */
export function checkDrafts(
  tools: readonly ToolDraft[],
  authorizations: readonly AuthorizationDraft[],
): Finding[] {
  const names = new Set(authorizations.map(({ name }) => name))
  return tools.flatMap((tool, i) => {
    const checked = checkTool(tool, { urlCheck: urlProblem, authorizations: names })
    const problems = checked.ok ? [] : checked.problems
    return problems.map(({ path, message }) => ({ path: pointer('tools', i, ...path.split('.')), message }))
  })
}

/** Why a tool may not set this header, or `undefined`. */
export function headerProblem(name: string): string | undefined {
  const probe: ToolDraft = {
    name: 'probe',
    description: 'asks whether a header may be set',
    effect: 'read',
    request: { method: 'GET', url: 'https://www.acme.com/', headers: { [name]: 'x' } },
    parameters: { type: 'object' },
  }
  const checked = checkTool(probe, { urlCheck: () => undefined, authorizations: new Set() })
  return checked.ok ? undefined : checked.problems[0]?.message
}

/** A JSON pointer, RFC 6901. */
export const pointer = (...segments: (string | number)[]): string =>
  segments.map((segment) => `/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
