/** Security schemes of a document as drafts of authorizations. Values are for an admin to enter. */
import { authorization } from '../../../schemas/authorization.ts'
import { asAuthorizationName, createNames, mostOfAuthorization } from './draft-names.ts'
import { type AuthorizationDraft, type Finding, type Problem, pointer, urlProblem } from './import-result.ts'
import { isNode, listOf, memberOf, type Node, nodeOf, textOf } from './json-node.ts'

interface Scheme {
  key: string
  path: string
  /** `undefined`: a tool cannot send it. */
  draft: AuthorizationDraft | undefined
  /** Asked for by the operations that were imported. */
  scopes: Set<string>
  hosts: Set<string>
  /** What the admin still has to enter. */
  missing: string[]
}

export interface Securities {
  /** The authorization of an operation: the first of its requirements that a tool can keep. */
  of(operation: { node: Node; path: string }, host: string): string | undefined
  /** The drafts of all that were asked for. */
  drafts(): AuthorizationDraft[]
}

/** `problems` end the import: a URL that may not be called. */
export function createSecurities(document: Node, findings: Finding[], problems: Problem[]): Securities {
  const schemes = nodeOf(nodeOf(document.components).securitySchemes)
  const known = new Map<string, Scheme>()
  const name = createNames(mostOfAuthorization, '-')
  const said = new Set<string>()
  const note = (path: string, message: string): undefined => {
    if (!said.has(`${path} ${message}`)) findings.push({ path, message })
    said.add(`${path} ${message}`)
  }

  const schemeOf = (key: string): Scheme => {
    const before = known.get(key)
    if (before !== undefined) return before
    const path = `/components/securitySchemes${pointer(key)}`
    const scheme: Scheme = { key, path, draft: undefined, scopes: new Set(), hosts: new Set(), missing: [] }
    known.set(key, scheme)
    const node = memberOf(schemes, key)
    if (isNode(node)) scheme.draft = draftOf(node, scheme, name, note, problems)
    else note(path, 'is not in the document: calls are made without it')
    return scheme
  }

  return {
    of({ node, path }, host) {
      const own = memberOf(node, 'security')
      const requirements = listOf(own ?? document.security).map(nodeOf)
      const at = `${own === undefined ? '' : path}/security`
      for (const requirement of requirements) {
        const entries = Object.entries(requirement)
        const [only] = entries
        if (only === undefined) continue
        if (entries.length > 1) {
          note(at, 'asks for several credentials at once, of which a tool can send one: left out')
          continue
        }
        const scheme = schemeOf(only[0])
        if (scheme.draft === undefined) continue
        for (const scope of listOf(only[1])) if (typeof scope === 'string') scheme.scopes.add(scope)
        scheme.hosts.add(host)
        if (requirements.length > 1)
          note(at, 'can be met in several ways: the first that a tool can send is taken')
        return scheme.draft.name
      }
      if (requirements.some((one) => Object.keys(one).length > 0)) {
        note(at, 'none of what it asks for can be sent by a tool: the calls carry no credential')
      }
      return undefined
    },
    drafts() {
      const used = [...known.values()].filter(({ hosts }) => hosts.size > 0)
      return used.flatMap((scheme, i) => {
        const { draft, hosts, missing } = scheme
        if (draft === undefined) return []
        const path = pointer('authorizations', i)
        for (const field of missing) {
          findings.push({ path: `${path}/${field}`, message: 'is not in the document: enter it' })
        }
        findings.push({
          path: `${path}/secret`,
          message: `enter its value, bound to ${[...hosts].join(', ')}`,
        })
        return [withScopes(scheme, draft, findings)]
      })
    },
  }
}

/** An OAuth authorization asks for all that its tools need. */
function withScopes(
  { scopes, path }: Scheme,
  draft: AuthorizationDraft,
  findings: Finding[],
): AuthorizationDraft {
  const isOAuth = draft.type === 'oauth_client_credentials' || draft.type === 'oauth_delegated'
  if (!isOAuth || scopes.size === 0) return draft
  const scope = [...scopes].join(' ')
  if (/^[\x21\x23-\x5b\x5d-\x7e ]{1,1000}$/.test(scope)) return { ...draft, scope }
  findings.push({ path, message: 'its scopes are over 1,000 characters, or not printable ASCII: enter them' })
  return draft
}

function draftOf(
  node: Node,
  scheme: Scheme,
  nameFor: (wanted: string) => string,
  note: (path: string, message: string) => undefined,
  problems: Problem[],
): AuthorizationDraft | undefined {
  const { key, path } = scheme
  const none = (message: string): undefined => note(path, `${message}: calls are made without it`)
  const named = () => {
    const name = nameFor(asAuthorizationName(key))
    return { name, secret: name }
  }
  switch (node.type) {
    case 'http':
      switch (textOf(node.scheme).toLowerCase()) {
        case 'bearer':
          return { type: 'bearer', ...named() }
        case 'basic':
          scheme.missing.push('username')
          return { type: 'basic', ...named() }
        default:
          return none('is a scheme that tools do not send')
      }
    case 'apiKey': {
      if (node.in !== 'header')
        return none('is a key in a query or cookie, and a tool sends one in a header only')
      const draft = { type: 'api_key' as const, ...named(), header: textOf(node.name) }
      if (authorization.safeParse(draft).success) return draft
      return none('names a header that cannot carry a credential')
    }
    case 'oauth2':
      return ofOAuth(nodeOf(node.flows), scheme, named, note, problems)
    case 'openIdConnect':
      return none('is OpenID Connect, whose endpoints are not in the document: add an authorization by hand')
    default:
      return none('is a kind that tools do not send')
  }
}

function ofOAuth(
  flows: Node,
  scheme: Scheme,
  named: () => { name: string; secret: string },
  note: (path: string, message: string) => undefined,
  problems: Problem[],
): AuthorizationDraft | undefined {
  const { path } = scheme
  const { clientCredentials, authorizationCode, ...others } = flows
  for (const flow of Object.keys(others)) {
    if (!flow.startsWith('x-'))
      note(`${path}/flows${pointer(flow)}`, 'is a flow that tools do not use: left out')
  }
  const url = (flow: string, node: Node, field: string): string | undefined => {
    const text = textOf(memberOf(node, field))
    const problem = urlProblem(text)
    if (problem === undefined) return text
    problems.push({ path: `${path}/flows/${flow}/${field}`, message: problem })
    return undefined
  }
  if (isNode(clientCredentials)) {
    if (authorizationCode !== undefined) note(path, 'has several flows: client credentials are taken')
    const tokenUrl = url('clientCredentials', clientCredentials, 'tokenUrl')
    if (tokenUrl === undefined) return undefined
    scheme.missing.push('clientId')
    scheme.hosts.add(new URL(tokenUrl).host)
    return { type: 'oauth_client_credentials', ...named(), tokenUrl }
  }
  if (isNode(authorizationCode)) {
    const tokenUrl = url('authorizationCode', authorizationCode, 'tokenUrl')
    const authorizeUrl = url('authorizationCode', authorizationCode, 'authorizationUrl')
    if (tokenUrl === undefined || authorizeUrl === undefined) return undefined
    scheme.missing.push('clientId')
    scheme.hosts.add(new URL(tokenUrl).host)
    return { type: 'oauth_delegated', ...named(), tokenUrl, authorizeUrl }
  }
  return note(path, 'has no flow that tools use: calls are made without it')
}
