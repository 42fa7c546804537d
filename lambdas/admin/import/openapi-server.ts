/** Where an operation is called: the first server that stands nearest to it. */
import { type Finding, type Problem, pointer, urlProblem } from './import-result.ts'
import { isNode, listOf, memberOf, type Node, nodeOf, textOf } from './json-node.ts'

export type Server = { ok: true; base: string } | { ok: false; problem: Problem }

/**
 * The base URL without a slash at its end. `asked`: what the caller says instead; a relative server is resolved against
 * it. Findings are said once for each list of servers.
 */
export function serverOf(
  places: readonly { node: Node; path: string }[],
  asked: string | undefined,
  findings: Finding[],
  said: Set<string>,
): Server {
  const place = places.find(({ node }) => listOf(node.servers).length > 0)
  const path = `${place?.path ?? ''}/servers`
  const servers = listOf(place?.node.servers)
  const note = (at: string, message: string): void => {
    if (!said.has(`${at} ${message}`)) findings.push({ path: at, message })
    said.add(`${at} ${message}`)
  }
  const [first = { url: '/' }, ...others] = servers
  if (others.length > 0 && asked === undefined) {
    note(path, `there are ${others.length + 1}, and the first is taken: name another in \`server\``)
  }
  const written = filled(nodeOf(first), `${path}/0`, note)
  const isRelative = !/^[a-z][a-z0-9+.-]*:/i.test(written) && !written.startsWith('//')
  if (isRelative && asked === undefined) {
    return wrong(
      `${path}/0/url`,
      'is relative to where the document was: name its host in `server`, for example https://api.acme.com',
    )
  }
  if (isRelative && asked !== undefined) {
    note(`${path}/0/url`, 'is relative: it is taken to be under `server`')
  }
  const at = asked === undefined ? `${path}/0/url` : 'server'
  return baseOf(asked ?? written, isRelative ? written : '', at)
}

function baseOf(text: string, under: string, path: string): Server {
  if (/[{}\\]/.test(text + under))
    return wrong(path, 'has a variable without a default: name the URL in `server`')
  const problem = urlProblem(text)
  if (problem !== undefined) return wrong(path, problem)
  const url = URL.parse(under, text.endsWith('/') ? text : `${text}/`)
  // A path that looks relative can still name another host.
  if (url === null || url.origin !== new URL(text).origin)
    return wrong(path, 'cannot be put together with `server`')
  if (url.search !== '' || url.hash !== '') return wrong(path, 'must not have a query or fragment')
  const whole = url.href.replace(/\/+$/, '')
  const last = urlProblem(`${whole}/`)
  return last === undefined ? { ok: true, base: whole } : wrong(path, last)
}

/** Variables get their default. */
function filled(server: Node, path: string, note: (path: string, message: string) => void): string {
  return textOf(server.url)
    .trim()
    .replaceAll(/\{([^{}]{1,100})\}/g, (whole, name: string) => {
      const value = memberOf(nodeOf(memberOf(nodeOf(server.variables), name)), 'default')
      if (typeof value !== 'string' && typeof value !== 'number') return whole
      note(`${path}/variables${pointer(name)}`, 'its default is taken: name another URL in `server`')
      return String(value)
    })
}

const wrong = (path: string, message: string): Server => ({ ok: false, problem: { path, message } })

/** Where servers may stand, nearest first. */
export const serverPlaces = (
  document: Node,
  item: { node: unknown; path: string },
  operation: { node: unknown; path: string },
): { node: Node; path: string }[] =>
  [operation, item, { node: document, path: '' }].flatMap(({ node, path }) =>
    isNode(node) ? [{ node, path }] : [],
  )
