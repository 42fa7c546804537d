/** An OpenAPI document becomes drafts of tools and authorizations. */
import { asToolName, createNames, mostOfTool } from './draft-names.ts'
import {
  checkDrafts,
  type Finding,
  type ImportResult,
  type Problem,
  pointer,
  refused,
  type ToolDraft,
} from './import-result.ts'
import { isNode, listOf, memberOf, type Node, nodeOf, textOf } from './json-node.ts'
import { createSecurities } from './openapi-security.ts'
import { serverOf, serverPlaces } from './openapi-server.ts'
import { type Method, methods, type Operation, operationTool } from './operation-tool.ts'
import { mostSchemas, type Walk } from './parameter-schema.ts'
import { readDocument } from './read-document.ts'

export interface OpenApiOptions {
  /** operationIds, or `GET /orders/{id}` as the document writes the path. Default: all. */
  operations?: readonly string[]
  /** URL to call instead of the document's servers. */
  server?: string
}

const mostOperations = 200
/** More than anybody reads; the last one says how many there were. */
const mostFindings = 2000

/**
 * The operations of an OpenAPI 3.0 or 3.1 document, in JSON or YAML, as drafts. From `text` only: nothing is fetched or
 * read from disk. What a tool cannot say is among the findings. Never throws.
 */
export function importOpenApi(text: string, options: OpenApiOptions = {}): ImportResult {
  const read = readDocument(text)
  if (!read.ok) return read
  const { document } = read
  const findings: Finding[] = []
  const chosen = chosenOf(document, options.operations, findings)
  if (!chosen.ok) return chosen

  const problems: Problem[] = []
  const walk: Walk = { findings, problems, within: new Set(), left: mostSchemas }
  const securities = createSecurities(document, findings, problems)
  const name = createNames(mostOfTool, '_')
  const said = new Set<string>()
  const tools: ToolDraft[] = []
  for (const operation of chosen.operations) {
    const { node, path, itemPath } = operation
    const places = serverPlaces(document, { node: operation.item, path: itemPath }, { node, path })
    const server = serverOf(places, options.server, findings, said)
    if (!server.ok) return refused(server.problem)
    const tool = operationTool(operation, server.base, nameOf(operation), walk)
    if (problems.length > 0) return refused(...problems)
    if (tool === undefined) continue
    const authorization = securities.of(operation, new URL(server.base).host)
    if (problems.length > 0) return refused(...problems)
    tools.push({
      ...tool,
      name: name(tool.name),
      ...(authorization !== undefined && { authorization }),
    })
  }
  if (document.webhooks !== undefined)
    findings.push({ path: '/webhooks', message: 'tools are not called: left out' })
  const authorizations = securities.drafts()
  const kept =
    findings.length <= mostFindings
      ? findings
      : [
          ...findings.slice(0, mostFindings),
          {
            path: 'document',
            message: `there are ${findings.length - mostFindings} more findings: import fewer operations to read them`,
          },
        ]
  return {
    ok: true,
    tools,
    authorizations,
    secrets: [],
    findings: [...kept, ...checkDrafts(tools, authorizations)],
  }
}

type Chosen = Operation & { item: Node }

const nameOf = ({ node, method, template }: Operation): string =>
  asToolName(textOf(node.operationId).trim() || `${method} ${template}`)

function chosenOf(
  document: Node,
  wanted: readonly string[] | undefined,
  findings: Finding[],
): { ok: true; operations: Chosen[] } | { ok: false; problems: Problem[] } {
  const all = operationsOf(document, wanted === undefined ? findings : [])
  const asked = new Set((wanted ?? []).map(spelled))
  const isAsked = ({ node, method, template }: Operation): boolean =>
    asked.has(textOf(node.operationId)) || asked.has(spelled(`${method} ${template}`))
  const operations = wanted === undefined ? all : all.filter(isAsked)
  const there = new Set(
    all.flatMap(({ node, method, template }) => [textOf(node.operationId), spelled(`${method} ${template}`)]),
  )
  const missing = [...asked].filter((one) => !there.has(one))
  if (missing.length > 0) {
    return refused(
      ...missing.slice(0, 20).map((one) => ({
        path: 'operations',
        message: `there is no operation ${JSON.stringify(one.slice(0, 100))}: name its operationId, or GET /path`,
      })),
    )
  }
  if (operations.length === 0)
    return refused({ path: '/paths', message: 'has no operation that can be imported' })
  if (operations.length > mostOperations) {
    return refused({
      path: 'operations',
      message: `the document has ${operations.length}, and at most ${mostOperations} are imported at once: name those you want`,
    })
  }
  return { ok: true, operations }
}

/** `get /orders` and `GET /orders` are the same; an operationId stays as it is. */
const spelled = (text: string): string => {
  const [, method = '', path = ''] = /^([a-z]+)\s+(\/.*)$/is.exec(text.trim()) ?? []
  return method === '' ? text.trim() : `${method.toUpperCase()} ${path}`
}

function operationsOf(document: Node, findings: Finding[]): Chosen[] {
  return Object.entries(nodeOf(document.paths)).flatMap(([template, value]) => {
    if (!template.startsWith('/') || !isNode(value)) return []
    const itemPath = `/paths${pointer(template)}`
    for (const method of ['head', 'options', 'trace']) {
      if (value[method] !== undefined) {
        findings.push({
          path: `${itemPath}/${method}`,
          message: 'tools send GET, POST, PUT, PATCH and DELETE: left out',
        })
      }
    }
    return methods.flatMap((method: Method) => {
      const node = memberOf(value, method)
      return isNode(node)
        ? [
            {
              method,
              template,
              node,
              item: value,
              path: `${itemPath}/${method}`,
              itemPath,
              shared: listOf(value.parameters),
            },
          ]
        : []
    })
  })
}
