/** Opens a connection to a name: looked up once, every address checked, one of exactly those dialled. */
import { once } from 'node:events'
import { isIP, type LookupFunction, type Socket, type TcpNetConnectOpts } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import type { HttpFailure } from '../ports.ts'
import { loopbackAddress, publicAddress } from './public-address.ts'

/** TCP and TLS together must be up within this. */
const connectMs = 2_000
/** A name with more addresses than this is not an ordinary API. */
const mostAddresses = 32

export interface Target {
  host: string
  port: number
  /** True: it must be on this machine, and is spoken to in plain http. False: public, and over TLS. */
  local: boolean
}

/** The two things below: names to addresses, and TCP. */
export interface Network {
  resolve(host: string): Promise<string[]>
  connect(options: TcpNetConnectOpts): Socket
}

/** An error that says which HttpFailure it is. */
export const failure = (cause: HttpFailure, message: string): Error => new Error(message, { cause })

/** A connection that is ready for its first byte; rejects with a `failure`, nothing having been sent. */
export async function dial(target: Target, signal: AbortSignal, network: Network): Promise<Duplex> {
  const addresses = await checkedAddresses(target, network)
  const limit = AbortSignal.any([signal, AbortSignal.timeout(connectMs)])
  const tcp = network.connect({
    host: target.host,
    port: target.port,
    lookup: only(addresses),
    autoSelectFamily: true,
    noDelay: true,
  })
  const plain = await ready(tcp, 'connect', limit)
  if (target.local) return plain
  const secure = connectTls({
    socket: plain,
    servername: target.host,
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: true, // said, because NODE_TLS_REJECT_UNAUTHORIZED would change the default
  })
  return ready(secure, 'secureConnect', limit)
}

async function checkedAddresses(target: Target, network: Network): Promise<string[]> {
  const addresses = isIP(target.host) === 0 ? await lookedUp(target.host, network) : [target.host]
  if (addresses.length === 0) throw failure('dns', 'the name has no address')
  if (addresses.length > mostAddresses) throw failure('url_refused', 'the name has too many addresses')
  if (!addresses.every(target.local ? loopbackAddress : publicAddress))
    throw failure(
      'url_refused',
      `the name leads to an address that is not ${target.local ? 'on this machine' : 'public'}`,
    )
  return addresses
}

async function lookedUp(host: string, network: Network): Promise<string[]> {
  try {
    return [...(await network.resolve(host))]
  } catch (error) {
    throw failure('dns', `the name does not resolve${codeOf(error)}`)
  }
}

/** A look-up that knows nothing but the addresses that were checked. */
const only =
  (addresses: string[]): LookupFunction =>
  (_host, _options, done) =>
    done(
      null,
      addresses.map((address) => ({ address, family: isIP(address) })),
    )

async function ready<S extends Socket>(socket: S, event: string, limit: AbortSignal): Promise<S> {
  socket.on('error', () => {}) // whoever uses the socket hears of it too; unheard, it would end the process
  try {
    await once(socket, event, { signal: limit })
    return socket
  } catch (error) {
    socket.destroy()
    throw failure(
      'connect',
      limit.aborted ? `no connection within ${connectMs} ms` : `no connection${codeOf(error)}`,
    )
  }
}

/** The error's code, a word from the system's or the TLS library's list, in brackets. */
const codeOf = (error: unknown): string => {
  const code = (error as NodeJS.ErrnoException | null)?.code
  return code === undefined ? '' : ` (${code})`
}
