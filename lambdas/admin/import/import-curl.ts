/** One pasted cURL command becomes the draft of one tool. */
import type { Parameter, ParameterSchema } from '../../../schemas/tenant-apis.ts'
import { parseJson } from '../../core/parse-json.ts'
import {
  type CurlCredential,
  credentialOfHeader,
  credentialOfToken,
  credentialOfUser,
  isKey,
} from './curl-credential.ts'
import { curlArguments, type GivenFlag } from './curl-flags.ts'
import { asParameterName, asToolName, createNames, mostOfParameter } from './draft-names.ts'
import { credentialInBody, exampleSchema, isCredentialName } from './example-schema.ts'
import {
  checkDrafts,
  type Finding,
  headerProblem,
  type ImportResult,
  type Problem,
  refused,
  type ToolDraft,
  urlProblem,
} from './import-result.ts'
import { isNode, type Node } from './json-node.ts'
import { shellWords } from './shell-words.ts'

/** What is gathered while the command is read. */
interface Draft {
  method: NonNullable<ToolDraft['request']['method']>
  parameters: Record<string, Parameter>
  query: Record<string, string>
  headers: Record<string, string>
  body?: NonNullable<ToolDraft['request']['body']>
  findings: Finding[]
  /** Credentials that are not kept: they must not stand in the result either. */
  withheld: string[]
  /** A name for a parameter, given out once. */
  name(wanted: string): string
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/**
 * A cURL command as the draft of a tool. Names and types are taken over, values are not: they become parameters. A
 * credential becomes an authorization and one of `secrets`; it stands nowhere else in the result. Nothing is expanded,
 * read from disk or called. Never throws.
 */
export function importCurl(command: string): ImportResult {
  const split = shellWords(command)
  if (!split.ok) return split
  const [program, ...words] = split.words
  if (program === undefined || !/^(?:.*\/)?curl(?:\.exe)?$/.test(program)) {
    return refused({ path: 'command', message: 'must begin with curl' })
  }
  const args = curlArguments(words)
  if (!args.ok) return args
  const { given, findings } = args
  const files = readsFiles(given)
  if (files.length > 0) return refused(...files)

  const target = targetOf([
    ...args.urls,
    ...given.filter(({ name }) => name === 'url').map(({ value }) => value),
  ])
  if (!target.ok) return target
  const method = methodOf(given)
  if (!method.ok) return method

  const draft: Draft = {
    method: method.method,
    parameters: {},
    query: {},
    headers: {},
    findings,
    withheld: [],
    name: createNames(mostOfParameter, '_'),
  }
  const url = `${target.url.origin}${pathOf(target.url, draft)}`
  const search = [target.url.search.slice(1), ...(has(given, 'get') ? formsOf(given) : [])]
  addQuery(search.filter((text) => text !== '').join('&'), draft)
  const credential = addHeaders(given, target.url.host, draft)
  const problem = has(given, 'get') ? undefined : addBody(given, draft)
  if (problem !== undefined) return refused(problem)

  const isWrite = draft.method !== 'GET'
  const tool: ToolDraft = {
    name: asToolName(`${draft.method} ${fixedPath(url)}`),
    description: `${draft.method} ${url.slice(0, 1000)}: imported from a cURL command. Say here when to use it and when not.`,
    effect: isWrite ? 'write' : 'read',
    request: {
      method: draft.method,
      url,
      query: draft.query,
      headers: draft.headers,
      ...(draft.body !== undefined && { body: draft.body }),
    },
    parameters: {
      type: 'object',
      required: Object.keys(draft.parameters),
      properties: draft.parameters,
    },
    ...(credential !== undefined && { authorization: credential.authorization.name }),
    ...(isWrite && { confirm: 'customer' as const }),
    ...timeoutOf(given, findings),
  }
  const authorizations = credential === undefined ? [] : [credential.authorization]
  findings.push(
    { path: '/tools/0/description', message: 'say when to use it and when not' },
    ...checkDrafts([tool], authorizations),
  )
  const secrets = credential === undefined ? [] : [credential.secret]
  const shown = { tools: [tool], authorizations, findings }
  const withheld = [...secrets.map(({ value }) => value), ...draft.withheld]
  return isEchoed(shown, withheld) ? refused(echoed) : { ok: true, ...shown, secrets }
}

const has = (given: readonly GivenFlag[], flag: string): boolean => given.some(({ name }) => name === flag)

// ---- refused as a whole ---------------------------------------------------------------------------------

/** `@file`, and a cookie that is the name of a file. */
function readsFiles(given: readonly GivenFlag[]): Problem[] {
  return given
    .filter(({ name, value }) => {
      switch (name) {
        case 'data':
        case 'data-ascii':
        case 'data-binary':
        case 'json':
        case 'header':
        case 'url':
          return value.startsWith('@')
        case 'data-urlencode':
          return /^[^=]*@/.test(value)
        case 'cookie':
          return !value.includes('=')
        default:
          return false
      }
    })
    .map(({ name }) => ({
      path: `--${name}`,
      message: 'reads a file, which is not here: paste what is in it',
    }))
}

/** The one URL. Its text goes nowhere but into the tool. */
function targetOf(urls: readonly string[]): { ok: true; url: URL } | { ok: false; problems: Problem[] } {
  const path = 'url'
  const [text, ...more] = urls
  if (text === undefined) return refused({ path, message: 'is missing: add it' })
  if (more.length > 0) {
    return refused({
      path,
      message: 'there is more than one: import them one by one, with quotes around each',
    })
  }
  // curl expands [1-3] and {a,b}; {name} is how documentation writes a value.
  if (/[[\]\\]/.test(text) || /[{}]/.test(text.replaceAll(/\{[A-Za-z_][A-Za-z0-9_]{0,63}\}/g, ''))) {
    return refused({ path, message: 'holds braces or brackets that curl would expand: write one plain URL' })
  }
  const problem = urlProblem(text)
  const url = URL.parse(text)
  if (problem !== undefined || url === null) {
    return refused({ path, message: problem ?? 'must read https://host/path' })
  }
  return { ok: true, url }
}

function methodOf(
  given: readonly GivenFlag[],
): { ok: true; method: Draft['method'] } | { ok: false; problems: Problem[] } {
  const asked = given.findLast(({ name }) => name === 'request')?.value.toUpperCase()
  const wanted = asked ?? (dataOf(given).length > 0 && !has(given, 'get') ? 'POST' : 'GET')
  const method = methods.find((one) => one === wanted)
  return method === undefined
    ? refused({ path: '--request', message: `a tool can send ${methods.join(', ')} only` })
    : { ok: true, method }
}

// ---- URL and query --------------------------------------------------------------------------------------

/** Segments that look like the id of something become parameters, and so does `{name}`. */
function pathOf(url: URL, draft: Draft): string {
  let before = ''
  const segments = url.pathname.split('/').map((segment) => {
    const text = decoded(segment)
    const placed = /^\{([A-Za-z_][A-Za-z0-9_]{0,63})\}$/.exec(text)?.[1]
    if (placed === undefined && !isId(text)) {
      before = text
      // What stands among braces is a placeholder, so a fixed segment has none.
      return segment.replaceAll(/[{}]/g, encodeURIComponent)
    }
    const name = draft.name(placed ?? asParameterName(`${singular(before)}_id`.replace(/^_/, '')))
    draft.parameters[name] = { type: 'string', source: 'model' }
    return `{${name}}`
  })
  return segments.join('/')
}

const isId = (text: string): boolean =>
  /^\d+$/.test(text) ||
  /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text) ||
  /^[0-9a-f]{12,}$/i.test(text) ||
  /^[A-Za-z]{1,10}[_-]?\d{3,}$/.test(text) ||
  text.includes('@') ||
  text.includes(':') ||
  isKey(text)

const singular = (word: string): string => word.replace(/ies$/, 'y').replace(/s$/, '')
const fixedPath = (url: string): string => new URL(url).pathname.replaceAll(/%7B\w+%7D/gi, ' ')

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

function addQuery(search: string, draft: Draft): void {
  const path = 'url'
  for (const [name, value] of new URLSearchParams(search)) {
    if (isCredentialName(name) || isKey(name)) {
      draft.withheld.push(value)
      draft.findings.push({
        path,
        message:
          'a value of its query looks like a credential, which can be sent in a header only: left out and not kept',
      })
    } else if (Object.hasOwn(draft.query, name)) {
      draft.findings.push({ path, message: 'a value of its query is there twice: a tool sends one of them' })
    } else if (/[{}]/.test(name) || name === '' || name.length > 100 || name === '__proto__') {
      draft.findings.push({ path, message: 'a value of its query has a name that cannot be kept: left out' })
    } else {
      const parameter = draft.name(asParameterName(name))
      draft.parameters[parameter] = { type: typeOfText(value), source: 'model' }
      draft.query[name] = `{${parameter}}`
    }
  }
}

/** A number that would be written the same way again; an id with a leading zero stays text. */
const typeOfText = (value: string): ParameterSchema['type'] =>
  /^(?:0|-?[1-9]\d{0,14})$/.test(value) ? 'integer' : /^(?:true|false)$/.test(value) ? 'boolean' : 'string'

// ---- headers and credentials ----------------------------------------------------------------------------

/** Sets what a tool may set. What proves who calls is taken out and given back. */
function addHeaders(given: readonly GivenFlag[], host: string, draft: Draft): CurlCredential | undefined {
  let credential: CurlCredential | undefined
  const take = (path: string, value: string, found: CurlCredential | undefined): void => {
    if (found === undefined || credential !== undefined) draft.withheld.push(value)
    if (found === undefined) {
      draft.findings.push({ path, message: 'is no credential that can be sent: left out and not kept' })
    } else if (credential === undefined) credential = found
    else {
      draft.findings.push({
        path,
        message: 'is one credential more than a tool can send: left out and not kept',
      })
    }
  }
  for (const { name: flag, value } of given) {
    if (flag === 'oauth2-bearer') take('--oauth2-bearer', value, credentialOfToken(value, host))
    if (flag === 'user') {
      if (/.:./.test(value) || isKey(value.replace(/:$/, '')))
        take('--user', value, credentialOfUser(value, host))
      else {
        draft.withheld.push(value)
        draft.findings.push({ path: '--user', message: 'has no password: add an authorization by hand' })
      }
    }
    if (flag === 'cookie') {
      draft.findings.push({
        path: '--cookie',
        message: 'cookies are not sent by tools: left out and not kept',
      })
    }
    if (flag !== 'header') continue
    const [, name, text = ''] = /^([^:;]+):\s*(.*)$/s.exec(value) ?? []
    if (name === undefined || headerProblem(name) === 'is not a header name') {
      draft.findings.push({ path: '--header', message: 'one of them is not `Name: value`: left out' })
    } else addHeader(name, text.trim(), host, draft, take)
  }
  return credential
}

function addHeader(
  name: string,
  value: string,
  host: string,
  draft: Draft,
  take: (path: string, value: string, found: CurlCredential | undefined) => void,
): void {
  const path = `--header ${isKey(name) ? '?' : name}`
  const lower = name.toLowerCase()
  const left = (message: string): void => {
    draft.findings.push({ path, message })
  }
  if (lower.startsWith('sec-')) left('is said by browsers: left out')
  else if (lower === 'cookie') left('cookies are not sent by tools: left out and not kept')
  else if (lower === 'accept' || lower === 'content-type') {
    if (!/json|\*\/\*/i.test(value)) left('tools send and read JSON: left out')
  } else if (isCredentialName(lower) || isKey(value)) take(path, value, credentialOfHeader(name, value, host))
  else {
    const problem = headerProblem(name)
    const isPlain = /^[\x20-\x7e]*$/.test(value) && !/[{}]/.test(value)
    const isThere = Object.keys(draft.headers).some((one) => one.toLowerCase() === lower)
    if (problem !== undefined) left(`${problem}; left out`)
    else if (isThere) left('is there twice: a tool sends the first')
    else if (!isPlain) left('must be printable ASCII without braces: left out')
    else draft.headers[name] = value
  }
}

// ---- body -----------------------------------------------------------------------------------------------

const dataFlags = new Set(['data', 'data-raw', 'data-ascii', 'data-binary', 'data-urlencode', 'json'])
const dataOf = (given: readonly GivenFlag[]): GivenFlag[] => given.filter(({ name }) => dataFlags.has(name))

/** As curl sends them: what is given by `--data-urlencode` is encoded first, except for its name. */
const formsOf = (given: readonly GivenFlag[]): string[] =>
  dataOf(given).map(({ name, value }) => {
    if (name !== 'data-urlencode') return value
    const [, before = '', text = value] = /^([^=]*)=(.*)$/s.exec(value) ?? []
    const encoded = encodeURIComponent(text.toWellFormed())
    return before === '' ? encoded : `${before}=${encoded}`
  })

/** Members of the body become parameters; what is not a JSON object cannot be sent. */
function addBody(given: readonly GivenFlag[], draft: Draft): Problem | undefined {
  const data = dataOf(given)
  const [first] = data
  if (first === undefined) return undefined
  const path = `--${first.name}`
  if (draft.method === 'GET' || draft.method === 'DELETE') {
    draft.findings.push({ path, message: `a ${draft.method} has no body here: left out` })
    return undefined
  }
  const text = formsOf(given).join(has(given, 'json') ? '' : '&')
  const parsed = parseJson(Buffer.from(text))
  if (parsed.ok && isNode(parsed.value)) {
    if (!saysJson(given)) {
      draft.findings.push({ path, message: 'curl sends it as a form; the tool sends JSON' })
    }
    addMembers(parsed.value, path, draft)
    return undefined
  }
  if (parsed.ok || saysJson(given) || !/^[^=&]+=[^&]*(?:&[^=&]+=[^&]*)*$/.test(text)) {
    return { path, message: 'must be a JSON object of at most 32 levels: a tool sends nothing else' }
  }
  draft.findings.push({
    path,
    message: 'is a form, and a tool sends JSON with the same members: check that the API takes it',
  })
  addMembers(
    Object.fromEntries([...new URLSearchParams(text)].map(([name, value]) => [name, asMember(value)])),
    path,
    draft,
  )
  return undefined
}

/** A value of a form, with the type it has as JSON. */
const asMember = (value: string): unknown =>
  typeOfText(value) === 'integer' ? Number(value) : typeOfText(value) === 'boolean' ? value === 'true' : value

const saysJson = (given: readonly GivenFlag[]): boolean =>
  given.some(
    ({ name, value }) => name === 'json' || (name === 'header' && /^content-type:.*json/i.test(value)),
  )

function addMembers(members: Node, path: string, draft: Draft): void {
  const template: [member: string, placeholder: string][] = []
  for (const [member, value] of Object.entries(members)) {
    const at = `${path} /${/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/.test(member) && !isKey(member) ? member : '?'}`
    if (isCredentialName(member) || isKey(member)) {
      draft.findings.push({ path: at, message: credentialInBody })
      continue
    }
    if (member === '__proto__' || member === '' || member.length > 100) {
      draft.findings.push({ path: at, message: 'has a name that cannot be kept: left out' })
      continue
    }
    const schema = exampleSchema(value, at, draft.findings)
    if (schema === undefined) continue
    const parameter = draft.name(asParameterName(member))
    draft.parameters[parameter] = { ...schema, source: 'model' }
    template.push([member, `{${parameter}}`])
  }
  // Where each is called like its member, no template is needed.
  if (template.some(([member, placeholder]) => placeholder !== `{${member}}`)) {
    draft.body = Object.fromEntries(template)
  }
}

// ---- the rest -------------------------------------------------------------------------------------------

function timeoutOf(given: readonly GivenFlag[], findings: Finding[]): Pick<ToolDraft, 'timeoutMs'> {
  const seconds = given.findLast(({ name }) => name === 'max-time')?.value
  if (seconds === undefined) return {}
  const ms = Math.round(Number(seconds) * 1000)
  if (ms >= 500 && ms <= 30_000) return { timeoutMs: ms }
  findings.push({ path: '--max-time', message: 'must be 0.5 to 30 seconds: left out' })
  return {}
}

const echoed: Problem = {
  path: 'command',
  message: 'its credential stands in a second place, where it would be shown: remove it there',
}
/** The last look: does the secret stand anywhere but among the secrets? Shorter ones are in words by chance. */
function isEchoed(shown: Readonly<Record<string, unknown>>, withheld: readonly string[]): boolean {
  const text = JSON.stringify(shown)
  return withheld
    .flatMap(spellings)
    .some((one) => one.length >= 8 && text.includes(JSON.stringify(one).slice(1, -1)))
}

/** The value, what stands after its scheme, and what is inside of `Basic`. */
function spellings(value: string): string[] {
  const bare = value.replace(/^\S+ /, '')
  const pair = /^basic /i.test(value) ? Buffer.from(bare, 'base64').toString('utf8') : ''
  return [value, bare, ...pair.split(':'), ...(value.includes(':') ? value.split(':') : [])]
}
