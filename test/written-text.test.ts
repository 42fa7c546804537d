import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { htmlToText, withoutQuotes } from '../lambdas/core/written-text.ts'

describe('the text of HTML', () => {
  test.each([
    ['<p>Where is <b>order</b> 1042?</p><p>Zo&euml;</p>', 'Where is order 1042?\n\nZoë'],
    ['one<br>two<br/>three', 'one\ntwo\nthree'],
    ['<ul><li>a</li><li>b</li></ul>', '- a\n- b'],
    ['see <a href="https://t.example/1">https://t.example/1</a>', 'see https://t.example/1'],
    ['<a href="https://t.example/1">my parcel</a>', 'my parcel [https://t.example/1]'],
    ['<script>alert(1)</script><style>p{}</style>hi<img src="https://x.example/p.png">', 'hi'],
    ['<h1>Very loud</h1>', 'Very loud'],
    ['a < b & c', 'a < b & c'],
    ['', ''],
  ])('%s', (html, text) => {
    expect(htmlToText(html)).toBe(text)
  })

  test.each([
    [
      'gmail',
      '<div>Yes</div><div class="gmail_quote">On Fri, Nora wrote:<blockquote>refund?</blockquote></div>',
    ],
    ['apple', '<div>Yes</div><blockquote type="cite"><div>refund?</div></blockquote>'],
    [
      'outlook',
      '<div>Yes</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>From:</b> Nora &lt;n@x.example&gt;<br><b>Sent:</b> Friday<br><b>To:</b> Zoë<br><b>Subject:</b> Re: Order</div><div>refund?</div>',
    ],
  ])('quoted history of %s is not what the customer wrote', (_, html) => {
    expect(withoutQuotes(htmlToText(html))).toBe('Yes')
  })
})

describe('a mail without its history', () => {
  test.each([
    ['Yes please.\n\nOn Fri, 21 Nov 2026 at 09:00, Support <s@x.example> wrote:\n> Shall I?', 'Yes please.'],
    ['Yes.\n\nOn Fri, 21 Nov 2026 at 09:00, Support\n<s@x.example> wrote:\n\nShall I?\nRegards', 'Yes.'],
    ['Ja gerne\n\nAm Fr., 21. Nov. 2026 um 09:00 Uhr schrieb Nora <a@b.example>:\n\n> Soll ich?', 'Ja gerne'],
    ['Oui\r\n\r\nLe ven. 21 nov. 2026 à 09:00, Nora <a@b.example> a écrit :\r\n> Ok?', 'Oui'],
    ['Yes\n\n-----Original Message-----\nFrom: Nora', 'Yes'],
    ['Yes\n\nFrom: Nora <n@x.example>\nSent: Friday\nTo: Zoë\nSubject: Re\n\nShall I?', 'Yes'],
    ['Thanks\n-- \nZoë Müller\nLindenweg 4', 'Thanks'],
    ['Where is it?\n\nSent from my iPhone', 'Where is it?'],
    ['> first?\nyes\n> second?\nno', 'yes\nno'],
    ['On 21 Nov, Nora <n@x.example> wrote:\n> Shall I?\n\nYes, do.', 'Yes, do.'],
    // What only looks like a quotation stays.
    ['My friend wrote: it arrived on 3 May.', 'My friend wrote: it arrived on 3 May.'],
    ['I wrote you this:\norder 1042 is late', 'I wrote you this:\norder 1042 is late'],
    ['To: whom it may concern\nmy order is late', 'To: whom it may concern\nmy order is late'],
    ['a\n--- \nb', 'a\n--- \nb'],
    ['Only this.', 'Only this.'],
    ['', ''],
  ])('%j', (text, written) => {
    expect(withoutQuotes(text)).toBe(written)
  })

  test('of which nothing would be left stays whole', () => {
    expect(withoutQuotes('> all of it')).toBe('> all of it')
  })

  test('is cut where it is longer than anybody types', () => {
    expect(withoutQuotes('x'.repeat(500_000))).toHaveLength(100_000)
    expect(htmlToText('<p>'.repeat(100_000)).length).toBeLessThan(1000)
  })

  test('says nothing that the customer did not write, in the order it was written', () => {
    const piece = fc.constantFrom(
      ...['Op x', 'schreef', '> q', 'On 1 May a@b.example', 'wrote:', 'From: a', 'To: b', '-- ', '', 'text'],
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        let from = 0
        for (const line of withoutQuotes(pieces.join('\n')).split('\n').filter(Boolean)) {
          const at = pieces.findIndex((each, i) => i >= from && each.trim() === line.trim())
          expect({ pieces, line, at }).toEqual({ pieces, line, at: expect.any(Number) })
          expect(at).toBeGreaterThanOrEqual(from)
          from = at + 1
        }
      }),
      { seed: 1, numRuns: 1000 },
    )
  })
})
