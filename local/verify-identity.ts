// How the demo shop verifies `Deskhand-Identity`. docs/verify-identity.md shows this file, word for word.
import { createHash } from 'node:crypto'
import { createRemoteJWKSet, jwtVerify } from 'jose'

/** `issuer`: Deskhand's address for your tenant. `origin`: your API's own, as Deskhand calls it. */
export function identityVerifier(issuer: string, origin: string, now: () => number = Date.now) {
  // Keys are fetched when first needed, kept for ten minutes, and fetched again for a key id that is new.
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`))
  // Of every token accepted, when it ends. With more than one process, keep this in a store that all of them share.
  const used = new Map<string, number>()

  /** Answers who asks for what, or throws. `url` is the whole one; `body` its bytes as they came, before any parsing. */
  return async (token: string, request: { method: string; url: string; body: string | Buffer }) => {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ['ES256'],
      issuer,
      audience: origin,
      maxTokenAge: 60,
      clockTolerance: 5,
      requiredClaims: ['jti', 'exp', 'method', 'url', 'body_sha256', 'assurance', 'mode'],
      currentDate: new Date(now()),
    })
    const hash = createHash('sha256').update(request.body).digest('base64url')
    if (payload.method !== request.method || payload.url !== request.url || payload.body_sha256 !== hash)
      throw new Error('signed for another request')

    for (const [id, end] of used) if (end < now()) used.delete(id)
    const { jti = '', exp = 0 } = payload
    if (used.has(jti)) throw new Error('used before')
    used.set(jti, (exp + 5) * 1000)
    return payload
  }
}
