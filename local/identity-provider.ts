/** The identity provider of this machine: signs tokens of OpenID Connect, and checks them as API Gateway's JWT authorizer does. */

import { createPublicKey } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { type CryptoKey, exportPKCS8, generateKeyPair, importPKCS8, jwtVerify, SignJWT } from 'jose'

export interface IdentityProvider {
  issuer: string
  /** A token for `subject`, good for 12 hours. */
  token(subject: string): Promise<string>
  /** The claims of a token of ours that is good now; `undefined` for everything else. */
  verify(token: string): Promise<Record<string, unknown> | undefined>
}

const audience = 'deskhand-admin'
const algorithm = 'ES256'

/** `keyFile` keeps the key, so that tokens stay good over a restart. */
export async function createIdentityProvider(options: {
  issuer: string
  keyFile?: string
}): Promise<IdentityProvider> {
  const { issuer, keyFile } = options
  const pem = keyFile !== undefined && existsSync(keyFile) ? readFileSync(keyFile, 'utf8') : await newKey()
  if (keyFile !== undefined) writeFileSync(keyFile, pem, { mode: 0o600 })
  const privateKey: CryptoKey = await importPKCS8(pem, algorithm)
  const publicKey = createPublicKey(pem)
  return {
    issuer,
    token: (subject) =>
      new SignJWT({ token_use: 'access' })
        .setProtectedHeader({ alg: algorithm })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(subject)
        .setIssuedAt()
        .setExpirationTime('12h')
        .sign(privateKey),
    verify: async (token) => {
      try {
        const checked = await jwtVerify(token, publicKey, { issuer, audience, algorithms: [algorithm] })
        return checked.payload
      } catch {
        return undefined
      }
    },
  }
}

async function newKey(): Promise<string> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true })
  return await exportPKCS8(privateKey)
}
