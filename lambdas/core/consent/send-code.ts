/** Sends a one-time code to the address on record, where there is one, and tells nobody whether it did. */
import { randomInt } from 'node:crypto'
import type { FixedLanguage, OneTimeCode } from '../../../schemas/consent.ts'
import { isCode } from '../errors.ts'
import { change } from '../lease.ts'
import type { Mail } from '../ports.ts'
import type { Turn } from '../turn.ts'
import { mayMailCode } from './code-limits.ts'
import { addressTag } from './grant.ts'
import { fill, phrases } from './phrases.ts'
import { addressOnRecord, isCompanyAddress, type Place, placeOf } from './record-address.ts'

const minute = 60_000
const validMs = 10 * minute
const perTicket = 3
const digits = 6

/** The proposal that a code decides, as its mail shows it. */
export interface CodeFor {
  tool: string
  proposal: string
  summary: string
}

/**
 * Can this message's author be asked for a one-time code at all? Whoever gave a chat no address knows that none can come:
 * to say so tells them nothing, and a human is of more use.
 */
export const canAskForCode = ({ mail, message, ticket }: Turn): boolean => {
  const place = placeOf(message)
  const noAddress = message.evidence.address === undefined && ticket.requester.address === undefined
  return mail !== undefined && place !== undefined && !(place === 'chat' && noAddress)
}

/**
 * Asks for a code: from here on the reply says so, the same whether or not a mail went out. `limit`: this ticket, this
 * address or this tenant has had its codes. Again for the same message and proposal it sends nothing more.
 */
export async function sendCode(
  turn: Turn,
  language: FixedLanguage,
  about: CodeFor | undefined,
): Promise<'asked' | 'limit' | 'impossible'> {
  const { mail, message, ticket, lease, tenant, clock, log } = turn
  const place = placeOf(message)
  if (mail === undefined || place === undefined || !canAskForCode(turn)) return 'impossible'
  if (isAsked(turn, about)) return 'asked'
  if (lease.row.codes >= perTicket) return 'limit'

  const address = addressOnRecord(ticket, message)
  const to =
    address === undefined || isCompanyAddress(address, ticket, turn.connection, mail.sender)
      ? undefined
      : address
  const code = String(randomInt(10 ** digits)).padStart(digits, '0')
  const kept = to === undefined ? undefined : await keptOf(turn, place, to, code, about)
  const isOver =
    kept !== undefined && !(await mayMailCode(tenant.conversations, tenant.tenant, kept.address, clock.now()))
  if (isOver) {
    log.alarm('code_limit', { messageId: message.id })
    return 'limit'
  }
  await askFor(turn, kept)
  if (to === undefined || kept === undefined) {
    log.info('code_not_sent', { cause: address === undefined ? 'no_address' : 'company_address' })
    return 'asked'
  }
  await sendMail(mail, to, textOf(turn, language, code, about))
  await change(tenant.conversations, lease, 'code_sent', {
    update: 'SET #code.sent = :true',
    condition: '#code.hmac = :hmac',
    names: { '#code': 'code' },
    values: { ':true': true, ':hmac': kept.hmac },
  })
  log.info('code_sent', { messageId: message.id })
  return 'asked'
}

/**
 * Asked for this message and proposal before, and the mail, if there was one, was taken? Who it is, a code for a proposal
 * tells as well.
 */
export function isAsked(
  { lease: { row }, message }: Turn,
  about: Pick<CodeFor, 'proposal'> | undefined,
): boolean {
  if (row.codeAsked !== message.id) return false
  const { code } = row
  if (code?.messageId !== message.id) return true
  return code.sent === true && (about === undefined || code.proposal === about.proposal)
}

async function keptOf(
  turn: Turn,
  channel: Place,
  to: string,
  code: string,
  about: CodeFor | undefined,
): Promise<OneTimeCode> {
  const address = await addressTag(turn, to)
  const of = {
    until: turn.clock.now() + validMs,
    channel,
    author: turn.message.author.id,
    address,
    messageId: turn.message.id,
    ...(about === undefined ? {} : { tool: about.tool, proposal: about.proposal }),
  }
  return { ...of, hmac: await hmacOf(turn, of, code) }
}

/** What is kept of a code: nobody who reads the row can tell it, and it fits no other ticket, author or proposal. */
export const hmacOf = async (
  { tenant, lease }: Pick<Turn, 'tenant' | 'lease'>,
  { author, address, proposal = '' }: Pick<OneTimeCode, 'author' | 'address' | 'proposal'>,
  code: string,
): Promise<string> => await tenant.vault.hmac(`code|${lease.key.pk}|${author}|${address}|${proposal}|${code}`)

/** Counts before anything is sent. An earlier code is dead from here on, and so are its tries. */
async function askFor({ tenant, lease, message }: Turn, code: OneTimeCode | undefined): Promise<void> {
  await change(tenant.conversations, lease, 'ask_for_code', {
    update: `SET codeAsked = :message, codes = if_not_exists(codes, :zero) + :one${code === undefined ? ' REMOVE #code, tried' : ', #code = :code REMOVE tried'}`,
    condition: '(attribute_not_exists(codes) OR codes < :most)',
    names: { '#code': 'code' },
    values: {
      ':message': message.id,
      ':zero': 0,
      ':one': 1,
      ':most': perTicket,
      ...(code === undefined ? {} : { ':code': code }),
    },
  })
}

async function sendMail(mail: Mail, to: string, text: { subject: string; text: string }): Promise<void> {
  try {
    await mail.send({ to, ...text })
  } catch (error) {
    // An address that SES does not take gets no mail, and nobody is told so.
    if (!isCode(error, 'refused')) throw error
  }
}

function textOf(
  { agent }: Turn,
  language: FixedLanguage,
  code: string,
  about: CodeFor | undefined,
): { subject: string; text: string } {
  const { mailSubject, mailCode, mailConsent, mailIgnore } = phrases[language]
  const first = fill(mailCode, { name: agent.settings.name, code })
  const consent = about === undefined ? [] : [mailConsent, about.summary.replaceAll('`', '')]
  return { subject: mailSubject, text: [first, ...consent, mailIgnore].join('\n\n') }
}
