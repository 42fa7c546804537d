/** Finds in plain text whatever a mail program or helpdesk could turn into a link, and which hosts are allowed. */

/** Decides about one address by its host name, lower-case ASCII, or by all of it, as `URL` writes it. */
export interface LinkHosts {
  host(hostname: string): boolean
  address(href: string): boolean
}

/** From a tenant's list: `shop.com` is that host alone, `*.shop.com` every host beneath it, `https://…` that page alone. */
export function linkHosts(list: readonly string[]): LinkHosts {
  const exact = new Set<string>()
  const beneath: string[] = []
  const addresses = new Set<string>()
  for (const entry of list) {
    if (entry.startsWith('https://')) {
      addresses.add(URL.parse(entry)?.href ?? '')
      continue
    }
    const isWildcard = entry.startsWith('*.')
    const hostname = URL.parse(`https://${isWildcard ? entry.slice(2) : entry}`)?.hostname
    if (hostname === undefined) continue
    if (isWildcard) beneath.push(`.${hostname}`)
    else exact.add(hostname)
  }
  return {
    host: (hostname) => exact.has(hostname) || beneath.some((suffix) => hostname.endsWith(suffix)),
    address: (href) => addresses.has(href),
  }
}

/** A web address in plain spelling on an allowed host. */
export const isAllowed = (url: string, hosts: LinkHosts): boolean =>
  plainUrl(url) === url && leadsToAllowed(url, hosts)

/** Does a parsed target lead to an allowed host or page, over http(s) and without a user name? */
export function leadsToAllowed(url: string, hosts: LinkHosts): boolean {
  const parsed = URL.parse(url)
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) return false
  return (
    parsed.username === '' &&
    parsed.password === '' &&
    (hosts.host(parsed.hostname) || hosts.address(parsed.href))
  )
}

/**
 * The start of `text` that every program reads as one and the same address. A comma, a bracket, a second `//` or a
 * query without its slash ends it; where what follows could still change the host (`@`, a letter), there is none.
 */
const plainUrl = (text: string): string | undefined =>
  /^https?:\/\/[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::\d{1,5})?(?![\p{L}\p{M}\p{N}_@%\\-]|[.:\u3002\uff0e\uff61][\p{L}\p{N}])(?:\/(?!\/)[a-z0-9\-._%?#&=+@:~]*)*/iu.exec(
    text,
  )?.[0]

const dot = '[.\u3002\uff0e\uff61]'
// Lengths are bounded so that no text takes long to look through.
const label = String.raw`[\p{L}\p{N}][\p{L}\p{M}\p{N}_-]{0,62}`
const domain = String.raw`(?:${label}${dot}){1,20}(?:xn--[a-z0-9-]{1,59}|[\p{L}\p{M}]{2,63})(?![\p{L}\p{M}\p{N}])`
const rest = String.raw`[^\s<>"]*`
const start = String.raw`(?<![\p{L}\p{M}\p{N}])`

const candidate = new RegExp(
  [
    // With a scheme: slashes of either kind in any number, or a scheme that needs none.
    String.raw`(?<url>${start}[a-z][a-z0-9+.-]{0,31}:[/\\]+${rest}|${start}(?:https?|ftp|file|javascript|vbscript|data|blob|mailto):(?=\S)${rest})`,
    // `//host` takes the scheme of the page, `\\host` is a share.
    String.raw`(?<relative>(?<![:/\\\p{L}\p{M}\p{N}])[/\\]{2}(?=[\p{L}\p{N}[])${rest})`,
    String.raw`(?<email>${start}[\p{L}\p{M}\p{N}._%+-]{1,64}@${domain}(?!${dot}[\p{L}\p{N}]|[:/\\?#]\S))`,
    String.raw`(?<bare>${start}${domain}(?:(?::\d|[/\\?#])${rest})?)`,
    String.raw`(?<ip>${start}\d{1,3}(?:\.\d{1,3}){3}(?![\p{L}\p{N}])(?:(?::\d|[/\\])${rest})?)`,
  ].join('|'),
  'giu',
)

/** Punctuation after a link. */
const trailing = /[.,;:!?'")\]}*_~`]+$/

/** Names of files that are no top-level domains: `invoice.pdf` is not a host. */
const fileName = /^[^/\\?#:]+\.(?:pdf|html?|jpe?g|png|gif|webp|svg|docx?|xlsx?|pptx|csv|txt|xml|json|js)$/i

/** Links that are not allowed, in order, without the punctuation after them. */
export function* findLinks(text: string, hosts: LinkHosts): Generator<{ at: number; text: string }> {
  candidate.lastIndex = 0
  let next = 0
  for (;;) {
    candidate.lastIndex = next
    const match = candidate.exec(text)
    if (match === null) return
    const [found] = match
    const allowed = allowedPart(found, match.groups ?? {}, hosts)
    if (allowed > 0) {
      next = match.index + allowed
      continue
    }
    const link = found.replace(trailing, '')
    next = match.index + Math.max(link.length, 1)
    yield { at: match.index, text: link }
  }
}

/** How many of its characters may stay. What follows them is looked at as text of its own. */
function allowedPart(found: string, kind: Record<string, string | undefined>, hosts: LinkHosts): number {
  if (kind.email !== undefined || (kind.bare !== undefined && fileName.test(found))) return found.length
  const scheme = kind.bare === undefined ? '' : 'https://'
  const url = plainUrl(`${scheme}${found}`)
  if (url !== undefined && leadsToHost(url, hosts)) return url.length - scheme.length
  // A page alone is allowed as a whole: what a program might add to it would be another page.
  const page = found.replace(trailing, '')
  return plainUrl(`${scheme}${page}`) === `${scheme}${page}` && leadsToAllowed(`${scheme}${page}`, hosts)
    ? page.length
    : 0
}

const leadsToHost = (url: string, { host }: LinkHosts): boolean =>
  leadsToAllowed(url, { host, address: () => false })
