/** What each flag of curl is to a tool. A flag that is not here is refused: nobody knows whether it takes a value. */
import { parseArgs } from 'node:util'
import { type Finding, type Problem, refused } from './import-result.ts'

/** `carried`: read by `import-curl.ts`. `left`: left out with a finding. `refused`: the command is not imported. */
interface Flag {
  short?: string
  takes?: 'value'
  is: 'carried' | 'left' | 'refused'
  message?: string
}
const carried = (short?: string): Flag => ({ ...(short && { short }), takes: 'value', is: 'carried' })
const isCarried = (short?: string): Flag => ({ ...(short && { short }), is: 'carried' })
const left = (message: string, short?: string): Flag => ({ ...(short && { short }), is: 'left', message })
const leftValue = (message: string, short?: string): Flag => ({ ...left(message, short), takes: 'value' })
const refuse = (message: string, short?: string): Flag => ({
  ...(short && { short }),
  is: 'refused',
  message,
})
const refuseValue = (message: string, short?: string): Flag => ({ ...refuse(message, short), takes: 'value' })

const shown = 'only changes what curl shows: left out'
const versioned = 'is negotiated by Deskhand: left out'
const waiting = 'is a matter of Deskhand: left out; see timeoutMs'
const files = 'reads or writes a file: remove it, and paste what is in it'
const route = 'changes where or how the connection is made: remove it'
const scheme = 'is not a kind of authorization here: use a bearer token, an API key or basic'

/** https://curl.se/docs/manpage.html */
const flags: Record<string, Flag> = {
  request: carried('X'),
  header: carried('H'),
  data: carried('d'),
  'data-raw': carried(),
  'data-ascii': carried(),
  'data-binary': carried(),
  'data-urlencode': carried(),
  json: carried(),
  get: isCarried('G'),
  user: carried('u'),
  'oauth2-bearer': carried(),
  url: carried(),
  cookie: carried('b'),
  'max-time': carried('m'),

  'user-agent': leftValue('is set by Deskhand: left out', 'A'),
  referer: leftValue('is not sent by tools: left out', 'e'),
  basic: left('is the default of -u: left out'),
  compressed: left('answers are decompressed anyway: left out'),
  location: left('redirects are an error here: check that this is the final URL', 'L'),
  'location-trusted': left('redirects are an error here: check that this is the final URL'),
  'max-redirs': leftValue('redirects are an error here: left out'),
  insecure: left('is refused: certificates are always checked', 'k'),
  globoff: left('nothing is expanded here: left out', 'g'),
  'path-as-is': left('dots in a path are refused here: left out'),
  silent: left(shown, 's'),
  'show-error': left(shown, 'S'),
  verbose: left(shown, 'v'),
  include: left(shown, 'i'),
  fail: left(shown, 'f'),
  'fail-with-body': left(shown),
  'no-buffer': left(shown, 'N'),
  'no-progress-meter': left(shown),
  'progress-bar': left(shown, '#'),
  'http1.1': left(versioned),
  http2: left(versioned),
  http3: left(versioned),
  'tlsv1.2': left(versioned),
  'tlsv1.3': left(versioned),
  ipv4: left(versioned, '4'),
  ipv6: left(versioned, '6'),
  'no-keepalive': left(versioned),
  'tcp-nodelay': left(versioned),
  'connect-timeout': leftValue(waiting),
  retry: leftValue(waiting),
  'retry-delay': leftValue(waiting),
  'retry-max-time': leftValue(waiting),
  'retry-connrefused': left(waiting),
  'retry-all-errors': left(waiting),

  config: refuseValue(files, 'K'),
  output: refuseValue(files, 'o'),
  'output-dir': refuseValue(files),
  'remote-name': refuse(files, 'O'),
  'remote-header-name': refuse(files, 'J'),
  'upload-file': refuseValue(files, 'T'),
  'cookie-jar': refuseValue(files, 'c'),
  'dump-header': refuseValue(files, 'D'),
  'write-out': refuseValue(files, 'w'),
  netrc: refuse(files, 'n'),
  'netrc-file': refuseValue(files),
  cert: refuseValue(files, 'E'),
  key: refuseValue(files),
  cacert: refuseValue(files),
  capath: refuseValue(files),
  trace: refuseValue(files),
  'trace-ascii': refuseValue(files),
  stderr: refuseValue(files),
  variable: refuseValue(files),
  form: refuseValue('sends a multipart form or a file: tools send JSON only', 'F'),
  'form-string': refuseValue('sends a multipart form: tools send JSON only'),
  head: refuse('a tool cannot send HEAD: use GET', 'I'),
  range: refuseValue('a tool reads whole answers: remove it', 'r'),
  next: refuse('is more than one request: import them one by one', ':'),
  parallel: refuse('is more than one request: import them one by one', 'Z'),
  proxy: refuseValue(route, 'x'),
  'proxy-user': refuseValue(route, 'U'),
  socks5: refuseValue(route),
  'socks5-hostname': refuseValue(route),
  resolve: refuseValue(route),
  'connect-to': refuseValue(route),
  'unix-socket': refuseValue(route),
  interface: refuseValue(route),
  'dns-servers': refuseValue(route),
  'request-target': refuseValue(route),
  'url-query': refuseValue('write the query in the URL instead'),
  digest: refuse(scheme),
  ntlm: refuse(scheme),
  negotiate: refuse(scheme),
  anyauth: refuse(scheme),
  'aws-sigv4': refuseValue(scheme),
}

const options = Object.fromEntries(
  Object.entries(flags).map(([name, { short, takes }]) => [
    name,
    {
      type: takes === 'value' ? ('string' as const) : ('boolean' as const),
      ...(short !== undefined && { short }),
    },
  ]),
)

/** A flag that is carried over, in the order of the command. */
export interface GivenFlag {
  name: string
  value: string
}
export interface CurlArguments {
  given: GivenFlag[]
  urls: string[]
  findings: Finding[]
}

/** Reads curl's arguments. Nothing that it says repeats a value. */
export function curlArguments(
  words: readonly string[],
): ({ ok: true } & CurlArguments) | { ok: false; problems: Problem[] } {
  const { tokens } = parseArgs({
    args: [...words],
    options,
    strict: false,
    tokens: true,
    allowPositionals: true,
  })
  const problems: Problem[] = []
  const findings: Finding[] = []
  const given: GivenFlag[] = []
  const urls: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') urls.push(token.value)
    if (token.kind !== 'option') continue
    const { name, value, rawName } = token
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined
    // A long flag and its value are two words: curl reads `--data=x` as a flag of that whole name.
    const isJoined = rawName.startsWith('--') && token.inlineValue === true
    if (flag === undefined || isJoined) {
      const path = /^--?[a-z0-9.-]{1,40}$/i.test(rawName) ? rawName : 'command'
      const message = isJoined
        ? 'a long flag is followed by a space and its value'
        : 'is no flag of curl that can be imported: remove it'
      problems.push({ path, message })
      continue
    }
    const path = `--${name}`
    if (flag.takes === 'value' && value === undefined)
      problems.push({ path, message: 'has no value: add it' })
    else if (flag.is === 'refused') problems.push({ path, message: flag.message ?? '' })
    else if (flag.is === 'left') findings.push({ path, message: flag.message ?? '' })
    else given.push({ name, value: value ?? '' })
  }
  return problems.length > 0 ? refused(...problems) : { ok: true, given, urls, findings }
}
