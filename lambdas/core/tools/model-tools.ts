/** A tenant's tools as Claude sees them. */
import type { ToolDefinition } from '../../../schemas/tenant-apis.ts'
import { type JsonSchema, modelSchema } from './tool-arguments.ts'

export interface ModelTool {
  name: string
  description: string
  strict: boolean
  input_schema: JsonSchema & { type: 'object' }
}

/** Of one request, https://platform.claude.com/docs/en/build-with-claude/structured-outputs */
const maxStrict = 20
const maxUnions = 16

/**
 * Strict, as long as one request may hold them: a request over the limits is refused as a whole. The rest go without,
 * which costs a refused call now and then, because our own validation is the same for all. `builtIns` counts strict
 * tools of ours beside them.
 */
export function modelTools(tools: readonly ToolDefinition[], builtIns: number): ModelTool[] {
  let left = maxStrict - builtIns
  let unions = maxUnions
  return tools.map((tool) => {
    const schema = modelSchema(tool)
    const needed = countUnions(schema)
    const strict = left > 0 && needed <= unions
    if (strict) {
      left--
      unions -= needed
    }
    const { name, description } = tool
    return { name, description, strict, input_schema: { ...schema, type: 'object' } }
  })
}

/** Parameters of more than one type, at any depth. */
function countUnions(schema: unknown): number {
  if (typeof schema !== 'object' || schema === null) return 0
  const own = 'type' in schema && Array.isArray(schema.type) ? 1 : 0
  return Object.values(schema).reduce((sum: number, inner) => sum + countUnions(inner), own)
}
