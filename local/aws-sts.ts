import { randomBytes } from 'node:crypto'
import { type Input, refuse, text } from './aws-service.ts'

/** The role that jobs assume for a tenant. */
export const jobsRoleArn = 'arn:aws:iam::000000000000:role/deskhand-tenant-jobs'

export interface Session {
  tenant: string
  /** A session of the role that administers a tenant; else of the one that answers for it. */
  administers: boolean
  /** A session of `jobsRoleArn`. */
  erases: boolean
  token: string
  expiresAt: number
}

/** How the name of the role ends that administers a tenant. */
export const adminRole = '-tenant-admin'

/**
 * STS AssumeRole for the tenant role: a session must carry the tag `tenant`, and lasts at most an hour, as a session
 * that a role's session assumes. Answers the XML of the query protocol.
 */
export function assumeRole(input: Input, sessions: Map<string, Session>, now: () => number): string {
  const seconds = Number(input.DurationSeconds ?? 3600)
  if (!(seconds >= 900 && seconds <= 3600)) {
    refuse('ValidationError', 'DurationSeconds must be 900 to 3600 for a chained role')
  }
  const tenant = tagsOf(input).tenant
  if (tenant === undefined) {
    return refuse('AccessDenied', 'the role requires the session tag tenant (sts:TagSession)', 403)
  }
  const accessKeyId = `ASIA${randomBytes(8).toString('hex').toUpperCase()}`
  const administers = text(input, 'RoleArn').endsWith(adminRole)
  const erases = text(input, 'RoleArn') === jobsRoleArn
  const session = {
    tenant,
    administers,
    erases,
    token: randomBytes(24).toString('base64'),
    expiresAt: now() + seconds * 1000,
  }
  sessions.set(accessKeyId, session)
  const name = escapeXml(text(input, 'RoleSessionName'))
  return `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><AssumedRoleId>AROALOCAL:${name}</AssumedRoleId><Arn>${escapeXml(text(input, 'RoleArn'))}/${name}</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${randomBytes(24).toString('hex')}</SecretAccessKey>
<SessionToken>${session.token}</SessionToken><Expiration>${new Date(session.expiresAt).toISOString()}</Expiration></Credentials>
</AssumeRoleResult><ResponseMetadata><RequestId>local</RequestId></ResponseMetadata></AssumeRoleResponse>`
}

export const errorXml = (code: string, message: string): string =>
  `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code>` +
  `<Message>${escapeXml(message)}</Message></Error><RequestId>local</RequestId></ErrorResponse>`

/** `Tags.member.1.Key=tenant&Tags.member.1.Value=acme` */
function tagsOf(input: Input): Record<string, string> {
  const tags: Record<string, string> = {}
  for (let n = 1; typeof input[`Tags.member.${n}.Key`] === 'string'; n += 1) {
    tags[text(input, `Tags.member.${n}.Key`)] = text(input, `Tags.member.${n}.Value`)
  }
  return tags
}

const escapeXml = (value: string): string =>
  value.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`)
