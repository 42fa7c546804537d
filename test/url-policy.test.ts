import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { loopbackAddress, publicAddress } from '../lambdas/core/egress/public-address.ts'
import { refusedHeader } from '../lambdas/core/egress/request-headers.ts'
import { checkUrl } from '../lambdas/core/egress/url-policy.ts'

// The same cases in every run.
fc.configureGlobal({ seed: 1 })

// Spellings from https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
// and https://github.com/swisskyrepo/PayloadsAllTheThings/tree/master/Server%20Side%20Request%20Forgery
const bad: Record<string, string[]> = {
  'another scheme': [
    'http://api.acme.com/',
    'HTTP://api.acme.com/',
    'ftp://api.acme.com/',
    'file:///etc/passwd',
    'file://api.acme.com/etc/passwd',
    'gopher://api.acme.com:443/_GET',
    'dict://api.acme.com:443/',
    'ldap://api.acme.com/',
    'ws://api.acme.com/',
    'wss://api.acme.com/',
    'data:text/plain,hello',
    'javascript:alert(1)',
    'blob:https://api.acme.com/1',
    'jar:https://api.acme.com!/',
    'url:https://api.acme.com/',
    'view-source:https://api.acme.com/',
  ],
  'no absolute URL in plain spelling': [
    '',
    '/',
    'api.acme.com',
    '//api.acme.com/',
    'https:',
    'https:/',
    'https://',
    'https:///',
    'https:api.acme.com',
    'https:/api.acme.com',
    'https:///api.acme.com',
    'https:\\\\api.acme.com\\',
    'https:/\\api.acme.com/',
    'https://?api.acme.com',
    'https://#api.acme.com',
  ],
  'another port': [
    'https://api.acme.com:80/',
    'https://api.acme.com:8443/',
    'https://api.acme.com:22/',
    'https://api.acme.com:0/',
    'https://api.acme.com:1/',
    'https://api.acme.com:65535/',
    'https://api.acme.com:65536/',
    'https://api.acme.com:-1/',
    'https://api.acme.com:443:80/',
    'https://api.acme.com:44３/',
    'https://api.acme.com:+443/',
    'https://api.acme.com:/',
  ],
  'a user name or what looks like one': [
    'https://user@api.acme.com/',
    'https://user:password@api.acme.com/',
    'https://@api.acme.com/',
    'https://:@api.acme.com/',
    'https://api.acme.com@127.0.0.1/',
    'https://api.acme.com:443@169.254.169.254/',
    'https://127.0.0.1@api.acme.com/',
    'https://api.acme.com%40127.0.0.1/',
    'https://a@b@api.acme.com/',
    'https://api.acme.com\\@127.0.0.1/',
    'https://127.0.0.1\\@api.acme.com/',
    'https://127.0.0.1:80\\@@api.acme.com:80/',
  ],
  'percent, backslash, control or space': [
    'https://api%2eacme.com/',
    'https://%61pi.acme.com/',
    'https://127%2e0%2e0%2e1/',
    'https://%6c%6f%63%61%6c%68%6f%73%74/',
    'https://api.acme.com%00.evil.org/',
    'https://api.acme.com%0d%0aHost:internal/',
    'https://api.acme.com%2f@internal/',
    'https://api.acme.com\\.evil.org/',
    'https://api.acme.com\\/',
    'https://api.acme.com\t/',
    'https://api\t.acme.com/',
    'https://api\n.acme.com/',
    'https://api\r\n.acme.com/',
    'https://127.0\n.0.1/',
    'ht\ntps://api.acme.com/',
    ' https://api.acme.com/',
    'https://api.acme.com/ ',
    'https://api.acme.com /',
    'https:// api.acme.com/',
    'https://api.acme.com\u0000/',
    'https://api.acme.com/a\r\nHost: internal',
    'https://api.acme.com/\tx',
    'https://api.acme.com/\u007f',
    'https://api.acme.com\u0085/',
    'https://api.acme.com\u00a0/',
    'https://api.acme.com\u2028/',
  ],
  'an IPv4 literal in any notation': [
    'https://127.0.0.1/',
    'https://127.0.0.1:443/',
    'https://127.1/',
    'https://127.0.1/',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0x7f.0x0.0x0.0x1/',
    'https://0x7f.1/',
    'https://0X7F.1/',
    'https://017700000001/',
    'https://0177.0.0.1/',
    'https://0177.0.0.01/',
    'https://00000177.0.0.1/',
    'https://0177.0x0.0.1/',
    'https://127.0.0.1./',
    'https://127.0.0.1.:443/',
    'https://127.000.000.001/',
    'https://0/',
    'https://0.0.0.0/',
    'https://00.00.00.00/',
    'https://0x0/',
    'https://10.0.0.1/',
    'https://172.16.0.1/',
    'https://192.168.1.1/',
    'https://169.254.169.254/',
    'https://2852039166/',
    'https://0xa9fea9fe/',
    'https://0xa9.0xfe.0xa9.0xfe/',
    'https://0251.0376.0251.0376/',
    'https://025177524776/',
    'https://169.16689662/',
    'https://169.254.43518/',
    'https://100.100.100.200/',
    'https://168.63.129.16/',
    'https://8.8.8.8/',
    'https://134744072/',
    'https://93.184.215.14/',
    'https://255.255.255.255/',
    'https://4294967295/',
    'https://4294967296/',
    'https://256.256.256.256/',
    'https://127.0.0.1.1/',
    'https://1.2.3.4.5/',
    'https://api.acme.1/',
    'https://api.acme.0x7f/',
  ],
  'an IPv6 literal': [
    'https://[::1]/',
    'https://[::]/',
    'https://[0:0:0:0:0:0:0:1]/',
    'https://[0000:0000:0000:0000:0000:0000:0000:0001]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[::ffff:a9fe:a9fe]/',
    'https://[::ffff:0:127.0.0.1]/',
    'https://[::127.0.0.1]/',
    'https://[::7f00:1]/',
    'https://[64:ff9b::127.0.0.1]/',
    'https://[64:ff9b::a9fe:a9fe]/',
    'https://[64:ff9b:1::7f00:1]/',
    'https://[2002:7f00:1::]/',
    'https://[2001:0:7f00:1::]/',
    'https://[fe80::1]/',
    'https://[fe80::1%25eth0]/',
    'https://[fe80::1%eth0]/',
    'https://[fd00:ec2::254]/',
    'https://[fc00::1]/',
    'https://[ff02::1]/',
    'https://[2606:4700::1111]/',
    'https://[::1]:443/',
    'https://[::1/',
    'https://::1/',
    'https://[127.0.0.1]/',
    'https://[v1.fe80]/',
    'https://[]/',
  ],
  'letters and dots that a parser maps to others': [
    'https://①②⑦.⓪.⓪.①/',
    'https://１２７.０.０.１/',
    'https://127。0。0。1/',
    'https://127．0．0．1/',
    'https://127｡0｡0｡1/',
    'https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/',
    'https://ｌｏｃａｌｈｏｓｔ/',
    'https://169。254。169。254/',
    'https://①⑥⑨.②⑤④.①⑥⑨.②⑤④/',
    'https://ｍetadata.google.ⓘnternal/',
    'https://api.acme.ｃom/',
    'https://api。acme。com/',
    'https://api.ac\u00adme.com/',
    'https://api.ac\u200bme.com/',
    'https://api.ac\u2060me.com/',
    'https://api.acme.com\u202e/',
    'https://ａpi.acme.com/',
    'https://api.acme℀.com/',
    'https://api.acme.com／evil/',
    'https://api.acme.com＃evil/',
    'https://api.acme.com：443/',
    'https://xn--/',
  ],
  'a special or single name': [
    'https://localhost/',
    'https://LOCALHOST/',
    'https://localhost./',
    'https://localhost:443/',
    'https://a.localhost/',
    'https://localhost.localdomain/',
    'https://ip6-localhost/',
    'https://metadata/',
    'https://metadata.google.internal/',
    'https://METADATA.google.INTERNAL/',
    'https://metadata.google.internal./',
    'https://instance-data/',
    'https://instance-data.ec2.internal/',
    'https://ip-10-0-0-1.eu-west-1.compute.internal/',
    'https://kubernetes/',
    'https://kubernetes.default.svc.cluster.local/',
    'https://host.docker.internal/',
    'https://printer.local/',
    'https://router.lan/',
    'https://nas.home/',
    'https://router.home.arpa/',
    'https://1.0.0.127.in-addr.arpa/',
    'https://wiki.corp/',
    'https://wiki.intranet/',
    'https://db.private/',
    'https://exchange.mail/',
    'https://something.onion/',
    'https://something.alt/',
    'https://something.test/',
    'https://something.example/',
    'https://something.invalid/',
    'https://com/',
    'https://com./',
    'https://api.acme.com./',
    'https://api.acme.com../',
    'https://api..acme.com/',
    'https://.api.acme.com/',
    'https://./',
    'https://../',
    'https://-api.acme.com/',
    'https://api-.acme.com/',
    `https://${'a'.repeat(64)}.com/`,
    `https://${'abcdefg.'.repeat(32)}com/`,
    'https://{tenant}.acme.com/',
    'https://*.acme.com/',
    'https://api.acme.com,evil.org/',
    'https://api.acme.com;evil.org/',
    'https://api.acme.com&evil.org/',
    'https://$(host).acme.com/',
    'https://api.acme.com|evil.org/',
    'https://api.acme.com<evil.org/',
    'https://[api.acme.com]/',
  ],
  'our own': [
    'https://hooks.deskhand.acme.com/',
    'https://HOOKS.deskhand.acme.com/webhooks/zendesk/a.b',
    'https://hooks.deskhand.acme.com:443/',
    'https://hooks.deskhand.acme.com./',
    'https://x.hooks.deskhand.acme.com/',
    'https://a1b2c3.execute-api.eu-west-1.amazonaws.com/',
  ],
}
const ownHosts = ['hooks.deskhand.acme.com', 'A1B2C3.execute-api.eu-west-1.amazonaws.com']

const good = [
  'https://api.acme.com',
  'https://api.acme.com/',
  'https://api.acme.com:443/',
  'HTTPS://API.Acme.COM/Orders',
  'https://acme.com/orders/{order_id}/refunds',
  'https://acme.zendesk.com/api/v2/tickets/1.json?include=users&page[size]=100',
  'https://api.eu.intercom.io/conversations/1',
  'https://acme.gorgias.com/api/tickets',
  'https://acme.freshdesk.com/api/v2/tickets/1',
  'https://api.hubapi.com/crm/v3/objects/tickets',
  'https://other1.execute-api.eu-west-1.amazonaws.com/prod/orders',
  'https://acme-shop.myshopify.com/admin/api/2026-01/orders.json',
  'https://deskhand.acme.com/',
  'https://nothooks.deskhand.acme.com/',
  'https://localhost.acme.com/',
  'https://internal.acme.com/',
  'https://local.acme.com/',
  'https://test.acme.com/',
  'https://my_shop.acme.com/',
  'https://127-0-0-1.acme.com/',
  'https://1.acme.com/',
  'https://1und1.de/',
  'https://3m.com/',
  'https://acme.co.uk/',
  'https://acme.photography/',
  'https://acme.xn--p1ai/',
  'https://xn--bcher-kva.de/',
  'https://bücher.de/',
  'https://BÜCHER.de/',
  'https://例え.jp/',
  `https://${'a'.repeat(63)}.com/`,
  'https://api.acme.com/a%20b/%2e%2e/c?q=%40&u=https://127.0.0.1/@',
  'https://api.acme.com?email=a@b.com',
  'https://api.acme.com/~user/@handle:1\\2',
  'https://api.acme.com#fragment',
]

describe('checkUrl', () => {
  for (const [kind, urls] of Object.entries(bad))
    test(`refuses ${kind}`, () => {
      const accepted = urls.filter((url) => checkUrl(url, { ownHosts }).ok)
      expect(accepted).toEqual([])
    })

  test('accepts ordinary URLs', () => {
    const refused = good.filter((url) => !checkUrl(url, { ownHosts }).ok)
    expect(refused).toEqual([])
  })

  test('says why, without repeating what was typed', () => {
    for (const url of Object.values(bad).flat()) {
      const verdict = checkUrl(url, { ownHosts })
      expect(verdict).toEqual({ ok: false, reason: expect.stringMatching(/^(?:it|its|only) [a-z]/) })
      expect(JSON.stringify(verdict)).not.toMatch(/acme|passw|evil|169/)
    }
  })

  test('accepts no host that is an address, whatever numbers and separators it is written with', () => {
    const part = fc.oneof(
      fc.nat(0xffffffff).map(String),
      fc.nat(0xffffffff).map((n) => `0x${n.toString(16)}`),
      fc.nat(0xffffffff).map((n) => `0${n.toString(8)}`),
      fc.nat(255).map(String),
    )
    const host = fc
      .tuple(fc.array(part, { minLength: 1, maxLength: 4 }), fc.constantFrom('.', '。', '．', '%2e'))
      .map(([parts, dot]) => parts.join(dot))
    fc.assert(
      fc.property(host, (each) => {
        expect(checkUrl(`https://${each}/`).ok).toBe(false)
      }),
    )
  })

  test('dials the host that is written and no other, for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.webUrl({ validSchemes: ['https'] }), (noise, url) => {
        const verdict = checkUrl(`https://${noise}${url.slice('https://'.length)}`)
        if (verdict.ok) expect(verdict.url.username + verdict.url.password + verdict.url.port).toBe('')
      }),
    )
  })
})

describe('the allowance', () => {
  const allowance = { hosts: new Set(['localhost:8787', '127.0.0.1:9000', '[::1]:9001', 'shop.acme.com:80']) }

  test('lets exactly its hosts and ports through, over http', () => {
    for (const url of [
      'http://localhost:8787/x',
      'http://127.0.0.1:9000',
      'http://[::1]:9001/',
      'http://shop.acme.com/',
    ])
      expect(checkUrl(url, { allowance })).toMatchObject({ ok: true, local: true })
  })

  test('lets nothing else through', () => {
    const refused = [
      'http://localhost/',
      'http://localhost:8788/',
      'http://localhost:87870/',
      'https://localhost:8787/',
      'http://127.0.0.1:8787/',
      'http://127.1:9000/',
      'http://2130706433:9000/',
      'http://0x7f.1:9000/',
      'http://127.0.0.2:9000/',
      'http://user@localhost:8787/',
      'http://localhost:8787@169.254.169.254/',
      'http://169.254.169.254#localhost:8787',
      'http://localhost:8787\\@169.254.169.254/',
      'http://localhost.:8787/',
      'http://[0::1]:9001/',
      'http://api.shop.acme.com/',
    ]
    expect(refused.filter((url) => checkUrl(url, { allowance }).ok)).toEqual([])
  })

  test('does not make an ordinary URL local', () => {
    expect(checkUrl('https://shop.acme.com/', { allowance })).toMatchObject({ ok: true, local: false })
  })
})

describe('publicAddress', () => {
  test.each([
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.0',
    '10.255.255.255',
    '100.64.0.0',
    '100.100.100.200',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.255',
    '168.63.129.16',
    '169.254.0.0',
    '169.254.169.253',
    '169.254.169.254',
    '169.254.170.2',
    '172.16.0.0',
    '172.31.255.255',
    '192.0.0.192',
    '192.0.2.1',
    '192.31.196.1',
    '192.52.193.1',
    '192.88.99.1',
    '192.168.0.0',
    '192.168.255.255',
    '192.175.48.1',
    '198.18.0.0',
    '198.19.255.255',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::7f00:1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::ffff:0:8.8.8.8',
    '64:ff9b::7f00:1',
    '64:ff9b::8.8.8.8',
    '64:ff9b:1::1',
    '100::1',
    '1fff:ffff::1',
    '2001::1',
    '2001:0:7f00:1::',
    '2001:2::1',
    '2001:10::1',
    '2001:1ff:ffff::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '2002:808:808::1',
    '2620:4f:8000::1',
    '3fff::1',
    '3fff:fff:ffff::1',
    '4000::1',
    '5f00::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    '2606:4700::1111%eth0',
    'fec0::1',
    'ff02::1',
    '',
    'localhost',
    'api.acme.com',
    '8.8.8',
    '8.8.8.08',
    '0x8.8.8.8',
    '8.8.8.8 ',
    '8.8.8.8:443',
    '8.8.8.8/32',
    '[2606:4700::1111]',
  ])('%j is not public', (ip) => {
    expect(publicAddress(ip)).toBe(false)
  })

  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '93.184.215.14',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '168.63.129.15',
    '168.63.129.17',
    '169.253.255.255',
    '169.255.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.0',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2000::1',
    '2001:200::1',
    '2001:4860:4860::8888',
    '2001:db7:ffff::1',
    '2001:db9::1',
    '2003::1',
    '2606:4700::1111',
    '2a00:1450:4001::1',
    '2600:1f18::1',
    '3ffe:ffff::1',
  ])('%j is public', (ip) => {
    expect(publicAddress(ip)).toBe(true)
  })

  test('agrees with ipaddr.js on every IPv4 address, but for one', () => {
    const ip = fc.ipV4().filter((each) => each !== '168.63.129.16')
    fc.assert(
      fc.property(ip, (each) => {
        expect(publicAddress(each)).toBe(ipaddr.parse(each).range() === 'unicast')
      }),
      { numRuns: 2000 },
    )
  })

  test('calls no IPv6 address public that ipaddr.js does not', () => {
    const group = fc.nat(0xffff).map((n) => n.toString(16))
    const start = fc.constantFrom('2001', '2002', '2620', '3fff', '2a00', '64', '0', 'fe80')
    const ip = fc
      .tuple(start, fc.array(group, { minLength: 7, maxLength: 7 }))
      .map(([first, rest]) => [first, ...rest].join(':'))
    fc.assert(
      fc.property(fc.oneof(ip, fc.ipV6()), (each) => {
        if (publicAddress(each)) expect(ipaddr.parse(each).range()).toBe('unicast')
      }),
      { numRuns: 2000 },
    )
  })

  test('is never true of this machine', () => {
    for (const ip of ['127.0.0.1', '127.8.9.10', '::1']) {
      expect(loopbackAddress(ip)).toBe(true)
      expect(publicAddress(ip)).toBe(false)
    }
    for (const ip of ['128.0.0.1', '10.0.0.1', '::2', '::ffff:127.0.0.1', ''])
      expect(loopbackAddress(ip)).toBe(false)
  })
})

describe('refusedHeader', () => {
  test.each([
    'Host',
    'content-length',
    'Transfer-Encoding',
    'Connection',
    'Keep-Alive',
    'Upgrade',
    'TE',
    'Trailer',
    'Expect',
    'Proxy-Authorization',
    'Proxy-Connection',
    'X-Aws-Parameters-Secrets-Token',
    'X-aws-ec2-metadata-token',
    'Metadata',
    'Metadata-Flavor',
    'X-Google-Metadata-Request',
    'Forwarded',
    'X-Forwarded-For',
    'x-forwarded-host',
    '',
    'X Source',
    'X-Source:',
    'X-Source\r\nHost',
    'X-Søurce',
    'X-\u0000',
  ])('refuses the name %j', (name) => {
    expect(refusedHeader(name, 'x')).toEqual(expect.any(String))
  })

  test.each(['a\r\nHost: internal', 'a\nb', 'a\rb', 'a\u0000b', 'a\tb', 'a\u007fb', 'é', '\u2028'])(
    'refuses the value %j, and does not repeat it',
    (value) => {
      expect(refusedHeader('X-Source', value)).toBe(
        'the value of the header x-source must be printable ASCII',
      )
    },
  )

  test.each([
    'Authorization',
    'X-Api-Key',
    'Idempotency-Key',
    'Deskhand-Identity',
    'Content-Type',
    'X-Source',
    'hosting',
    'ten',
  ])('accepts %s', (name) => {
    expect(refusedHeader(name, 'Bearer a.b-c_d ~')).toBeUndefined()
  })
})
