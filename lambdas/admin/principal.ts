/** Who calls: what API Gateway's authorizer has verified, and nothing that the caller says. */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import type { Identity } from '../../schemas/admin.ts'

export interface Principal extends Identity {
  /** `<issuer>|<subject>`: stands in the history. */
  id: string
}

const claim = z.string().min(1).max(300)
const jwt = z.object({ claims: z.object({ iss: claim, sub: claim }) })
const iam = z.object({ userArn: claim })
const authorizer = z.object({ jwt: jwt.optional(), iam: iam.optional() })

/** Of an event of an HTTP API whose route has a JWT or an IAM authorizer; `undefined` where none has vouched. */
export function principalOf(requestContext: unknown): Principal | undefined {
  const parsed = z.object({ authorizer }).safeParse(requestContext)
  if (!parsed.success) return undefined
  const { jwt: byToken, iam: byRole } = parsed.data.authorizer
  if (byToken !== undefined && byRole === undefined)
    return principal({ issuer: byToken.claims.iss, subject: byToken.claims.sub })
  if (byRole !== undefined && byToken === undefined)
    return principal({ issuer: iamIssuer, subject: roleOf(byRole.userArn) })
  return undefined
}

/** What stands for an issuer where AWS itself has verified who calls. */
export const iamIssuer = 'iam'

export const principal = (identity: Identity): Principal => ({
  ...identity,
  id: `${identity.issuer}|${identity.subject}`,
})

/** A role's sessions are all that role: `arn:aws:sts::1:assumed-role/Name/session` is `arn:aws:iam::1:role/Name`. */
function roleOf(arn: string): string {
  const [, partition, account, name] = /^arn:([a-z-]+):sts::(\d+):assumed-role\/([^/]+)\/.+$/.exec(arn) ?? []
  return name === undefined ? arn : `arn:${partition}:iam::${account}:role/${name}`
}

/** The key that somebody's rights are found by. What the two are separated by stands in no issuer. */
export const identityKey = ({ issuer, subject }: Identity): string =>
  createHash('sha256').update(`${issuer}\n${subject}`).digest('hex')
