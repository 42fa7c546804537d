import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { type BoundedCache, createBoundedCache } from '../bounded-cache.ts'
import { DeskhandError } from '../errors.ts'
import type { Clock, Io, KnownSecrets } from '../ports.ts'
import { awsError } from './aws-error.ts'

const keptMs = 5 * 60_000
/** That a secret is missing is kept only briefly: an admin may be entering it right now. */
const missingKeptMs = 10_000
const keptSecrets = 1_000

interface Kept {
  text: string | undefined
  until: number
}
interface Cache {
  kept: BoundedCache<Kept>
  reading: Map<string, Promise<string | undefined>>
}

/** What each client's credentials could read. An id names its tenant and direction, so tenants share nothing. */
const caches = new WeakMap<SecretsManagerClient, Cache>()

/** One tenant's secrets of one direction: `deskhand/<tenant>/<direction>/<name>`. */
export function createSecrets(options: {
  client: SecretsManagerClient
  tenant: string
  direction: 'inbound' | 'outbound'
  clock: Clock
  io: Io
}): KnownSecrets {
  const { client, tenant, direction, clock, io } = options
  return {
    async read(name, { fresh = false } = {}) {
      const id = `deskhand/${tenant}/${direction}/${name}`
      const text = await secretText({ client, id, port: `secrets.${direction}`, fresh, clock, io })
      return text === undefined ? undefined : parse(id, text)
    },
    known() {
      const prefix = `deskhand/${tenant}/${direction}/`
      const kept = cacheOf(client)
        .kept.all()
        .filter(([id]) => id.startsWith(prefix))
      return kept.flatMap(([, { text }]) => (text === undefined ? [] : secretsIn(text)))
    },
  }
}

/**
 * The text of a secret, kept at most 5 minutes and read once by those who ask at the same time; `undefined` when there
 * is none. `fresh` asks AWS. Throws `unavailable` or `bad_configuration`.
 */
export async function secretText(options: {
  client: SecretsManagerClient
  id: string
  port: string
  fresh?: boolean
  clock: Clock
  io: Io
}): Promise<string | undefined> {
  const { client, id, port, fresh = false, clock, io } = options
  const cache = cacheOf(client)
  const kept = cache.kept.get(id)
  if (!fresh && kept && kept.until > clock.now()) return kept.text
  const underWay = cache.reading.get(id)
  if (!fresh && underWay) return underWay

  const reading = io(port, () => fetchText(client, id)).then(
    (text) => {
      // A read that a fresh one has overtaken keeps nothing: its value may be the older one.
      if (cache.reading.get(id) === reading) {
        cache.kept.set(id, { text, until: clock.now() + (text === undefined ? missingKeptMs : keptMs) })
      }
      return text
    },
    (error: unknown) => {
      throw awsError(error, `reading the secret ${id}`)
    },
  )
  cache.reading.set(id, reading)
  try {
    return await reading
  } finally {
    if (cache.reading.get(id) === reading) cache.reading.delete(id)
  }
}

/** Values, refresh and access tokens; names of hosts and headers are no secret. */
const secretFields = new Set(['value', 'refreshToken', 'token'])

/** Of one that is not JSON nothing was ever sent. */
function secretsIn(text: string): string[] {
  try {
    return stringsIn(JSON.parse(text))
  } catch {
    return []
  }
}

function stringsIn(stored: unknown): string[] {
  if (typeof stored !== 'object' || stored === null) return []
  return Object.entries(stored).flatMap(([name, value]) =>
    typeof value === 'string' ? (secretFields.has(name) ? [value] : []) : stringsIn(value),
  )
}

function cacheOf(client: SecretsManagerClient): Cache {
  const cache = caches.get(client) ?? { kept: createBoundedCache<Kept>(keptSecrets), reading: new Map() }
  caches.set(client, cache)
  return cache
}

async function fetchText(client: SecretsManagerClient, id: string): Promise<string | undefined> {
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: id }))
    if (SecretString !== undefined) return SecretString
  } catch (error) {
    if (error instanceof Error && missing.includes(error.name)) return undefined
    throw error
  }
  throw notJson(id)
}

/**
 * The roles may read secrets with the tenant's tag only, so of one that is missing or not tagged AWS says that access
 * is denied.
 */
const missing = ['ResourceNotFoundException', 'AccessDeniedException']

function parse(id: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Without the parser's own error: it quotes the text.
    throw notJson(id)
  }
}

const notJson = (id: string): DeskhandError =>
  new DeskhandError('bad_configuration', `the secret ${id} is not JSON text. Store it again.`)
