import * as z from 'zod'
import { headerNamePattern, reservedHeader } from './header-names.ts'
import { authorizationName, secretName } from './names.ts'

/** Secrets that Deskhand writes itself: the refresh tokens of delegated OAuth. `answer` may overwrite no others. */
export const grantPrefix = 'grant-'

const ownSecret = secretName.refine(
  (name) => !name.startsWith(grantPrefix),
  `a name that begins with ${grantPrefix} is Deskhand's own: choose another`,
)

const common = {
  name: authorizationName,
  /** Send `Deskhand-Identity` along: a signed statement of who asks for what (docs/verify-identity.md). */
  identity: z.boolean().optional(),
  /** Name of the outbound secret that holds the value, bound there to its hosts. */
  secret: ownSecret,
}

/** Printable ASCII without a colon: a user name of RFC 7617, an OAuth client id. */
const printable = z.string().regex(/^[\x20-\x7e]{1,255}$/, 'must be 1 to 255 characters of printable ASCII')
const scope = z
  .string()
  .regex(
    /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/,
    'scopes, with one space between them (RFC 6749, section 3.3)',
  )
  .max(1000)

const oauthClient = {
  ...common,
  /** Where tokens are asked for. The client's secret must be bound to its host and to the API's hosts. */
  tokenUrl: z.url().max(2000),
  clientId: printable,
  scope: scope.optional(),
  audience: printable.optional(),
  /** Client id and secret go in an `Authorization: Basic` header, or in the form. */
  clientAuth: z.enum(['basic', 'body']).default('basic'),
}

const bearer = z.strictObject({ ...common, type: z.literal('bearer') })

const apiKey = z.strictObject({
  ...common,
  type: z.literal('api_key'),
  /** The header that carries the value as it is, for example `X-Api-Key`. */
  header: z
    .string()
    .regex(headerNamePattern, 'is not a header name')
    .refine(
      (name) => !reservedHeader.test(name.toLowerCase()) && name.toLowerCase() !== 'accept',
      'is set by Deskhand or the network: choose another',
    ),
})

const basic = z.strictObject({
  ...common,
  type: z.literal('basic'),
  username: printable.refine((name) => !name.includes(':'), 'must not hold a colon (RFC 7617)'),
})

const oauthClientCredentials = z.strictObject({ ...oauthClient, type: z.literal('oauth_client_credentials') })

const oauthDelegated = z.strictObject({
  ...oauthClient,
  type: z.literal('oauth_delegated'),
  /** Its refresh token is in the secret `grant-<name>`, so the name is shorter than others. */
  name: authorizationName.max(57, 'at most 57 characters, because a secret is named after it'),
  /** Where an admin is sent to consent. */
  authorizeUrl: z.url().max(2000),
})

/** A stored credential for a tenant's own APIs. The value is in Secrets Manager, bound there to its hosts. */
export const authorization = z.discriminatedUnion('type', [
  bearer,
  apiKey,
  basic,
  oauthClientCredentials,
  oauthDelegated,
])
export type Authorization = z.infer<typeof authorization>
export type OAuthDelegated = z.infer<typeof oauthDelegated>
export type OAuthAuthorization = z.infer<typeof oauthClientCredentials> | OAuthDelegated

export const isOAuth = (one: Authorization): one is OAuthAuthorization =>
  one.type === 'oauth_client_credentials' || one.type === 'oauth_delegated'

/** The secret that holds a delegated authorization's refresh token. */
export const grantSecretName = ({ name }: Pick<OAuthDelegated, 'name'>): string => `${grantPrefix}${name}`

/**
 * What that secret holds. A refresh token is good at the token URL and for the client that it was given by and to; a
 * definition that names others needs a new consent. The newest access token lies beside it where the two came
 * together, because of those that a server rotates only the newest pair works.
 */
export const grant = z.strictObject({
  refreshToken: z.string().min(1),
  tokenUrl: z.string(),
  clientId: z.string(),
  access: z.strictObject({ token: z.string(), expiresAt: z.number() }).optional(),
})
export type Grant = z.infer<typeof grant>
