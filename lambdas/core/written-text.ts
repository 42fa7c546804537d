/** What a person wrote: the text of a mail or chat message without markup, quoted history and signature. */
import { compile } from 'html-to-text'

/** Longer input is cut: no message that anybody typed is, and its reading stays cheap. */
const mostCharacters = 100_000
/** A line that introduces a quotation is no longer than this, so that no expression has much to look through. */
const longestHeader = 300

/** Quoted history, as mail programs mark it in HTML. It becomes lines with `>`. */
const quotations = ['blockquote', '.gmail_quote', '.yahoo_quoted', '.protonmail_quote']

const convert = compile({
  wordwrap: false,
  limits: { maxInputLength: mostCharacters, maxDepth: 50, maxChildNodes: 10_000 },
  selectors: [
    ...['img', 'hr'].map((selector) => ({ selector, format: 'skip' })),
    { selector: 'a', options: { hideLinkHrefIfSameAsText: true, noAnchorUrl: true } },
    { selector: 'ul', options: { itemPrefix: '- ' } },
    { selector: 'table', format: 'block' },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
    ...quotations.map((selector) => ({ selector, format: 'blockquote' })),
  ],
})

/** HTML as plain text. What is marked as a quotation gets `>` before each line. */
export const htmlToText = (html: string): string => convert(html.slice(0, mostCharacters)).trim()

/**
 * A message without quoted history and signature; whole, where nothing else would be left. Goes through the lines once:
 * a customer may write anything, and an expression over a whole mail can be made to take minutes.
 */
export function withoutQuotes(text: string): string {
  const lines = text.slice(0, mostCharacters).replaceAll('\r\n', '\n').split('\n')
  const written: string[] = []
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ''
    if (isSignature(line) || isForwarded(lines, at)) break
    if (isQuoted(line)) continue
    const header = headerLines(lines, at)
    if (header === 0) {
      written.push(line)
      continue
    }
    let after = at + header
    while (lines[after]?.trim() === '') after++
    const next = lines[after]
    // Without marks, all that follows is quoted.
    if (next === undefined || !isQuoted(next)) break
    at += header - 1
  }
  const rest = written
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
  return rest || text.slice(0, mostCharacters).trim()
}

const isQuoted = (line: string): boolean => /^\s{0,3}>/.test(line)

/** The mark of RFC 3676, section 4.3, or what a telephone puts under a mail. */
const isSignature = (line: string): boolean =>
  /^--\s?$/.test(line) ||
  (line.length < 80 &&
    /^\s*(?:sent from my |get outlook for |von meinem .* gesendet|gesendet von |envoyé de mon |enviado desde mi |inviato da )/i.test(
      line,
    ))

const wrote =
  /(?<!\p{L})(?:wrote|schrieb|écrit|escribió|scritto|escreveu|schreef|skrev|kirjoitti|pisze|napisał\w*|написал\w*)(?!\p{L})|写道|作成|작성/iu
const datedOrAddressed = /\d{1,4}|[\w.+-]+@[\w-]+\.[\w.-]+/

/** How many lines at `at` introduce a quotation, as in "On 21 Nov, Ada <ada@…> wrote:"; 0 for none. */
function headerLines(lines: readonly string[], at: number): number {
  if (!datedOrAddressed.test((lines[at] ?? '').slice(0, longestHeader))) return 0
  for (const count of [1, 2, 3]) {
    const joined = lines
      .slice(at, at + count)
      .join(' ')
      .trim()
    if (joined.length > longestHeader || lines[at + count - 1]?.trim() === '') return 0
    if (/[:：]$/.test(joined) && wrote.test(joined)) return count
  }
  return 0
}

const fields =
  /^\s*\**(?:from|sent|to|cc|subject|date|von|gesendet|an|betreff|datum|de|envoyé|à|objet|enviado|para|asunto|da|inviato|a|oggetto|van|verzonden|aan|onderwerp)\s?:\**\s?\S/i

/** Does a mail's header, or the line above one, stand here? Everything after it is another mail. */
function isForwarded(lines: readonly string[], at: number): boolean {
  const line = lines[at] ?? ''
  if (line.length > longestHeader) return false
  if (
    /^\s*-{3,}\s*[^-\d][^-]{3,60}-{3,}\s*$/.test(line) &&
    /(?:original|ursprüngl|forward|weiterg|message|nachricht|origine|mensaje)/i.test(line)
  )
    return true
  return (
    fields.test(line) &&
    lines.slice(at + 1, at + 5).filter((each) => each.length <= longestHeader && fields.test(each)).length >=
      2
  )
}
