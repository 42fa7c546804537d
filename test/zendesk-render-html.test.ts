import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { allowedHtml, renderHtml, renderLine } from '../lambdas/core/render-html.ts'

/** Every `<...>` of the output: its name and what else stands in it. */
const tags = (html: string) =>
  [...html.matchAll(/<\/?([a-zA-Z0-9]*)([^>]*)>?/g)].map(([, name = '', rest = '']) => ({ name, rest }))
const isAllowed = (html: string): boolean =>
  tags(html).every(({ name, rest }) => {
    const allowed = allowedHtml[name]
    if (allowed === undefined) return false
    const attribute = /^ ([a-z]+)="([^"<>]*)"$/.exec(rest)
    if (attribute === null) return rest === ''
    const [, key = '', value = ''] = attribute
    return allowed.includes(key) && (key === 'href' ? /^https?:\/\//i.test(value) : /^\d+$/.test(value))
  })

describe('the model’s markdown as HTML', () => {
  test.each([
    ['plain', '<p>plain</p>'],
    ['two\nlines', '<p>two<br>\nlines</p>'],
    ['# Big\ntext', '<p><strong>Big</strong></p>\n<p>text</p>'],
    ['- a\n- b', '<ul>\n<li>a</li>\n<li>b</li>\n</ul>'],
    ['3. c', '<ol start="3">\n<li>c</li>\n</ol>'],
    ['*a* **b** `c`', '<p><em>a</em> <strong>b</strong> <code>c</code></p>'],
    ['```js\na<b\n```', '<pre><code>a&lt;b\n</code></pre>'],
    [
      '[shop](https://acme.com/a?b=1&c=2 "title")',
      '<p><a href="https://acme.com/a?b=1&amp;c=2">shop</a></p>',
    ],
    ['https://acme.com', '<p>https://acme.com</p>'],
    ['<img src=x onerror=alert(1)>', '<p>&lt;img src=x onerror=alert(1)&gt;</p>'],
  ])('%j', (text, html) => {
    expect(renderHtml(text)).toBe(html)
  })
  test.each([
    '[x](javascript:alert(1))',
    '[x](JaVaScRiPt:alert(1))',
    '[x](data:text/html,hi)',
    '[x](mailto:a@b.c)',
    '[x](//evil.example)',
    '[x](/relative)',
    '<javascript:alert(1)>',
    '[a]: javascript:alert(1)\n\n[a]',
  ])('%j makes neither an image nor a link', (text) => {
    expect(renderHtml(text)).not.toMatch(/<img|<a |src=/)
  })
  test('an image becomes a link to it: nothing is fetched by reading', () => {
    expect(renderHtml('![logo](https://acme.com/x.png)')).toBe(
      '<p>!<a href="https://acme.com/x.png">logo</a></p>',
    )
  })
  const markup = fc.array(
    fc.constantFrom(
      ...[
        '<',
        '>',
        '"',
        "'",
        '&',
        '&lt;',
        '&#60;',
        '\\',
        '`',
        '```',
        '~~~',
        '*',
        '**',
        '_',
        '~~',
        '#',
        '- ',
        '1. ',
      ],
      ...[
        '> ',
        '---',
        '|',
        '[',
        ']',
        '(',
        ')',
        '![',
        '](',
        'https://a.b/',
        'javascript:',
        'data:',
        '\n',
        '\n\n',
      ],
      ...[
        '    ',
        '\t',
        '{',
        '{{',
        '{%',
        '}',
        '&#123;',
        '<b>',
        '<img src=x>',
        '<a href="',
        '<!--',
        ' onload=',
        'x',
      ],
      ...['[x]: ', '<https://a.b', '>', '"><script>', '\u0000', '\u2028'],
    ),
    { maxLength: 40 },
  )
  const anyText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    markup.map((parts) => parts.join('')),
  )
  test('never holds a tag or attribute outside the allow-list, for any text', () => {
    fc.assert(
      fc.property(anyText, (text) => isAllowed(renderHtml(text)) && isAllowed(renderLine(text))),
      { seed: 1, numRuns: 3000 },
    )
  })
  test('never holds the start of a helpdesk’s template, for any text and with tags taken out', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const html = `${renderHtml(text)}\n${renderLine(text)}`
        return !/\{[{%]/.test(html) && !/\{[{%]/.test(html.replace(/<[^>]*>/g, ''))
      }),
      { seed: 1, numRuns: 3000 },
    )
  })
})
