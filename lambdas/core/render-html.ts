/** The model's checked markdown as small HTML. Where its links may lead is decided before, not here. */
import MarkdownIt from 'markdown-it'

/** Every tag that can come out, with the attributes it may carry. */
export const allowedHtml: Readonly<Record<string, readonly string[]>> = {
  p: [],
  br: [],
  strong: [],
  em: [],
  ul: [],
  ol: ['start'],
  li: [],
  pre: [],
  code: [],
  a: ['href'],
}

const markdown = new MarkdownIt({ html: false, linkify: false, breaks: true, typographer: false })
  // What has no place in a reply stays the text it was.
  .disable(['image', 'table', 'blockquote', 'hr', 'reference', 'strikethrough'])

markdown.validateLink = (url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)

const { rules } = markdown.renderer
rules.heading_open = () => '<p><strong>'
rules.heading_close = () => '</strong></p>\n'
rules.link_open = (tokens, at) => `<a href="${escapeHtml(String(tokens[at]?.attrGet('href') ?? ''))}">`
rules.fence = (tokens, at) => `<pre><code>${escapeHtml(tokens[at]?.content ?? '')}</code></pre>\n`

const escapeHtml = (text: string): string => markdown.utils.escapeHtml(text)

/** Paragraphs, line breaks, emphasis, lists, code and http(s) links; headings become bold paragraphs. */
export const renderHtml = (text: string): string => breakTemplates(markdown.render(text).trim())

/** Plain text as one paragraph, with nothing in it read as markup. */
export const renderLine = (text: string): string => breakTemplates(`<p>${escapeHtml(text)}</p>`)

/**
 * Helpdesks replace `{{...}}` and `{%...%}` in comments by ticket and customer data. A space parts the pair, also
 * where tags stand between the two characters, whatever the helpdesk decodes or strips first.
 */
const breakTemplates = (html: string): string => html.replace(/\{(?=(?:<[^>]*>)*[{%])/g, '{ ')
