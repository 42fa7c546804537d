import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import MarkdownIt from 'markdown-it'
import { checkReply } from '../lambdas/core/check-reply.ts'
import { leadsToAllowed, linkHosts as linkHostsOf } from '../lambdas/core/find-links.ts'
import { allowedHtml, renderHtml } from '../lambdas/core/render-html.ts'

const linkHosts = ['shop.com', '*.shop.help']
const check = (text: string, secrets: string[] = []) => checkReply(text, { linkHosts, secrets })
const textOf = (text: string) => {
  const checked = check(text)
  return checked.ok ? checked.text : `not ok: ${checked.cause}`
}

describe('a reply', () => {
  test.each([
    'Hi **Ann**,\n\nyour order is on its way.\n\n- one\n- two\n\n1. first\n2. second',
    'See [your order](https://shop.com/orders/7?a=b#c) or https://en.shop.help/faq.',
    'See https://shop.com. Or https://shop.com: there! (https://shop.com/a) **https://shop.com/b**',
    'Go to shop.com/returns, SHOP.com or de.shop.help.',
    'Write to support@shop.com or jane.doe@elsewhere.org.',
    'It costs 3.50 EUR, i.e. 10 % less, at 10:30 (UTC+1), z.B. today. See invoice.pdf; a < b & c > d.',
    'Grüße, привет, 你好 🙂',
  ])('that is fine stays as it is: %j', (text) => {
    expect(check(text)).toEqual({ ok: true, text, removed: [] })
  })

  test.each([
    ['a link', '[here](https://evil.com/x)', 'here [link removed]'],
    ['a link with a title', '[here](https://evil.com/x "Our shop")', 'here [link removed]'],
    ['a link in angle brackets', '[here](<https://evil.com/x>)', 'here [link removed]'],
    [
      'a link that looks like ours',
      '[https://shop.com](https://evil.com)',
      'https://shop.com [link removed]',
    ],
    ['a host that begins like ours', 'https://shop.com.evil.com/', '[link removed]'],
    ['a host that ends like ours', 'https://evilshop.com/', '[link removed]'],
    ['the bare name of a wildcard', 'https://shop.help/', '[link removed]'],
    ['our host as a user name', 'https://shop.com@evil.com/', '[link removed]'],
    ['a user name before our host', 'https://evil.com@shop.com/', '[link removed]'],
    ['a port before an at sign', 'https://shop.com:443@evil.com', '[link removed]'],
    ['a link inside an allowed link', '[a](https://shop.com/?to=https://evil.com)', 'a [link removed]'],
    ['mixed case', 'HtTpS://EVIL.com/x', '[link removed]'],
    ['no slashes', 'https:evil.com', '[link removed]'],
    ['backslashes', 'https:\\\\evil.com\\x', '[link removed]'],
    ['the scheme of the page', '//evil.com/x', '[link removed]'],
    ['a link with the scheme of the page', '[a](//evil.com)', 'a [link removed]'],
    ['a link to nowhere in particular', '[a](/path)', 'a [link removed]'],
    ['a script', '[a](javascript:alert(1))', 'a [link removed]'],
    ['a script in capitals', '[a](JaVaScRiPt:alert(1))', 'a [link removed]'],
    ['data', 'data:text/html;base64,PHNjcmlwdD4=', '[link removed]'],
    ['another scheme', 'evil+app://open/x', '[link removed]'],
    ['an autolink', '<https://evil.com/x>', '[link removed]'],
    ['a reference', '[a][1]\n\n[1]: https://evil.com', '[a][1]\n\n[1]: [link removed]'],
    ['a bare domain', 'evil.com', '[link removed]'],
    ['a bare domain with a path', 'evil.com/x?d=secret', '[link removed]'],
    [
      'a new kind of domain',
      'Go to evil.dev, evil.xyz and evil.рф',
      'Go to [link removed], [link removed] and [link removed]',
    ],
    ['punycode', 'xn--evl-epa.com', '[link removed]'],
    ['a full-width dot', 'evil．com', '[link removed]'],
    ['an address with a path', 'a@evil.com/x', 'a@ [link removed]'],
    ['an IP address', 'http://1.2.3.4/x or 1.2.3.4', '[link removed] or [link removed]'],
    [
      'entities',
      'evil&#46;com and evil&period;com and &#x68;ttps://evil.com',
      '[link removed] and [link removed] and [link removed]',
    ],
    ['entities in entities', 'evil&amp;#46;com', '[link removed]'],
    ['escapes', '**Hi** https\\://evil\\.com', '**Hi** [link removed]'],
    ['a percent sign', 'https://evil%2Ecom/', '[link removed]'],
    ['a percent sign in a link', '[a](https://evil%2ecom)', 'a [link removed]'],
    ['a zero-width space', 'ev\u200bil\u2060.\u00adcom', '[link removed]'],
    ['bold in the middle', 'evil.**com**/x', '[link removed]'],
    ['code in the middle', 'https://`evil.com`', '[link removed]`'],
    ['emphasis after an allowed host', 'https://shop.com/_evil.xyz_', 'https://shop.com/evil.xyz'],
    ['a block of code', '```\nevil.com\n```', '```\n[link removed]\n```'],
    ['a comma', 'https://shop.com/a,https://evil.com', 'https://shop.com/a, [link removed]'],
  ])('loses a link written as %s', (_, text, safe) => {
    expect(textOf(text)).toBe(safe)
  })

  test.each([
    ['markdown', '![chart](https://evil.com/p.png?d=1)', 'chart [link removed]'],
    ['markdown of an allowed host', '![chart](https://shop.com/p.png)', '[chart](https://shop.com/p.png)'],
    [
      'markdown in a link',
      '[![i](https://evil.com/i.png)](https://shop.com)',
      '[i [link removed]](https://shop.com)',
    ],
    ['HTML', '<img src="https://evil.com/p.png">', '&lt;img src="[link removed]">'],
  ])('loses an image written as %s', (_, text, safe) => {
    expect(textOf(text)).toBe(safe)
    expect(renderHtml(safe)).not.toContain('<img')
  })

  test('shows HTML as text', () => {
    expect(textOf('<b>Hi</b> <!-- x --> &lt;script&gt;')).toBe('&lt;b>Hi&lt;/b> &lt;!-- x --> &lt;script>')
  })

  test.each([
    ['{{ticket.id}}', '{ {[link removed]}}'],
    ['{{{x}}}', '{ { {x}}}'],
    ['{% if x %}', '{ % if x %}'],
    ['&#123;{x}}', '{ {x}}'],
    ['{\\{x}}', '{ {x}}'],
    ['{\u200b{x}}', '{ {x}}'],
  ])('breaks the template %j', (text, safe) => {
    expect(textOf(text)).toBe(safe)
  })

  test('loses invisible, bidirectional, tag and control characters', () => {
    const hidden =
      '\u200b\u202e\u2066\ufeff\u{e0041}\u{e0100}\ufe0f\u0000\u001b\u0085\u3164\u00ad\ue000\ud800'
    expect(check(`Hi${hidden} there`)).toEqual({ ok: true, text: 'Hi there', removed: ['invisible'] })
  })

  test('keeps two sentences that lack a space', () => {
    expect(textOf('It is done.Then it was sent, inkl.MwSt.')).toBe(
      'It is done. Then it was sent, inkl. MwSt.',
    )
  })

  test('shows the address of a mail link', () => {
    expect(textOf('[a@shop.com](mailto:a@shop.com) <b@shop.com> mailto:c@shop.com')).toBe(
      'a@shop.com b@shop.com c@shop.com',
    )
    expect(textOf('[write](mailto:x@evil.com?body=secret)')).toBe('write [link removed]')
  })

  test('must say something, and not too much', () => {
    expect(check(' \u200b\n')).toEqual({ ok: false, cause: 'empty' })
    expect(check('a'.repeat(5000)).ok).toBe(true)
    expect(check('a'.repeat(5001))).toEqual({ ok: false, cause: 'too_long' })
    expect(check('<a '.repeat(1600))).toEqual({ ok: false, cause: 'too_long' })
  })

  test.each([
    ['as it is', 'The token is sk-planted_1234.'],
    ['with invisible characters', 'sk-\u200bplanted_1234'],
    ['in bold', 'sk-**planted**\\_1234'],
    ['in entities', 'sk&#45;planted_1234'],
    ['with spaces', 's k - p l a n t e d _ 1 2 3 4'],
  ])('with a secret %s is not sent', (_, text) => {
    expect(check(text, ['sk-planted_1234'])).toEqual({ ok: false, cause: 'secret' })
    expect(check(text).ok).toBe(true)
  })

  test('may link to an allowed host over http or https only, and without a user name', () => {
    const hosts = linkHostsOf(linkHosts)
    expect(leadsToAllowed('https://shop.com/a', hosts)).toBe(true)
    expect(leadsToAllowed('https://evil.com@shop.com/', hosts)).toBe(false)
    expect(leadsToAllowed('ftp://shop.com/a', hosts)).toBe(false)
  })

  test('without hosts links nowhere', () => {
    expect(checkReply('[a](https://shop.com) shop.com', { linkHosts: [] })).toMatchObject({
      text: 'a [link removed] [link removed]',
    })
  })
})

/** Pieces an attacker would put together; `evil.` starts every host that is not allowed. */
const piece = fc.constantFrom(
  ...[
    'evil.com',
    'evil.xyz',
    'evil',
    '.',
    'com',
    'http://',
    'https://',
    'https:',
    '//',
    '/',
    '\\',
    '\\.',
    ':',
    '@',
    'shop.com',
  ],
  ...[
    '[',
    ']',
    '(',
    ')',
    '](',
    '![',
    '<',
    '>',
    '<a href="',
    '<img src=',
    '"',
    "'",
    '`',
    '```',
    '\n',
    '\n\n',
    '    ',
    ' ',
  ],
  ...[
    '*',
    '**',
    '_',
    '~~',
    '|',
    '- ',
    '> ',
    '# ',
    '[x]: ',
    '[x]',
    '&#46;',
    '&period;',
    '&amp;',
    '&lt;',
    '%2e',
    '{',
    '{{',
    '{%',
    '%',
  ],
  ...[
    '\u200b',
    '\u00ad',
    '\u2060',
    '\ufe0f',
    '\u3002',
    '，',
    '。',
    'a',
    '1',
    'javascript:',
    'data:',
    'mailto:',
    '?',
    '#',
    ',',
    '!',
  ],
)
const hostile = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(''))

const plainText = (html: string): string =>
  html
    .replace(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .normalize('NFKC')
const evilHost = /evil[.。](?:com|xyz)(?![\p{L}\p{N}])/iu
/** As another program would read the posted text: everything switched on that can make a link. */
const eager = new MarkdownIt({ html: true, linkify: true })
eager.linkify.set({ fuzzyLink: true, fuzzyIP: true }).tlds(['xyz', 'com'])

describe('whatever the model writes', () => {
  test.each([
    ['of hostile pieces', hostile],
    ['of any characters', fc.string({ unit: 'binary', maxLength: 60 })],
  ])('%s, nothing that is posted leads, loads or expands elsewhere', async (_, texts) => {
    await fc.assert(
      fc.property(texts, (text) => {
        const checked = check(text)
        if (!checked.ok) return
        const html = renderHtml(checked.text)
        for (const [, tag] of html.matchAll(/<\/?([a-z0-9]+)/g))
          expect(Object.keys(allowedHtml)).toContain(tag)
        for (const seen of [checked.text, html, eager.render(checked.text)]) {
          for (const [, href = ''] of seen.matchAll(/<a href="([^"]*)"/g)) {
            expect(href).toMatch(/^(?:https?:\/\/shop\.com(?![\w.@:-]*@)|mailto:[^?]*$)/i)
          }
          expect(seen).not.toMatch(/<img|<script|\{[{%]/i)
        }
        expect(
          plainText(html)
            .replace(/[\w.%+-]+@[\w.-]+(?![\w.\-/\\:?#]\S)/g, '')
            .replace(/shop\.com\/\S*/gi, ''),
        ).not.toMatch(evilHost)
        expect(checked.text).not.toMatch(/[\u200b-\u200f\u202a-\u202e\u2060-\u206f\u00ad]/)
      }),
      { numRuns: 3000, seed: 11 },
    )
  })

  test('checking twice changes nothing', async () => {
    await fc.assert(
      fc.property(hostile, (text) => {
        const once = check(text)
        if (once.ok) expect(check(once.text)).toMatchObject({ ok: true, text: once.text })
      }),
      { numRuns: 1000, seed: 12 },
    )
  })

  test('most of it can still be sent', () => {
    const sample = fc.sample(hostile, { numRuns: 500, seed: 13 })
    expect(sample.filter((text) => !check(text).ok && text.trim() !== '').length).toBeLessThan(25)
  })
})
