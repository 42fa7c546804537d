/** What the local AWS endpoint keeps: plain JSON, in memory or also in one file. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface StoredSecret {
  value: string
  version: string
  tags: Record<string, string>
}
export interface StoredMessage {
  id: string
  body: string
  group?: string
  /** `AWSTraceHeader`, as it was sent. */
  trace?: string
  sentAt: number
  visibleAt: number
  received: number
  /** Names the newest receipt: a handle of an earlier one deletes nothing. */
  receipt: string
  /** In a dead-letter queue: the queue that it was moved from. */
  from?: string
}
export interface StoredQueue {
  visibilityTimeoutSeconds: number
  redrive?: { deadLetterQueue: string; maxReceiveCount: number }
  /** Its event source is switched off: nothing takes messages from it. */
  isOff?: boolean
  messages: StoredMessage[]
}
export interface StoredMail {
  id: string
  at: number
  from: string
  to: string[]
  subject: string
  text: string
}
export interface AwsState {
  secrets: Record<string, StoredSecret>
  /** Key id to 32 bytes, base64. */
  keys: Record<string, string>
  /** Key id to an ECC_NIST_P256 private key, PKCS #8 in DER, base64. */
  signingKeys: Record<string, string>
  queues: Record<string, StoredQueue>
  /** Mails that SES took, oldest first. */
  mails: StoredMail[]
}

/** Reads the state that `directory` keeps, and answers how to keep what it becomes. */
export function loadState(directory?: string): { state: AwsState; save(): void } {
  const empty: AwsState = { secrets: {}, keys: {}, signingKeys: {}, queues: {}, mails: [] }
  if (directory === undefined) return { state: empty, save: () => {} }
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const file = join(directory, 'aws.json')
  // A file of before has no mails yet.
  const kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Partial<AwsState>) : {}
  const state: AwsState = { ...empty, ...kept }
  return {
    state,
    save() {
      // A rename is atomic: whoever kills this process finds the old file or the new one.
      writeFileSync(`${file}.new`, JSON.stringify(state), { mode: 0o600 })
      renameSync(`${file}.new`, file)
    },
  }
}
