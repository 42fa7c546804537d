/** Which IP addresses are on the public internet. */
import { BlockList, isIP, isIPv4 } from 'node:net'

/**
 * Every IPv4 block of https://www.iana.org/assignments/iana-ipv4-special-registry, multicast, the reserved top,
 * and the one public address that is internal: Azure's host services.
 */
const specialIpv4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]

/**
 * IPv6 is an allow-list, so that every form that carries an IPv4 address (mapped, compatible, NAT64) is outside.
 * https://www.iana.org/assignments/iana-ipv6-special-registry names the special blocks within it: protocol
 * assignments with Teredo, documentation (twice), 6to4, AS112.
 */
const globalIpv6 = ['2000::/3']
const specialIpv6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20']

const special4 = blocks(specialIpv4, 'ipv4')
const global6 = blocks(globalIpv6, 'ipv6')
const special6 = blocks(specialIpv6, 'ipv6')
const loopback4 = blocks(['127.0.0.0/8'], 'ipv4')

/** Is `ip` a public unicast address? False for anything that is not a plain address, and for one with a zone. */
export function publicAddress(ip: string): boolean {
  if (isIPv4(ip)) return !special4.check(ip, 'ipv4')
  return isIP(ip) === 6 && !ip.includes('%') && global6.check(ip, 'ipv6') && !special6.check(ip, 'ipv6')
}

/** Is `ip` this machine itself? */
export const loopbackAddress = (ip: string): boolean =>
  ip === '::1' || (isIPv4(ip) && loopback4.check(ip, 'ipv4'))

function blocks(cidrs: string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [network = '', prefix] = cidr.split('/')
    list.addSubnet(network, Number(prefix), family)
  }
  return list
}
