/** Which URLs may be called at all: asked when an admin saves one, and again each time it is called. */
import { isIP } from 'node:net'
import { domainToUnicode } from 'node:url'
import type { Allowance } from '../ports.ts'

export interface UrlPolicy {
  /** Our own hosts: neither they nor names beneath them are called. */
  ownHosts?: readonly string[]
  /** Addresses on this machine that may be reached over http. */
  allowance?: Allowance
}

/** `local`: it is on the allowance, so that it must be on this machine and nowhere else. */
export type UrlVerdict = { ok: true; url: URL; local: boolean } | { ok: false; reason: string }

/** Scheme, host and port as they are written: nothing before the host, nothing that a parser reads in two ways. */
const shape = /^(https?):\/\/(\[[0-9a-f:.]+\]|[^/?#@\\%:[\]]+)(?::\d{1,5})?(?:[/?#]|$)/i
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const spaceOrControl = /[\u0000-\u0020\u007f-\u009f]/
const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

/**
 * Top-level names that never lead to the public internet: RFC 6761, RFC 6762 appendix G, RFC 2606, RFC 9476, ICANN's
 * private-use and never-delegated names, and what routers and clusters use.
 */
const specialNames = new Set([
  'alt',
  'arpa',
  'corp',
  'domain',
  'example',
  'home',
  'internal',
  'intranet',
  'invalid',
  'lan',
  'local',
  'localdomain',
  'localhost',
  'mail',
  'onion',
  'private',
  'test',
])

/** May `url` be called? `reason` is for the admin who typed it, and repeats nothing of it. */
export function checkUrl(url: string, policy: UrlPolicy = {}): UrlVerdict {
  if (spaceOrControl.test(url)) return refused('it holds a space or a control character')
  const written = shape.exec(url)?.[2]?.toLowerCase()
  const parsed = URL.parse(url)
  if (written === undefined || parsed === null)
    return refused('it must read https://host/path, without user name, % or backslash before the path')
  const host = parsed.hostname
  // What is checked is what is dialled, and what the admin reads is both: 0x7f.1, ①.①.①.① and the like end here.
  if (host !== written && domainToUnicode(host) !== written)
    return refused('its host is not in plain spelling')

  if (parsed.protocol === 'http:' && policy.allowance?.hosts.has(`${host}:${parsed.port || '80'}`))
    return { ok: true, url: parsed, local: true }
  if (parsed.protocol !== 'https:') return refused('it must start with https://')
  if (parsed.port !== '') return refused('only port 443 is called')
  const reason = refusedHost(host, policy.ownHosts ?? [])
  return reason === undefined ? { ok: true, url: parsed, local: false } : refused(reason)
}

function refusedHost(host: string, ownHosts: readonly string[]): string | undefined {
  if (host.startsWith('[') || isIP(host) !== 0) return 'its host is an IP address: use a name'
  const labels = host.split('.')
  if (labels.length < 2 || host.length > 253 || !labels.every((each) => label.test(each)))
    return 'its host is not a full domain name'
  if (specialNames.has(labels.at(-1) ?? '')) return 'its host is an internal or reserved name'
  if (ownHosts.some((own) => `.${host}`.endsWith(`.${own.toLowerCase()}`)))
    return 'its host is one of our own'
  return undefined
}

const refused = (reason: string): UrlVerdict => ({ ok: false, reason })
