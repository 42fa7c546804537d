/**
 * The model's text before anybody else sees it: what could hide, load, lead elsewhere or be expanded is taken out.
 * Whatever the rewriting misses, the last step finds by rendering the text, and then there is no reply at all.
 */
import MarkdownIt, { type Token } from 'markdown-it'
import { findLinks, isAllowed, type LinkHosts, leadsToAllowed, linkHosts } from './find-links.ts'

/** What was taken out, for the trace. */
export type Removed = 'invisible' | 'image' | 'link' | 'html' | 'template'
export type CheckedReply =
  | { ok: true; text: string; removed: Removed[] }
  | { ok: false; cause: 'empty' | 'too_long' | 'secret' | 'link' }

export interface ReplyRules {
  /** Hosts that may be linked to: `shop.com` is that host alone, `*.shop.com` every host beneath it, `https://…` that page alone. */
  linkHosts: readonly string[]
  /** Values that must not stand in a reply, however they are marked up. Below 8 characters they are not looked for. */
  secrets?: readonly string[]
}

const maxCharacters = 5000
const minSecret = 8
const mark = '[link removed]'

/** Makes the model's markdown safe to render and to post, or says why it cannot be. Checking twice changes nothing. */
export function checkReply(text: string, rules: ReplyRules): CheckedReply {
  if (text.length > 2 * maxCharacters) return { ok: false, cause: 'too_long' }
  const hosts = linkHosts(rules.linkHosts)
  const removed = new Set<Removed>()
  const revealed = reveal(text, removed)
  if (holdsSecret(revealed, rules.secrets ?? [])) return { ok: false, cause: 'secret' }

  let safe = rewrite(revealed, hosts, removed)
  // Something is hidden in markup: without any, the text is what it looks like.
  if (leaks(safe, hosts)) safe = rewrite(reveal(withoutMarkup(safe), removed), hosts, removed)
  if (leaks(safe, hosts)) return { ok: false, cause: 'link' }
  if (safe === '') return { ok: false, cause: 'empty' }
  if (safe.length > maxCharacters) return { ok: false, cause: 'too_long' }
  return { ok: true, text: safe, removed: [...removed] }
}

// ---- what stands there ----------------------------------------------------------------------------------

/** Zero-width, bidi, tag, filler and private characters, variation selectors, lone surrogates. */
const invisible = /[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Co}\p{Cs}]/gu
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g
const entity = /&(?:#x[0-9a-f]{1,6}|#\d{1,7}|[a-z][a-z0-9]{1,31});/gi
/** Escapes that could hide the parts of a link, an entity or a template. Those of markup stay. */
const hidingEscape = /\\(?=[.:/@%&#;{-])/g

/** The text as a reader would see it: nothing invisible, no entities, no escapes around what makes a link. */
function reveal(text: string, removed: Set<Removed>): string {
  for (let before = text.replace(/\r\n?|[\u2028\u2029]/g, '\n'); ; ) {
    const visible = before.replace(invisible, '').replace(control, '')
    if (visible !== before) removed.add('invisible')
    const after = visible
      .replace(entity, (each) => markdown.utils.unescapeAll(each))
      .replace(hidingEscape, '')
    if (after === before) return after
    before = after
  }
}

function holdsSecret(text: string, secrets: readonly string[]): boolean {
  const bare = withoutMarkup(text).replace(/\s/g, '')
  return secrets
    .map((secret) => withoutMarkup(secret).replace(/\s/g, ''))
    .some((secret) => secret.length >= minSecret && bare.includes(secret))
}

const withoutMarkup = (text: string): string =>
  text
    .replace(/[*_~`\\<>]/g, '')
    .replaceAll('[', '(')
    .replaceAll(']', ')')

// ---- what is taken out ----------------------------------------------------------------------------------

/** `[label](destination "title")`, as far as one expression can know it. */
const inlineLink =
  /\[(?<label>[^[\]]*)\]\(\s*(?:<(?<angled>[^<>\n]*)>|(?<plain>[^\s()<>]*(?:\([^\s()]*\)[^\s()]*)*))(?:\s+(?:"[^"]*"|'[^']*'|\([^()]*\)))?\s*\)/g
const autolink = /<((?:[a-z][a-z0-9+.-]*:[^<>\s]*)|(?:[^<>\s@]+@[^<>\s@]+))>/gi

function rewrite(text: string, hosts: LinkHosts, removed: Set<Removed>): string {
  const note = (what: Removed, replacement: string): string => {
    removed.add(what)
    return replacement
  }
  return removeLinks(
    text
      // An image becomes a link, and as such has to be allowed.
      .replace(/!+(?=\[)/g, () => note('image', ''))
      .replace(inlineLink, (_, label: string, angled?: string, plain?: string) => {
        const target = angled ?? plain ?? ''
        if (isAllowed(target, hosts)) return `[${label}](${target})`
        return target === `mailto:${label}` ? label : note('link', `${label} ${mark}`)
      })
      .replace(autolink, '$1')
      // An address is text: mail programs make their own link of it.
      .replace(/\bmailto:(?=[^\s@]+@)/gi, ''),
    hosts,
    removed,
  )
    .replace(/<(?=[a-z/!?])/gi, () => note('html', '&lt;'))
    .replace(/\{(?=[{%])/g, () => note('template', '{ '))
    .trim()
}

function removeLinks(text: string, hosts: LinkHosts, removed: Set<Removed>): string {
  let result = ''
  let done = 0
  for (const link of findLinks(text, hosts)) {
    result += text.slice(done, link.at)
    done = link.at + link.text.length
    // `done.Then`: two sentences rather than a host, and no host once there is a space.
    const sentence = /^([\p{L}\p{N}]*[\p{Ll}\p{N}])\.(\p{Lu}\p{L}*)$/u.exec(link.text)
    if (sentence !== null) result += `${sentence[1]}. ${sentence[2]}`
    else {
      result += /[^\s([{'"*_~`]$/.test(result) ? ` ${mark}` : mark
      removed.add('link')
    }
  }
  return result + text.slice(done)
}

// ---- what is left ---------------------------------------------------------------------------------------

/** As a reply is rendered, and as a program renders it that makes links of its own. */
const markdown = new MarkdownIt({ html: false })
const linkifying = new MarkdownIt({ html: false, linkify: true })
linkifying.linkify.set({ fuzzyLink: true, fuzzyIP: true })
// Every target is looked at, also those that the parser would leave out.
markdown.validateLink = () => true
linkifying.validateLink = () => true

/** Rendered, is there a link that is not allowed, an image, or a template, in one piece or over several? */
function leaks(text: string, hosts: LinkHosts): boolean {
  const blocks = [markdown, linkifying].flatMap((parser) => parser.parse(text, {}))
  const visible = [text, ...blocks.flatMap(visibleTexts)]
  return (
    visible.some((each) => /\{[{%]/.test(each) || findLinks(each, hosts).next().done !== true) ||
    blocks.flatMap((block) => block.children ?? []).some((token) => isForbidden(token, hosts))
  )
}

/** What a reader or a mail program sees of a block: each piece alone, and all of them without the markup. */
function visibleTexts(block: Token): string[] {
  if (block.children === null) return [block.content]
  const pieces = block.children.map((token) =>
    /^(?:soft|hard)break$/.test(token.type) ? '\n' : token.content,
  )
  return [...pieces, pieces.join('')]
}

function isForbidden(token: Token, hosts: LinkHosts): boolean {
  if (token.type === 'image') return true
  if (token.type !== 'link_open') return false
  const href = String(token.attrGet('href') ?? '')
  return !leadsToAllowed(href, hosts) && !/^mailto:[^?]*$/i.test(href)
}
