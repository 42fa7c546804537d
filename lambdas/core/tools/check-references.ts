/** Do a tenant's tools fit together? What one tool says of another can be checked only beside it. */
import type { ToolDefinition } from '../../../schemas/tenant-apis.ts'
import { isChosen, previousOf } from '../../../schemas/tool-rules.ts'
import type { Problem } from './check-tool.ts'

type Tools = ReadonlyMap<string, ToolDefinition>

/** Checks what `tool` says of the tenant's other tools. */
export function* checkReferences(tool: ToolDefinition, tools: Tools): Generator<Problem> {
  yield* checkPrevious(tool, tools)
  yield* checkSeen(tool, tools)
  yield* checkOwnershipTool(tool, tools)
  yield* checkLookupTool(tool, tools)
}

/**
 * Are the records that the tool answers with this customer's own, whatever the model or the customer asked? Its answers
 * name their owner, or the customer's address is all that it is asked with.
 */
export const answersOwnOnly = ({ effect, parameters, response }: ToolDefinition): boolean => {
  const sources = Object.values(parameters.properties).map(({ source }) => source)
  const isAlone = sources.includes('customer.email') && !sources.some(isChosen)
  return effect === 'read' && (response.owner !== undefined || isAlone)
}

function* checkPrevious(tool: ToolDefinition, tools: Tools): Generator<Problem> {
  for (const [name, { source }] of Object.entries(tool.parameters.properties)) {
    const previous = previousOf(source)
    if (previous === undefined) continue
    const path = `parameters.properties.${name}.source`
    const other = tools.get(previous.tool)
    if (other === undefined) yield noTool(path, previous.tool)
    else if (other.name === tool.name) yield { path, message: 'names this very tool: name another' }
    else if (tool.effect === 'write' && !answersOwnOnly(other)) yield notOwn(path, previous.tool)
  }
}

/** What proves that a record is the customer's shows no other. */
function* checkSeen({ ownership }: ToolDefinition, tools: Tools): Generator<Problem> {
  if (ownership?.by !== 'seen') return
  for (const [name, places] of Object.entries(ownership.match)) {
    for (const place of [places].flat()) {
      const previous = previousOf(place)
      if (previous === undefined) continue
      const other = tools.get(previous.tool)
      const path = `ownership.match.${name}`
      if (other === undefined) yield noTool(path, previous.tool)
      else if (!answersOwnOnly(other)) yield notOwn(path, previous.tool)
    }
  }
}

function* checkOwnershipTool({ ownership, ...tool }: ToolDefinition, tools: Tools): Generator<Problem> {
  if (ownership?.by !== 'check') return
  const other = tools.get(ownership.tool)
  const path = 'ownership.tool'
  if (other === undefined) {
    yield noTool(path, ownership.tool)
    return
  }
  if (other.effect !== 'read' || other.response.owner === undefined) {
    yield { path, message: `${other.name} must be a read with response.owner: that is what is checked` }
  }
  yield* checkFilled(other, new Set(Object.values(ownership.match)), 'ownership.match')
  for (const [mine, theirs] of Object.entries(ownership.match)) {
    const [from, to] = [tool.parameters.properties[mine], other.parameters.properties[theirs]]
    if (from !== undefined && to?.source === 'model' && from.type !== to.type) {
      yield { path: `ownership.match.${mine}`, message: `is a ${from.type}, but ${theirs} a ${to.type}` }
    }
  }
}

function* checkLookupTool(tool: ToolDefinition, tools: Tools): Generator<Problem> {
  if (tool.lookup === undefined) return
  const other = tools.get(tool.lookup.tool)
  const path = 'lookup.tool'
  if (other === undefined) {
    yield noTool(path, tool.lookup.tool)
    return
  }
  if (other.effect !== 'read') yield { path, message: `${other.name} must be a read` }
  if (other.response.owner !== undefined) {
    yield {
      path,
      message: `${other.name} has response.owner, so "not found" could mean "not theirs": use another tool`,
    }
  }
  const sources = Object.values(other.parameters.properties).map(({ source }) => source)
  if (!sources.includes('effect.id')) {
    yield {
      path,
      message: `${other.name} must ask for this very write: give it a parameter with source effect.id, and the write one to store`,
    }
  }
  if (sources.some((source) => previousOf(source) !== undefined)) {
    yield { path, message: `${other.name} is asked after a crash: no parameter of it can be previous.*` }
  }
  yield* checkFilled(other, new Set(Object.keys(tool.parameters.properties)), path)
}

/** All that the other tool needs from a model is given. */
function* checkFilled(other: ToolDefinition, given: ReadonlySet<string>, path: string): Generator<Problem> {
  for (const name of given) {
    if (path === 'ownership.match' && other.parameters.properties[name]?.source !== 'model') {
      yield { path, message: `${name} is not a parameter of ${other.name} that a model fills in` }
    }
  }
  for (const name of other.parameters.required) {
    if (other.parameters.properties[name]?.source === 'model' && !given.has(name)) {
      yield { path, message: `${other.name} needs ${name}, which nothing here gives it` }
    }
  }
}

const noTool = (path: string, name: string): Problem => ({
  path,
  message: `there is no tool ${name}: save it first`,
})
const notOwn = (path: string, name: string): Problem => ({
  path,
  message: `${name} could answer with a stranger's record: give it response.owner, or ask it with customer.email alone`,
})
