/** Takes a one-time code that a customer typed: counted, compared, used up. */
import { timingSafeEqual } from 'node:crypto'
import type { Grant, OneTimeCode } from '../../../schemas/consent.ts'
import { isCode } from '../errors.ts'
import type { Message, Ticket } from '../helpdesk.ts'
import { change } from '../lease.ts'
import { isNoteMode } from '../note.ts'
import type { Work } from '../turn.ts'
import { addressTag } from './grant.ts'
import { openCondition, openNames } from './proposals.ts'
import { addressOnRecord, placeOf } from './record-address.ts'
import { hmacOf } from './send-code.ts'
import { ownWords, tokenPlace, wordingOf } from './wording.ts'

const tries = 3
/** What a code proves in a chat holds for so long. */
const chatMs = 30 * 60_000
const alone = /(?<![\p{L}\p{N}.,-])\d{6}(?![\p{L}\p{N}]|[.,-]\d)/gu

/**
 * `proven`: the message carries the newest code. `unclear`: it does, and says more than yes to the proposal that the
 * code decides. `none`: there was nothing to take.
 */
export type Redeemed = 'proven' | 'declined' | 'unclear' | 'wrong' | 'none'

/** Looks for the code in the message of its author, on the channel it was sent for, at the address of then. */
export async function redeemCode(work: Work, ticket: Ticket, message: Message): Promise<Redeemed> {
  const { lease, clock, log } = work
  const { code, grant } = lease.row
  if (isNoteMode(work.connection)) return 'none'
  if (grant?.messageId === message.id) return 'proven'
  if (code === undefined || !(await isFor(work, code, ticket, message))) return 'none'
  const typed = typedIn(message, code)
  if (typed === undefined) return 'none'
  if (clock.now() >= code.until || !(await countTry(work, code, message, typed))) return 'wrong'
  const said = await hmacOf(work, code, typed)
  if (!timingSafeEqual(Buffer.from(said), Buffer.from(code.hmac))) {
    log.warn('code_wrong', { messageId: message.id })
    return 'wrong'
  }
  return await takeCode(work, code, message, typed)
}

async function isFor(work: Work, code: OneTimeCode, ticket: Ticket, message: Message): Promise<boolean> {
  if (message.automatic || message.visibility !== 'public' || message.evidence.suspicious === true)
    return false
  if (message.author.id !== code.author || message.id === code.messageId) return false
  if (placeOf(message) !== code.channel) return false
  const address = addressOnRecord(ticket, message)
  return address !== undefined && (await addressTag(work, address)) === code.address
}

/** The one code in the message: on email in its first line, which a quotation or a footer cannot be. */
function typedIn({ text }: Message, { channel }: OneTimeCode): string | undefined {
  const lines = ownWords(text)
    .split('\n')
    .filter((line) => line.trim() !== '')
  const found = (channel === 'email' ? (lines[0] ?? '') : lines.join('\n')).match(alone) ?? []
  return found.length === 1 ? found[0] : undefined
}

/** Counts before anything is compared. The same text of the same message counts once, however often it is looked at. */
async function countTry(work: Work, code: OneTimeCode, message: Message, typed: string): Promise<boolean> {
  const { tenant, lease } = work
  const attempt = await tenant.vault.hmac(`code-try|${code.hmac}|${message.id}|${typed}`)
  try {
    await change(tenant.conversations, lease, 'code_try', {
      update: 'ADD tried :attempts',
      condition:
        '#code.hmac = :hmac AND (attribute_not_exists(tried) OR contains(tried, :attempt) OR size(tried) < :most)',
      names: { '#code': 'code' },
      values: {
        ':attempts': new Set([attempt]),
        ':attempt': attempt,
        ':hmac': code.hmac,
        ':most': tries,
      },
    })
    return true
  } catch (error) {
    if (isCode(error, 'condition_failed')) return false
    throw error
  }
}

/** Uses the code up: what it proves, and what it decides, in one update. */
async function takeCode(work: Work, code: OneTimeCode, message: Message, typed: string): Promise<Redeemed> {
  const { tenant, lease, clock, log } = work
  const { author, address, tool, proposal } = code
  const grant: Grant = {
    author,
    address,
    messageId: message.id,
    ...(code.channel === 'chat' ? { until: clock.now() + chatMs } : {}),
  }
  const decides = tool !== undefined && proposal !== undefined
  const wording = decides ? wordingOf(ownWords(message.text).replace(typed, tokenPlace)) : 'yes'
  if (wording === 'unclear') return 'unclear'
  const state = wording === 'yes' ? 'confirmed' : 'declined'
  try {
    await change(tenant.conversations, lease, 'take_code', {
      update: `SET #grant = :grant${decides ? ', proposals.#tool.#state = :state, proposals.#tool.decidedBy = :message, proposals.#tool.decidedAt = :now' : ''} REMOVE #code, tried`,
      condition: `#code.hmac = :hmac${decides ? ` AND ${openCondition}` : ''}`,
      names: {
        '#grant': 'grant',
        '#code': 'code',
        ...(decides ? { ...openNames, '#tool': tool } : {}),
      },
      values: {
        ':grant': grant,
        ':hmac': code.hmac,
        ...(decides
          ? {
              ':id': proposal,
              ':proposed': 'proposed',
              ':now': clock.now(),
              ':state': state,
              ':message': message.id,
            }
          : {}),
      },
    })
  } catch (error) {
    if (isCode(error, 'condition_failed')) return 'wrong'
    throw error
  }
  log.info('code_taken', { messageId: message.id, code: decides ? state : 'identity' })
  return wording === 'yes' ? 'proven' : 'declined'
}
