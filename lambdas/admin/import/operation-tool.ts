/** One operation of a document becomes the draft of one tool. */
import type { Parameter } from '../../../schemas/tenant-apis.ts'
import { asParameterName, createNames, isParameterName, mostOfParameter } from './draft-names.ts'
import { headerProblem, pointer, type ToolDraft } from './import-result.ts'
import { isNode, listOf, memberOf, type Node, nodeOf, textOf } from './json-node.ts'
import {
  isUnfollowed,
  type Mapped,
  membersOf,
  toParameterSchema,
  unfollowed,
  type Walk,
} from './parameter-schema.ts'
import { plainText } from './plain-text.ts'

export const methods = ['get', 'post', 'put', 'patch', 'delete'] as const
export type Method = (typeof methods)[number]

export interface Operation {
  method: Method
  /** As the document writes it: `/orders/{orderId}`. */
  template: string
  node: Node
  /** JSON pointer of the operation, and of its path. */
  path: string
  itemPath: string
  /** Parameters that all operations of the path share. */
  shared: unknown[]
}

interface Draft {
  operation: Operation
  walk: Walk
  properties: Record<string, Parameter>
  required: string[]
  query: Record<string, string>
  headers: Record<string, string>
  /** Gives a parameter its name, and keeps it. */
  add(wanted: string, mapped: Mapped, required: boolean): string
}

/** The tool, or `undefined` with a finding. Findings and problems go to `walk`. */
export function operationTool(
  operation: Operation,
  base: string,
  name: string,
  walk: Walk,
): ToolDraft | undefined {
  const draft = createDraft(operation, walk)
  const { method, node, path } = operation
  const note = (at: string, message: string): void => {
    walk.findings.push({ path: `${path}${at}`, message })
  }
  const placed = addParameters(draft)
  if (placed === undefined) return undefined
  const body = addBody(draft)
  if (body === undefined) return undefined
  if (node.deprecated === true) note('/deprecated', 'the API will drop it: look for what replaces it')
  if (node.callbacks !== undefined) note('/callbacks', 'tools are not called back: left out')
  const isWrite = method !== 'get'
  const upper = method.toUpperCase() as Uppercase<Method>
  return {
    name,
    description: describe(operation),
    effect: isWrite ? 'write' : 'read',
    request: {
      method: upper,
      url: `${base}${placed}`,
      query: draft.query,
      headers: draft.headers,
      ...(body.template !== undefined && { body: body.template }),
    },
    parameters: { type: 'object', required: draft.required, properties: draft.properties },
    ...(isWrite && { confirm: 'customer' as const }),
  }
}

function createDraft(operation: Operation, walk: Walk): Draft {
  const name = createNames(mostOfParameter, '_')
  const draft: Draft = {
    operation,
    walk,
    properties: {},
    required: [],
    query: {},
    headers: {},
    add(wanted, { schema }, required) {
      const given = name(asParameterName(wanted))
      draft.properties[given] = { ...schema, source: 'model' }
      if (required) draft.required.push(given)
      return given
    },
  }
  return draft
}

function describe({ method, template, node }: Operation): string {
  const [summary, description] = [
    plainText(textOf(node.summary), 300),
    plainText(textOf(node.description), 1200),
  ]
  const said = description.startsWith(summary)
    ? description
    : `${summary}${summary && description ? '. ' : ''}${description}`
  const call = `${method.toUpperCase()} ${template.slice(0, 300)}`
  if ([...said].length >= 10) return said
  return `${call}${said === '' ? '' : `: ${said}`}, out of an OpenAPI document`
}

// ---- parameters -----------------------------------------------------------------------------------------

/** Fills the draft; gives back the path with its placeholders renamed. */
function addParameters(draft: Draft): string | undefined {
  const { operation, walk } = draft
  const inPath = new Map<string, string>()
  for (const { parameter, path } of parametersOf(operation)) {
    const name = textOf(parameter.name)
    if (isUnfollowed(parameter)) walk.problems.push({ path, message: unfollowed })
    const isMissed = parameter.required === true && parameter.in !== 'path'
    const note = (message: string): undefined => {
      walk.findings.push({ path, message: isMissed ? `${message}; the API requires it` : message })
    }
    if (parameter.deprecated === true) note('the API will drop this one')
    switch (parameter.in) {
      case 'path':
        addPath(draft, parameter, name, path, inPath)
        break
      case 'query':
        addQuery(draft, parameter, name, path, note)
        break
      case 'header':
        addHeader(draft, parameter, name, path, note)
        break
      case 'cookie':
        note('is a cookie, which tools do not send: left out')
        break
      default:
        note('stands in no place that is known: left out')
    }
  }
  return pathOf(draft, inPath)
}

/** Those of the operation come before those of its path with the same name and place. */
function parametersOf({ node, shared, path, itemPath }: Operation): { parameter: Node; path: string }[] {
  const seen = new Set<string>()
  const own = listOf(node.parameters).map((parameter, i) => ({ parameter, path: `${path}/parameters/${i}` }))
  const theirs = shared.map((parameter, i) => ({ parameter, path: `${itemPath}/parameters/${i}` }))
  return [...own, ...theirs].flatMap(({ parameter, path: at }) => {
    const one = nodeOf(parameter)
    const key = JSON.stringify([textOf(one.in), textOf(one.name)])
    if (!isNode(parameter) || seen.has(key)) return []
    seen.add(key)
    return [{ parameter, path: at }]
  })
}

/** The schema of a parameter that is one value; anything else cannot stand in a path, query or header. */
function singleOf(
  { walk }: Draft,
  parameter: Node,
  path: string,
  note: (message: string) => void,
): Mapped | undefined {
  if (parameter.schema === undefined) {
    note(parameter.content === undefined ? 'has no schema: left out' : 'is JSON inside a parameter: left out')
    return undefined
  }
  const mapped = toParameterSchema(parameter.schema, `${path}/schema`, walk)
  if (mapped === undefined) {
    note('cannot be said: left out')
    return undefined
  }
  if (mapped.schema.type === 'array' || mapped.schema.type === 'object') {
    note(`is an ${mapped.schema.type}, which a tool sends in a body only: left out`)
    return undefined
  }
  const description = plainText(textOf(parameter.description), 1000) || mapped.schema.description
  return {
    ...mapped,
    schema: { ...mapped.schema, ...(description !== undefined && description !== '' && { description }) },
  }
}

function addPath(
  draft: Draft,
  parameter: Node,
  name: string,
  path: string,
  inPath: Map<string, string>,
): void {
  if (!draft.operation.template.includes(`{${name}}`)) {
    draft.walk.findings.push({ path, message: 'does not stand in the path: left out' })
    return
  }
  const { style } = parameter
  const isSimple = style === undefined || style === 'simple'
  const mapped = isSimple ? singleOf(draft, parameter, path, () => undefined) : undefined
  if (mapped !== undefined) inPath.set(name, draft.add(name, mapped, true))
  else inPath.set(name, '')
}

/** `undefined`: a part of the path cannot be filled, so there is no call. */
function pathOf(draft: Draft, inPath: Map<string, string>): string | undefined {
  const { template, path } = draft.operation
  let whole = true
  const placed = template.replaceAll(/\{([^{}]*)\}/g, (_, name: string) => {
    let given = inPath.get(name)
    if (given === undefined) {
      draft.walk.findings.push({
        path,
        message: 'a part of its path is not among its parameters: taken as text',
      })
      given = draft.add(name, { schema: { type: 'string' }, nullable: false }, true)
      inPath.set(name, given)
    }
    whole &&= given !== ''
    return `{${given}}`
  })
  if (whole && !/[?#\\\s]/.test(placed)) return placed
  draft.walk.findings.push({
    path,
    message: 'its path cannot be filled with single values: the operation is left out',
  })
  return undefined
}

function addQuery(
  draft: Draft,
  parameter: Node,
  name: string,
  path: string,
  note: (message: string) => undefined,
): undefined {
  const { style } = parameter
  if (style !== undefined && style !== 'form')
    return note('is written in a style that tools do not send: left out')
  if (/[{}]/.test(name) || name === '' || name.length > 100)
    return note('has a name that cannot be kept: left out')
  if (parameter.allowReserved === true) note('its value is percent-encoded: check that the API takes that')
  const mapped = singleOf(draft, parameter, path, note)
  if (mapped === undefined) return
  draft.query[name] = `{${draft.add(name, mapped, parameter.required === true && !mapped.nullable)}}`
}

function addHeader(
  draft: Draft,
  parameter: Node,
  name: string,
  path: string,
  note: (message: string) => undefined,
): undefined {
  // As OpenAPI says, these are not parameters.
  if (/^(?:accept|content-type|authorization)$/i.test(name)) return note('is set by Deskhand: left out')
  const problem = headerProblem(name)
  const isThere = Object.keys(draft.headers).some((one) => one.toLowerCase() === name.toLowerCase())
  if (problem !== undefined || isThere) return note(`${problem ?? 'is there twice'}: left out`)
  const mapped = singleOf(draft, parameter, path, note)
  if (mapped === undefined) return
  draft.headers[name] = `{${draft.add(name, mapped, parameter.required === true && !mapped.nullable)}}`
}

// ---- body -----------------------------------------------------------------------------------------------

/** Members of the JSON body as parameters. `undefined`: what the API requires cannot be sent. */
function addBody(draft: Draft): { template?: Record<string, string> } | undefined {
  const { node, method, path } = draft.operation
  const body = node.requestBody
  if (!isNode(body)) return {}
  if (isUnfollowed(body)) draft.walk.problems.push({ path: `${path}/requestBody`, message: unfollowed })
  const at = `${path}/requestBody`
  const note = (message: string): void => {
    draft.walk.findings.push({ path: at, message })
  }
  if (method === 'get' || method === 'delete') {
    note(`a ${method.toUpperCase()} has no body here: left out`)
    return body.required === true ? undefined : {}
  }
  const content = nodeOf(body.content)
  const type = Object.keys(content).find((one) => /^application\/(?:[a-z0-9.+-]*\+)?json(?:;|$)/i.test(one))
  for (const other of Object.keys(content)) {
    if (other !== type) {
      draft.walk.findings.push({
        path: `${at}/content${pointer(other)}`,
        message: 'tools send JSON only: left out',
      })
    }
  }
  const schemaPath = `${at}/content${pointer(type ?? '')}/schema`
  const schema = type === undefined ? undefined : memberOf(nodeOf(memberOf(content, type)), 'schema')
  const members = schema === undefined ? undefined : membersOf(schema, schemaPath, draft.walk)
  if (members === undefined) {
    const isRequired = body.required === true
    note(`is no JSON object that a tool can send: ${isRequired ? 'the operation is left out' : 'left out'}`)
    return isRequired ? undefined : {}
  }
  const template: [string, string][] = []
  for (const { name, required, path: member, ...mapped } of members) {
    if (/[{}]/.test(name) || name === '' || name.length > 100) {
      draft.walk.findings.push({ path: member, message: 'has a name that cannot be kept: left out' })
      continue
    }
    template.push([name, `{${draft.add(name, mapped, body.required === true && required)}}`])
  }
  const isPlain = template.every(
    ([name, placeholder]) => isParameterName(name) && placeholder === `{${name}}`,
  )
  return isPlain && template.length > 0 ? {} : { template: Object.fromEntries(template) }
}
