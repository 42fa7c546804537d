/** `Deskhand-Identity`: who asks a tenant's API for what, signed, so that the API need not trust the request's body. */
import { createHash } from 'node:crypto'
import type { Assurance } from '../../../schemas/names.ts'
import type { VerifiedEmail } from '../identify.ts'
import type { Signer } from '../ports.ts'

export const identityHeader = 'deskhand-identity'
/** Long enough for a request to arrive, too short to be of use to who finds it in a log. */
const lifeSeconds = 60

/** Whom and what a call is for. */
export interface Asker {
  /** Id of the effect: the same for every attempt at it. */
  effect: string
  /** Grows with every claim of the ticket, so that no two processes number their attempts alike. */
  fence: number
  ticket: string
  tool: string
  /** Only an address that is proven. */
  email: VerifiedEmail | undefined
  assurance: Assurance
  mode: 'live' | 'test' | 'simulated'
}

/** What is called, exactly as it will be sent. */
export interface SignedRequest {
  method: string
  url: string
  body?: string | undefined
}

/** One token for one request. Throws `unavailable` or `bad_configuration`. */
export type SignIdentity = (asker: Asker, request: SignedRequest) => Promise<string>

/** The claims are the contract with tenants' developers: docs/verify-identity.md. */
export interface IdentityClaims {
  iss: string
  /** The origin that is called. */
  aud: string
  /** Seconds since the epoch, like `exp`. */
  iat: number
  exp: number
  /** `<effect>.<fence>.<attempt>`: no two requests have the same. */
  jti: string
  ticket: string
  tool: string
  method: string
  url: string
  /** SHA-256 of the body's bytes, base64url; of no bytes where there is no body. */
  body_sha256: string
  email?: string
  assurance: Assurance
  mode: Asker['mode']
}

export function createSignIdentity(options: { issuer: string; signer: Signer; now(): number }): SignIdentity {
  const { issuer, signer, now } = options
  let attempts = 0
  return async (asker, request) => {
    attempts++
    const iat = Math.floor(now() / 1000)
    const claims: IdentityClaims = {
      iss: issuer,
      aud: new URL(request.url).origin,
      iat,
      exp: iat + lifeSeconds,
      jti: `${asker.effect}.${asker.fence}.${attempts}`,
      ticket: asker.ticket,
      tool: asker.tool,
      method: request.method,
      url: request.url,
      body_sha256: createHash('sha256')
        .update(request.body ?? '')
        .digest('base64url'),
      ...(asker.email === undefined ? {} : { email: asker.email }),
      assurance: asker.assurance,
      mode: asker.mode,
    }
    const signed = `${encode({ alg: 'ES256', typ: 'JWT', kid: signer.kid })}.${encode(claims)}`
    return `${signed}.${Buffer.from(await signer.sign(signed)).toString('base64url')}`
  }
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
