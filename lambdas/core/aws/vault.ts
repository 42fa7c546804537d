import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import { DecryptCommand, GenerateDataKeyCommand, type KMSClient } from '@aws-sdk/client-kms'
import { createBoundedCache } from '../bounded-cache.ts'
import { DeskhandError, isCode } from '../errors.ts'
import type { Clock, Io, Place, Random, Table, Vault } from '../ports.ts'
import { awsError } from './aws-error.ts'
import { rowOf } from './table.ts'

const keptMs = 5 * 60_000
/** Nonces are random: far fewer seals per key than the 2^32 that NIST SP 800-38D allows. */
const sealsPerKey = 1_000
const keptKeys = 100

const version = 1
const nonceBytes = 12
const tagBytes = 16
/** Version and the length of the encrypted data key. */
const headBytes = 3

interface DataKey {
  plaintext: Uint8Array
  encrypted: Uint8Array
}

/**
 * Encryption for one tenant. A sealed text is: version (1 byte), length of the encrypted data key (2 bytes, big
 * endian), encrypted data key, nonce (12), tag (16), ciphertext. AES-256-GCM; its additional data is the tenant and the
 * place; KMS binds the data key to the tenant.
 */
export function createVault(options: {
  kms: KMSClient
  keyId: string
  tenant: string
  /** Holds the tenant's HMAC key, encrypted. */
  configuration: Pick<Table, 'get' | 'put'>
  clock: Clock
  random: Random
  io: Io
}): Vault {
  const { kms, keyId, tenant, configuration, clock, random, io } = options
  const context = { tenant }
  const opened = createBoundedCache<{ plaintext: Uint8Array; until: number }>(keptKeys)
  let sealing: { key: Promise<DataKey>; until: number; left: number } | undefined
  let hmacKey: Promise<Uint8Array> | undefined

  return {
    async seal(place, text) {
      const { plaintext, encrypted } = await sealingKey()
      const nonce = random(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', plaintext, nonce).setAAD(boundTo(tenant, place))
      const ciphertext = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      const head = Buffer.alloc(headBytes)
      head.writeUInt8(version, 0)
      head.writeUInt16BE(encrypted.length, 1)
      return new Uint8Array(Buffer.concat([head, encrypted, nonce, cipher.getAuthTag(), ciphertext]))
    },

    async open(place, sealed) {
      const { encrypted, nonce, tag, ciphertext } = partsOf(Buffer.from(sealed))
      const key = await openingKey(encrypted)
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
          .setAAD(boundTo(tenant, place))
          .setAuthTag(tag)
        return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8')
      } catch (error) {
        throw new DeskhandError(
          'bad_configuration',
          `a sealed ${place.field} was changed, or was sealed for another row or field`,
          { cause: error },
        )
      }
    },

    async hmac(text) {
      hmacKey ??= readHmacKey().catch((error: unknown) => {
        hmacKey = undefined
        throw error
      })
      return createHmac('sha256', await hmacKey)
        .update(text, 'utf8')
        .digest('base64url')
    },
  }

  /** The data key of this process, until it is 5 minutes old or has sealed 1,000 texts. */
  function sealingKey(): Promise<DataKey> {
    if (!sealing || sealing.left === 0 || sealing.until <= clock.now()) {
      const mine = { key: generate(), until: clock.now() + keptMs, left: sealsPerKey }
      mine.key.catch(() => {
        if (sealing === mine) sealing = undefined
      })
      sealing = mine
    }
    sealing.left -= 1
    return sealing.key
  }

  async function openingKey(encrypted: Uint8Array): Promise<Uint8Array> {
    const id = Buffer.from(encrypted).toString('base64')
    const kept = opened.get(id)
    if (kept && kept.until > clock.now()) return kept.plaintext
    const plaintext = await decrypt(encrypted)
    opened.set(id, { plaintext, until: clock.now() + keptMs })
    return plaintext
  }

  async function generate(): Promise<DataKey> {
    const command = new GenerateDataKeyCommand({
      KeyId: keyId,
      KeySpec: 'AES_256',
      EncryptionContext: context,
    })
    const answer = await call('kms.data_key', () => kms.send(command))
    return {
      plaintext: given(answer.Plaintext),
      encrypted: given(answer.CiphertextBlob),
    }
  }

  async function decrypt(encrypted: Uint8Array): Promise<Uint8Array> {
    const command = new DecryptCommand({
      KeyId: keyId,
      CiphertextBlob: encrypted,
      EncryptionContext: context,
    })
    return given((await call('kms.decrypt', () => kms.send(command))).Plaintext)
  }

  async function call<T>(port: string, operation: () => Promise<T>): Promise<T> {
    try {
      return await io(port, operation)
    } catch (error) {
      throw awsError(error, port)
    }
  }

  /** Whoever writes it first made it: everybody else takes what is there. */
  async function readHmacKey(): Promise<Uint8Array> {
    const key = { pk: `T#${tenant}#key`, sk: 'hmac' }
    const row = await configuration.get('hmac_key', key)
    if (row) return decrypt(bytesOf(row.key))
    const made = await generate()
    try {
      await configuration.put(
        'make_hmac_key',
        { ...key, key: made.encrypted },
        { condition: 'attribute_not_exists(pk)' },
      )
      return made.plaintext
    } catch (error) {
      if (!isCode(error, 'condition_failed')) throw error
      return decrypt(bytesOf(rowOf(error)?.key))
    }
  }
}

/** JSON, so that no two places have the same bytes. */
const boundTo = (tenant: string, place: Place): Buffer =>
  Buffer.from(JSON.stringify([version, tenant, place.pk, place.sk, place.field]))

function partsOf(sealed: Buffer) {
  const keyEnd = headBytes + (sealed.length < headBytes ? 0 : sealed.readUInt16BE(1))
  const nonceEnd = keyEnd + nonceBytes
  const tagEnd = nonceEnd + tagBytes
  if (sealed[0] !== version || sealed.length < tagEnd) {
    throw new DeskhandError('bad_configuration', 'a sealed text is not in a format that this version reads')
  }
  return {
    encrypted: sealed.subarray(headBytes, keyEnd),
    nonce: sealed.subarray(keyEnd, nonceEnd),
    tag: sealed.subarray(nonceEnd, tagEnd),
    ciphertext: sealed.subarray(tagEnd),
  }
}

function given(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined) throw new DeskhandError('unavailable', 'KMS answered without a key')
  return bytes
}

const bytesOf = (value: unknown): Uint8Array => {
  if (value instanceof Uint8Array) return value
  throw new DeskhandError('bad_configuration', "the row that holds the tenant's HMAC key has none")
}
