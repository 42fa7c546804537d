import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { importCurl } from '../lambdas/admin/import/import-curl.ts'
import type { Imported, ImportResult } from '../lambdas/admin/import/import-result.ts'
import { checkTool } from '../lambdas/core/tools/check-tool.ts'
import { prepareRequest } from '../lambdas/core/tools/tool-request.ts'
import { authorization } from '../schemas/authorization.ts'
import { outboundSecret } from '../schemas/secrets.ts'

const url = 'https://api.acme.com/v1/orders'
const token = 'sk_live_Q7w8E9r0T1y2'

function imported(command: string): Imported {
  const result = importCurl(command)
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return result
}
const problemsOf = (command: string) => {
  const result = importCurl(command)
  return result.ok ? [] : result.problems
}
/** All that an admin is shown. */
const shown = (result: ImportResult): string =>
  JSON.stringify(result.ok ? { ...result, secrets: [] } : result)

describe('a command', () => {
  test('becomes a tool whose request is the one that curl sends', () => {
    const { tools, secrets, authorizations } =
      imported(`curl -sS -X POST '${url}/12345/refunds?notify=true' \\
      -H 'Authorization: Bearer ${token}' -H 'X-Source: support' \\
      -H 'Content-Type: application/json' \\
      --data-raw '{"amount": 12.5, "lines": [{"sku": "a", "qty": 1}]}'`)
    const [tool] = tools
    expect(tool).toMatchObject({
      name: 'post_v1_orders_refunds',
      effect: 'write',
      confirm: 'customer',
      authorization: 'api-acme-com',
    })
    expect(authorizations).toEqual([{ type: 'bearer', name: 'api-acme-com', secret: 'api-acme-com' }])
    expect(secrets).toEqual([
      { name: 'api-acme-com', hosts: ['api.acme.com'], header: 'authorization', value: token },
    ])
    const context = { urlCheck: () => undefined, authorizations: new Set(['api-acme-com']) }
    const ownership = { by: 'knowledge', facts: ['order_id'] }
    const checked = checkTool({ ...tool, ownership }, context)
    if (!checked.ok) throw new Error(JSON.stringify(checked.problems))
    const values = { order_id: '12345', notify: true, amount: 12.5, lines: [{ sku: 'a', qty: 1 }] }
    expect(prepareRequest(checked.tool, values)).toEqual({
      ok: true,
      request: {
        method: 'POST',
        url: `${url}/12345/refunds?notify=true`,
        headers: { accept: 'application/json', 'content-type': 'application/json', 'x-source': 'support' },
        body: JSON.stringify({ amount: 12.5, lines: [{ sku: 'a', qty: 1 }] }),
      },
    })
  })

  test('that writes says that ownership has to be declared, and one that reads passes as it is', () => {
    const write = imported(`curl -X DELETE ${url}/8f14e45f-ceea-467f-a0e6-9a1b2c3d4e5f`)
    expect(write.findings).toContainEqual({
      path: '/tools/0/ownership',
      message: expect.stringContaining('name the record'),
    })
    const read = imported(`curl '${url}?page=2&state=open'`)
    expect(read.tools[0]).toMatchObject({
      effect: 'read',
      request: { method: 'GET', query: { page: '{page}', state: '{state}' } },
      parameters: { properties: { page: { type: 'integer' }, state: { type: 'string' } } },
    })
    expect(checkTool(read.tools[0], { urlCheck: () => undefined, authorizations: new Set() }).ok).toBe(true)
  })

  test("of a browser's Copy as cURL is read, its cookies are dropped", () => {
    const result = imported(
      `curl '${url}' \\\n  -H 'accept: */*' -H 'sec-fetch-mode: cors' -b 'session=abc123secret' \\\n  --data-raw $'{"note":"it\\'s \\\\u0021"}' --compressed`,
    )
    expect(result.tools[0]?.parameters.properties).toEqual({ note: { type: 'string', source: 'model' } })
    expect(shown({ ok: true, ...result })).not.toContain('abc123secret')
    expect(result.findings.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['--cookie', '--compressed', '--header sec-fetch-mode']),
    )
  })

  test('with -G puts its data into the query', () => {
    expect(
      imported(`curl -G ${url} -d 'state=open' --data-urlencode 'q=a b'`).tools[0]?.request,
    ).toMatchObject({
      method: 'GET',
      query: { state: '{state}', q: '{q}' },
    })
  })

  test('names what is not carried over', () => {
    const { findings } = imported(`curl -L -k -A me --max-time 99 '${url}' -d 'a=1'`)
    expect(findings.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['--location', '--insecure', '--user-agent', '--max-time', '--data']),
    )
  })

  test('keeps members apart that are called like a part of the path', () => {
    const { tools } = imported(`curl '${url}/7' --json '{"order_id": "x", "line-count": 1}'`)
    expect(tools[0]?.request).toMatchObject({
      url: `${url}/{order_id}`,
      body: { order_id: '{order_id_2}', 'line-count': '{line_count}' },
    })
  })
})

describe('refused', () => {
  const commands: [string, string, string][] = [
    ['a file as data', `curl ${url} -d @/etc/passwd`, '--data'],
    ['a file as binary data', `curl ${url} --data-binary @x`, '--data-binary'],
    ['a file as JSON', `curl ${url} --json @x`, '--json'],
    ['a file to encode', `curl ${url} --data-urlencode a@x`, '--data-urlencode'],
    ['a file of headers', `curl ${url} -H @x`, '--header'],
    ['a file of cookies', `curl ${url} -b jar.txt`, '--cookie'],
    ['a form with a file', `curl ${url} -F file=@x`, '--form'],
    ['a file of options', `curl ${url} -K x`, '--config'],
    ['a file to write', `curl ${url} -o x`, '--output'],
    ['an upload', `curl ${url} -T x`, '--upload-file'],
    ['a proxy', `curl ${url} -x http://10.0.0.1`, '--proxy'],
    ['another address for the host', `curl ${url} --resolve api.acme.com:443:10.0.0.1`, '--resolve'],
    ['an unknown flag', `curl ${url} --what`, '--what'],
    ['a second request', `curl ${url} --next`, '--next'],
    ['a second URL', `curl ${url} https://evil.com/`, 'url'],
    ['no URL', 'curl -s', 'url'],
    ['a range in the URL', `curl '${url}/[1-9]'`, 'url'],
    ['http', 'curl http://api.acme.com/', 'url'],
    ['a file as URL', 'curl file:///etc/passwd', 'url'],
    ['javascript as URL', 'curl javascript:alert(1)', 'command'],
    ['quoted javascript as URL', "curl 'javascript:alert(1)'", 'url'],
    ['an internal address', 'curl https://169.254.169.254/latest', 'url'],
    ['an internal name', 'curl https://db.internal/', 'url'],
    ['a user in the URL', 'curl https://a:b@api.acme.com/', 'url'],
    ['HEAD', `curl -I ${url}`, '--head'],
    ['a body that is a list', `curl ${url} --json '[1]'`, '--json'],
    ['another program', `wget ${url}`, 'command'],
    ['the Windows prompt', `curl ^"${url}^"`, 'command'],
    ['two commands', `curl ${url}\ncurl ${url}`, 'command'],
    ['an open quote', `curl '${url}`, 'command'],
    ['a trailing backslash', `curl ${url} \\`, 'command'],
  ]
  test.each(commands)('%s', (_, command, path) => {
    expect(problemsOf(command).map((problem) => problem.path)).toEqual([path])
  })

  const syntax = [
    '| sh',
    '; id',
    '&& id',
    '> x',
    '< x',
    '$(id)',
    '"$(id)"',
    '`id`',
    '"`id`"',
    '$HOME',
    '"$HOME"',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is shell
    '"${HOME}"',
    '*.txt',
    '{a,b}',
    '~/x',
    '# note',
    '&',
    '$"x"',
  ]
  test.each(syntax)('shell syntax: %s', (text) => {
    expect(problemsOf(`curl '${url}' -H 'X-A: b' ${text}`)).toEqual([
      { path: 'command', message: expect.stringContaining('nothing is expanded') },
    ])
  })

  test('syntax in single quotes is text', () => {
    expect(imported(`curl '${url}' --json '{"a": "$(id) \`id\` | * ~"}'`).tools).toHaveLength(1)
  })
})

describe('a credential', () => {
  const commands: [string, string, string, string][] = [
    ['bearer', `-H 'Authorization: Bearer ${token}'`, 'bearer', token],
    ['--oauth2-bearer', `--oauth2-bearer ${token}`, 'bearer', token],
    ['an API key', `-H 'X-Api-Key: ${token}'`, 'api_key', token],
    ['a header that nobody knows', `-H 'X-Acme: ${token}'`, 'api_key', token],
    ['another scheme', `-H 'Authorization: Token ${token}'`, 'api_key', `Token ${token}`],
    ['user and password', `-u ann:${token}`, 'basic', token],
    ['Basic', `-H 'Authorization: Basic ${btoa(`ann:${token}`)}'`, 'basic', token],
    ['a key as user', `-u ${token}:`, 'api_key', `Basic ${btoa(`${token}:`)}`],
  ]
  test.each(commands)('%s goes to Secrets Manager and is not shown', (_, flag, type, value) => {
    const result = imported(`curl ${url} ${flag}`)
    expect(result.secrets.map((one) => one.value)).toEqual([value])
    expect(result.authorizations.map((one) => one.type)).toEqual([type])
    expect(authorization.safeParse(result.authorizations[0]).success).toBe(true)
    const { name: _name, ...stored } = result.secrets[0] ?? { name: '' }
    expect(outboundSecret.safeParse(stored).success).toBe(true)
    for (const text of [token, btoa(`ann:${token}`), btoa(`${token}:`)]) {
      expect(shown({ ok: true, ...result })).not.toContain(text)
    }
  })

  test('that is shown in a second place ends the import', () => {
    expect(problemsOf(`curl ${url} -H 'X-Api-Key: swordfish' -H 'X-Source: swordfish'`)).toEqual([
      { path: 'command', message: expect.stringContaining('second place') },
    ])
  })

  const strays: [string, string][] = [
    ['in the query', `curl '${url}?api_key=${token}'`],
    [
      'in the body',
      `curl '${url}' --json '{"password": "${token}", "a": {"client_secret": "${token}"}, "b": 1}'`,
    ],
    ['in the path', `curl 'https://api.acme.com/bot${token}/send'`],
    ['in a cookie', `curl '${url}' -H 'Cookie: s=${token}' -b 's=${token}'`],
    ['beside another', `curl '${url}' -u 'ann:pass-word' -H 'X-Api-Key: ${token}'`],
    ['as an example', `curl '${url}?q=${token}' --json '{"a": "${token}"}'`],
    ['in the user agent', `curl '${url}' -A ${token} -e https://${token}.com`],
    ['behind an unknown flag', `curl '${url}' -Q${token}`],
  ]
  test.each(strays)('%s is nowhere in the result', (_, command) => {
    expect(JSON.stringify(importCurl(command))).not.toContain(token)
  })
})

describe('whatever is pasted', () => {
  const seeded = { seed: 20_261_125, numRuns: 1500 }
  const piece = fc.oneof(
    fc.constantFrom(
      'curl',
      '-X',
      'POST',
      '-d',
      '-H',
      '-u',
      '-G',
      '--json',
      `'${url}'`,
      '\\\n',
      "$'",
      "'",
      '"',
    ),
    fc.constantFrom(
      `'{"a":[{"b":null}],"__proto__":1}'`,
      'a=1&b',
      "'X-Id: 1'",
      '-sSLk',
      '--',
      '-',
      '@x',
      '$',
      '|',
    ),
    fc.string({ unit: 'binary', maxLength: 12 }),
  )

  test('nothing throws, and what passes is a tool or says what is missing', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
        expectKept(importCurl(`curl '${url}' ${pieces.join(' ')}`))
        importCurl(pieces.join(' '))
      }),
      seeded,
    )
  })

  test('no credential is shown', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9]{12,40}$/).map((text) => `zZ9x${text}`)
    const place = fc.constantFrom(
      (s: string) => `-u 'ann:${s}'`,
      (s: string) => `-u '${s}:'`,
      (s: string) => `-u '${s}'`,
      (s: string) => `-H 'Authorization: Bearer ${s}'`,
      (s: string) => `-H 'Authorization: ${s}'`,
      (s: string) => `-H 'X-Auth-Token: ${s}'`,
      (s: string) => `-H 'X-Source: ${s}'`,
      (s: string) => `-H '${s}'`,
      (s: string) => `-b 'a=${s}'`,
      (s: string) => `--json '{"a":"${s}"}'`,
      (s: string) => `-d 'token=${s}'`,
      (s: string) => `-G -d 'q=${s}'`,
      (s: string) => `-m ${s}`,
      (s: string) => `-X ${s}`,
    )
    fc.assert(
      fc.property(secret, fc.array(place, { minLength: 1, maxLength: 3 }), (value, places) => {
        const result = importCurl(
          `curl '${url}/${value}?k=${value}' ${places.map((at) => at(value)).join(' ')}`,
        )
        expect(shown(result)).not.toContain(value)
        expectKept(result)
      }),
      seeded,
    )
  })
})

/** Every tool passes the check, or each of its problems is among the findings. */
function expectKept(result: ImportResult): void {
  if (!result.ok) {
    expect(result.problems.length).toBeGreaterThan(0)
    return
  }
  const authorizations = new Set(result.authorizations.map(({ name }) => name))
  for (const tool of result.tools) {
    const checked = checkTool(tool, { urlCheck: () => undefined, authorizations })
    for (const { message } of checked.ok ? [] : checked.problems) {
      expect(result.findings.map((finding) => finding.message)).toContain(message)
      // What is missing is what only an admin knows, not a draft that is put together wrongly.
      expect(message).toMatch(/name the record/)
    }
  }
}
